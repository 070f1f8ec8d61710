"""Weak and frame labels follow from the strong ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tutti.errors import DataError, UnknownNameError
from tutti.labels import frame_labels, load_classes, load_labels, many_hot, sounding_seconds, weak_labels

CLASSES = ("flute", "sitar", "violin")


def _events(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["clip", "instrument", "onset_s", "offset_s"])


def test_many_hot_marks_the_named_classes() -> None:
    reference = many_hot([["violin", "flute"], [], ["sitar"]], CLASSES)
    np.testing.assert_array_equal(reference, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert reference.dtype == np.uint8


def test_an_unknown_instrument_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'violine' is not a class .*did you mean 'violin'"):
        many_hot([["violine"]], CLASSES)


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([], 0.0),
        ([(0.0, 1.0), (2.0, 2.5)], 1.5),
        ([(0.0, 1.0), (0.5, 2.0)], 2.0),
        ([(0.0, 3.0), (1.0, 2.0), (2.5, 3.5)], 3.5),
        ([(2.0, 3.0), (0.0, 1.0)], 2.0),
    ],
)
def test_overlapping_events_count_once(events: list[tuple[float, float]], seconds: float) -> None:
    times = np.array(events, float).reshape(-1, 2)
    assert sounding_seconds(times[:, 0], times[:, 1]) == pytest.approx(seconds)


def test_weak_labels_need_enough_sound_and_come_in_label_order() -> None:
    events = _events(
        ("b", "violin", 0.0, 0.2), ("b", "violin", 1.0, 1.1), ("b", "flute", 0.0, 0.1), ("b", "flute", 0.05, 0.29),
        ("a", "violin", 0.0, 1.0), ("a", "flute", 3.0, 4.0),
    )  # fmt: skip
    assert weak_labels(events, ["a", "b", "empty"], CLASSES, 0.3) == [["flute", "violin"], ["violin"], []]


def test_a_frame_sounds_when_its_time_lies_within_an_event() -> None:
    events = _events(("a", "flute", 0.1, 0.3), ("a", "violin", 0.15, 9.0), ("a", "sitar", 0.31, 0.39))
    roll = frame_labels(events, CLASSES, 10.0, 5)
    assert roll.shape == (5, 3)
    np.testing.assert_array_equal(roll.T, [[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]])


def test_frame_labels_sum_to_the_sounding_time() -> None:
    rng = np.random.default_rng(0)
    onsets = rng.uniform(0, 9, 20)
    events = _events(*(("a", "flute", onset, onset + 0.5) for onset in onsets))
    frames = frame_labels(events, CLASSES, 1000.0, 10000)[:, 0].sum()
    exact = sounding_seconds(events["onset_s"].to_numpy(), events["offset_s"].to_numpy())
    assert frames / 1000 == pytest.approx(exact, abs=0.02)


def test_labels_are_read_back_in_order(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('["flute", "sitar", "violin"]')
    pd.DataFrame({
        "clip": ["b", "a"], "polyphony": [2, 1], "instruments": [["flute", "violin"], ["sitar"]],
        "recordings": [["f/1", "v/2"], ["s/1"]],
    }).to_parquet(tmp_path / "clips.parquet")  # fmt: skip
    labels = load_labels(tmp_path)
    assert (labels.clips, labels.classes) == (("b", "a"), CLASSES)
    np.testing.assert_array_equal(labels.reference, [[1, 0, 1], [0, 1, 0]])
    assert labels.recordings == (("f/1", "v/2"), ("s/1",))
    assert labels.polyphony.tolist() == [2, 1]


def test_missing_and_damaged_manifests_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"classes\.json is missing"):
        load_classes(tmp_path)
    (tmp_path / "classes.json").write_text('{"flute": 1}')
    with pytest.raises(DataError, match="must be a list of class names"):
        load_classes(tmp_path)
    (tmp_path / "classes.json").write_text('["flute"]')
    with pytest.raises(DataError, match=r"clips\.parquet is missing"):
        load_labels(tmp_path)
    (tmp_path / "clips.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match=r"clips\.parquet is not a Parquet table"):
        load_labels(tmp_path)
    pd.DataFrame({"clip": ["a"]}).to_parquet(tmp_path / "clips.parquet")
    with pytest.raises(DataError, match="has no column 'polyphony'"):
        load_labels(tmp_path)
