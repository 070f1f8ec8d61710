"""Maps of activations by t-SNE (van der Maaten & Hinton 2008), and a number for what they seem to show.

A map may show groups where there are none and tear apart what belongs together, so how well instruments separate is
counted on the activations themselves: by a vote of the nearest other samples.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

FEWEST = 3  # samples that a map can hold
_CHUNK = 256  # samples whose distances to all others stand in memory at once


def flat_map(activations: Float32, perplexity: float, seed: int) -> Float32:
    """Place samples on a plane so that neighbours stay neighbours; the same input gives the same map.

    It starts from the two main axes and runs on one core, because the order in which several add up changes a map.

    Args:
        activations: ``(sample, unit)``.
        perplexity: roughly how many neighbours count for each sample; at most a third of the other samples are taken.
        seed: of the search for the main axes.

    Returns:
        ``(sample, 2)`` float32; all 0 where the samples do not differ, as in a layer whose units are all dead.

    Raises:
        DataError: when there are fewer than three samples.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(activations) < FEWEST:
        raise DataError(
            f"a map needs at least {FEWEST} windows and there are {len(activations)}: raise samples_per_instrument, "
            "or make more clips in which one instrument plays alone"
        )
    values = np.pad(activations, ((0, 0), (0, max(0, 2 - activations.shape[1]))))  # two main axes need two units
    if (values == values[0]).all():
        return np.zeros((len(values), 2), np.float32)
    most = (len(values) - 1) / 3
    with threadpool_limits(1):
        search = TSNE(2, perplexity=min(perplexity, most), init="pca", random_state=seed, n_jobs=1)
        return np.asarray(search.fit_transform(values), np.float32)


def neighbour_accuracy(activations: Float32, instruments: Int64, sources: Sequence[Hashable], neighbours: int) -> float:
    """Return how often the nearest other samples name a sample's instrument.

    Each sample is left out in turn, and with it all of its own source: a model recognises a recording far more
    easily than an instrument. Among instruments with equally many votes the one with the nearest sample wins; a
    sample without a neighbour is counted as wrong.

    Args:
        activations: ``(sample, unit)``; distances between them are Euclidean.
        instruments: ``(sample,)`` class numbers.
        sources: where each sample was recorded; those with equal values never vote for each other.
        neighbours: how many vote; all there are where there are fewer.

    Returns:
        A share, 0..1; NaN without samples.
    """
    numbers: dict[Hashable, int] = {}
    source = np.array([numbers.setdefault(each, len(numbers)) for each in sources], np.int64)
    points = activations.astype(np.float64)
    right = [
        _vote(row, instruments, neighbours) == own
        for first in range(0, len(points), _CHUNK)
        for row, own in zip(
            _distances(points, source, slice(first, first + _CHUNK)), instruments[first : first + _CHUNK], strict=True
        )
    ]
    return float(np.mean(right)) if right else float("nan")


def chance(instruments: Int64) -> float:
    """Return what naming the commonest instrument of ``(sample,)`` always would score, 0..1; NaN without samples."""
    return float(np.bincount(instruments).max() / len(instruments)) if len(instruments) else float("nan")


def _distances(points: Float64, source: Int64, rows: slice) -> Float64:
    """Return the distances of some samples to all, infinite to those of their own source."""
    from scipy.spatial.distance import cdist

    found = np.asarray(cdist(points[rows], points), np.float64)
    found[source[rows, None] == source[None, :]] = np.inf
    return found


def _vote(distances: Float64, instruments: Int64, neighbours: int) -> int:
    """Return the class that the nearest samples name, -1 where there is none."""
    order = np.argsort(distances, kind="stable")[:neighbours]
    named = instruments[order[np.isfinite(distances[order])]]
    if not len(named):
        return -1
    votes = np.bincount(named)
    return int(next(each for each in named if votes[each] == votes.max()))
