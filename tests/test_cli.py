"""The command ``tutti``, with a tiny model in place of a trained one."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tutti import __version__, cli, config, detection, registry
from tutti.audio import read_audio
from tutti.config import ClipsConfig, Params
from tutti.corpora.index import audio_digest
from tutti.detection import Detector
from tutti.errors import DataError, ParameterError
from tutti.evaluation.thresholds import Thresholds, write_thresholds
from tutti.mixtures.recipe import Recipe, SourceRecipe, write_recipes
from tutti.mixtures.replay import replay
from tutti.store import write_json

ROOT = Path(__file__).parents[1]
CLASSES = ["flute", "taiko", "violin"]
WINDOW, HOP = 10, 5


class LoudnessModel:
    """Hears a flute where the feature is loud, always a little taiko, and never a violin."""

    def __init__(self, feature: dict[str, Any]) -> None:
        self.classes = CLASSES
        self.spec = {"feature_spec": {**feature, "name": "log_mel", "frequency": feature["n_mels"]}}
        self.heard: list[int] = []

    def predict_windows(self, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.heard.append(len(clip))
        starts = np.arange(0, max(1, len(clip) - WINDOW + 1), HOP)
        loud = [clip[start : start + WINDOW].max() > -2.0 for start in starts]
        scores = np.tile(np.array([0.0, 0.3, 0.01], np.float32), (len(starts), 1))
        scores[:, 0] = np.where(loud, 0.9, 0.1)
        return scores, starts * 512 / 22050


@pytest.fixture(scope="module")
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture
def detector(params: Params) -> Detector:
    """A detector for excerpts of 5 s; taiko reaches only the validated thresholds."""
    thresholds = {
        "fixed": np.full(3, 0.5),
        "validated_global": np.full(3, 0.25),
        "validated_per_class": np.array([0.6, 0.3, 0.02]),
    }
    model = LoudnessModel(params.feature("cultural", "log_mel").model_dump())
    return Detector(model, thresholds, "s1", 5.0, (-40.0, -10.0))  # type: ignore[arg-type]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: Detector) -> Path:
    """A repository whose model is the tiny one; it is the working directory."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(detection, "load_detector", lambda *_: detector)
    return tmp_path


def sine(seconds: float, rate: int = 22050, channels: int = 1, amplitude: float = 0.3) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave[:, None], (1, channels)).astype(np.float32)


def write(name: str, samples: np.ndarray, rate: int = 22050, **kind: str) -> str:
    soundfile.write(name, samples, rate, **kind)
    return name


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    status = cli.main(["detect", "--json", *words])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


@pytest.mark.usefixtures("workspace")
def test_table_names_what_reaches_its_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", write("song.wav", sine(3.0))]) == cli.OK
    out, err = capsys.readouterr()
    assert out == (
        "song.wav  (3.0 s)\n"
        "  instrument  score  threshold\n"
        "  Flute        0.90       0.60\n"
        "  Taiko        0.30       0.30\n\n"
    )
    assert err == ""


@pytest.mark.usefixtures("workspace")
def test_all_lists_every_instrument_and_top_cuts_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    song = write("song.wav", sine(3.0))
    _, document, _ = run_json(capsys, "--all", song)
    assert [each["name"] for each in document["files"][0]["instruments"]] == ["flute", "taiko", "violin"]
    assert [each["sounding"] for each in document["files"][0]["instruments"]] == [True, True, False]
    _, document, _ = run_json(capsys, "--all", "--top", "1", song)
    assert [each["name"] for each in document["files"][0]["instruments"]] == ["flute"]
    cli.main(["detect", "--all", song])
    assert re.search(r"Violin +0\.01 +0\.02 +below threshold", capsys.readouterr().out)


@pytest.mark.usefixtures("workspace")
def test_json_document_has_the_documented_form(capsys: pytest.CaptureFixture[str]) -> None:
    status, document, err = run_json(capsys, write("a.flac", sine(2.5)), "missing.wav", write("b.wav", sine(1.0)))
    assert status == cli.FAILED
    assert document == {
        "schema": 1,
        "tutti": __version__,
        "model": "cultural/han_cnn",
        "threshold": "validated_per_class",
        "classes": ["flute", "taiko", "violin"],
        "files": [
            {"file": name, "duration_s": seconds, "silent": False, "array": [1, 1, 0], "instruments": [
                {"name": "flute", "title": "Flute", "score": 0.9, "threshold": 0.6, "sounding": True},
                {"name": "taiko", "title": "Taiko", "score": 0.3, "threshold": 0.3, "sounding": True},
            ]}
            for name, seconds in (("a.flac", 2.5), ("b.wav", 1.0))
        ],
        "failed": [{"file": "missing.wav", "error": err.removeprefix("tutti: ").rstrip("\n")}],
    }  # fmt: skip


