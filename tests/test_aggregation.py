"""The family of aggregations: its formulas and limits, its names, and which member validation chooses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from tutti.config import POLICIES, EvaluationConfig
from tutti.errors import ParameterError
from tutti.evaluation.aggregation import FAMILY, Aggregation, aggregate, named
from tutti.evaluation.aggregations import chosen_aggregation
from tutti.evaluation.scored import ScoredSet, WindowScores
from tutti.evaluation.thresholds import Thresholds, read_thresholds, write_thresholds
from tutti.labels import Labels

Array = NDArray[Any]
RANDOM = np.random.default_rng(8)
LENGTHS = (1, 3, 7, 20)
SCORES = RANDOM.random((sum(LENGTHS), 5)).astype(np.float32)
CLIP = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
CONFIG = EvaluationConfig(
    aggregation="adaptive", fixed_threshold=0.5, objective="macro_f1", shrinkage=10.0, confidence=0.95,
    min_active_seconds=0.25,
)  # fmt: skip


def member(sharpness: float, relative: float) -> Array:
    return aggregate(SCORES, CLIP, len(LENGTHS), Aggregation(sharpness, relative).name)


def test_s1_is_equation_1_and_s2_equation_2_of_the_paper() -> None:
    pieces = [SCORES[clip == CLIP].astype(np.float64) for clip in range(len(LENGTHS))]
    means = np.stack([piece.mean(axis=0) for piece in pieces])
    sums = np.stack([piece.sum(axis=0) for piece in pieces])
    np.testing.assert_allclose(aggregate(SCORES, CLIP, 4, "s1"), means, rtol=1e-12)
    np.testing.assert_allclose(aggregate(SCORES, CLIP, 4, "s2"), sums / sums.max(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(aggregate(SCORES, CLIP, 4, "s1"), member(0, 0))
    np.testing.assert_array_equal(aggregate(SCORES, CLIP, 4, "s2"), member(0, 1))


@pytest.mark.parametrize("sharpness", [1.0, 4.0, 16.0])
def test_sharpness_is_softmax_pooling(sharpness: float) -> None:
    for clip in range(len(LENGTHS)):
        own = SCORES[clip == CLIP].astype(np.float64)
        expected = (own * softmax(sharpness * own, axis=0)).sum(axis=0)
        np.testing.assert_allclose(member(sharpness, 0)[clip], expected, rtol=1e-9)


def test_sharpness_goes_from_the_mean_to_the_maximum() -> None:
    highest = np.stack([SCORES[clip == CLIP].max(axis=0) for clip in range(len(LENGTHS))])
    values = np.stack([member(sharpness, 0) for sharpness in (0, 1, 2, 4, 8, 16, 100, 10000)])
    assert (np.diff(values[:, 1:], axis=0) >= -1e-12).all()
    assert (values[:-1] < highest + 1e-7).all()
    np.testing.assert_allclose(values[-1], highest, rtol=1e-5)
    np.testing.assert_allclose(values[:, 0], np.broadcast_to(SCORES[:1], (8, 5)), rtol=1e-6)  # a clip of one window


def test_relative_divides_by_a_power_of_the_largest_class() -> None:
    plain = member(2, 0)
    largest = plain.max(axis=1, keepdims=True)
    np.testing.assert_allclose(member(2, 0.5), plain / np.sqrt(largest), rtol=1e-12)
    np.testing.assert_allclose(member(2, 1), plain / largest, rtol=1e-12)
    assert (member(2, 1).max(axis=1) == 1).all()


@pytest.mark.parametrize("each", FAMILY, ids=lambda each: each.name)
def test_every_member_stays_in_range_keeps_nought_and_the_order_of_classes(each: Aggregation) -> None:
    assert aggregate(np.zeros((3, 2)), np.zeros(3, int), 1, each.name).tolist() == [[0, 0]]
    assert aggregate(np.ones((3, 2)), np.zeros(3, int), 1, each.name).tolist() == [[1, 1]]
    found = member(each.sharpness, each.relative)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found.argmax(axis=1), member(each.sharpness, 0).argmax(axis=1))


@pytest.mark.parametrize("each", FAMILY, ids=lambda each: each.name)
def test_names_come_back_from_thresholds_json(each: Aggregation, tmp_path: Path) -> None:
    limits: Any = {policy: np.array([0.5]) for policy in POLICIES}
    write_thresholds(tmp_path, Thresholds(each.name, ("flute",), limits))
    assert named(read_thresholds(tmp_path).aggregation) == each


def test_names_differ_and_the_papers_are_their_own() -> None:
    assert len({each.name for each in FAMILY}) == len(FAMILY)
    assert (named("s1"), named("s2")) == (Aggregation(0, 0), Aggregation(0, 1))
    assert {named("s1"), named("s2")} < set(FAMILY)


@pytest.mark.parametrize("name", ["adaptive", "S2", "sharpness x, relative 1", "sharpness 1.2.3, relative 1", ""])
def test_a_name_of_no_member_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=r"is unknown: choose one of s1, s2"):
        named(name)


def scored(windows: list[list[list[float]]], reference: list[list[int]]) -> ScoredSet:
    """Return a validation set of clips with the scores of their windows."""
    names = tuple("abcdefgh"[: len(reference[0])])
    clips = tuple(f"{number}" for number in range(len(windows)))
    truth = np.array(reference, np.uint8)
    labels = Labels(clips, names, truth, tuple((clip,) for clip in clips), truth.sum(axis=1).astype(np.int64))
    clip = np.repeat(np.arange(len(windows)), [len(each) for each in windows])
    scores = np.array([row for each in windows for row in each])
    by_clip = aggregate(scores, clip, len(windows), "s1")
    return ScoredSet("mixed_validation", labels, by_clip, {}, WindowScores(scores, clip, np.zeros(len(clip)), 1.0))


def chosen(data: ScoredSet, aggregation: str = "adaptive", objective: str = "macro_f1") -> str:
    return chosen_aggregation(data, CONFIG.model_copy(update={"aggregation": aggregation, "objective": objective}))


# An instrument that is there all the time at 0.5, against single windows that are wrongly sure.
STEADY = scored(
    [[[0.5, 0.0]] * 10, [[0.9, 0.9]] + [[0.0, 0.0]] * 9, [[0.0, 0.5]] * 10, [[0.9, 0.9]] + [[0.0, 0.0]] * 9],
    [[1, 0], [0, 0], [0, 1], [0, 0]],
)
# Soft clips and loud ones: what leads scores 0.2 in the soft and 0.9 in the loud ones, where others reach 0.4.
UNEVEN = scored(
    [[[0.2, 0.05]] * 4, [[0.05, 0.2]] * 4, [[0.9, 0.4]] * 4, [[0.4, 0.9]] * 4],
    [[1, 0], [0, 1], [1, 0], [0, 1]],
)


@pytest.mark.parametrize(("other", "sharpness"), [(0.05, 0), (0.15, 1), (0.3, 2), (0.7, 4), (0.88, 8), (0.8996, 16)])
@pytest.mark.parametrize("objective", ["macro_f1", "micro_f1"])
def test_where_one_sure_window_is_enough_the_least_sharp_member_that_hears_it_wins(
    other: float, sharpness: float, objective: str
) -> None:
    """One window of ten scores 0.9: its clip gets 0.9 / (1 + 9 exp(-0.9 sharpness)), which must be above ``other``."""
    brief = scored(
        [[[0.9, other]] + [[0.0, other]] * 9, [[other, 0.0]] * 10, [[0.0, 0.9]] + [[other, 0.0]] * 9,
         [[0.0, other]] * 10],
        [[1, 0], [0, 0], [0, 1], [0, 0]],
    )  # fmt: skip
    heard = [each for each in (0, 1, 2, 4, 8, 16) if 0.9 / (1 + 9 * np.exp(-0.9 * each)) > other]
    assert heard[0] == sharpness
    assert named(chosen(brief, objective=objective)) == Aggregation(sharpness, 0)


@pytest.mark.parametrize("objective", ["macro_f1", "micro_f1"])
def test_where_single_windows_mislead_the_mean_wins(objective: str) -> None:
    assert chosen(STEADY, objective=objective) == "s1"


@pytest.mark.parametrize("objective", ["macro_f1", "micro_f1"])
def test_where_clips_are_unevenly_sure_a_relative_member_wins(objective: str) -> None:
    assert named(chosen(UNEVEN, objective=objective)) == Aggregation(0.0, 0.5)


def test_of_equals_the_first_is_taken() -> None:
    perfect = scored([[[1.0, 0.0]], [[0.0, 1.0]]], [[1, 0], [0, 1]])
    assert chosen(perfect) == FAMILY[0].name == "s1"


@pytest.mark.parametrize("name", ["s1", "s2"])
@pytest.mark.parametrize("data", [STEADY, UNEVEN])
def test_what_is_set_is_not_chosen(name: str, data: ScoredSet) -> None:
    assert chosen(data, name) == name


def test_another_aggregation_leaves_all_else_of_a_set() -> None:
    other = UNEVEN.under("s2")
    np.testing.assert_array_equal(other.scores, aggregate(UNEVEN.windows.scores, UNEVEN.windows.clip, 4, "s2"))
    assert other.labels is UNEVEN.labels
    np.testing.assert_array_equal(other.under("s1").scores, UNEVEN.scores)
