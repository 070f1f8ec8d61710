"""From the scores of windows to the scores of clips (Han, Kim & Lee 2017, section III-D).

The paper's two ways are members of one family, of which ``adaptive`` takes the member that is best on validation clips:

* ``sharpness`` says how much a clip's higher windows count: windows are averaged with the weights
  ``exp(sharpness * score)``, so that 0 is the mean and a large one the maximum (softmax pooling, McFee, Salamon & Bello
  2018, "Adaptive pooling operators for weakly labeled sound event detection").
* ``relative`` says how far a clip's scores are taken relative to its largest class: they are divided by that class'
  score to the power ``relative``, so that 0 leaves them and 1 gives the largest class exactly 1.
"""

import re
from dataclasses import dataclass

import numpy as np

from tutti.errors import DataError, ParameterError
from tutti.evaluation.arrays import Counts, Floats, check_scores

S1, S2, ADAPTIVE = "s1", "s2", "adaptive"
_NAME = re.compile(r"sharpness (\d+(?:\.\d+)?), relative (\d+(?:\.\d+)?)")
_SHARPNESS, _RELATIVE = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0), (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Aggregation:
    """A member of the family.

    Attributes:
        sharpness: 0 or more.
        relative: 0..1.
    """

    sharpness: float
    relative: float

    @property
    def name(self) -> str:
        """What thresholds and tables call it."""
        known = {(0.0, 0.0): S1, (0.0, 1.0): S2}
        return known.get((self.sharpness, self.relative), f"sharpness {self.sharpness:g}, relative {self.relative:g}")


FAMILY = tuple(Aggregation(sharpness, relative) for sharpness in _SHARPNESS for relative in _RELATIVE)


def named(name: str) -> Aggregation:
    """Return the aggregation that a name means.

    Args:
        name: ``s1``: the class-wise mean over a clip's windows; ``s2``: the class-wise sum divided by the clip's
            largest class, so that one class of every clip scores exactly 1 and a threshold is relative to it: it can
            never say that a clip holds nothing, unless all its scores are 0, which stay 0; or the name of another
            member of the family.

    Raises:
        ParameterError: when the name is unknown.
    """
    if name in (S1, S2):
        return Aggregation(0.0, float(name == S2))
    match = _NAME.fullmatch(name)
    if match is None:
        raise ParameterError(f"aggregation {name!r} is unknown: choose one of {S1}, {S2}")
    return Aggregation(float(match[1]), float(match[2]))


def aggregate(scores: Floats, clip: Counts, n_clips: int, method: str) -> Floats:
    """Return one row of scores a clip.

    Args:
        scores: ``(window, class)`` in 0..1.
        clip: ``(window,)`` index of each window's clip, in any order.
        n_clips: number of clips; each needs a window.
        method: as ``named`` takes it.

    Returns:
        ``(clip, class)`` in 0..1, float64.

    Raises:
        ParameterError: when the method is unknown.
        DataError: when the scores are not in 0..1, or a window has no clip, or a clip no window.
    """
    how = named(method)
    check_scores(scores)
    windows = _windows_per_clip(scores, clip, n_clips)
    values = scores.astype(np.float64)
    sums, total = np.zeros((n_clips, scores.shape[1])), np.zeros((n_clips, scores.shape[1]))
    if how.sharpness:
        highest = np.zeros_like(sums)
        np.maximum.at(highest, clip, values)
        weights = np.exp(how.sharpness * (values - highest[clip]))  # at most 1, so that no sharpness is too much
        np.add.at(sums, clip, values * weights)
        np.add.at(total, clip, weights)
    else:
        np.add.at(sums, clip, values)
        total[:] = windows[:, None]
    means = sums / total
    largest = means.max(axis=1, keepdims=True)
    return np.minimum(means / np.where(largest > 0, largest, 1) ** how.relative, 1.0)


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