def _bad_files(folder: Path) -> dict[str, Path]:
    names = ("empty.wav", "text.wav", "nan.wav", "missing.wav", "folder", "truncated.wav")
    bad = {name: folder / name for name in names}
    bad["empty.wav"].touch()
    bad["text.wav"].write_text("Dear diary, there is no music in here.\n" * 40)
    soundfile.write(bad["nan.wav"], np.full(1000, np.nan, np.float32), 22050, subtype="FLOAT")
    bad["folder"].mkdir()
    soundfile.write(bad["truncated.wav"], sine(2.0), 22050)
    bad["truncated.wav"].write_bytes(bad["truncated.wav"].read_bytes()[:20_000])
    return bad


def test_a_bad_file_is_one_sentence_and_the_others_are_still_heard(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _bad_files(workspace)
    good = write("good.wav", sine(1.0))
    assert cli.main(["detect", *map(str, bad.values()), good]) == cli.FAILED
    out, err = capsys.readouterr()
    assert out.startswith("good.wav  (1.0 s)\n")
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for line, path in zip(lines, bad.values(), strict=True):
        assert line.startswith(f"tutti: {path} ")
    assert "Traceback" not in out + err


@pytest.mark.parametrize("seconds", [0.5, 12.0])
@pytest.mark.usefixtures("workspace")
def test_a_silent_file_is_called_silent(capsys: pytest.CaptureFixture[str], seconds: float) -> None:
    silence = write("silence.wav", np.zeros((round(seconds * 22050), 2)))
    status, document, _ = run_json(capsys, "--all", silence)
    assert status == cli.OK
    (found,) = document["files"]
    assert found == {"file": silence, "duration_s": seconds, "silent": True, "array": [0, 0, 0], "instruments": []}
    cli.main(["detect", silence])
    assert "silent: nothing sounds in this file" in capsys.readouterr().out


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 2), (44100, 6), (96000, 2)])
@pytest.mark.usefixtures("workspace")
def test_any_rate_and_number_of_channels(capsys: pytest.CaptureFixture[str], rate: int, channels: int) -> None:
    _, document, _ = run_json(capsys, write("any.wav", sine(2.0, rate, channels), rate))
    found = document["files"][0]
    assert found["duration_s"] == pytest.approx(2.0, abs=0.001)
    assert [each["name"] for each in found["instruments"]] == ["flute", "taiko"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.usefixtures("workspace")
def test_a_format_that_only_ffmpeg_reads(capsys: pytest.CaptureFixture[str]) -> None:
    song = write("song.wav", sine(2.0))
    subprocess.run(["ffmpeg", "-v", "error", "-i", song, "-c:a", "aac", "song.m4a"], check=True)
    status, document, _ = run_json(capsys, "song.m4a")
    assert status == cli.OK
    assert document["files"][0]["duration_s"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(("threshold", "names"), [
    ("fixed", ["flute"]), ("validated_global", ["flute", "taiko"]), ("0.95", []), ("0", ["flute", "taiko", "violin"]),
])  # fmt: skip
@pytest.mark.usefixtures("workspace")
def test_threshold_is_a_policy_or_a_number(
    capsys: pytest.CaptureFixture[str], threshold: str, names: list[str]
) -> None:
    song = write("song.wav", sine(2.0))
    _, document, _ = run_json(capsys, "--threshold", threshold, song)
    assert [each["name"] for each in document["files"][0]["instruments"]] == names
    cli.main(["detect", "--threshold", threshold, song])
    assert ("no instrument reaches its threshold" in capsys.readouterr().out) == (not names)


@pytest.mark.parametrize("words", [
    [], ["detect"], ["detect", "--threshold", "1.5", "a.wav"], ["detect", "--threshold", "nan", "a.wav"],
    ["detect", "--threshold", "by_eye", "a.wav"], ["detect", "--top", "0", "a.wav"], ["detect", "--nonsense", "a.wav"],
    ["detect", "--array", "--json", "a.wav"],
    ["replay", "000001"], ["ui", "--port", "80"],
])  # fmt: skip
def test_wrong_usage_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == cli.USAGE
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(("model", "message"), [
    ("han_cnn", "give a task and a model's name"),
    ("cultural/han_cmm", "did you mean 'han_cnn'?"),
    ("culture/han_cnn", "choose one of cultural"),
])  # fmt: skip
def test_an_unknown_model_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str, message: str
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["detect", "--model", model, "a.wav"]) == cli.USAGE
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_without_a_trained_model_it_says_how_to_train_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["detect", "a.wav"]) == cli.FAILED
    sentence = r"tutti: .*models/cultural/han_cnn.*run `make repro` or `dvc repro`.*\n"
    assert re.fullmatch(sentence, capsys.readouterr().err)


