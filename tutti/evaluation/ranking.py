"""Average precision: how well scores rank the clips of each class, whatever the threshold."""

import numpy as np

from tutti.evaluation.arrays import Floats, ManyHot


def average_precision(reference: ManyHot, scores: Floats, weights: Floats) -> Floats:
    """Return each class' average precision under each row of weights.

    It is the mean over a class' positive clips of the precision among the clips that score at least as high (the
    step-wise area under the precision-recall curve, without interpolation, as in scikit-learn).

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
        weights: ``(replicate, clip)``, above 0.

    Returns:
        ``(replicate, class)`` in 0..1; NaN where a class has no positives.
    """
    by_clip = np.ascontiguousarray(weights.T)
    values = np.full((len(weights), reference.shape[1]), np.nan)
    for index in np.flatnonzero(reference.any(axis=0)):
        values[:, index] = _one_class(reference[:, index], scores[:, index], by_clip)
    return values


def mean_average_precision(reference: ManyHot, scores: Floats, weights: Floats) -> Floats:
    """Return mAP under each row of weights, ``(replicate,)``: the mean over the classes that have positives.

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
        weights: ``(replicate, clip)``, above 0.
    """
    judged = reference.any(axis=0)
    if not judged.any():
        return np.full(len(weights), np.nan)
    return np.asarray(average_precision(reference[:, judged], scores[:, judged], weights).mean(axis=1))


def _one_class(reference: ManyHot, scores: Floats, weights: Floats) -> Floats:
    """Return the average precision of one class, ``(replicate,)``; weights are ``(clip, replicate)``."""
    order = np.argsort(-scores, kind="stable")
    ordered = weights[order]
    ranks = np.flatnonzero(reference[order])
    ends = np.searchsorted(-scores[order], -scores[order][ranks], side="right")
    positive = ordered[ranks]
    hits = np.cumsum(positive, axis=0)[np.searchsorted(ranks, ends) - 1]
    above = _sums_up_to(ordered, ends)
    return np.asarray((positive * hits / above).sum(axis=0) / positive.sum(axis=0))


def _sums_up_to(rows: Floats, ends: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Return the sum of the first ``end`` rows for each of the ascending ends, ``(end, column)``."""
    stops, index = np.unique(ends, return_inverse=True)
    starts = np.concatenate(([0], stops[:-1]))
    return np.asarray(np.cumsum(np.add.reduceat(rows[: stops[-1]], starts, axis=0), axis=0)[index])
