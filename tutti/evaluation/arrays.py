"""The shapes that evaluation works on, and their checks.

``reference`` and ``estimate`` are many-hot ``(clip, class)`` arrays of 0 and 1, ``scores`` are ``(clip, class)`` in
0..1. Arguments come in the order reference, estimate, as in mir_eval (Raffel et al. 2014).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError

Floats = NDArray[np.floating[Any]]
Counts = NDArray[np.integer[Any]]
ManyHot = NDArray[np.integer[Any] | np.bool_]


def check_many_hot(reference: ManyHot, name: str = "reference") -> None:
    """Check that an array is many-hot, ``(clip, class)``, and holds a clip and a class at least.

    Raises:
        DataError: when it has another shape or holds something else than 0 and 1.
    """
    if reference.ndim != 2 or 0 in reference.shape:
        raise DataError(f"{name} has the shape {reference.shape}: it must be (clip, class), with one of each at least")
    if not np.isin(reference, (0, 1)).all():
        raise DataError(f"{name} holds {_first(reference, ~np.isin(reference, (0, 1)))}: only 0 and 1 are allowed")


def check_scores(scores: Floats, name: str = "scores") -> None:
    """Check that scores are ``(row, class)`` in 0..1.

    Raises:
        DataError: when they have another shape, are not a number, or lie outside 0..1.
    """
    if scores.ndim != 2:
        raise DataError(f"{name} have the shape {scores.shape}: it must be (window or clip, class)")
    outside = ~((scores >= 0) & (scores <= 1))
    if outside.any():
        raise DataError(f"{name} hold {_first(scores, outside)}: every score must lie in 0..1; train the model again")


def check_same_shape(reference: NDArray[Any], other: NDArray[Any], name: str) -> None:
    """Check that an array has the reference's shape.

    Raises:
        DataError: when it has another.
    """
    if other.shape != reference.shape:
        raise DataError(f"{name} has the shape {other.shape}: it must be {reference.shape}, as the reference")


def decide(scores: Floats, thresholds: Floats | float) -> NDArray[np.bool_]:
    """Return the many-hot estimate: True where a score reaches its class' threshold.

    Args:
        scores: ``(clip, class)``.
        thresholds: ``(class,)``, or one for all.
    """
    return np.asarray(scores >= thresholds, dtype=np.bool_)


def _first(values: NDArray[Any], where: NDArray[np.bool_]) -> str:
    row, column = (int(index) for index in np.argwhere(where)[0])
    return f"{values[row, column]} at row {row}, class {column}"
