"""Several trainings that differ in their random start only: the first has the seed of before, others their own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_excerpt_scores import CLASSES, write_manifest
from ruamel.yaml import YAML

from tutti import config
from tutti.feature_store import write_feature
from tutti.seeding import child
from tutti.training.fitting import Fitting
from tutti.training.model_folder import load_model

ROOT = Path(__file__).parents[1]
N_CLIPS, BINS = 12, 16


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with stored features of excerpts of 3 s; it is the working directory."""
    random = np.random.default_rng(4)
    for name in ("train", "validation"):
        clips = [f"{name}-{number}" for number in range(N_CLIPS)]
        labels = [[CLASSES[number % 4]] for number in range(N_CLIPS)]
        write_manifest(tmp_path / f"data/predominant/clips/{name}/manifest", clips, labels, clips, [3.0] * N_CLIPS)
        rows = [random.normal(size=(130, BINS)).astype(np.float32) for _ in range(N_CLIPS)]
        folder = tmp_path / "data/predominant/features/log_mel" / name
        write_feature(folder, "log_mel", params_with(tmp_path, 1).feature("predominant", "log_mel"), clips, rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params_with(folder: Path, repeat: int) -> config.Params:
    """Return params.yaml with few mel bands and one repetition of the network, or of all of them."""
    values: Any = config.read_yaml(ROOT / "params.yaml")
    task = values["tasks"]["predominant"]
    values["scale"] = "smoke"
    task["features"]["log_mel"]["n_mels"] = BINS
    task["models"]["han_cnn"] |= {"repeat": repeat, "precision": "float32"}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)
    return config.load(folder / "params.yaml")


def test_the_first_training_has_the_seed_of_before_and_each_further_one_its_own(workspace: Path) -> None:
    seeds = [Fitting(params_with(workspace, repeat), "predominant", "han_cnn").seed for repeat in (1, 2, 3)]
    params = config.load(workspace / "params.yaml")
    assert seeds[0] == child(params.seed, "predominant", "han_cnn")
    assert seeds[1:] == [child(params.seed, "predominant", "han_cnn", repeat) for repeat in (2, 3)]
    assert len(set(seeds)) == 3


def test_a_second_training_gives_other_weights_and_the_same_one_the_same(workspace: Path) -> None:
    weights = {}
    for name, repeat in (("one", 1), ("again", 1), ("two", 2)):
        fitting = Fitting(params_with(workspace, repeat), "predominant", "han_cnn")
        assert fitting.frames == (43, 21)
        fitting.fit(workspace / "models" / name, lambda *_: None)
        network: Any = load_model(workspace / "models" / name).scorer
        weights[name] = network.network.get_weights()
    for first, again in zip(weights["one"], weights["again"], strict=True):
        np.testing.assert_array_equal(first, again)
    drawn = [index for index, each in enumerate(weights["one"]) if each.ndim > 1]
    assert all(not np.allclose(weights["one"][index], weights["two"][index], atol=1e-3) for index in drawn)
    specs = [json.loads((workspace / "models" / name / "spec.json").read_text()) for name in ("one", "two")]
    assert [spec["config"]["repeat"] for spec in specs] == [1, 2]
    assert specs[0] | {"config": 0} == specs[1] | {"config": 0}
