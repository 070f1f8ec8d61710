"""Maps and the neighbours' vote: determinism, separation, edges, and the vote from its definition."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tutti.errors import DataError
from tutti.inside.maps import chance, flat_map, neighbour_accuracy


def clusters(distance: float, count: int = 8, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    instruments = np.repeat(np.arange(3), count)
    points = random.normal(size=(3, 10))[instruments] * distance + random.normal(size=(3 * count, 10))
    return points.astype(np.float32), instruments


def test_the_same_activations_give_the_same_map() -> None:
    points, _ = clusters(3)
    first, again = flat_map(points, 5, 1), flat_map(points, 5, 1)
    assert first.shape == (24, 2)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)


def test_groups_that_are_far_apart_stay_apart() -> None:
    points, instruments = clusters(20)
    places = flat_map(points, 5, 1)
    assert neighbour_accuracy(places, instruments, range(24), 3) == 1


@pytest.mark.parametrize("count", [3, 4, 7])
def test_few_samples_have_a_map_at_any_perplexity(count: int) -> None:
    assert np.isfinite(flat_map(clusters(2)[0][:count], 30, 1)).all()


def test_two_samples_have_none() -> None:
    with pytest.raises(DataError, match=r"at least 3 windows and there are 2: raise samples_per_instrument"):
        flat_map(np.zeros((2, 4), np.float32), 30, 1)


def test_a_dead_layer_lies_in_one_place_and_a_single_unit_has_a_map() -> None:
    assert not flat_map(np.ones((6, 4), np.float32), 5, 1).any()
    assert np.isfinite(flat_map(clusters(2)[0][:, :1], 5, 1)).all()


def vote(points: Any, instruments: Any, sources: Any, neighbours: int) -> float:
    """The vote from its definition."""
    right = 0
    for row, point in enumerate(points):
        others = [each for each in range(len(points)) if sources[each] != sources[row]]
        near = sorted(others, key=lambda each: math.dist(points[each], point))[:neighbours]
        counts = Counter(int(instruments[each]) for each in near)
        winners = [int(instruments[each]) for each in near if counts[int(instruments[each])] == max(counts.values())]
        right += bool(winners) and winners[0] == instruments[row]
    return right / len(points)


@pytest.mark.parametrize("neighbours", [1, 2, 5, 100])
def test_the_vote_is_that_of_its_definition(neighbours: int) -> None:
    points, instruments = clusters(0.7, count=100)  # more than are measured at once
    sources = np.arange(300) // 4
    found = neighbour_accuracy(points, instruments, sources.tolist(), neighbours)
    assert found == pytest.approx(vote(points.tolist(), instruments, sources, neighbours))


def test_random_activations_are_named_by_chance() -> None:
    points, instruments = clusters(0.0, count=200)
    assert abs(neighbour_accuracy(points, instruments, range(600), 5) - chance(instruments)) < 0.06


def test_samples_of_one_recording_do_not_vote_for_each_other() -> None:
    """Two windows of each recording are alike, and its instrument is nowhere else: only copies would be named."""
    points = np.repeat(np.arange(6.0, dtype=np.float32)[:, None] * 10, 2, axis=0)
    instruments = np.repeat(np.arange(6), 2)
    recordings = [(f"recording {number}",) for number in instruments]
    assert neighbour_accuracy(points, instruments, range(12), 1) == 1
    assert neighbour_accuracy(points, instruments, recordings, 1) == 0
    assert neighbour_accuracy(points, np.zeros(12, np.int64), ["one"] * 12, 1) == 0  # nobody is left to vote


def test_chance_is_the_commonest_instrument() -> None:
    assert chance(np.array([0, 1, 1, 2])) == 0.5
    assert math.isnan(chance(np.zeros(0, np.int64)))
    assert math.isnan(neighbour_accuracy(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), [], 3))
