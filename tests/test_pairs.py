"""Pairs of a positive and a negative clip: balanced, of equally many families, twins and the most confusable ones."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.training.one_vs_all.pairs import Material, Pairs

SIZES = (1, 2, 3)


def material(
    positives: int = 4, negatives: int = 6, sizes: tuple[int, ...] = SIZES, with_twins: bool = True
) -> Material:
    """Return clips of several sizes, so many of each kind in each; the first two positives of each have a twin."""
    kinds = [*([True] * positives), *([False] * negatives)]
    positive, size = np.array(kinds * len(sizes)), np.repeat(sizes, len(kinds))
    twin = np.full(len(positive), -1)
    for first in range(0, len(positive) if with_twins else 0, len(kinds)):
        for number in range(2):
            one, other = first + number, first + positives + number
            twin[[one, other]] = other, one
    return Material(1000 + np.arange(len(positive)), positive, size, twin)


def pairs_of(
    clips: Material, count: int = 200, share: float = 0.5, *, same_size: bool = True, number: int = 5, seed: int = 1
) -> NDArray[np.int64]:
    """Return the pairs of an epoch, ``(pair, 2)``; of one that is late enough for all sizes, unless it is named."""
    batches = Pairs(clips, share, seed).epoch(number, count, 16, same_size=same_size)
    return np.concatenate(list(batches)).reshape(-1, 2)


def are_twins(clips: Material, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(clips.twin[pairs[:, 0]] == pairs[:, 1])


@pytest.mark.parametrize("same_size", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_positive_and_a_negative_come_in_turn(share: float, same_size: bool) -> None:
    clips = material()
    pairs = pairs_of(clips, share=share, same_size=same_size)
    assert pairs.shape == (200, 2)
    assert clips.positive[pairs[:, 0]].all()
    assert not clips.positive[pairs[:, 1]].any()


def test_batches_are_as_large_as_asked_for_and_the_last_one_holds_the_rest() -> None:
    for count, size, expected in ((20, 16, [16, 16, 8]), (16, 16, [16, 16]), (3, 2, [2, 2, 2]), (2, 32, [4])):
        batches = list(Pairs(material(), 0.5, 1).epoch(0, count, size, same_size=True))
        assert [len(batch) for batch in batches] == expected
        assert {batch.dtype for batch in batches} == {np.dtype(np.int64)}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("with_twins", [True, False])
def test_both_of_a_pair_have_equally_many_families_where_it_is_asked_for(share: float, with_twins: bool) -> None:
    clips = material(with_twins=with_twins)
    sizes = clips.size[pairs_of(clips, share=share)]
    assert (sizes[:, 0] == sizes[:, 1]).all()
    assert set(sizes[:, 0].tolist()) == set(SIZES)
    free = clips.size[pairs_of(clips, share=share, same_size=False)]
    assert (free[:, 0] == free[:, 1]).mean() == pytest.approx(1 / 3, abs=4 * 0.034)


def test_each_size_is_as_frequent_as_any_other_however_many_clips_have_it() -> None:
    """Ten times as many clips of size 2: of 600 pairs a third has each size, within 4 sigma."""
    many, few = material(40, 60, (2,), with_twins=False), material(4, 6, (1, 3), with_twins=False)
    clips = Material(
        np.arange(120),
        np.concatenate([many.positive, few.positive]),
        np.concatenate([many.size, few.size]),
        np.full(120, -1),
    )
    sizes = Counter(clips.size[pairs_of(clips, 600)[:, 0]].tolist())
    np.testing.assert_allclose([sizes[size] for size in SIZES], 200, atol=4 * 11.5)


def test_a_size_that_lacks_one_kind_is_left_out_and_none_with_both_leaves_all() -> None:
    positive, size = np.array([1, 1, 0, 0, 1, 0], bool), np.array([3, 2, 2, 0, 2, 2])
    clips = Material(np.arange(6), positive, size, np.full(6, -1))
    used = {place for pair in pairs_of(clips).tolist() for place in pair}
    assert used == {1, 2, 4, 5}
    apart = Material(np.arange(6), positive, 1 + positive.astype(np.int64), np.full(6, -1))
    used = {place for pair in pairs_of(apart).tolist() for place in pair}
    assert used == set(range(6))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_pairs_are_twins(share: float) -> None:
    """By chance, too: half of the positives have a twin, one of six negatives of their size."""
    clips = material()
    found = are_twins(clips, pairs_of(clips, 600, share)).mean()
    expected = share + (1 - share) / 2 / 6
    assert found == pytest.approx(expected, abs=1e-9 if share == 1 else 4 * np.sqrt(expected * (1 - expected) / 600))


def test_every_twin_of_a_positive_is_used_and_no_positive_twin() -> None:
    clips = material()
    assert set(pairs_of(clips, share=1.0)[:, 0].tolist()) == {0, 1, 10, 11, 20, 21}
    clips.positive[4] = True  # its twin, clip 0, is positive, too
    pairs = pairs_of(clips, share=1.0)
    assert set(pairs[:, 0].tolist()) == {1, 10, 11, 20, 21}
    assert not clips.positive[pairs[:, 1]].any()


@pytest.mark.parametrize(("number", "largest"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 9)])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_largest_size_doubles_with_each_epoch(number: int, largest: int, share: float) -> None:
    clips = material(4, 6, tuple(range(1, 10)))
    sizes = clips.size[pairs_of(clips, 400, share, number=number)[:, 0]]
    assert set(sizes.tolist()) == set(range(1, largest + 1))


def test_clips_come_as_they_are_when_sizes_may_differ() -> None:
    """No pair is made of twins but by chance, and every clip is as frequent as any other of its kind."""
    clips = material()
    expected = 0.5 / 18  # half of the positives have a twin, one of eighteen negatives
    found = are_twins(clips, pairs_of(clips, 900, 1.0, same_size=False)).mean()
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected / 900))
    used = Counter(pairs_of(clips, 900, 1.0, same_size=False).ravel().tolist())
    np.testing.assert_allclose(
        [used[place] for place in np.flatnonzero(clips.positive).tolist()], 900 / 12, atol=4 * 8.7
    )
    np.testing.assert_allclose(
        [used[place] for place in np.flatnonzero(~clips.positive).tolist()], 900 / 18, atol=4 * 7.1
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_negative_that_scored_highest_is_preferred_once_it_is_remembered(share: float) -> None:
    """One of ten is among eight candidates with probability 1 - 0.9 ** 8, and is taken at random with 0.1."""
    clips = material(4, 10, (2,), with_twins=False)
    pairs = Pairs(clips, share, 1)

    def share_of(place: int, number: int) -> float:
        drawn = np.concatenate(list(pairs.epoch(number, 800, 16, same_size=True))).reshape(-1, 2)
        return float((drawn[:, 1] == place).mean())

    for number, hardest in enumerate((6, 11)):
        scores = np.full(10, 0.2, np.float32)
        scores[hardest - 4] = 0.9
        pairs.remember(np.arange(4, 14), scores)
        expected = share * (1 - 0.9**8) + (1 - share) * 0.1
        assert share_of(hardest, number) == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 800))


def test_a_clip_that_was_never_seen_counts_as_undecided() -> None:
    clips = material(4, 10, (2,), with_twins=False)
    pairs = Pairs(clips, 1.0, 1)
    pairs.remember(np.arange(4, 13), np.full(9, 0.4, np.float32))
    drawn = np.concatenate(list(pairs.epoch(0, 400, 16, same_size=True))).reshape(-1, 2)
    assert (drawn[:, 1] == 13).mean() == pytest.approx(1 - 0.9**8, abs=4 * 0.025)


def test_pairs_depend_on_seed_epoch_and_scores_only() -> None:
    clips = material(4, 10, with_twins=False)
    first = pairs_of(clips)
    np.testing.assert_array_equal(first, pairs_of(clips))
    for other in (pairs_of(clips, seed=2), pairs_of(clips, number=6)):
        assert not np.array_equal(first, other)
    pairs = Pairs(clips, 0.5, 1)
    list(pairs.epoch(4, 50, 16, same_size=False))  # an epoch does not depend on those before it
    np.testing.assert_array_equal(np.concatenate(list(pairs.epoch(5, 200, 16, same_size=True))), first.ravel())


@pytest.mark.parametrize(("kind", "positive"), [("holds", False), ("lacks", True)])
def test_material_of_one_kind_is_refused(kind: str, positive: bool) -> None:
    clips = Material(np.arange(3), np.full(3, positive), np.ones(3, np.int64), np.full(3, -1))
    with pytest.raises(DataError) as caught:
        clips.check("flute")
    assert str(caught.value) == (
        f"no training clip {kind} class 'flute': a binary needs clips of both kinds; correct its entry under classes, "
        "or give the corpus more notes"
    )
    material().check("flute")
