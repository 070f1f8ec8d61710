"""A whole task on a folder of eight instruments and no bank to hold back, through the functions of the stages."""

import argparse
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import soundfile
from folder_corpus import RATE, tone
from ruamel.yaml import YAML

from stages import clips, evaluate, extract, extract_studies, index, predict, report, split, study_clips, train, variety
from tutti import cli, config, taxonomy
from tutti.audio import Samples
from tutti.errors import ParameterError
from tutti.feature_store import open_feature
from tutti.seeding import generator

ROOT = Path(__file__).parents[1]
TAKES = 6
NAMES = ("Flute", "Oboe", "Ireland-Violin", "Sitar", "Kalimba", "Glockenspiel", "Taiko", "Zither")
OWN = "zither: {title: Zither, hornbostel_sachs: chordophone, aliases: [Konzertzither]}\n"


def _take(number: int, take: int) -> Samples:
    """A short note whose timbre is the instrument's: its own harmonics; drums are noise."""
    seconds = 0.4 + 0.05 * take
    if NAMES[number] == "Taiko":
        return np.asarray(generator(take, "drum").normal(0, 0.1, round(seconds * RATE)), np.float32)
    pitch = 200 + 23 * take
    harmonics = [tone(pitch * (1 + step * (number + 1)), seconds, 0.1) for step in range(3)]
    return np.asarray(np.sum(harmonics, axis=0), np.float32)


def _write_folder(root: Path) -> None:
    for number, name in enumerate(NAMES):
        (root / name).mkdir(parents=True)
        for take in range(TAKES):
            soundfile.write(root / name / f"{take}.wav", _take(number, take), RATE)
    (root / "Banjo").mkdir()
    for take in range(2):  # too few
        soundfile.write(root / "Banjo" / f"{take}.wav", tone(911 + take, 0.5), RATE)
    (root / "Oboe" / "broken.wav").write_bytes(b"RIFF")


def _write_params(folder: Path) -> None:
    values = config.read_yaml(ROOT / "params.yaml")
    task = values["tasks"]["cultural"]
    values["tasks"], values["sweeps"] = {"cultural": task}, {}
    values["taxonomy"], values["scale"] = "own.yaml", "smoke"
    values["corpora"]["folder"]["root"] = "my recordings"
    task["corpus"], task["split"]["training_banks"], task["split"]["unseen_banks"] = "folder", ["folder"], []
    task["models"] = {"random_forest": task["models"]["random_forest"], "han_cnn": task["models"]["han_cnn"]}
    sizes = values["scales"]["smoke"]["cultural"]
    sizes["clips"] |= dict.fromkeys(sizes["clips"], 16)
    sizes["training"]["max_epochs"] = 1
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)


def _run(stage: ModuleType, **arguments: str) -> None:
    paths = {key: Path(value) for key, value in arguments.items() if key in ("out", "page", "comparison", "tables")}
    stage.main(argparse.Namespace(**{**arguments, **paths}))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which all stages up to the report ran with the Random Forest and the network."""
    root = tmp_path_factory.mktemp("task")
    _write_folder(root / "my recordings")
    _write_params(root)
    (root / "own.yaml").write_text(OWN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("TUTTI_WORKERS", "1")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/runs.db")
        _run(index, corpus="folder", out="data/index/folder")
        _run(split, task="cultural", out="data/cultural/split")
        for name in clips.SETS:
            _run(clips, task="cultural", set=name, out=f"data/cultural/clips/{name}")
        for name in config.STUDY_SETS:
            _run(study_clips, task="cultural", set=name, out=f"data/cultural/clips/{name}")
        _run(variety, task="cultural", out="metrics/cultural/variety")
        for model, feature in (("random_forest", "timbre"), ("han_cnn", "log_mel")):
            _run(extract, task="cultural", feature=feature, out=f"data/cultural/features/{feature}")
            _run(extract_studies, task="cultural", feature=feature, out=f"data/cultural/features/{feature}")
            _run(train, task="cultural", model=model, out=f"models/cultural/{model}")
            _run(predict, task="cultural", model=model, out=f"data/cultural/scores/{model}")
            _run(evaluate, task="cultural", model=model, out=f"metrics/cultural/{model}")
        _run(report, comparison="metrics/comparison.csv", page="metrics/report.html", tables="metrics/tables")
    taxonomy.use(taxonomy.BUILT_IN)
    return root


@pytest.mark.slow
def test_the_unseen_bank_is_empty_all_the_way(finished: Path) -> None:
    data = finished / "data" / "cultural"
    assert pd.read_parquet(data / "clips/unseen_bank/manifest/clips.parquet").empty
    assert [path.name for path in (data / "clips/unseen_bank/audio").iterdir()] == ["empty.txt"]
    feature = open_feature(data / "features/log_mel/unseen_bank")
    assert (len(feature), feature.values.shape) == (0, (0, 128))
    with np.load(data / "scores/random_forest/unseen_bank.npz") as arrays:
        assert arrays["scores"].shape == (0, len(NAMES))
    table = pd.read_csv(finished / "metrics/comparison.csv")
    assert set(table["split"]) == {"unseen_recording"}
    assert len(table) == 2 * len(config.POLICIES)
    assert set(table["corpus"]) == {"folder"}


@pytest.mark.slow
def test_instruments_with_too_few_recordings_are_no_class_and_are_told(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = json.loads((finished / "models/cultural/han_cnn/spec.json").read_text())["classes"]
    assert classes == sorted(taxonomy.load(finished / "own.yaml").get(name.rpartition("-")[2]).name for name in NAMES)
    told = "1 instrument has too few recordings to be trained, validated and tested, and is in no clip and no score: "
    told += "Banjo (2 recordings in the training banks, 3 groups are needed)."
    page = re.sub(r"\s+", " ", (finished / "metrics/report.html").read_text(encoding="utf-8"))
    assert told in page
    assert "There is none: all recordings belong to one collection." in page
    assert "Zither" in page
    monkeypatch.chdir(finished)
    assert cli.main(["summary"]) == cli.OK
    assert told in capsys.readouterr().out
    taxonomy.use(taxonomy.BUILT_IN)


@pytest.mark.slow
def test_detect_and_replay_know_the_folder(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished)
    assert cli.main(["detect", "my recordings/Zither/0.wav", "--model", "cultural/random_forest", "--all"]) == cli.OK
    assert "Zither" in capsys.readouterr().out
    assert cli.main(["replay", "train-00001", "--set", "train", "--out", "again.flac"]) == cli.OK
    again, stored = (
        soundfile.read(path)[0] for path in ("again.flac", "data/cultural/clips/train/audio/train-00001.flac")
    )
    np.testing.assert_array_equal(again, stored)
    taxonomy.use(taxonomy.BUILT_IN)


def test_a_main_split_without_a_bank_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    _write_params(tmp_path)
    text = (tmp_path / "params.yaml").read_text().replace("own.yaml", str(tmp_path / "own.yaml"))
    (tmp_path / "params.yaml").write_text(re.sub(r"main_split:\s+unseen_recording", "main_split: unseen_bank", text))
    with pytest.raises(ParameterError, match=r"report\.main_split is 'unseen_bank', but .*unseen_banks is empty"):
        config.load(tmp_path / "params.yaml")
    taxonomy.use(taxonomy.BUILT_IN)