@pytest.mark.usefixtures("workspace")
def test_a_name_that_no_terminal_can_show_is_still_printed() -> None:
    name = os.fsdecode(b"caf\xe9 \x1b[31m.wav")
    soundfile.write("plain.wav", sine(1.0), 22050)
    Path("plain.wav").rename(name)
    script = (
        "import sys; from tutti import cli, detection; from test_cli import LoudnessModel\n"
        "import numpy as np; from tutti import config\n"
        "feature = config.load().feature('cultural', 'log_mel').model_dump()\n"
        "limits = {'validated_per_class': np.full(3, .5)}\n"
        "found = detection.Detector(LoudnessModel(feature), limits, 's1', 5.0, (-40, -10))\n"
        "detection.load_detector = lambda *_: found\n"
        "sys.exit(cli.main(['detect', *sys.argv[1:]]))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script, name], capture_output=True, env=environment, check=False)
    assert done.returncode == cli.OK, done.stderr
    assert b"\x1b" not in done.stdout
    assert b"Flute" in done.stdout


@pytest.mark.usefixtures("workspace")
def test_interruption_and_a_closed_pipe_are_quiet(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Detector, "detect", interrupted)
    assert cli.main(["detect", "a.wav"]) == cli.INTERRUPTED
    assert capfd.readouterr().err == ""
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from tutti import cli; sys.argv[0] = 'tutti'; sys.exit(cli.main(['summary']))"
    Path("metrics").mkdir()
    (Path("metrics") / "comparison.csv").write_text(_COMPARISON)
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (cli.BROKEN_PIPE, b"")


_COMPARISON = (
    "task,model,corpus,split,threshold_policy,micro_f1,macro_f1,micro_precision,micro_recall,macro_precision,"
    "macro_recall,map,emr,hamming,iou,n_clips\n"
    "cultural,han_cnn,rendered,unseen_bank,fixed,0.1235,0.4567,0.1,0.2,0.3,0.4,0.5,0.6,0.7,,30\n"
)


def test_summary_prints_the_table_and_where_to_read_on(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary"]) == cli.FAILED
    assert "comparison.csv is missing: run `make repro`" in capsys.readouterr().err
    (workspace / "metrics").mkdir()
    (workspace / "metrics" / "comparison.csv").write_text(_COMPARISON)
    assert cli.main(["summary"]) == cli.OK
    out = capsys.readouterr().out
    assert "task cultural, corpus rendered: F1 at the thresholds fixed / validated_global / validated_per_class" in out
    assert re.search(r"^han_cnn +0\.46 / n/a / n/a +0\.12 / n/a / n/a$", out, re.MULTILINE)
    assert str(workspace / "metrics" / "report.html") in out
    assert "tutti ui" in out


def test_summary_in_full_and_as_markdown(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "metrics").mkdir()
    (workspace / "metrics" / "comparison.csv").write_text(_COMPARISON)
    assert cli.main(["summary", "--all"]) == cli.OK
    assert re.search(r"^han_cnn +unseen_bank +fixed +0\.457 +0\.12[34] ", capsys.readouterr().out, re.MULTILINE)
    assert cli.main(["summary", "--markdown"]) == cli.OK
    assert capsys.readouterr().out == (
        "| model | macro F1, unseen sound bank | micro F1, unseen sound bank |\n| --- | ---: | ---: |\n"
        "| han_cnn | 0.46 / n/a / n/a | 0.12 / n/a / n/a |\n"
    )
    with pytest.raises(SystemExit):
        cli.main(["summary", "--markdown", "--all"])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert (stopped.value.code, capsys.readouterr().out) == (0, f"tutti {__version__}\n")


def test_help_does_not_import_what_is_slow() -> None:
    slow = ("tensorflow", "keras", "librosa", "mlflow", "matplotlib")
    code = "import sys; from tutti import cli; cli.parser().format_help(); "
    code += f"print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("seconds", "excerpts"), [(0.2, 1), (5.0, 1), (7.4, 1), (7.6, 2), (60.0, 12), (62.0, 12)])
@pytest.mark.usefixtures("workspace")
def test_a_long_file_is_heard_in_excerpts_of_the_clips_length(
    detector: Detector, seconds: float, excerpts: int
) -> None:
    found = detector.detect(Path(write("long.wav", sine(seconds))), "fixed")
    model = detector.model
    assert isinstance(model, LoudnessModel)
    assert len(model.heard) == excerpts
    assert max(model.heard) <= 1.5 * 216
    assert found.duration_s == pytest.approx(seconds)
    assert len(found.onset_s) == len(found.scores)
    assert (np.diff(found.onset_s) > 0).all()
    assert found.onset_s[-1] <= seconds


@pytest.mark.usefixtures("workspace")
def test_silent_stretches_do_not_dilute_the_score(detector: Detector) -> None:
    song = np.concatenate([sine(5.0), np.zeros((22050 * 20, 1), np.float32), sine(5.0)])
    found = detector.detect(Path(write("pause.wav", song)), "fixed")
    assert found.findings[0].score == pytest.approx(0.9)
    assert found.onset_s.max() > 25


@pytest.mark.usefixtures("workspace")
def test_the_level_is_changed_only_outside_that_of_training_clips(detector: Detector) -> None:
    heard: list[np.ndarray] = []
    extract_of = detector._feature

    def spy() -> Any:
        settings, extract = extract_of()

        def listening(samples: np.ndarray, config: Any) -> Any:
            heard.append(samples)
            return extract(samples, config)

        return settings, listening

    object.__setattr__(detector, "_feature", spy)
    for amplitude in (0.2, 0.002, 1.0, 0.0002):
        detector.detect(Path(write("level.wav", sine(2.0, amplitude=amplitude), subtype="FLOAT")), "fixed")
    peaks = [float(np.abs(samples).max()) for samples in heard]
    assert peaks[0] == pytest.approx(0.2, rel=1e-6)
    assert peaks[1] == pytest.approx(np.sqrt(2) * 0.01, rel=0.01)
    assert peaks[2] == pytest.approx(np.sqrt(2) * 10**-0.5, rel=0.01)
    assert peaks[3] == pytest.approx(0.0002 * 10**1.5, rel=0.01)


def test_levels_of_clips_span_one_soft_source_to_all_at_their_loudest(params: Params) -> None:
    clips: ClipsConfig = params.mixing_task("cultural").clips.model_copy(
        update={"loudness_dbfs": -26.0, "gain_db": (-6.0, 6.0), "max_polyphony": 4}
    )
    assert detection.clip_levels(clips) == pytest.approx((-32.0, -20.0 + 6.02), abs=0.01)


def test_detector_refuses_thresholds_out_of_range_or_unknown(detector: Detector) -> None:
    with pytest.raises(ParameterError, match=r"threshold 1.5 is not within 0..1"):
        detector.detect(Path("a.wav"), 1.5)
    with pytest.raises(ParameterError, match="'by_eye' is unknown"):
        detector.detect(Path("a.wav"), "by_eye")  # type: ignore[arg-type]


@pytest.mark.usefixtures("workspace")
def test_scores_that_are_no_numbers_are_refused(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.full((1, 3), np.nan, np.float32), np.zeros(1)
    monkeypatch.setattr(detector.model, "predict_windows", lambda _: nothing)
    with pytest.raises(DataError, match=r"0\.\.1"):
        detector.detect(Path(write("a.wav", sine(1.0))), "fixed")


def test_a_trained_model_is_read_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], params: Params
) -> None:
    """A real forest on the real 52-vector, told low tones from high ones, through the whole command."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    settings = params.feature("cultural", "timbre")
    module = registry.load("features", settings.extractor)
    pitches = np.linspace(200, 4000, 24)
    tones = [(0.1 * np.sin(2 * np.pi * hz * np.arange(11025) / 22050)).astype(np.float32) for hz in pitches]
    vectors = np.stack([module.extract(tone, settings)[0] for tone in tones])
    reference = np.stack([pitches > 2000, pitches <= 2000], axis=1).astype(np.uint8)
    folder = Path("cultural") / "random_forest"
    (Path("models") / folder).mkdir(parents=True)
    forest = registry.load("architectures", "random_forest")
    kind = params.model("cultural", "random_forest").model_copy(update={"trees": 10})
    forest.save(forest.fit(kind, vectors, reference, seed=0, workers=1), Path("models") / folder)
    write_json(Path("models") / folder / "spec.json", {
        "model": "random_forest", "architecture": "random_forest", "config": kind.model_dump(mode="json"),
        "classes": ["flute", "tuba"], "frame_rate_hz": 0.0, "window_frames": 1,
        "hop_frames": 1,
        "feature_spec": {**settings.model_dump(mode="json"), "name": "timbre", "frequency": vectors.shape[1]},
    })  # fmt: skip
    song = write("song.wav", tones[-1])
    assert cli.main(["detect", "--model", "cultural/random_forest", song]) == cli.FAILED
    assert "thresholds.json is missing" in capsys.readouterr().err
    (Path("metrics") / folder).mkdir(parents=True)
    policies = {policy: np.full(2, 0.5) for policy in config.POLICIES}
    write_thresholds(Path("metrics") / folder, Thresholds("s1", ("flute", "tuba"), policies))
    _, document, _ = run_json(capsys, "--model", "cultural/random_forest", song, write("low.wav", tones[0]))
    assert [[each["name"] for each in file["instruments"]] for file in document["files"]] == [["flute"], ["tuba"]]
    write_thresholds(Path("metrics") / folder, Thresholds("s1", ("oboe", "tuba"), policies))
    assert cli.main(["detect", "--model", "cultural/random_forest", song]) == cli.FAILED
    assert "other instruments" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_replay_renders_a_mixture_from_its_recipe(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(params.corpus("rendered").root)
    root.mkdir(parents=True)
    write(str(root / "a.flac"), sine(2.0))
    digest = audio_digest(read_audio(root / "a.flac"))
    source = SourceRecipe("a", "flute", "a.flac", digest, 0, 0, 1000, 0, 0, 0.0, -6.0)
    manifest = Path("data/cultural/clips/unseen_bank/manifest")
    manifest.mkdir(parents=True)
    recipe = Recipe("000001", "000001.flac", 22050, 1000, 0.0, (source,))
    write_recipes(manifest / "recipes.jsonl", [recipe])
    words = ["replay", "000001", "--set", "unseen_bank", "--out", "again.flac"]
    assert cli.main(words) == cli.OK
    assert capsys.readouterr().out == "again.flac\n"
    rendered, rate = soundfile.read("again.flac", dtype="int16")
    assert rate == 22050
    np.testing.assert_array_equal(rendered, replay(recipe, root))
    assert np.abs(rendered).max() == pytest.approx(0.3 * 32768 * 10 ** (-6 / 20), rel=0.02)
    assert cli.main(["replay", "000002", *words[2:]]) == cli.USAGE
    assert "did you mean 000001?" in capsys.readouterr().err
    assert cli.main([*words[:-1], "again.wav"]) == cli.USAGE


def test_ui_refuses_a_missing_store_and_a_port_in_use(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert cli.main(["ui"]) == cli.FAILED
    assert f"{workspace / 'mlflow.db'} is missing" in capsys.readouterr().err
    (workspace / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["ui", "--port", str(taken.getsockname()[1])]) == cli.USAGE
    assert "is in use" in capsys.readouterr().err


def test_ui_starts_mlflow_for_this_machine_only(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Any] = []

    def start(*words: Any) -> int:
        started.append(words)
        return 0

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(os, "execve", start)
    (workspace / "mlflow.db").touch()
    assert cli.main(["ui", "--port", "5991"]) == cli.OK
    ((_, command, environment),) = started
    assert command[1:] == [
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        f"sqlite:///{workspace / 'mlflow.db'}",
        "--host",
        "127.0.0.1",
        "--port",
        "5991",
        "--workers",
        "1",
    ]
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://runs.example")
    assert cli.main(["ui"]) == cli.OK
    assert "open http://runs.example" in capsys.readouterr().out
    assert len(started) == 1
