"""Thresholds of the exam: the exact search against trying every cut, and what no cut can choose."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.evaluation import metrics
from tutti.exam.limits import Objective, best_global, best_per_class, choose, shrunk

METRICS = {"accuracy_hamming": metrics.hamming, "accuracy_iou": metrics.intersection_over_union}


def _drawn(seed: int, grid: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return a truth with silent clips and scores that know a little of it; on a coarse grid many scores are equal."""
    random = np.random.default_rng(seed)
    reference = (random.random((30, 4)) < random.random((30, 1))).astype(np.int64)
    reference[:3] = 0
    scores = np.clip(0.3 * reference + 0.7 * random.random(reference.shape), 0, 1)
    return reference, np.round(scores * grid) / grid if grid else scores


def _cuts(scores: NDArray[np.float64]) -> list[float]:
    """Return the midpoints of all neighbouring scores, highest first, from claiming nothing to claiming all."""
    values = sorted({*scores.ravel().tolist()}, reverse=True)
    above = [*([(1 + values[0]) / 2] if values[0] < 1 else [])]
    return [*above, *((a + b) / 2 for a, b in pairwise(values)), values[-1] / 2]


@pytest.mark.parametrize("objective", METRICS)
@pytest.mark.parametrize(("seed", "grid"), [(0, 0), (1, 0), (2, 7), (3, 7), (4, 2)])
def test_the_global_threshold_is_the_best_and_highest_of_all_cuts(objective: Objective, seed: int, grid: int) -> None:
    reference, scores = _drawn(seed, grid)
    values = {cut: float(METRICS[objective](reference, scores >= cut).mean()) for cut in _cuts(scores)}
    best = max(cut for cut, value in values.items() if value >= max(values.values()) - 1e-12)
    assert best_global(reference, scores, objective) == pytest.approx(best, abs=1e-12)
    assert len({round(value, 9) for value in values.values()}) > 2  # cuts differ, so that one can be wrong


@pytest.mark.parametrize(("seed", "grid"), [(5, 0), (6, 5)])
def test_a_class_own_threshold_is_the_best_and_highest_of_its_cuts(seed: int, grid: int) -> None:
    reference, scores = _drawn(seed, grid)
    for index, found in enumerate(best_per_class(reference, scores)):
        truth, own = reference[:, index], scores[:, index]
        values = {cut: int(((own >= cut) == truth).sum()) for cut in _cuts(own)}
        assert found == pytest.approx(max(cut for cut in values if values[cut] == max(values.values())), abs=1e-12)


def test_one_false_alarm_in_silence_costs_a_bit_or_a_whole_clip() -> None:
    reference = np.array([[0] * 10, [1] * 10])
    scores = np.array([[0.5, *[0.1] * 9], [*[0.6] * 8, 0.4, 0.4]])
    assert best_global(reference, scores, "accuracy_hamming") == pytest.approx(0.25)
    assert best_global(reference, scores, "accuracy_iou") == pytest.approx(0.55)


def test_saying_nothing_may_be_the_best() -> None:
    reference = np.zeros((20, 2), np.int64)
    reference[0] = 1
    scores = np.linspace(0.9, 0.5, 40).reshape(20, 2)
    scores[0] = 0.1
    threshold = best_global(reference, scores, "accuracy_hamming")
    assert threshold == pytest.approx(0.95 - 0.5 * (0.9 - scores.max()))
    assert not (scores >= threshold).any()


@pytest.mark.parametrize("scores", [np.ones((6, 2)), np.zeros((6, 2)), np.full((6, 2), 0.5)])
@pytest.mark.parametrize("objective", METRICS)
def test_scores_that_say_nothing_still_give_a_threshold_in_range(objective: Objective, scores: Any) -> None:
    reference = np.tile([1, 0], (6, 1))
    assert 0 <= best_global(reference, scores, objective) <= 1


def test_any_increasing_transform_leaves_decisions_alone() -> None:
    reference, scores = _drawn(8)
    for objective in METRICS:
        first = scores >= best_global(reference, scores, objective)  # type: ignore[arg-type]
        squeezed = 0.2 + scores**3 / 2
        np.testing.assert_array_equal(first, squeezed >= best_global(reference, squeezed, objective))  # type: ignore[arg-type]


def test_a_class_that_is_in_no_clip_or_in_all_takes_the_global_threshold() -> None:
    reference, scores = _drawn(9)
    reference[:, 1], reference[:, 2] = 0, 1
    chosen = choose(reference, scores, fixed=0.5, objective="accuracy_hamming", shrinkage=20.0)
    overall = chosen["validated_global"][0]
    assert chosen["validated_per_class"][1:3] == pytest.approx([overall, overall])
    assert np.isnan(best_per_class(reference, scores)).tolist() == [False, True, True, False]
    own = best_per_class(reference, scores)[[0, 3]]
    expected = (30 * own + 20 * overall) / 50
    assert chosen["validated_per_class"][[0, 3]] == pytest.approx(expected)
    assert not np.allclose(own, overall)
    assert chosen["fixed"].tolist() == [0.5] * 4
    assert shrunk(own, 30, overall, 0.0) == pytest.approx(own)


@pytest.mark.parametrize(("reference", "scores", "message"), [
    (np.zeros((3, 2), np.int64), np.full((3, 2), 0.5), "no validation mixture holds a class"),
    (np.ones((3, 2), np.int64), np.full((3, 3), 0.5), r"scores has the shape \(3, 3\)"),
    (np.ones((3, 2), np.int64), np.full((3, 2), 1.5), "every score must lie in 0..1"),
    (np.full((3, 2), 2), np.full((3, 2), 0.5), "only 0 and 1 are allowed"),
])  # fmt: skip
def test_bad_input_is_one_sentence(reference: Any, scores: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose(reference, scores, fixed=0.5, objective="accuracy_hamming", shrinkage=0.0)
