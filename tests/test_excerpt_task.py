"""A whole task on excerpts in the layout of IRMAS, through the functions of the stages, up to `tutti detect`."""

import argparse
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from irmas_corpus import PART_FOLDERS
from ruamel.yaml import YAML

from stages import cut, evaluate, extract, index, predict, split, train
from tutti import cli, config, cutting
from tutti.audio import Samples
from tutti.corpora.adapters import irmas
from tutti.feature_store import open_feature
from tutti.seeding import generator

ROOT = Path(__file__).parents[1]
RATE = 22050
CODES = ("cel", "flu", "pia")
CLASSES = ["cello", "flute", "piano"]


def _excerpt(codes: tuple[str, ...], number: int, seconds: float) -> Samples:
    """Return stereo sound in which each instrument has a timbre of its own, and each excerpt a pitch of its own."""
    time_s, random = np.arange(round(seconds * RATE)) / RATE, generator(number, "excerpt")
    turns = 2 * np.pi * float(random.uniform(200, 400)) * time_s
    parts = {
        "cel": 0.05 * np.sum([np.sin(partial * turns) for partial in range(1, 20)], axis=0),
        "flu": 0.2 * np.sin(turns),
        "pia": 0.1 * random.normal(size=len(time_s)) * np.exp(-8 * (time_s % 0.5)),
    }
    return np.asarray(np.sum([parts[code] for code in codes], axis=0)[:, None] * [1.0, 0.6], np.float32)


def _write(path: Path, codes: tuple[str, ...], number: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, _excerpt(codes, number, seconds), RATE, subtype="PCM_16")


def _write_corpus(root: Path) -> None:
    number = 0
    for code in CODES:
        for _ in range(6):
            number += 1
            for piece in (1, 2):
                name = f"[{code}][nod][cla]{number:04d}__{piece}.wav"
                _write(root / irmas.TRAINING_FOLDER / code / name, (code,), 10 * number + piece, 3.0)
    clips = [("cel",), ("flu",), ("pia",), ("cel", "flu"), ("flu", "pia"), ("cel", "pia")]
    for part in ("Part1", "Part2"):
        for place, codes in enumerate(clips):
            path = root / PART_FOLDERS[part] / f"song {place}-1.wav"
            _write(path, codes, 1000 + 10 * place + int(part[-1]), 0.8 if (part, place) == ("Part1", 1) else 4.0)
            path.with_suffix(".txt").write_text("".join(f"{code}\t\n" for code in codes))
    (root / PART_FOLDERS["Part1"] / "song 9-1.wav").write_bytes(b"RIFF")


def _write_params(folder: Path) -> None:
    values: Any = config.read_yaml(ROOT / "params.yaml")
    task = values["tasks"]["predominant"]
    values["scale"] = "smoke"
    values["corpora"]["irmas"]["root"] = "IRMAS"
    task["split"] |= {"test_banks": ["part1", "part2"], "unseen_banks": []}
    task["clips"]["mixed_validation"]["seconds"] = [2.0, 5.0]
    task["evaluation"]["aggregation"] = "adaptive"
    task["models"]["svm"]["folds"] = 2
    values["scales"]["smoke"]["predominant"] |= {"mixed_validation": 20}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)


def _run(stage: ModuleType, **arguments: str) -> None:
    stage.main(argparse.Namespace(**{**arguments, "out": Path(arguments["out"])}))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which all stages up to `evaluate` ran with the support vector machines and the network."""
    root = tmp_path_factory.mktemp("excerpts")
    _write_corpus(root / "IRMAS")
    _write_params(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("TUTTI_WORKERS", "1")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/runs.db")
        _run(index, corpus="irmas", out="data/index/irmas")
        _run(split, task="predominant", out="data/predominant/split")
        for name in cutting.SETS:
            _run(cut, task="predominant", set=name, out=f"data/predominant/clips/{name}")
        for model, feature in (("svm", "timbre"), ("han_cnn", "log_mel")):
            _run(extract, task="predominant", feature=feature, out=f"data/predominant/features/{feature}")
            _run(train, task="predominant", model=model, out=f"models/predominant/{model}")
            _run(predict, task="predominant", model=model, out=f"data/predominant/scores/{model}")
            _run(evaluate, task="predominant", model=model, out=f"metrics/predominant/{model}")
    return root


@pytest.mark.slow
def test_every_stage_hands_on_what_the_next_one_reads(finished: Path) -> None:
    data = finished / "data" / "predominant"
    assert json.loads((finished / "models/predominant/han_cnn/spec.json").read_text())["classes"] == CLASSES
    feature = open_feature(data / "features/log_mel/train")
    assert feature.values.shape == (2 * 15, 130, 128)  # five of each instrument's six songs
    with np.load(data / "scores/han_cnn/mixed_validation.npz") as arrays:
        assert arrays["scores"].shape[1] == 3
        assert set(arrays["clip"].tolist()) == set(range(20))
    assert pd.read_parquet(data / "clips/unseen_bank/manifest/clips.parquet").empty
    assert sorted(path.name for path in (data / "scores/han_cnn").iterdir()) == [
        "classes.json", "mixed_validation.npz", "unseen_bank.npz", "unseen_recording.npz",
    ]  # fmt: skip


@pytest.mark.slow
def test_machines_tell_the_timbres_apart_and_the_network_skips_the_short_clip(finished: Path) -> None:
    metrics = finished / "metrics" / "predominant"
    summary = json.loads((metrics / "svm/summary.json").read_text())
    assert list(summary) == ["not_evaluable", "unseen_recording"]
    assert summary["unseen_recording"]["validated_global"]["map"] > 0.8
    listed = {
        model: [(row["set"], row["clip"]) for row in pd.read_csv(metrics / model / "skipped.csv").to_dict("records")]
        for model in ("svm", "han_cnn")
    }
    broken = ("corpus", "IRMAS-TestingData-Part1/Part1/song 9-1.wav")
    assert listed == {"svm": [broken], "han_cnn": [("unseen_recording", "unseen_recording-00002"), broken]}
    clips = {model: set(pd.read_csv(metrics / model / "summary.csv")["n_clips"]) for model in listed}
    assert clips == {"svm": {12}, "han_cnn": {11}}
    for model in listed:
        assert {"aggregations.csv", "aggregation_grid.csv"} <= {path.name for path in (metrics / model).iterdir()}


@pytest.mark.slow
def test_detect_hears_what_was_learnt(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished)
    song = f"IRMAS/{PART_FOLDERS['Part2']}/song 2-1.wav"
    for model in ("svm", "han_cnn"):
        assert cli.main(["detect", song, "--model", f"predominant/{model}", "--all", "--json"]) == cli.OK
        (file,) = json.loads(capsys.readouterr().out)["files"]
        assert {each["name"] for each in file["instruments"]} == set(CLASSES)
        if model == "svm":
            assert file["instruments"][0]["name"] == "piano"
