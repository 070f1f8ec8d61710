"""Instruments that enter and leave: truth of windows and shares on placements that are known, and what follows."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from solo_corpus import clips_config, eight_instruments

from tutti.config import POLICIES
from tutti.errors import UnknownNameError
from tutti.evaluation.enter_leave import recall_rows, summary
from tutti.evaluation.scored import ScoredSet, WindowScores
from tutti.labels import Labels, load_events, load_labels, sounding_shares, window_labels
from tutti.mixtures.clip_set import make_clips
from tutti.mixtures.recipe import read_recipes

CLASSES = ("flute", "oboe", "sitar")
# The flute plays from the beginning to 2.0 s, with a note inside a longer one; the sitar enters at 2.9 s.
EVENTS = pd.DataFrame(
    [("a", "flute", 0.0, 1.5), ("a", "flute", 0.5, 1.0), ("a", "flute", 1.5, 2.0), ("a", "sitar", 2.9, 4.0),
     ("b", "sitar", 0.0, 4.0)],
    columns=["clip", "instrument", "onset_s", "offset_s"],
)  # fmt: skip
ONSETS_S = np.array([0.0, 1.0, 1.75, 2.0, 3.0, 0.0])
CLIP_OF = np.array([0, 0, 0, 0, 0, 1])


def test_windows_are_active_where_the_instrument_sounds_long_enough() -> None:
    active = window_labels(EVENTS, ("a", "b"), CLASSES, (CLIP_OF, ONSETS_S), 1.0, 0.25)
    assert active[:, 0].tolist() == [1, 1, 1, 0, 0, 0]  # 0.25 s of flute are left in the third window
    assert active[:, 2].tolist() == [0, 0, 0, 0, 1, 1]  # 0.1 s of sitar are too little in the fourth
    assert not active[:, 1].any()


def test_in_a_short_window_half_of_it_is_long_enough() -> None:
    onsets_s = np.array([1.8, 1.9, 1.91, 2.8])
    active = window_labels(EVENTS, ("a", "b"), CLASSES, (np.zeros(4, np.int64), onsets_s), 0.2, 0.25)
    assert active[:, [0, 2]].tolist() == [[1, 0], [1, 0], [0, 0], [0, 1]]


def test_shares_count_overlapping_notes_once() -> None:
    shares = sounding_shares(EVENTS, ("a", "b"), CLASSES, np.array([4.0, 4.0]))
    np.testing.assert_allclose(shares, [[0.5, 0.0, 1.1 / 4], [0.0, 0.0, 1.0]])


def test_an_unknown_instrument_is_named() -> None:
    with pytest.raises(UnknownNameError, match="instrument 'sitar' is not a class"):
        sounding_shares(EVENTS, ("a", "b"), CLASSES[:2], np.array([4.0, 4.0]))


def _set(scores: Sequence[Sequence[float]], window_s: float) -> ScoredSet:
    """Return two clips, of which the first has five windows, with a score a window."""
    values = np.array(scores)
    reference = np.array([[1, 0, 1], [0, 0, 1]], np.uint8)
    labels = Labels(("a", "b"), CLASSES, reference, (("f", "s"), ("s",)), np.array([2, 1]))
    by_clip = np.stack([values[clip == CLIP_OF].mean(axis=0) for clip in (0, 1)])
    return ScoredSet("enter_leave", labels, by_clip, {}, WindowScores(values, CLIP_OF, ONSETS_S, window_s))


TRUTH = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1]]
LIMITS: dict[str, NDArray[np.float64]] = {POLICIES[0]: np.full(3, 0.5)}


def test_a_model_that_follows_the_truth_is_right_in_all_windows_and_misses_by_clip() -> None:
    data = _set(np.array(TRUTH, float).tolist(), 1.0)
    found = summary(data, data, EVENTS, {"fixed": LIMITS["fixed"]}, "s1", 0.25)
    assert found["windows"]["f1"]["fixed"] == {"micro_f1": 1.0, "macro_f1": 1.0}
    assert found["windows"]["active_share"] == pytest.approx(5 / 18, abs=1e-6)
    assert found["clips"]["enter_leave"]["fixed"]["micro_f1"] == 0.8  # flute .6, both sitars .2 and 1: one is missed
    rows = {row["sounding"]: row for row in recall_rows(data, EVENTS, np.full(2, 4.0), {"fixed": LIMITS["fixed"]})}
    assert {name: row["support"] for name, row in rows.items()} == {
        "0.0-0.2": 0, "0.2-0.4": 1, "0.4-0.6": 1, "0.6-0.8": 0, "0.8-1.0": 1, "all": 3,
    }  # fmt: skip
    assert (rows["0.2-0.4"]["recall"], rows["0.4-0.6"]["recall"], rows["0.8-1.0"]["recall"]) == (0.0, 1.0, 1.0)
    assert np.isnan(rows["0.0-0.2"]["recall"])
    assert rows["all"]["recall"] == pytest.approx(2 / 3)


def test_a_model_that_sees_the_clip_at_once_has_no_windows() -> None:
    data = _set(np.array(TRUTH, float).tolist(), 0.0)
    assert summary(data, data, EVENTS, {"fixed": LIMITS["fixed"]}, "s1", 0.25)["windows"] is None


def test_s2_scores_each_window_by_its_own_loudest_class() -> None:
    data = _set((0.2 * np.array(TRUTH, float)).tolist(), 1.0)
    found = summary(data, data, EVENTS, {"fixed": LIMITS["fixed"]}, "s2", 0.25)
    assert found["windows"]["f1"]["fixed"]["micro_f1"] == 1.0


def test_the_sets_truth_is_what_its_recipes_place(tmp_path: Path) -> None:
    corpus = eight_instruments(tmp_path / "corpus")
    config = clips_config(late_entry_probability=0.7, early_exit_probability=0.7)
    make_clips(corpus, config, "train", 20, 1, tmp_path / "out", name="enter_leave")
    manifest = tmp_path / "out/manifest"
    labels, events, recipes = load_labels(manifest), load_events(manifest), read_recipes(manifest / "recipes.jsonl")
    assert all(clip.startswith("enter_leave-") for clip in labels.clips)
    clip_of, onsets_s = np.repeat(np.arange(20), 4), np.tile(np.arange(4) * 0.5, 20)
    active = window_labels(events, labels.clips, labels.classes, (clip_of, onsets_s), 0.5, 0.01)
    late = 0
    for index, recipe in enumerate(recipes):
        for part in recipe.sources:
            column = labels.classes.index(part.instrument)
            begin, end = part.entry_ms / 1000, (part.entry_ms + part.length_ms) / 1000
            outside = (onsets_s + 0.5 <= begin) | (onsets_s >= end)
            late += bool(begin > 0)
            assert not active[(clip_of == index) & outside, column].any()
            assert active[clip_of == index, column].any()
        names = {part.instrument for part in recipe.sources}
        others = [column for column, name in enumerate(labels.classes) if name not in names]
        assert not active[clip_of == index][:, others].any()
    assert late > 10
    assert json.loads((manifest / "classes.json").read_text()) == list(labels.classes)
