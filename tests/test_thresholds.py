"""Thresholds: as good as trying all, the same under increasing transforms, shrunk where positives are few."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.evaluation import metrics, thresholds
from tutti.evaluation.thresholds import Thresholds, best_global, best_per_class, choose, shrunk

Array = NDArray[Any]


def draw(seed: int, decimals: int = 2) -> tuple[Array, Array]:
    """Return a reference ``(clip, class)`` and scores with ties."""
    random = np.random.default_rng(seed)
    reference = (random.random((40, 5)) < 0.25).astype(np.uint8)
    reference[0] = 1
    scores = np.round(random.random((40, 5)) * 0.7 + 0.3 * reference, decimals)
    return reference, scores


def f1_at(reference: Array, scores: Array, threshold: Array | float) -> dict[str, Any]:
    counts = metrics.tally(reference, scores >= threshold, metrics.unit_weights(len(scores)))
    return {
        "micro_f1": metrics.micro(counts).f1[0],
        "macro_f1": metrics.macro(counts).f1[0],
        "each": metrics.per_class(counts).f1[0],
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("objective", ["micro_f1", "macro_f1"])
@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_no_global_threshold_is_better(seed: int, objective: thresholds.Objective, decimals: int) -> None:
    reference, scores = draw(seed, decimals)
    if seed % 2:
        reference[:, 1] = 0
    found = f1_at(reference, scores, best_global(reference, scores, objective))[objective]
    tried = [f1_at(reference, scores, threshold)[objective] for threshold in np.unique(scores)]
    assert found == pytest.approx(max(tried), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_of_a_class_is_better(seed: int) -> None:
    reference, scores = draw(seed)
    found = f1_at(reference, scores, best_per_class(reference, scores))["each"]
    tried = [f1_at(reference, scores, threshold)["each"] for threshold in np.unique(scores)]
    np.testing.assert_allclose(found, np.max(tried, axis=0), atol=1e-12)


@pytest.mark.parametrize("transform", [np.sqrt, lambda s: s**3, lambda s: 0.1 + 0.2 * s])
def test_decisions_stay_under_increasing_transforms(transform: Any) -> None:
    reference, scores = draw(1)
    changed = transform(scores)
    for objective in ("micro_f1", "macro_f1"):
        before, after = best_global(reference, scores, objective), best_global(reference, changed, objective)
        np.testing.assert_array_equal(scores >= before, changed >= after)
    before_each, after_each = best_per_class(reference, scores), best_per_class(reference, changed)
    np.testing.assert_array_equal(scores >= before_each, changed >= after_each)


def test_the_threshold_is_the_midpoint_of_the_gap() -> None:
    reference, scores = np.array([[1], [1], [0], [0]]), np.array([[0.9], [0.7], [0.3], [0.1]])
    assert best_per_class(reference, scores)[0] == pytest.approx(0.5)
    assert best_global(reference, scores, "macro_f1") == pytest.approx(0.5)


def test_of_equally_good_cuts_the_highest_is_taken() -> None:
    """Claiming 1 of 2 positives (F1 2/3) is as good as claiming all four clips (4/6)."""
    reference, scores = np.array([[1], [0], [0], [1]]), np.array([[0.8], [0.6], [0.4], [0.2]])
    assert best_per_class(reference, scores)[0] == pytest.approx(0.7)


def test_neighbouring_floats_are_told_apart() -> None:
    high = 0.3
    low = float(np.nextafter(high, 0))
    found = best_per_class(np.array([[1], [0]]), np.array([[high], [low]]))[0]
    assert low < found <= high


def test_few_positives_are_drawn_towards_the_global_threshold() -> None:
    reference = np.zeros((100, 3), np.uint8)
    reference[:30, 0] = reference[:5, 1] = 1
    found = shrunk(reference, np.array([0.2, 0.2, np.nan]), 0.5, 10.0)
    assert found.tolist() == pytest.approx([(30 * 0.2 + 10 * 0.5) / 40, (5 * 0.2 + 10 * 0.5) / 15, 0.5])
    assert shrunk(reference, np.array([0.2, 0.2, np.nan]), 0.5, 0.0).tolist() == pytest.approx([0.2, 0.2, 0.5])


def test_choose_gives_every_policy_in_range() -> None:
    reference, scores = draw(2)
    reference[:, 3] = 0
    found = choose(reference, scores, fixed=0.5, objective="macro_f1", shrinkage=4.0)
    assert list(found) == ["fixed", "validated_global", "validated_per_class"]
    assert (found["fixed"] == 0.5).all()
    assert len(set(found["validated_global"].tolist())) == 1
    assert found["validated_per_class"][3] == found["validated_global"][3]
    assert all(((values >= 0) & (values <= 1)).all() and values.shape == (5,) for values in found.values())


def test_test_data_cannot_enter() -> None:
    assert list(inspect.signature(choose).parameters) == ["reference", "scores", "fixed", "objective", "shrinkage"]


def test_validation_without_labels_is_refused() -> None:
    with pytest.raises(DataError, match="no validation clip has a label"):
        choose(np.zeros((3, 2), int), np.zeros((3, 2)), fixed=0.5, objective="macro_f1", shrinkage=1.0)


def test_bad_scores_are_refused() -> None:
    with pytest.raises(DataError, match="hold nan"):
        choose(np.eye(2, dtype=int), np.full((2, 2), np.nan), fixed=0.5, objective="macro_f1", shrinkage=1.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    reference, scores = draw(3)
    chosen = choose(reference, scores, fixed=0.5, objective="micro_f1", shrinkage=4.0)
    thresholds.write_thresholds(tmp_path, Thresholds("s2", tuple("abcde"), chosen))
    found = thresholds.read_thresholds(tmp_path)
    assert (found.aggregation, found.classes) == ("s2", tuple("abcde"))
    for policy, values in chosen.items():
        np.testing.assert_array_equal(found.thresholds[policy], values)


@pytest.mark.parametrize("key", ["classes", "policies", "aggregation"])
def test_an_incomplete_file_is_refused(tmp_path: Path, key: str) -> None:
    each = {"a": 0.5}
    content: dict[str, Any] = {"aggregation": "s1", "classes": ["a"]}
    content["policies"] = dict.fromkeys(("fixed", "validated_global", "validated_per_class"), each)
    (tmp_path / "thresholds.json").write_text(json.dumps(content))
    assert thresholds.read_thresholds(tmp_path).thresholds["fixed"].tolist() == [0.5]
    del content[key]
    (tmp_path / "thresholds.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"thresholds\.json is incomplete"):
        thresholds.read_thresholds(tmp_path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dvc repro"):
        thresholds.read_thresholds(tmp_path)
