"""Where an estimate goes wrong: pairs of instruments that are confused, and the clips that it judges worst."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tutti.evaluation.arrays import Floats, ManyHot, decide

WORST = 50  # clips listed for each split and policy
_DIGITS = 6


def confusion(reference: ManyHot, estimate: ManyHot, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return how often one class is missed while another is falsely named in the same clip.

    A clip with two missed and two falsely named classes counts for four pairs: which replaced which is not known.

    Args:
        reference: ``(clip, class)`` many-hot.
        estimate: ``(clip, class)`` many-hot.
        classes: names in label order.

    Returns:
        rows with ``reference`` (the missed class), ``predicted`` (the falsely named one), ``count`` (clips with
        both), ``missed`` (clips that miss the first), ``false_alarms`` (clips that falsely name the second) and
        ``rate`` (count over missed); only pairs that occur, in label order.
    """
    truth, said = reference.astype(bool), estimate.astype(bool)
    missed, false = (truth & ~said).astype(np.int64), (said & ~truth).astype(np.int64)
    counts, n_missed, n_false = missed.T @ false, missed.sum(axis=0), false.sum(axis=0)
    return [
        {
            "reference": classes[first],
            "predicted": classes[second],
            "count": int(counts[first, second]),
            "missed": int(n_missed[first]),
            "false_alarms": int(n_false[second]),
            "rate": float(counts[first, second] / n_missed[first]),
        }
        for first, second in np.argwhere(counts).tolist()
    ]


def worst_clips(
    clips: Sequence[str], reference: ManyHot, scores: Floats, thresholds: Floats, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the clips with the most wrong labels, of those the ones that were wrong with the most confidence.

    Args:
        clips: ids.
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
        thresholds: ``(class,)``.
        classes: names in label order.

    Returns:
        at most 50 items, worst first, none without a mistake: ``clip``, ``polyphony``, the names in ``reference``,
        ``predicted``, ``missed`` and ``false``, their ``scores`` by name, and ``confidence``, which is the sum of the
        distances of the wrong labels' scores from their thresholds.
    """
    estimate = decide(scores, thresholds)
    wrong = estimate != reference.astype(bool)
    confidence = np.round((np.abs(scores - thresholds) * wrong).sum(axis=1), _DIGITS)
    order = np.lexsort((np.arange(len(wrong)), -confidence, -wrong.sum(axis=1)))[:WORST]
    return [
        {"clip": clips[row], "confidence": float(confidence[row])}
        | _labels(reference[row].astype(bool), estimate[row], scores[row], classes)
        for row in order.tolist()
        if wrong[row].any()
    ]


def _labels(truth: ManyHot, said: ManyHot, scores: Floats, classes: Sequence[str]) -> dict[str, Any]:
    def names(where: ManyHot) -> list[str]:
        return [classes[index] for index in np.flatnonzero(where).tolist()]

    return {
        "polyphony": int(truth.sum()),
        "reference": names(truth),
        "predicted": names(said),
        "missed": names(truth & ~said),
        "false": names(said & ~truth),
        "scores": {
            classes[index]: round(float(scores[index]), _DIGITS) for index in np.flatnonzero(truth | said).tolist()
        },
    }
