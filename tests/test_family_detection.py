"""``tutti detect`` with a set of One-vs-All binaries: arrays, families by their own names, and odd files."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tutti import cli, config, registry
from tutti.audio import read_mono
from tutti.config import POLICIES, Params
from tutti.detection import Detector, load_detector
from tutti.errors import DataError
from tutti.evaluation.thresholds import Thresholds, write_thresholds
from tutti.feature_store import spec_of
from tutti.features import stft_db
from tutti.reporting import detections
from tutti.store import write_json
from tutti.training import network
from tutti.training.one_vs_all.ensemble import together

ROOT = Path(__file__).parents[1]
CLASSES = ["bass", "guitar", "synth_lead"]  # the taxonomy knows others by these names, or none
WINDOW = 15  # frames, of 3.84 s
MODEL = "families/mixtures"
FOLDER = Path("models") / MODEL
LIMITS = {"fixed": [0.5] * 3, "validated_global": [1.0] * 3, "validated_per_class": [0.0, 1.0, 0.0]}


def binaries(section: Any, shape: tuple[int, int], count: int = len(CLASSES)) -> list[Any]:
    """Return untrained binaries whose scores differ, as their output weights are large."""
    made = []
    for seed in range(count):
        network.be_deterministic(seed)
        built = network.build(section, shape, 1)
        built.get_layer("standardise").adapt(np.random.default_rng(seed).normal(-60, 15, (1, 99, shape[1])))
        layer = built.get_layer("scores")
        layer.set_weights([3 * layer.get_weights()[0], layer.get_weights()[1] + seed - 1])
        made.append(built)
    return made


@pytest.fixture(scope="module")
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def section(params: Params) -> Any:
    """The set's section, with binaries that are small."""
    plain = params.model("families", "mixtures").model_dump(mode="json")
    smaller = {**plain, "binary": {**plain["binary"], "dense_units": 8}}
    return registry.load("architectures", "one_vs_all").Config.model_validate(smaller)


@pytest.fixture(scope="module")
def alone(params: Params, section: Any) -> list[Any]:
    """The binaries of the set, each by itself."""
    return binaries(section.binary, (WINDOW, params.feature("families", section.feature).n_bins))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, params: Params, section: Any, alone: list[Any]) -> Path:
    """A repository with a set of three binaries that was evaluated."""
    root = tmp_path_factory.mktemp("families")
    shutil.copy(ROOT / "params.yaml", root)
    feature = params.feature("families", section.feature)
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, each in zip(CLASSES, alone, strict=True):
        network.save(each, section.binary, folder / f"{name}.keras")
    write_json(folder / "spec.json", {
        "model": "mixtures", "architecture": "one_vs_all", "config": section.model_dump(mode="json"),
        "feature_spec": spec_of("stft_db", feature), "frame_rate_hz": feature.frame_rate_hz,
        "window_frames": WINDOW, "hop_frames": WINDOW // 2, "classes": CLASSES,
    })  # fmt: skip
    (root / "metrics" / MODEL).mkdir(parents=True)
    limits = {policy: np.asarray(LIMITS[policy]) for policy in POLICIES}
    write_thresholds(root / "metrics" / MODEL, Thresholds("s1", tuple(CLASSES), limits))
    return root


@pytest.fixture(scope="module")
def loaded(repository: Path, params: Params) -> Detector:
    return Detector.load(repository / FOLDER, repository / "metrics" / MODEL, params.overlay_task("families").clips)


