"""Clips that are shorter than a network's window: not scored, told one by one, and no matter to the others."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feature_sounds import mel_config
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.feature_store import open_feature, spec_of, write_feature
from tutti.training import scoring
from tutti.training.model_folder import Model
from tutti.training.windows import WindowTable

CONFIG = mel_config(n_mels=4)
RATE_HZ = CONFIG.frame_rate_hz
WINDOW, HOP = 43, 21  # 1 s and half of it
LENGTHS = {"a": 130, "b": 42, "c": 43, "d": 7, "e": 431}


class Loudness:
    """Scores each window by the mean of its values, and one minus that."""

    def score(self, windows: WindowTable) -> NDArray[np.float32]:
        means = windows.gather(range(len(windows))).mean(axis=(1, 2))
        return np.stack([means, 1 - means], axis=1)


def model(name: str = "net", window: int = WINDOW) -> Model:
    spec = {
        "model": name, "feature": "mel", "feature_spec": spec_of("mel", CONFIG), "frame_rate_hz": RATE_HZ,
        "window_frames": window, "hop_frames": HOP, "classes": ["flute", "oboe"],
    }  # fmt: skip
    return Model(spec, Loudness())


@pytest.fixture(autouse=True)
def _this_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "load_model", lambda _: model())


def store(data: Path, name: str, clips: Sequence[str]) -> None:
    """Store a feature in 0..1 that is the clip's own."""
    rows = [np.random.default_rng(ord(clip)).random((LENGTHS[clip], 4)).astype(np.float32) for clip in clips]
    write_feature(data / "features" / "mel" / name, "mel", CONFIG, clips, rows)


def score(data: Path, name: str, clips: Sequence[str]) -> dict[str, NDArray[Any]]:
    store(data, name, clips)
    scoring.score_sets(Path("model"), data, [name], data / "scores")
    with np.load(data / "scores" / f"{name}.npz") as arrays:
        return dict(arrays)


def test_short_clips_have_no_windows_and_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tutti"):
        found = score(tmp_path, "test", list(LENGTHS))
    assert found["skipped"].tolist() == [1, 3]
    assert sorted(set(found["clip"].tolist())) == [0, 2, 4]
    np.testing.assert_allclose(found["clip_s"], np.array(list(LENGTHS.values())) / RATE_HZ)
    assert found["window_s"] == pytest.approx(WINDOW / RATE_HZ)
    assert [record.message for record in caplog.records] == [
        "clip b lasts 0.98 s, less than the window of 1.00 s: it is not scored",
        "clip d lasts 0.16 s, less than the window of 1.00 s: it is not scored",
    ]


def test_the_others_have_the_scores_of_a_set_without_them(tmp_path: Path) -> None:
    whole, alone = score(tmp_path / "all", "test", "abcde"), score(tmp_path / "long", "test", "ace")
    for name in ("scores", "onset_s", "window_s"):
        np.testing.assert_array_equal(whole[name], alone[name])
    np.testing.assert_array_equal(np.array([0, 2, 4])[alone["clip"].astype(int)], whole["clip"])
    assert alone["skipped"].size == 0


def test_windows_stand_where_they_should(tmp_path: Path) -> None:
    found = score(tmp_path, "test", "abcde")
    onsets = (found["onset_s"] * RATE_HZ).round().astype(int)
    assert onsets[found["clip"] == 0].tolist() == [0, 21, 42, 63, 84]
    assert onsets[found["clip"] == 2].tolist() == [0]
    values = open_feature(tmp_path / "features/mel/test")[0]
    expected = [values[start : start + WINDOW].mean() for start in (0, 21, 42, 63, 84)]
    np.testing.assert_allclose(found["scores"][found["clip"] == 0][:, 0], expected, rtol=1e-6)


def test_where_all_are_too_short_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        score(tmp_path, "validation", "bd")
    assert str(caught.value) == (
        "all 2 clips of validation are shorter than the window of 1.00 s: lower window_seconds of 'net'"
    )
    assert not (tmp_path / "scores").exists()


def test_a_set_without_clips_is_none_that_is_too_short(tmp_path: Path) -> None:
    found = score(tmp_path, "unseen_bank", "")
    assert (found["scores"].shape, found["skipped"].size, found["clip_s"].size) == ((0, 2), 0, 0)


def test_clips_of_one_vector_are_never_too_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = model(window=1)
    vectors.spec.update(frame_rate_hz=0.0, hop_frames=1)
    monkeypatch.setattr(scoring, "load_model", lambda _: vectors)
    rows = [np.full((1, 4), value, np.float32) for value in (0.2, 0.7)]
    write_feature(tmp_path / "features/mel/test", "mel", CONFIG, ["x", "y"], rows)
    scoring.score_sets(Path("model"), tmp_path, ["test"], tmp_path / "scores")
    with np.load(tmp_path / "scores" / "test.npz") as arrays:
        assert (arrays["skipped"].size, float(arrays["window_s"])) == (0, 0.0)
        np.testing.assert_allclose(arrays["scores"][:, 0], [0.2, 0.7], rtol=1e-6)


def test_scores_of_another_feature_are_refused(tmp_path: Path) -> None:
    other = mel_config(n_mels=4, normalise="peak")
    write_feature(tmp_path / "features/mel/test", "mel", other, ["x"], [np.zeros((50, 4), np.float32)])
    with pytest.raises(DataError, match="was made with other parameters than the model's feature: run `dvc repro`"):
        scoring.score_sets(Path("model"), tmp_path, ["test"], tmp_path / "scores")
