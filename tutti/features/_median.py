"""Running medians along the first axis, all columns at once."""

import numpy as np
import numpy.typing as npt

from tutti.features._jit import compiled

Float32 = npt.NDArray[np.float32]

_LANES = 16  # columns at a time: one vector register of float32, or two


def running_median(values: Float32, size: int) -> Float32:
    """Return the running median along the first axis, mirrored at the ends.

    Equal, to the last bit, to ``scipy.ndimage.median_filter(values, (size, 1), mode="reflect")``. Each column keeps its
    window sorted; a step takes the oldest value out and puts the newest in by comparisons alone, which are the same for
    every column and so run on a whole vector of columns.

    Args:
        values: ``(n, columns)``, finite.
        size: length of the window, odd.

    Returns:
        ``(n, columns)`` medians.
    """
    n_columns = values.shape[1]
    padded = np.pad(values, ((0, 0), (0, _LANES - n_columns))) if n_columns < _LANES else values
    medians = np.empty_like(padded)
    _medians(padded, _reflected(len(values), size), size, medians)
    return medians[:, :n_columns]


def _reflected(n: int, size: int) -> npt.NDArray[np.int64]:
    """Return the row behind each place of the signal mirrored at both ends (d c b a | a b c d | d c b a)."""
    places = np.arange(-(size // 2), n + size // 2) % (2 * n)
    return np.minimum(places, 2 * n - 1 - places)


@compiled
def _medians(values: Float32, rows: npt.NDArray[np.int64], size: int, medians: Float32) -> None:
    """Fill ``medians`` of ``values``, which have 16 columns or more, by the rows to visit."""
    # One flat array, so that the compiler knows what lies apart: the values that leave, the values that come, the
    # window sorted upwards, and a row that stays infinite.
    work = np.empty((size + 3) * _LANES, np.float32)
    middle = (2 + size // 2) * _LANES
    for block in range(0, values.shape[1], _LANES):
        first = min(block, values.shape[1] - _LANES)  # the last block goes back over columns already done
        work[:] = np.inf
        for place in range(len(rows)):
            if place >= size:
                leaving = values[rows[place - size], first : first + _LANES]
                for column in range(_LANES):
                    work[column] = leaving[column]
            coming = values[rows[place], first : first + _LANES]
            for column in range(_LANES):
                work[_LANES + column] = coming[column]
            _replace(work, size)
            if place >= size - 1:
                target = medians[place - size + 1, first : first + _LANES]
                for column in range(_LANES):
                    target[column] = work[middle + column]


@compiled
def _replace(work: Float32, size: int) -> None:
    """Take the leaving value out of each sorted column and put the coming one in."""
    for row in range(2 * _LANES, (size + 2) * _LANES, _LANES):
        for column in range(_LANES):
            here, above, moving = work[row + column], work[row + _LANES + column], work[_LANES + column]
            kept = here if here < work[column] else above
            work[row + column] = kept if kept < moving else moving
            work[_LANES + column] = moving if kept < moving else kept