@pytest.fixture
def workspace(repository: Path, loaded: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which ``tutti detect`` uses the set, which is read once for all tests."""
    shutil.copy(repository / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tutti.detection.load_detector", lambda *_: loaded)
    return tmp_path


def song(seconds: float, rate: int = 16000, channels: int = 1) -> NDArray[np.float32]:
    """Return a chord over noise, ``(n, channels)``; channels differ in level."""
    time_s = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * pitch_hz * time_s) for pitch_hz in (110, 277, 1320)) / 8
    noise = np.random.default_rng(5).normal(0, 0.01, len(time_s))
    return np.asarray(np.outer(chord + noise, 0.8 ** np.arange(channels)), np.float32)


def write(name: str, samples: NDArray[np.float32], rate: int = 16000, **kind: str) -> str:
    soundfile.write(name, samples, rate, **kind)
    return name


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    status = cli.main(["detect", "--model", MODEL, "--json", *words])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


def test_the_command_reads_the_set_of_a_task(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(str(tmp_path / "song.wav"), song(1.0))
    monkeypatch.chdir(repository)
    assert cli.main(["detect", "--model", MODEL, "--array", path]) == cli.OK
    assert capsys.readouterr().out == f"[1, 0, 1]  {path}\n"


def test_scores_are_those_of_each_binary_asked_alone(
    alone: list[Any], loaded: Detector, tmp_path: Path, params: Params
) -> None:
    path = Path(write(str(tmp_path / "song.flac"), song(9.8, 44100, 2), 44100))
    samples, feature = read_mono(path, 16000), params.feature("families", "stft_db")
    first, rest = (stft_db.extract(part, feature) for part in (samples[:64000], samples[64000:]))  # 1.8 s join
    windows = np.stack([first[:WINDOW], rest[:WINDOW], rest[-WINDOW:]])
    expected = np.concatenate([np.asarray(each(windows)) for each in alone], axis=1)
    found = loaded.detect(path, "fixed")
    np.testing.assert_allclose(found.scores, expected, atol=2e-5)
    assert np.ptp(expected.mean(axis=0)) > 0.2
    assert [each.instrument for each in found.findings] == [CLASSES[row] for row in np.argsort(-expected.mean(axis=0))]
    np.testing.assert_allclose([each.score for each in found.findings], -np.sort(-expected.mean(axis=0)), atol=2e-5)


def test_the_level_of_a_file_does_not_matter(loaded: Detector, tmp_path: Path) -> None:
    loud, soft = (
        loaded.detect(Path(write(str(tmp_path / "a.wav"), gain * song(4.0), subtype="FLOAT")), "fixed").scores
        for gain in (1.0, 0.01)
    )
    np.testing.assert_allclose(loud, soft, atol=1e-5)


@pytest.mark.usefixtures("workspace")
def test_json_holds_classes_arrays_and_families_by_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    names = write("a.wav", song(1.0)), write("silent.wav", np.zeros((16000, 1), np.float32))
    status, document, err = run_json(capsys, *names, "--all")
    assert (status, err) == (cli.OK, "")
    assert document["schema"] == 1
    assert document["model"] == MODEL
    assert document["classes"] == CLASSES
    assert [file["array"] for file in document["files"]] == [[1, 0, 1], [0, 0, 0]]
    titles = {each["name"]: each["title"] for each in document["files"][0]["instruments"]}
    assert titles == {"bass": "Bass", "guitar": "Guitar", "synth_lead": "Synth lead"}
    _, fewer, _ = run_json(capsys, *names, "--top", "1")
    assert len(fewer["files"][0]["instruments"]) == 1
    assert [file["array"] for file in fewer["files"]] == [[1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(("threshold", "array"), [
    ("0", [1, 1, 1]), ("1", [0, 0, 0]), ("validated_global", [0, 0, 0]), ("fixed", None),
])  # fmt: skip
@pytest.mark.usefixtures("workspace")
def test_an_array_follows_the_threshold(
    capsys: pytest.CaptureFixture[str], threshold: str, array: list[int] | None
) -> None:
    _, document, _ = run_json(capsys, write("a.wav", song(1.0)), "--threshold", threshold, "--all")
    scores = {each["name"]: each["score"] for each in document["files"][0]["instruments"]}
    assert document["files"][0]["array"] == (array or [int(scores[name] >= 0.5) for name in CLASSES])


@pytest.mark.parametrize("more", [[], ["--all"], ["--top", "1"]])
@pytest.mark.usefixtures("workspace")
def test_array_prints_a_line_a_file_and_nothing_else(capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    files = write("a.wav", song(1.0)), write("silent.wav", np.zeros((99, 2), np.float32)), write("b\n.wav", song(0.2))
    assert cli.main(["detect", "--model", MODEL, "--array", *more, *files, "gone.wav"]) == cli.FAILED
    out, err = capsys.readouterr()
    assert out == "[1, 0, 1]  a.wav\n[0, 0, 0]  silent.wav\n[1, 0, 1]  b\\n.wav\n"
    assert re.fullmatch(r"tutti: gone\.wav [^\n]*\n", err)


@pytest.mark.usefixtures("workspace")
def test_tables_name_families(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("a.wav", song(1.0))
    assert cli.main(["detect", "--model", MODEL, "--all", path]) == cli.OK
    rows = capsys.readouterr().out.splitlines()[2:]
    assert {row.split("  ")[1] for row in rows if row} == {"Bass", "Guitar", "Synth lead"}
    assert sum("below threshold" in row for row in rows) == 1
    assert cli.main(["detect", "--model", MODEL, "--threshold", "1", path]) == cli.OK
    assert re.search(r"the highest score has (Bass|Guitar|Synth lead) with", capsys.readouterr().out)


def test_only_families_are_told_by_their_names(params: Params) -> None:
    assert [detections.titles(params.task(task))("guitar") for task in ("families", "cultural", "predominant")] == [
        "Guitar", "Acoustic guitar", "Acoustic guitar",
    ]  # fmt: skip


@pytest.mark.parametrize(("seconds", "rate", "channels", "windows"), [
    (0.001, 16000, 1, 1), (0.05, 44100, 2, 1), (3.0, 44100, 2, 1), (4.0, 8000, 6, 1), (5.9, 16000, 1, 2),
    (6.1, 16000, 1, 2), (13.0, 44100, 2, 4),
])  # fmt: skip
def test_files_of_any_length_rate_and_number_of_channels(
    loaded: Detector, tmp_path: Path, seconds: float, rate: int, channels: int, windows: int
) -> None:
    path = Path(write(str(tmp_path / "a.wav"), song(seconds, rate, channels), rate))
    found = loaded.detect(path, "validated_per_class")
    assert found.duration_s == pytest.approx(seconds, abs=1e-3)
    assert found.scores.shape == (windows, len(CLASSES))
    assert {each.instrument for each in found.findings if each.sounding} == {"bass", "synth_lead"}


@pytest.mark.usefixtures("workspace")
def test_what_cannot_be_read_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.wav").touch()
    Path("text.wav").write_text("no music in here\n" * 99)
    bad = ["empty.wav", write("no_samples.wav", np.zeros(0, np.float32)), "text.wav"]
    status, document, err = run_json(capsys, *bad, write("good.wav", song(0.5)))
    assert status == cli.FAILED
    assert [line.split()[1] for line in err.splitlines()] == bad
    assert [each["file"] for each in document["failed"]] == bad
    assert [each["file"] for each in document["files"]] == ["good.wav"]


def test_a_missing_binary_is_one_sentence(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(repository, tmp_path / "other")
    monkeypatch.chdir(tmp_path / "other")
    (FOLDER / "guitar.keras").unlink()
    with pytest.raises(DataError, match=r"guitar\.keras does not hold the network that spec\.json des.*dvc repro"):
        load_detector(config.load(), "families", "mixtures")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_networks_are_asked_together(section: Any, count: int) -> None:
    import keras

    shape = (16, 16)
    inputs = keras.Input(shape)
    other = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(inputs)))
    made = [other, *binaries(section.binary, shape, count - 1)]
    clips = np.random.default_rng(1).normal(-60, 15, (5, *shape)).astype(np.float32)
    expected = np.concatenate([np.asarray(each(clips), np.float32) for each in made], axis=1)
    joined = together(made)
    assert joined.output_shape == (None, count)
    np.testing.assert_allclose(joined.predict_on_batch(clips), expected, atol=1e-5)
