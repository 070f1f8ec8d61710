"""From the scores of windows to the scores of clips (Han, Kim & Lee 2017, section III-D)."""

import numpy as np

from tutti.errors import DataError, ParameterError
from tutti.evaluation.arrays import Counts, Floats, check_scores

S1, S2 = "s1", "s2"


def aggregate(scores: Floats, clip: Counts, n_clips: int, method: str) -> Floats:
    """Return one row of scores a clip.

    ``s1`` is the class-wise mean over a clip's windows. ``s2`` is the class-wise sum divided by the clip's largest
    class, so that one class of every clip scores exactly 1 and a threshold is relative to it: it can never say that
    a clip holds nothing, unless all its scores are 0, which stay 0.

    Args:
        scores: ``(window, class)`` in 0..1.
        clip: ``(window,)`` index of each window's clip, in any order.
        n_clips: number of clips; each needs a window.
        method: ``s1`` or ``s2``.

    Returns:
        ``(clip, class)`` in 0..1, float64.

    Raises:
        ParameterError: when the method is unknown.
        DataError: when the scores are not in 0..1, or a window has no clip, or a clip no window.
    """
    if method not in (S1, S2):
        raise ParameterError(f"aggregation {method!r} is unknown: choose one of {S1}, {S2}")
    check_scores(scores)
    windows = _windows_per_clip(scores, clip, n_clips)
    sums = np.zeros((n_clips, scores.shape[1]))
    np.add.at(sums, clip, scores.astype(np.float64))
    divisor = windows if method == S1 else sums.max(axis=1)
    return np.minimum(sums / np.where(divisor > 0, divisor, 1)[:, None], 1.0)


def _windows_per_clip(scores: Floats, clip: Counts, n_clips: int) -> Counts:
    if clip.shape != scores.shape[:1]:
        raise DataError(f"{len(scores)} windows have {clip.size} clip indices: one is needed for each window")
    outside = clip[(clip < 0) | (clip >= n_clips)]
    if outside.size:
        raise DataError(f"a window belongs to clip {outside[0]}: only 0..{n_clips - 1} are clips of the set")
    windows: Counts = np.bincount(clip, minlength=n_clips)
    if not windows.all():
        raise DataError(f"clip {int(np.argmin(windows))} has no window: score every clip of the set again")
    return windows
