"""Multi-label metrics of clips: from a many-hot reference and an estimate, or scores.

Everything is counted with a weight per clip, so that the same code gives the point (weights of 1) and all bootstrap
replicates at once: weights are ``(replicate, clip)``, results ``(replicate,)`` or ``(replicate, class)``.

Two rules on what cannot be judged. A class without positives is NaN and left out of macro, weighted and mAP, never 0
or 1 in silence; its false alarms still count in micro and in all clip-wise metrics. A class with positives that is
never estimated has precision 0, as in scikit-learn and in the tables of the papers.
"""

from dataclasses import dataclass

import numpy as np

from tutti.errors import DataError
from tutti.evaluation.arrays import Floats, ManyHot, check_many_hot, check_same_shape, check_scores, decide
from tutti.evaluation.ranking import mean_average_precision


@dataclass(frozen=True)
class Tally:
    """Weighted counts of clips, each ``(..., class)``."""

    hits: Floats
    estimated: Floats
    positives: Floats


@dataclass(frozen=True)
class Scorecard:
    """Precision, recall and F1 of the same shape, each in 0..1 or NaN."""

    precision: Floats
    recall: Floats
    f1: Floats


def validate(reference: ManyHot, estimate: ManyHot) -> None:
    """Check that both are many-hot ``(clip, class)`` arrays of the same shape.

    Raises:
        DataError: when they are not.
    """
    check_many_hot(reference)
    check_same_shape(reference, estimate, "estimate")
    check_many_hot(estimate, "estimate")


def unit_weights(n_clips: int) -> Floats:
    """Return the weights that count every clip once, ``(1, clip)``."""
    return np.ones((1, n_clips))


def tally(reference: ManyHot, estimate: ManyHot, weights: Floats) -> Tally:
    """Count hits, estimated and positive clips of each class.

    Args:
        reference: ``(clip, class)`` many-hot.
        estimate: ``(clip, class)`` many-hot.
        weights: ``(replicate, clip)``, above 0.

    Returns:
        counts ``(replicate, class)``.
    """
    truth, said = reference.astype(np.float64), estimate.astype(np.float64)
    return Tally(weights @ (truth * said), weights @ said, weights @ truth)


def per_class(counts: Tally) -> Scorecard:
    """Return the scorecard of each class, ``(..., class)``; NaN where a class has no positives."""
    judged = counts.positives > 0
    card = _scorecard(counts)
    return Scorecard(*(np.where(judged, values, np.nan) for values in (card.precision, card.recall, card.f1)))


def micro(counts: Tally) -> Scorecard:
    """Return the scorecard of all classes' counts together, ``(...)``."""
    return _scorecard(Tally(*(values.sum(axis=-1) for values in (counts.hits, counts.estimated, counts.positives))))


def macro(counts: Tally) -> Scorecard:
    """Return the mean scorecard of the classes that have positives, ``(...)``; NaN where none has."""
    return _averaged(counts, (counts.positives > 0).astype(np.float64))


def weighted(counts: Tally) -> Scorecard:
    """Return the mean scorecard, classes weighted by their positives, ``(...)``; NaN where none has any."""
    return _averaged(counts, counts.positives)


def samples(reference: ManyHot, estimate: ManyHot) -> Scorecard:
    """Return each clip's own scorecard, ``(clip,)``; a clip of which rightly nothing is said scores 1."""
    truth, said = reference.astype(np.float64), estimate.astype(np.float64)
    card = _scorecard(Tally((truth * said).sum(axis=1), said.sum(axis=1), truth.sum(axis=1)))
    right = (truth.sum(axis=1) == 0) & (said.sum(axis=1) == 0)
    return Scorecard(*(np.where(right, 1.0, values) for values in (card.precision, card.recall, card.f1)))


def exact_match(reference: ManyHot, estimate: ManyHot) -> Floats:
    """Return 1 for each clip whose labels are all right, else 0, ``(clip,)``; its mean is the exact match ratio."""
    return np.asarray((reference == estimate).all(axis=1), dtype=np.float64)


def hamming(reference: ManyHot, estimate: ManyHot) -> Floats:
    """Return each clip's share of right labels, ``(clip,)``: what Chen et al. 2024 print as accuracy."""
    return np.asarray((reference == estimate).mean(axis=1))


def intersection_over_union(reference: ManyHot, estimate: ManyHot) -> Floats:
    """Return the labels of each clip in both over those in either, ``(clip,)``; 1 where both are empty.

    This is the formula that Chen et al. 2024 give for accuracy (also Jaccard index, or multi-label accuracy).
    """
    both = (reference.astype(bool) & estimate.astype(bool)).sum(axis=1)
    either = (reference.astype(bool) | estimate.astype(bool)).sum(axis=1)
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def decisions(reference: ManyHot, estimate: ManyHot, weights: Floats) -> dict[str, Floats]:
    """Return all metrics of an estimate under each row of weights.

    Args:
        reference: ``(clip, class)`` many-hot.
        estimate: ``(clip, class)`` many-hot.
        weights: ``(replicate, clip)``, above 0.

    Returns:
        ``(replicate,)`` by name: precision, recall and F1 as ``micro_``, ``macro_``, ``weighted_`` and ``samples_``,
        then ``emr``, ``hamming`` and ``iou``.
    """
    counts = tally(reference, estimate, weights)
    values: dict[str, Floats] = {}
    for name, card in (("micro", micro(counts)), ("macro", macro(counts)), ("weighted", weighted(counts))):
        values |= {f"{name}_precision": card.precision, f"{name}_recall": card.recall, f"{name}_f1": card.f1}
    own = samples(reference, estimate)
    clipwise = {
        "samples_precision": own.precision,
        "samples_recall": own.recall,
        "samples_f1": own.f1,
        "emr": exact_match(reference, estimate),
        "hamming": hamming(reference, estimate),
        "iou": intersection_over_union(reference, estimate),
    }
    total = weights.sum(axis=1)
    return values | {name: weights @ each / total for name, each in clipwise.items()}


def evaluate(reference: ManyHot, scores: Floats, thresholds: Floats | float) -> dict[str, float]:
    """Return every metric of a set of clips.

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
        thresholds: ``(class,)`` or one for all; a score that reaches its threshold is a detection.

    Returns:
        the metrics of :func:`decisions` and ``map`` by name, each in 0..1 or NaN where it cannot be judged.

    Raises:
        DataError: when shapes differ, the reference is not many-hot or the scores are not in 0..1.
    """
    check_many_hot(reference)
    check_same_shape(reference, scores, "scores")
    check_scores(scores)
    if np.shape(thresholds) not in ((), scores.shape[1:]):
        raise DataError(f"thresholds have the shape {np.shape(thresholds)}: give one, or one for each class")
    weights = unit_weights(len(reference))
    values = decisions(reference, decide(scores, thresholds), weights)
    values["map"] = mean_average_precision(reference, scores, weights)
    return {name: float(value[0]) for name, value in values.items()}


def _scorecard(counts: Tally) -> Scorecard:
    return Scorecard(
        _ratio(counts.hits, counts.estimated),
        _ratio(counts.hits, counts.positives),
        _ratio(2 * counts.hits, counts.estimated + counts.positives),
    )


def _averaged(counts: Tally, weights: Floats) -> Scorecard:
    card, total = _scorecard(counts), weights.sum(axis=-1)
    shares = np.where(total > 0, total, np.nan)
    return Scorecard(*((values * weights).sum(axis=-1) / shares for values in (card.precision, card.recall, card.f1)))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)
