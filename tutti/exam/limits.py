"""Thresholds of the exam: fixed, or chosen on validation mixtures; nothing here ever sees the exam itself.

``fixed`` is one number from ``params.yaml``. ``validated_global`` is the one threshold for all classes that maximises
an objective: the share of right bits (``accuracy_hamming``, what Chen et al. 2024 print) or intersection over union
(``accuracy_iou``, the formula that they give). ``validated_per_class`` maximises the accuracy of each class' own bit
and is drawn towards the global one, since few clips lie near a best cut.

The search is exact: every cut between two neighbouring scores is tried, as well as claiming nothing at all, and the
threshold is the midpoint of the best one. Of several best cuts the highest is taken, which claims the least.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tutti.config import Policy
from tutti.errors import DataError
from tutti.evaluation.arrays import Floats, ManyHot, check_many_hot, check_same_shape, check_scores

Objective = Literal["accuracy_hamming", "accuracy_iou"]
_DECIMALS = 9  # cuts whose objectives agree this far are equal: running sums differ in the last bits


def choose(
    reference: ManyHot, scores: Floats, *, fixed: float, objective: Objective, shrinkage: float
) -> dict[Policy, NDArray[np.float64]]:
    """Return the thresholds of every policy, ``(class,)`` each, in 0..1.

    Args:
        reference: ``(clip, class)`` many-hot, of validation mixtures.
        scores: ``(clip, class)`` in 0..1, of the same clips.
        fixed: the threshold of the policy ``fixed``, 0..1.
        objective: what the global threshold maximises.
        shrinkage: how many clips the global threshold counts for in ``validated_per_class``, 0 or more.

    Raises:
        DataError: when shapes differ, values are out of range, or no clip holds a class.
    """
    check_many_hot(reference)
    check_same_shape(reference, scores, "scores")
    check_scores(scores)
    if not reference.any():
        raise DataError("no validation mixture holds a class: thresholds cannot be chosen, so give it more clips")
    everywhere = np.ones(reference.shape[1])
    overall = best_global(reference, scores, objective)
    return {
        "fixed": fixed * everywhere,
        "validated_global": overall * everywhere,
        "validated_per_class": shrunk(best_per_class(reference, scores), len(reference), overall, shrinkage),
    }


def best_global(reference: ManyHot, scores: Floats, objective: Objective) -> float:
    """Return the one threshold that maximises the objective, the mean over clips.

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
        objective: ``accuracy_hamming`` or ``accuracy_iou``.
    """
    gains = _bit_gains(reference) if objective == "accuracy_hamming" else _iou_gains(reference, scores)
    return _best_cut(scores.astype(np.float64).ravel(), gains.ravel())


def best_per_class(reference: ManyHot, scores: Floats) -> NDArray[np.float64]:
    """Return the threshold that maximises the accuracy of each class' own bit, ``(class,)``.

    It is NaN where a class is in no clip, or in every clip: the best cut would be to say always the same.

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
    """
    best = np.full(reference.shape[1], np.nan)
    gains = _bit_gains(reference)
    for index in np.flatnonzero(reference.any(axis=0) & (reference == 0).any(axis=0)):
        best[index] = _best_cut(scores[:, index].astype(np.float64), gains[:, index])
    return best


def shrunk(best: NDArray[np.float64], n_clips: int, overall: float, shrinkage: float) -> NDArray[np.float64]:
    """Return ``(n * best + shrinkage * overall) / (n + shrinkage)`` for ``n`` clips, ``(class,)``.

    Args:
        best: ``(class,)`` thresholds; those that are NaN become the overall one.
        n_clips: validation clips, above 0.
        overall: the global threshold.
        shrinkage: how many clips the overall threshold counts for, 0 or more.
    """
    return np.where(np.isnan(best), overall, (n_clips * best + shrinkage * overall) / (n_clips + shrinkage))


def _bit_gains(reference: ManyHot) -> NDArray[np.float64]:
    """Return by how many the right bits change when a class is claimed for a clip, ``(clip, class)``: 1 or -1."""
    return np.where(reference > 0, 1.0, -1.0)


def _iou_gains(reference: ManyHot, scores: Floats) -> NDArray[np.float64]:
    """Return by how much a clip's intersection over union changes when a class joins its better-scored ones.

    A clip's classes are claimed in the order of their scores, whatever the other clips do, so that each change is known
    beforehand, and the mean over clips at any threshold is a running sum.

    Returns:
        ``(clip, class)``.
    """
    order = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")
    truth = np.take_along_axis(reference.astype(np.int64), order, axis=1)
    both = np.pad(np.cumsum(truth, axis=1), ((0, 0), (1, 0)))
    either = truth.sum(axis=1, keepdims=True) + np.arange(truth.shape[1] + 1) - both
    values = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    gains = np.empty(reference.shape)
    np.put_along_axis(gains, order, np.diff(values, axis=1), axis=1)
    return gains


def _best_cut(scores: NDArray[np.float64], gains: NDArray[np.float64]) -> float:
    """Return the midpoint below the k best scores, for the first k from 0 on whose objective is the largest.

    Args:
        scores: ``(n,)`` in 0..1.
        gains: ``(n,)``, by how much the objective changes when each is claimed besides all that score higher.
    """
    order = np.argsort(-scores, kind="stable")
    values = np.append(0.0, np.cumsum(gains[order]))  # above what claiming nothing gets
    above, below = np.append(1.0, scores[order]), np.append(scores[order], 0.0)
    possible = np.append(below[:-1] < above[:-1], True)  # equal scores are claimed together
    rank = int(np.argmax(np.where(possible, np.round(values, _DECIMALS), -np.inf)))
    middle = (above[rank] + below[rank]) / 2
    return float(middle if middle > below[rank] else above[rank])
