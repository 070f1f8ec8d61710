"""The stage evaluate on a task on excerpts: aggregations beside scikit-learn, what adaptive chooses, short clips."""

import argparse
import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_excerpt_scores import CLASSES, N_CLIPS, SETS, read_set, write_set
from numpy.typing import NDArray
from ruamel.yaml import YAML
from sklearn.metrics import f1_score, precision_recall_fscore_support

from stages import evaluate
from tutti import config
from tutti.errors import DataError
from tutti.evaluation.aggregation import FAMILY, named
from tutti.evaluation.thresholds import read_thresholds

ROOT = Path(__file__).parents[1]
FILES = {
    "summary.csv", "summary.json", "per_class.csv", "per_polyphony.csv", "threshold_curve.csv", "thresholds.json",
    "confusion.csv", "mistakes.json", "classification_report.csv", "skipped.csv",
    "aggregation_classes.csv", "aggregation_grid.csv", "aggregations.csv",
}  # fmt: skip
Array = NDArray[Any]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that looks like the repository's root after ``predict``; it is the working directory."""
    set_aggregation(tmp_path, "s2")
    for seed, name in enumerate(SETS):
        write_set(tmp_path / "data" / "predominant", name, seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_aggregation(root: Path, name: str) -> None:
    values = config.read_yaml(ROOT / "params.yaml")
    values["scale"] = "smoke"
    values["tasks"]["predominant"]["evaluation"]["aggregation"] = name
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)


def run(out: str = "metrics/predominant/han_cnn") -> Path:
    evaluate.main(argparse.Namespace(task="predominant", model="han_cnn", out=Path(out)))
    return Path(out)


def s1(window_scores: Array) -> Array:
    return np.asarray(window_scores.mean(axis=0))


def s2(window_scores: Array) -> Array:
    return np.asarray(window_scores.sum(axis=0) / window_scores.sum(axis=0).max())


def member(name: str) -> Callable[[Array], Array]:
    """Return a member of the family by its definition."""
    how = named(name)

    def of_clip(window_scores: Array) -> Array:
        pooled = np.average(window_scores, axis=0, weights=np.exp(how.sharpness * window_scores))
        return np.asarray(pooled / pooled.max() ** how.relative)

    return of_clip


def of_set(task: Path, name: str, aggregation: Callable[[Array], Array]) -> tuple[Array, Array]:
    truth, windows = read_set(task / "data" / "predominant", name)
    return truth, np.stack([aggregation(each) for each in windows])


def table_of(path: Path, *keys: str) -> dict[Any, Any]:
    """Return a table's rows by some of their cells."""
    return dict(pd.read_csv(path).set_index(list(keys)).to_dict("index"))


def expected_scores(truth: Array, said: Array) -> dict[str, float]:
    judged = np.flatnonzero(truth.any(axis=0))
    found: dict[str, float] = {}
    for average, columns in (("micro", slice(None)), ("macro", judged)):
        values = precision_recall_fscore_support(truth[:, columns], said[:, columns], average=average, zero_division=0)
        found |= {
            f"{average}_{name}": value for name, value in zip(("precision", "recall", "f1"), values, strict=False)
        }
    return found


def test_the_stage_writes_what_it_says(task: Path) -> None:
    out = run()
    assert {path.name for path in out.iterdir()} == FILES
    summary = table_of(out / "summary.csv", "split", "threshold_policy")
    assert list(summary) == [(split, policy) for split in config.TEST_SETS for policy in config.POLICIES]
    for split in config.TEST_SETS:
        truth, scores = of_set(task, split, s2)
        row = summary[split, "fixed"]
        for name, value in expected_scores(truth, scores >= 0.5).items():
            assert row[name] == pytest.approx(value, abs=1e-6)
        assert row["micro_f1_low"] < row["micro_f1"] < row["micro_f1_high"]
    assert read_thresholds(out).aggregation == "s2"
    assert set(pd.read_csv(out / "threshold_curve.csv")["split"]) == set(SETS)


