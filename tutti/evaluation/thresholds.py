"""Thresholds: fixed, or chosen on validation clips; nothing here ever sees test data.

``fixed`` is one number from ``params.yaml`` (0.5 in Meas & Moieni 2025). ``validated_global`` is the one threshold for
all classes that maximises an objective. ``validated_per_class`` maximises each class' own F1, what Han, Kim & Lee 2017
wish for in section V, and is drawn towards the global one where a class has few positives to choose it by.

The objective is macro F1 unless ``params.yaml`` says micro F1: micro F1 would settle for the instruments that are easy
and frequent, whereas a corpus of rare instruments asks for each of them alike.

The search is exact. Only the order of scores matters, so every cut between two neighbouring scores is tried, and the
threshold is the midpoint of the best one: decisions on the validation clips stay the same under any increasing
transform of the scores. Of several best cuts the highest is taken, which claims the least.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tutti.config import POLICIES, Policy
from tutti.errors import DataError
from tutti.evaluation.arrays import Floats, ManyHot, check_many_hot, check_same_shape, check_scores
from tutti.store import read_json, write_json

Objective = Literal["micro_f1", "macro_f1"]
FILE = "thresholds.json"
_DECIMALS = 12  # cuts whose objectives agree this far are equal: running sums differ in the last bits


@dataclass(frozen=True, eq=False)
class Thresholds:
    """The thresholds of one model, and what scores they belong to.

    Attributes:
        aggregation: how windows became clips, ``s1`` or ``s2``.
        classes: names in label order.
        thresholds: ``(class,)`` in 0..1 by policy; a score that reaches its threshold is a detection.
    """

    aggregation: str
    classes: tuple[str, ...]
    thresholds: dict[Policy, NDArray[np.float64]]


def choose(
    reference: ManyHot, scores: Floats, *, fixed: float, objective: Objective, shrinkage: float
) -> dict[Policy, NDArray[np.float64]]:
    """Return the thresholds of every policy, ``(class,)`` each, in 0..1.

    Args:
        reference: ``(clip, class)`` many-hot, of validation clips.
        scores: ``(clip, class)`` in 0..1, of the same clips.
        fixed: the threshold of the policy ``fixed``, 0..1.
        objective: what the global threshold maximises.
        shrinkage: how many positives the global threshold counts for in ``validated_per_class``, 0 or more.

    Raises:
        DataError: when shapes differ, values are out of range, or no clip has a label.
    """
    check_many_hot(reference)
    check_same_shape(reference, scores, "scores")
    check_scores(scores)
    if not reference.any():
        raise DataError("no validation clip has a label: thresholds cannot be chosen, so give validation more clips")
    everywhere = np.ones(reference.shape[1])
    overall = best_global(reference, scores, objective)
    return {
        "fixed": fixed * everywhere,
        "validated_global": overall * everywhere,
        "validated_per_class": shrunk(reference, best_per_class(reference, scores), overall, shrinkage),
    }


def best_global(reference: ManyHot, scores: Floats, objective: Objective) -> float:
    """Return the one threshold that maximises micro or macro F1 over all classes with positives.

    Args:
        reference: ``(clip, class)`` many-hot, with a positive at least.
        scores: ``(clip, class)`` in 0..1.
        objective: ``micro_f1`` or ``macro_f1``.
    """
    flat = scores.astype(np.float64).ravel()
    order = np.argsort(-flat, kind="stable")
    if objective == "micro_f1":
        values = _f1_by_rank(reference.ravel()[order])
    else:
        gains = np.stack([_gains(*columns) for columns in zip(reference.T, scores.T, strict=True)], axis=1)
        values = np.cumsum(gains.ravel()[order]) / reference.any(axis=0).sum()
    return _best_cut(flat[order], values)


def best_per_class(reference: ManyHot, scores: Floats) -> NDArray[np.float64]:
    """Return the threshold that maximises each class' F1, ``(class,)``; NaN where a class has no positives.

    Args:
        reference: ``(clip, class)`` many-hot.
        scores: ``(clip, class)`` in 0..1.
    """
    best = np.full(reference.shape[1], np.nan)
    for index in np.flatnonzero(reference.any(axis=0)):
        own = scores[:, index].astype(np.float64)
        order = np.argsort(-own, kind="stable")
        best[index] = _best_cut(own[order], _f1_by_rank(reference[order, index]))
    return best


def shrunk(reference: ManyHot, best: NDArray[np.float64], overall: float, shrinkage: float) -> NDArray[np.float64]:
    """Return ``(n * best + shrinkage * overall) / (n + shrinkage)`` for classes with ``n`` positives, ``(class,)``.

    Args:
        reference: ``(clip, class)`` many-hot.
        best: ``(class,)`` thresholds, NaN where there are no positives: those get the overall one.
        overall: the global threshold.
        shrinkage: how many positives the overall threshold counts for, 0 or more.
    """
    positives = reference.sum(axis=0).astype(np.float64)
    share = np.divide(positives, positives + shrinkage, out=np.zeros_like(positives), where=positives > 0)
    return np.where(positives > 0, share * np.nan_to_num(best) + (1 - share) * overall, overall)


def write_thresholds(folder: Path, chosen: Thresholds) -> None:
    """Write ``thresholds.json``."""
    policies = {
        policy: dict(zip(chosen.classes, values.tolist(), strict=True)) for policy, values in chosen.thresholds.items()
    }
    content = {"aggregation": chosen.aggregation, "classes": list(chosen.classes), "policies": policies}
    write_json(folder / FILE, content)


def read_thresholds(folder: Path) -> Thresholds:
    """Read what ``write_thresholds`` wrote.

    Args:
        folder: ``metrics/<task>/<model>``.

    Raises:
        DataError: when the file is missing or does not hold a threshold in 0..1 for every class and policy.
    """
    content = read_json(folder / FILE)
    try:
        classes = tuple(content["classes"])
        values = {policy: _values(content["policies"][policy], classes) for policy in POLICIES}
        aggregation = str(content["aggregation"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / FILE} is incomplete ({error}): remove it and run `dvc repro`") from None
    check_scores(np.stack(list(values.values())), f"thresholds in {folder / FILE}")
    return Thresholds(aggregation, classes, values)


def _values(by_class: dict[str, Any], classes: Sequence[str]) -> NDArray[np.float64]:
    return np.array([float(by_class[name]) for name in classes])


def _f1_by_rank(ordered: ManyHot) -> NDArray[np.float64]:
    """Return the F1 of claiming the first k, for k = 1, 2, ...; ``ordered`` is the reference by falling score."""
    hits = np.cumsum(ordered, dtype=np.int64)
    return np.asarray(2 * hits / (np.arange(1, len(ordered) + 1) + max(int(hits[-1]), 1)))


def _gains(reference: ManyHot, scores: Floats) -> NDArray[np.float64]:
    """Return by how much a class' F1 changes when each clip joins the better-scored ones, ``(clip,)``."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    gains = np.empty(len(order))
    gains[order] = np.diff(_f1_by_rank(reference[order]), prepend=0.0)
    return gains


def _best_cut(falling: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the midpoint below the k best scores, for the first k that has the largest value.

    Args:
        falling: scores in falling order.
        values: the objective of claiming the first k of them, for k = 1, 2, ...
    """
    below = np.append(falling[1:], 0.0)
    possible = np.append(falling[1:] < falling[:-1], True)
    rank = int(np.argmax(np.where(possible, np.round(values, _DECIMALS), -1.0)))
    middle = (falling[rank] + below[rank]) / 2
    return float(middle if middle > below[rank] else falling[rank])
