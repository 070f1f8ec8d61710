"""How much of a score is false when recordings stand on both sides: the table ``leak.csv``.

The honest test is judged twice, by the same model and thresholds: as it is, and with the clips that hold a leaking
recording in the place of their honest selves. Both are under the same bootstrap weights, so an interval is that of the
difference. It is about other clips and other honest recordings; another choice of the leaking recording, of which
there is one an instrument, or of the leaking instruments is not in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tutti.config import Policy
from tutti.errors import DataError
from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.bootstrap import clip_weights, interval, recording_weights
from tutti.evaluation.scored import ScoredSet
from tutti.evaluation.tables import Row
from tutti.seeding import generator
from tutti.store import read_json

LEAKING, ALL = "leaking", "all"
LEAK_FILE = "leak.json"


@dataclass(frozen=True, eq=False)
class Leak:
    """The honest set and its leaking self.

    Attributes:
        honest: the test as it is.
        leaked: the same clips, in the same order, with the scores of what leaks.
        clips: ``(clip, class)`` True where the class' recording leaks in the clip.
    """

    honest: ScoredSet
    leaked: ScoredSet
    clips: NDArray[np.bool_]


def pair(honest: ScoredSet, changed: ScoredSet, manifest: Path) -> Leak:
    """Put the changed clips in the place of their honest selves.

    Args:
        honest: the test side.
        changed: the clips in which something leaks.
        manifest: their manifest, with the list of what leaks.

    Raises:
        DataError: when a changed clip is none of the honest ones, or says other labels.
    """
    row = {clip: index for index, clip in enumerate(honest.labels.clips)}
    unknown = [clip for clip in changed.labels.clips if clip not in row]
    rows = np.array([row.get(clip, 0) for clip in changed.labels.clips])
    if unknown or not np.array_equal(honest.labels.reference[rows], changed.labels.reference):
        raise DataError(f"the clips of {changed.name} are none of {honest.name}: run `dvc repro`")
    leaking = {str(each["recording"]): str(each["instrument"]) for each in read_json(manifest / LEAK_FILE)}
    column = {name: index for index, name in enumerate(honest.labels.classes)}
    scores = honest.scores.copy()
    clips: NDArray[np.bool_] = np.zeros(scores.shape, np.bool_)
    scores[rows] = changed.scores
    for index, recordings in zip(rows, changed.labels.recordings, strict=True):
        clips[index, [column[leaking[name]] for name in recordings if name in leaking]] = True
    return Leak(honest, replace(honest, name=changed.name, scores=scores), clips)


def leak_rows(
    leak: Leak, thresholds: Mapping[Policy, Floats], *, seed: int, replicates: int, confidence: float
) -> Iterator[Row]:
    """Yield the F1 with and without the leak: of each leaking instrument, their mean, and the macro F1 of all.

    Args:
        leak: both tests.
        thresholds: ``(class,)`` by policy.
        seed: of the bootstrap.
        replicates: of the bootstrap.
        confidence: of the intervals.
    """
    names, reference = leak.honest.labels.classes, leak.honest.labels.reference
    own: list[int] = np.flatnonzero(leak.clips.any(axis=0)).tolist()
    scopes = [(names[index], [index], int(leak.clips[:, index].sum())) for index in own]
    scopes.append((LEAKING, own, int(leak.clips.any(axis=1).sum())))
    scopes.append((ALL, list(range(len(names))), len(reference)))
    random = generator(seed, "bootstrap", leak.leaked.name)
    weights = np.vstack(
        [
            metrics.unit_weights(len(reference)),
            recording_weights(leak.honest.clusters, replicates, random),
            clip_weights(len(reference), replicates, random),
        ]
    )
    for policy, limits in thresholds.items():
        false, true = (_f1(data, limits, weights) for data in (leak.leaked, leak.honest))
        for scope, columns, n_clips in scopes:
            pairs = [np.nanmean(f1[:, columns], axis=1) for f1 in (false, true)]
            change = pairs[0] - pairs[1]
            by_recording, by_clip = change[1 : replicates + 1], change[replicates + 1 :]
            low, high = interval(float(change[0]), by_recording, by_clip, confidence, lowest=-1.0)
            yield {
                "scope": scope,
                "threshold_policy": policy,
                "f1_leaked": float(pairs[0][0]),
                "f1_honest": float(pairs[1][0]),
                "difference": float(change[0]),
                "difference_low": low,
                "difference_high": high,
                "n_clips": n_clips,
            }


def _f1(data: ScoredSet, limits: Floats, weights: Floats) -> Floats:
    """Return the F1 of each class under each row of weights, ``(replicate, class)``; NaN without positives."""
    return metrics.per_class(metrics.tally(data.labels.reference, decide(data.scores, limits), weights)).f1
