"""Aggregation, metrics and mistakes: against scikit-learn, by hand, and on bad input."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as oracle

from tutti.errors import DataError, ParameterError
from tutti.evaluation import metrics
from tutti.evaluation.aggregation import aggregate
from tutti.evaluation.arrays import decide
from tutti.evaluation.mistakes import WORST, confusion, worst_clips
from tutti.evaluation.ranking import average_precision, mean_average_precision

Array = NDArray[Any]


def draw(seed: int, n_clips: int = 60, n_classes: int = 7, empty_class: bool = False) -> tuple[Array, Array]:
    """Return a random reference ``(clip, class)`` and scores with ties that are somewhat right."""
    random = np.random.default_rng(seed)
    reference = (random.random((n_clips, n_classes)) < 0.3).astype(np.uint8)
    reference[0] = 1
    if empty_class:
        reference[:, 2] = 0
    scores = np.round(0.4 * reference + 0.6 * random.random(reference.shape), 1)
    return reference, scores


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("empty_class", [False, True])
def test_every_metric_agrees_with_scikit_learn(seed: int, empty_class: bool) -> None:
    reference, scores = draw(seed, empty_class=empty_class)
    estimate, judged = scores >= 0.5, reference.any(axis=0)
    found = metrics.evaluate(reference, scores, 0.5)
    for average in ("micro", "macro", "weighted"):
        columns = slice(None) if average == "micro" else judged
        expected = oracle.precision_recall_fscore_support(
            reference[:, columns], estimate[:, columns], average=average, zero_division=0
        )
        assert [found[f"{average}_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(expected[:3])
    expected_f1 = oracle.f1_score(reference, estimate, average="samples", zero_division=1)
    assert found["samples_f1"] == pytest.approx(expected_f1)
    assert found["emr"] == pytest.approx(oracle.accuracy_score(reference, estimate))
    assert found["hamming"] == pytest.approx(1 - oracle.hamming_loss(reference, estimate))
    iou = oracle.jaccard_score(reference, estimate, average="samples", zero_division=1)
    assert found["iou"] == pytest.approx(iou)
    expected_map = oracle.average_precision_score(reference[:, judged], scores[:, judged], average="macro")
    assert found["map"] == pytest.approx(expected_map)


@pytest.mark.parametrize("seed", range(3))
def test_samples_agree_with_scikit_learn_where_no_clip_is_empty(seed: int) -> None:
    reference, scores = draw(seed)
    reference[:, 0] = 1
    expected = oracle.precision_recall_fscore_support(reference, scores >= 0.5, average="samples", zero_division=0)
    found = metrics.evaluate(reference, scores, 0.5)
    assert [found[f"samples_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(expected[:3])


def test_each_class_agrees_with_scikit_learn() -> None:
    reference, scores = draw(3)
    card = metrics.per_class(metrics.tally(reference, scores >= 0.6, metrics.unit_weights(len(scores))))
    precision, recall, f1, _ = oracle.precision_recall_fscore_support(reference, scores >= 0.6, zero_division=0)
    np.testing.assert_allclose(np.stack([card.precision[0], card.recall[0], card.f1[0]]), [precision, recall, f1])


def test_weights_mean_the_same_as_repeated_clips() -> None:
    reference, scores = draw(4)
    times = np.random.default_rng(0).integers(1, 5, len(scores))
    often = metrics.evaluate(np.repeat(reference, times, axis=0), np.repeat(scores, times, axis=0), 0.5)
    weights = times[None].astype(np.float64)
    weighted = metrics.decisions(reference, scores >= 0.5, weights)
    weighted["map"] = mean_average_precision(reference, scores, weights)
    assert {name: value[0] for name, value in weighted.items()} == pytest.approx(often)


def test_average_precision_weights_agree_with_scikit_learn() -> None:
    reference, scores = draw(5)
    weights = np.random.default_rng(1).exponential(size=(4, len(scores)))
    expected = [oracle.average_precision_score(reference, scores, average=None, sample_weight=row) for row in weights]
    np.testing.assert_allclose(average_precision(reference, scores, weights), expected)


def test_perfect_scores_are_one_and_wrong_ones_zero() -> None:
    reference, _ = draw(6)
    right = metrics.evaluate(reference, reference.astype(np.float64), 0.5)
    assert set(right.values()) == {1.0}
    wrong = metrics.evaluate(reference, 1.0 - reference, 0.5)
    assert {value for name, value in wrong.items() if name != "map"} == {0.0}
    assert wrong["map"] < 0.5


def test_saying_nothing_has_chen_s_floor() -> None:
    """Eleven sizes 0..10 of ten families: 50 % Hamming and 9 % EMR for a detector that never says anything."""
    reference = np.tril(np.ones((11, 10), np.uint8), -1)
    found = metrics.evaluate(reference, np.zeros((11, 10)), 0.5)
    assert (found["hamming"], found["emr"], found["iou"]) == pytest.approx((0.5, 1 / 11, 1 / 11))
    assert (found["micro_f1"], found["macro_f1"], found["samples_f1"]) == pytest.approx((0, 0, 1 / 11))


def test_both_empty_counts_one_and_one_empty_counts_nought() -> None:
    reference, estimate = np.array([[0, 0], [1, 0], [0, 0]]), np.array([[0, 0], [0, 0], [0, 1]])
    assert metrics.intersection_over_union(reference, estimate).tolist() == [1, 0, 0]
    assert metrics.samples(reference, estimate).f1.tolist() == [1, 0, 0]


def test_hamming_and_iou_differ_as_in_chen() -> None:
    reference, estimate = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])
    assert metrics.hamming(reference, estimate)[0] == 0.5
    assert metrics.intersection_over_union(reference, estimate)[0] == pytest.approx(1 / 3)


def test_a_class_without_positives_is_nan_and_left_out() -> None:
    reference = np.array([[1, 0], [1, 0], [0, 0]])
    scores = np.array([[0.9, 0.8], [0.8, 0.1], [0.1, 0.2]])
    counts = metrics.tally(reference, decide(scores, 0.5), metrics.unit_weights(3))
    card = metrics.per_class(counts)
    assert np.isnan([card.precision[0, 1], card.recall[0, 1], card.f1[0, 1]]).all()
    assert np.isnan(average_precision(reference, scores, metrics.unit_weights(3))[0, 1])
    found = metrics.evaluate(reference, scores, 0.5)
    assert (found["macro_f1"], found["weighted_f1"], found["map"]) == (1, 1, 1)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (3 + 2)), "its false alarm still counts in micro"


def test_without_any_positive_class_averages_are_nan() -> None:
    found = metrics.evaluate(np.zeros((4, 3), np.uint8), np.full((4, 3), 0.2), 0.5)
    assert all(math.isnan(found[name]) for name in ("macro_f1", "weighted_f1", "map"))
    assert found["emr"] == 1


def test_a_class_that_is_never_named_has_precision_nought() -> None:
    card = metrics.per_class(metrics.tally(np.array([[1], [0]]), np.zeros((2, 1), bool), metrics.unit_weights(2)))
    assert (card.precision[0, 0], card.recall[0, 0], card.f1[0, 0]) == (0, 0, 0)


def test_map_is_not_the_mean_of_precisions() -> None:
    reference, scores = np.array([[1], [0], [1], [0]]), np.array([[0.9], [0.8], [0.7], [0.1]])
    assert metrics.evaluate(reference, scores, 0.05)["map"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.evaluate(reference, scores, 0.05)["macro_precision"] == 0.5


def test_a_score_that_reaches_its_threshold_is_a_detection() -> None:
    assert decide(np.array([[0.5, 0.5]]), np.array([0.5, 0.51])).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("reference", "scores", "message"),
    [
        (np.array([0, 1]), np.array([0.1, 0.2]), r"reference has the shape \(2,\)"),
        (np.zeros((0, 3), int), np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.array([[0, 2]]), np.array([[0.1, 0.2]]), "holds 2 at row 0, class 1"),
        (np.array([[0, 1]]), np.array([[0.1]]), r"scores has the shape \(1, 1\)"),
        (np.array([[0, 1]]), np.array([[0.1, np.nan]]), "hold nan at row 0, class 1"),
        (np.array([[0, 1]]), np.array([[0.1, 1.5]]), "hold 1.5 at row 0"),
        (np.array([[0, 1]]), np.array([[-0.1, 1.0]]), "hold -0.1 at row 0"),
    ],
)
def test_bad_arrays_are_refused(reference: Array, scores: Array, message: str) -> None:
    with pytest.raises(DataError, match=message):
        metrics.evaluate(reference, scores, 0.5)


def test_thresholds_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"thresholds have the shape \(3,\)"):
        metrics.evaluate(np.array([[0, 1]]), np.array([[0.1, 0.2]]), np.array([0.1, 0.2, 0.3]))


def test_validate_names_the_estimate() -> None:
    with pytest.raises(DataError, match="estimate holds 3"):
        metrics.validate(np.array([[0, 1]]), np.array([[0, 3]]))


WINDOWS = np.array([[0.2, 0.4, 0.0], [0.6, 0.2, 0.0], [0.0, 0.0, 0.0], [0.1, 0.3, 0.2]])
CLIP = np.array([1, 1, 0, 2])


def test_s1_is_the_mean_of_a_clip_s_windows() -> None:
    expected = np.array([[0, 0, 0], [0.4, 0.3, 0], [0.1, 0.3, 0.2]])
    np.testing.assert_allclose(aggregate(WINDOWS, CLIP, 3, "s1"), expected)


def test_s2_is_relative_to_the_clip_s_largest_class() -> None:
    expected = np.array([[0, 0, 0], [1, 0.75, 0], [1 / 3, 1, 2 / 3]])
    np.testing.assert_allclose(aggregate(WINDOWS, CLIP, 3, "s2"), expected)


@pytest.mark.parametrize("method", ["s1", "s2"])
def test_aggregation_does_not_depend_on_the_order_of_windows(method: str) -> None:
    random = np.random.default_rng(0)
    scores, clip = random.random((40, 5)).astype(np.float32), np.repeat(np.arange(8), 5)
    order = random.permutation(40)
    first = aggregate(scores, clip, 8, method)
    np.testing.assert_allclose(first, aggregate(scores[order], clip[order], 8, method))
    assert first.min() >= 0
    assert first.max() <= 1


@pytest.mark.parametrize(
    ("scores", "clip", "n_clips", "message"),
    [
        (WINDOWS, CLIP, 4, "clip 3 has no window"),
        (WINDOWS, CLIP, 2, "belongs to clip 2: only 0..1"),
        (WINDOWS, CLIP[:2], 3, "4 windows have 2 clip indices"),
        (WINDOWS * np.nan, CLIP, 3, "hold nan"),
    ],
)
def test_bad_windows_are_refused(scores: Array, clip: Array, n_clips: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        aggregate(scores, clip, n_clips, "s1")


def test_an_unknown_aggregation_lists_the_known() -> None:
    with pytest.raises(ParameterError, match="'mean' is unknown: choose one of s1, s2"):
        aggregate(WINDOWS, CLIP, 3, "mean")


NAMES = ("oboe", "sitar", "taiko")


def test_confusion_counts_misses_beside_false_alarms() -> None:
    reference = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]])
    estimate = np.array([[0, 1, 0], [0, 1, 1], [0, 1, 0], [0, 0, 1]])
    rows = {(row["reference"], row["predicted"]): row for row in confusion(reference, estimate, NAMES)}
    assert set(rows) == {("oboe", "sitar"), ("oboe", "taiko")}
    sitar = rows["oboe", "sitar"]
    assert (sitar["count"], sitar["missed"], sitar["false_alarms"]) == (2, 3, 2)
    assert sitar["rate"] == pytest.approx(2 / 3)


def test_worst_clips_go_by_wrong_labels_then_confidence() -> None:
    reference = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    scores = np.array([[0.4, 0.1, 0.1], [0.1, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.9, 0.1]])
    found = worst_clips(["a", "b", "c", "d"], reference, scores, np.full(3, 0.5), NAMES)
    assert [item["clip"] for item in found] == ["c", "b", "a"], "d has no mistake"
    assert found[0]["missed"] == ["oboe"]
    assert found[0]["false"] == found[0]["predicted"] == ["sitar"]
    assert found[0]["scores"] == {"oboe": 0.3, "sitar": 0.6}
    assert found[0]["confidence"] == pytest.approx(0.2 + 0.1)


def test_no_more_than_the_worst_are_listed() -> None:
    reference, scores = draw(7, n_clips=200)
    clips = [str(index) for index in range(200)]
    assert len(worst_clips(clips, reference, scores, np.full(7, 0.5), [f"i{index}" for index in range(7)])) == WORST
