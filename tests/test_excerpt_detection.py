"""``tutti detect`` with a model of a task on excerpts: long stereo files in blocks, and the chosen aggregation."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tutti import cli, config
from tutti.audio import read_mono
from tutti.config import CutConfig
from tutti.detection import Detector
from tutti.errors import DataError, ParameterError
from tutti.evaluation.aggregation import FAMILY, aggregate
from tutti.evaluation.thresholds import Thresholds, write_thresholds
from tutti.features import log_mel
from tutti.training import model_folder
from tutti.training.windows import starts_in

ROOT = Path(__file__).parents[1]
RATE = 22050
CLASSES = ["cello", "flute", "piano"]
WINDOW, HOP = 43, 21
LIMITS: Any = {
    "fixed": np.full(3, 0.5), "validated_global": np.full(3, 0.4), "validated_per_class": np.array([0.2, 0.4, 0.9]),
}  # fmt: skip


class BandModel:
    """Scores three regions of the spectrum by how loud they are in a window; remembers what it saw."""

    def __init__(self, feature: dict[str, Any]) -> None:
        self.classes = CLASSES
        self.spec = {"feature_spec": {**feature, "name": "log_mel", "frequency": feature["n_mels"]}}
        self.seen: list[NDArray[np.float32]] = []

    def predict_windows(self, clip: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        self.seen.append(clip)
        starts = starts_in(len(clip), WINDOW, HOP)
        means = [np.exp(clip[start : start + WINDOW]).mean(axis=0) for start in starts]
        bands = np.stack([[part.max() for part in np.array_split(mean, 3)] for mean in means])
        return (bands / (bands + 0.5)).astype(np.float32), starts * 512 / RATE


@pytest.fixture(scope="module")
def params() -> config.Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture
def model(params: config.Params, monkeypatch: pytest.MonkeyPatch) -> BandModel:
    """The model that is loaded from any folder."""
    made = BandModel(params.feature("predominant", "log_mel").model_dump())
    monkeypatch.setattr(model_folder, "load_model", lambda _: made)
    return made


def load(folder: Path, params: config.Params, aggregation: str = "s2", seconds: float = 4.0) -> Detector:
    """Return the detector of a model that was evaluated under an aggregation."""
    folder.mkdir(exist_ok=True)
    write_thresholds(folder, Thresholds(aggregation, tuple(CLASSES), LIMITS))
    clips: CutConfig = params.cutting_task("predominant").clips
    return Detector.load(Path("models/predominant/net"), folder, clips.model_copy(update={"excerpt_seconds": seconds}))


def song(seconds: float, rate: int = 44100) -> NDArray[np.float32]:
    """Return stereo noise that rises, over tones whose pitch and level change from second to second."""
    random = np.random.default_rng(3)
    time_s = np.arange(round(seconds * rate)) / rate
    pitch_hz = np.repeat(random.choice([220.0, 1500.0, 6000.0], math.ceil(seconds)), rate)[: len(time_s)]
    level = np.repeat(random.uniform(0.02, 0.5, math.ceil(seconds)), rate)[: len(time_s)]
    tone = level * np.sin(2 * np.pi * pitch_hz * time_s)
    noise = random.normal(0, 0.002, (len(time_s), 2)) * time_s[:, None] / seconds
    return np.asarray(np.stack([tone, 0.5 * tone], axis=1) + noise, np.float32)


def expected_windows(path: Path, model: BandModel, seconds: float, params: config.Params) -> tuple[Any, Any]:
    """Return scores and onsets of a file by hand: in blocks, the last of which takes a rest below a half along."""
    samples, size = read_mono(path, RATE), round(seconds * RATE)
    bounds = list(range(0, len(samples), size))
    if len(bounds) > 1 and len(samples) - bounds[-1] < size / 2:
        bounds.pop()
    scores, onsets = [], []
    for first, last in zip(bounds, [*bounds[1:], len(samples)], strict=True):
        feature = log_mel.extract(samples[first:last], params.feature("predominant", "log_mel"))
        own, onset_s = model.predict_windows(feature)
        scores.append(own)
        onsets.append(onset_s + first / RATE)
    return np.concatenate(scores), np.concatenate(onsets)


@pytest.mark.parametrize(("length_s", "blocks"), [(3.0, 1), (4.0, 1), (5.9, 1), (6.1, 2), (13.0, 3), (23.7, 6)])
def test_a_long_stereo_file_is_seen_in_blocks_of_the_excerpts_length(
    tmp_path: Path, params: config.Params, model: BandModel, length_s: float, blocks: int
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, song(length_s), 44100)
    found = load(tmp_path / "metrics", params).detect(path, "fixed")
    assert len(model.seen) == blocks
    assert found.duration_s == pytest.approx(length_s, abs=1e-3)
    scores, onset_s = expected_windows(path, model, 4.0, params)
    np.testing.assert_allclose(found.scores, scores, atol=1e-4)
    np.testing.assert_allclose(found.onset_s, onset_s, atol=1e-9)


@pytest.mark.parametrize("aggregation", ["s1", "s2", "sharpness 4, relative 0.5", "sharpness 16, relative 0"])
def test_the_stored_aggregation_makes_the_files_scores(
    tmp_path: Path, params: config.Params, model: BandModel, aggregation: str
) -> None:
    assert aggregation in {each.name for each in FAMILY}
    path = tmp_path / "song.flac"
    soundfile.write(path, song(9.0), 44100)
    found = load(tmp_path / "metrics", params, aggregation).detect(path, "validated_per_class")
    by_file = aggregate(found.scores, np.zeros(len(found.scores), np.int64), 1, aggregation)[0]
    by_name = {each.instrument: each for each in found.findings}
    assert {name: each.score for name, each in by_name.items()} == dict(zip(CLASSES, by_file.tolist(), strict=True))
    assert [by_name[name].threshold for name in CLASSES] == [0.2, 0.4, 0.9]
    assert [by_name[name].sounding for name in CLASSES] == (by_file >= [0.2, 0.4, 0.9]).tolist()
    assert len(model.seen) == 2


def test_aggregations_differ_on_the_same_file(tmp_path: Path, params: config.Params, model: BandModel) -> None:
    path = tmp_path / "song.flac"
    soundfile.write(path, song(9.0), 44100)
    found = {name: load(tmp_path / "m", params, name).detect(path, 0.5).findings[0].score
             for name in ("s1", "s2", "sharpness 16, relative 0")}  # fmt: skip
    assert found["s2"] == 1.0
    assert found["s1"] < found["sharpness 16, relative 0"] < 1.0
    assert model.seen


def test_excerpts_are_heard_at_the_level_they_have(tmp_path: Path, params: config.Params, model: BandModel) -> None:
    detector = load(tmp_path / "metrics", params)
    assert detector.levels_dbfs == (-math.inf, math.inf)
    results = []
    for number, gain in enumerate((1.0, 0.015625)):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, gain * song(6.5), 44100, subtype="FLOAT")
        results.append(detector.detect(path, "fixed").scores)
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)  # each block is divided by its own peak
    assert len(model.seen) == 4


def test_what_is_set_in_params_yaml_is_the_length_of_a_block(
    params: config.Params, tmp_path: Path, model: BandModel
) -> None:
    task = params.cutting_task("predominant")
    write_thresholds(tmp_path, Thresholds("s2", tuple(CLASSES), LIMITS))
    assert Detector.load(Path("models/predominant/net"), tmp_path, task.clips).excerpt_seconds == 20.0
    assert model.classes == CLASSES


def test_silent_blocks_are_left_out(tmp_path: Path, params: config.Params, model: BandModel) -> None:
    path = tmp_path / "song.wav"
    quiet = np.zeros((4 * RATE, 2), np.float32)
    soundfile.write(path, np.concatenate([quiet, song(4.0, RATE), quiet]), RATE)
    detector = load(tmp_path / "metrics", params)
    found = detector.detect(path, "fixed")
    assert len(model.seen) == 1
    assert found.onset_s[0] == 4.0
    assert found.duration_s == 12.0
    soundfile.write(path, quiet, RATE)
    assert detector.detect(path, "fixed").silent


def test_thresholds_of_another_aggregation_name_are_refused(
    tmp_path: Path, params: config.Params, model: BandModel
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, song(3.0), 44100)
    with pytest.raises(ParameterError, match="aggregation 's3' is unknown"):
        load(tmp_path / "metrics", params, "s3").detect(path, "fixed")
    assert model.seen


def test_thresholds_for_other_instruments_are_refused(tmp_path: Path, params: config.Params, model: BandModel) -> None:
    model.classes = [*CLASSES, "violin"]
    with pytest.raises(DataError, match="is about other instruments than"):
        load(tmp_path / "metrics", params)


def test_the_command_finds_the_task(
    tmp_path: Path, params: config.Params, model: BandModel, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    folder = tmp_path / "metrics" / "predominant" / "han_cnn"
    folder.parent.mkdir(parents=True)
    load(folder, params)
    soundfile.write("song.wav", song(45.0), 44100)
    assert cli.main(["detect", "song.wav", "--model", "predominant/han_cnn", "--all"]) == cli.OK
    out = capsys.readouterr().out
    assert all(name in out for name in ("Cello", "Flute", "Piano", "1.00"))
    assert [len(each) for each in model.seen] == [862, 1077]  # 20 s, then 25: a rest of 5 s joins
