r"""Bootstrap intervals of the exam: how would a score change with other instruments of the same families?

They are those of ``tutti.evaluation.bootstrap`` with instruments (players) in the place of recordings, since
instruments are what the split keeps apart: all notes of one go together. The exam needs two things more.

* It fixes how many clips there are of each size. So weights have a mean of 1 within each size: the product over the ten
  instruments of a large clip would else outweigh the one instrument of a small one.
* What is peculiar to a clip is counted once for each of its instruments, ten times at size ten, where intervals would
  be three times as wide as they have to be. How much that adds is measured with weights that are drawn clip by clip,
  with the variance that a clip's further instruments have together. Half of it is taken off: all of it would be right
  on average, but both variances are uncertain, and intervals would too often be too narrow.

In simulations with ten families, clips of 3 to 10 of them or of all sizes, and as much or less chance in instruments
than in clips, nominal 95 % intervals held the true value in 95-100 % of the trials with 4 or 8 instruments a family,
and were 1.0 to 2.3 times as wide as they had to be (without the correction up to 3.2 times). With 2 instruments a
family it was 89-97 %.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats
from tutti.evaluation.bootstrap import DELTA, clip_weights, clusters, interval, recording_weights

_TAKEN_OFF = 0.5  # of what is counted more than once


def draw(
    players: Sequence[Sequence[str]],
    family_of: Mapping[str, str],
    sizes: NDArray[np.int64],
    replicates: int,
    random: np.random.Generator,
) -> Floats:
    """Return the weights of clips for a score and its interval, ``(1 + 3 * replicates, clip)``, for ``judged``.

    Args:
        players: the instruments that play in each clip.
        family_of: the family of each of them.
        sizes: ``(clip,)``, the number of families in each clip.
        replicates: of the bootstrap.
        random: where chance comes from.
    """
    drawn = clusters(players, family_of)
    n_clips = len(players)
    further = np.maximum(drawn.membership.sum(axis=1) - 1, 0)
    own = np.exp(np.sqrt(DELTA * further) * random.standard_normal((replicates, n_clips)))
    by_player, by_clip = recording_weights(drawn, replicates, random), clip_weights(n_clips, replicates, random)
    weights = np.vstack([metrics.unit_weights(n_clips), by_player, by_clip, own])
    for size in np.unique(sizes):
        clips = sizes == size
        weights[:, clips] /= weights[:, clips].mean(axis=1, keepdims=True)
    return weights


def judged(values: Floats, confidence: float, lowest: float = 0.0) -> tuple[float, float, float]:
    """Return a score and the limits of its interval, all NaN where it cannot be judged.

    Args:
        values: ``(1 + 3 * replicates,)``: the score under each row of ``draw``.
        confidence: of the interval.
        lowest: the least that the score can be: 0, or -1 for a difference.
    """
    point = float(values[0])
    by_player, by_clip, own = np.split(values[1:], 3)
    counted, repeated = (float(((each - point) ** 2).mean()) for each in (by_player, own))
    narrower = np.sqrt(max(0.0, 1 - _TAKEN_OFF * repeated / counted)) if counted > 0 else 1.0
    return (point, *interval(point, point + (by_player - point) * narrower, by_clip, confidence, lowest))