@pytest.mark.usefixtures("task")
def test_clips_of_several_count_as_recordings_of_each_of_them() -> None:
    table = table_of(run() / "per_class.csv", "split", "threshold_policy", "instrument")
    for split in config.TEST_SETS:
        clips = pd.read_parquet(f"data/predominant/clips/{split}/manifest/clips.parquet")
        for name in CLASSES:
            mine = clips[[name in names for names in clips["instruments"]]]
            row = table[split, "fixed", name]
            assert row["n_recordings"] == len({song for (song,) in mine["recordings"]}) > 3
            assert row["support"] == len(mine) > row["n_recordings"]


def test_the_grid_is_the_papers_experiment_by_scikit_learn(task: Path) -> None:
    grid = pd.read_csv(run() / "aggregation_grid.csv")
    params = config.load().cutting_task("predominant").studies.aggregation
    assert params.s1 == (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18)
    assert params.s2 == (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
    rows = [(name, own, limit) for name in SETS for own, limits in (("s1", params.s1), ("s2", params.s2))
            for limit in limits]  # fmt: skip
    assert list(zip(grid["split"], grid["aggregation"], grid["threshold"], strict=True)) == rows
    by_set = {(name, own): of_set(task, name, how) for name in SETS for own, how in (("s1", s1), ("s2", s2))}
    for (name, own, limit), row in zip(rows, grid.to_dict("records"), strict=True):
        truth, scores = by_set[name, own]
        expected = expected_scores(truth, scores >= limit)
        assert {key: row[key] for key in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("aggregation", ["s1", "s2", "adaptive"])
def test_aggregations_are_compared_at_thresholds_from_validation(task: Path, aggregation: str) -> None:
    set_aggregation(task, aggregation)
    table = table_of(run() / "aggregations.csv", "split", "aggregation")
    assert list(table) == [(split, name) for split in config.TEST_SETS for name in ("s1", "s2", "adaptive")]
    best = {each.name: best_on_validation(task, each.name) for each in FAMILY}
    for (split, name), row in table.items():
        own, base = row["member"], table[split, "s2"]
        assert own == (name if name != "adaptive" else max(best, key=lambda each: round(best[each], 9)))
        truth, scores = of_set(task, "mixed_validation", member(own))
        at_threshold = f1_score(truth, scores >= row["threshold"], average="macro", zero_division=0)
        assert at_threshold == pytest.approx(best[own], abs=1e-9)
        truth, scores = of_set(task, split, member(own))
        expected = expected_scores(truth, scores >= row["threshold"])
        assert {key: row[key] for key in expected} == pytest.approx(expected, abs=1e-6)
        for score in ("micro_f1", "macro_f1"):
            assert 0 <= row[f"{score}_low"] < row[score] < row[f"{score}_high"] <= 1
            assert row[f"{score}_minus_s2"] == pytest.approx(row[score] - base[score], abs=2e-6)
            assert row[f"{score}_minus_s2_low"] <= row[f"{score}_minus_s2"] <= row[f"{score}_minus_s2_high"]
    assert best["s2"] < max(best.values()) > best["s1"]


def best_on_validation(task: Path, name: str) -> float:
    """Return the largest macro F1 of any threshold."""
    truth, scores = of_set(task, "mixed_validation", member(name))
    return float(max(f1_score(truth, scores >= limit, average="macro", zero_division=0) for limit in np.unique(scores)))


@pytest.mark.usefixtures("task")
def test_the_difference_of_s2_from_itself_is_nought_and_that_of_others_has_a_width() -> None:
    with (run() / "aggregations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        differences = {
            row[f"{score}_minus_s2{end}"] for score in ("micro_f1", "macro_f1") for end in ("", "_low", "_high")
        }
        assert (differences == {"0.000000"}) == (row["aggregation"] == "s2")


def test_adaptive_reaches_thresholds_and_summary(task: Path) -> None:
    set_aggregation(task, "adaptive")
    out = run()
    chosen = read_thresholds(out)
    compared = table_of(out / "aggregations.csv", "split", "aggregation")
    assert chosen.aggregation == compared["unseen_recording", "adaptive"]["member"]
    assert chosen.aggregation not in ("s1", "s2")
    summary = table_of(out / "summary.csv", "split", "threshold_policy")
    truth, scores = of_set(task, "unseen_recording", member(chosen.aggregation))
    expected = expected_scores(truth, scores >= chosen.thresholds["validated_per_class"])
    row = summary["unseen_recording", "validated_per_class"]
    assert {key: row[key] for key in expected} == pytest.approx(expected, abs=1e-6)


def test_the_test_sets_choose_nothing(task: Path) -> None:
    set_aggregation(task, "adaptive")
    before = run("metrics/one")
    for name in config.TEST_SETS:
        path = task / f"data/predominant/scores/han_cnn/{name}.npz"
        with np.load(path) as arrays:
            content = dict(arrays)
        np.savez(path, **(content | {"scores": 1 - content["scores"]}))
    after = run("metrics/two")
    assert (before / "thresholds.json").read_bytes() == (after / "thresholds.json").read_bytes()
    members = [pd.read_csv(out / "aggregations.csv")[["member", "threshold"]] for out in (before, after)]
    pd.testing.assert_frame_equal(members[0], members[1])


@pytest.mark.usefixtures("task")
def test_same_input_same_bytes() -> None:
    first, second = run("metrics/one"), run("metrics/two")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_corpus_without_an_unseen_bank_is_judged_on_the_other_side(task: Path) -> None:
    data = task / "data" / "predominant"
    for path in (data / "clips/unseen_bank", data / "scores/han_cnn/unseen_bank.npz"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_set(data, "unseen_bank", 2, without=range(N_CLIPS))
    out = run()
    assert {path.name for path in out.iterdir()} == FILES
    for name in ("summary", "per_class", "aggregations"):
        assert set(pd.read_csv(out / f"{name}.csv")["split"]) == {"unseen_recording"}
    assert set(pd.read_csv(out / "aggregation_grid.csv")["split"]) == {"mixed_validation", "unseen_recording"}


SHORT = (3, 17, 18)


def test_short_clips_are_listed_and_the_numbers_are_those_without_them(task: Path) -> None:
    results = []
    for name, options in (("skipped", {"skipped": SHORT}), ("without", {"without": SHORT})):
        shutil.rmtree(task / "data")
        for seed, split in enumerate(SETS):
            write_set(task / "data" / "predominant", split, seed, **options)
        results.append(run(f"metrics/{name}"))
    for name in FILES - {"skipped.csv"}:
        assert (results[0] / name).read_bytes() == (results[1] / name).read_bytes(), name
    assert json.loads((results[0] / "mistakes.json").read_text())
    with (results[0] / "skipped.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["set"], row["clip"]) for row in rows] == [
        (name, f"{name}-{each:05d}") for name in SETS for each in SHORT
    ]
    assert {row["reason"] for row in rows} == {"lasts 0.75 s, less than the window of 1.00 s"}
    assert (results[1] / "skipped.csv").read_text() == "set,clip,reason\n"


def test_what_the_corpus_left_out_is_listed_too(task: Path) -> None:
    (task / "data/predominant/split").mkdir()
    (task / "data/predominant/split/skipped.csv").write_text('path,instrument,reason\n"a, b.wav",flute,is silent\n')
    table = pd.read_csv(run() / "skipped.csv")
    assert table.to_dict("records") == [{"set": "corpus", "clip": "a, b.wav", "reason": "is silent"}]


@pytest.mark.parametrize("key", ["skipped", "clip_s"])
def test_scores_of_before_are_refused(task: Path, key: str) -> None:
    path = task / "data/predominant/scores/han_cnn/unseen_bank.npz"
    with np.load(path) as arrays:
        content = {name: values for name, values in arrays.items() if name != key}
    np.savez(path, **content)
    with pytest.raises(DataError, match=r"unseen_bank\.npz does not hold scores .* run `dvc repro`"):
        run()
    assert not list(task.glob("metrics/predominant/*"))
