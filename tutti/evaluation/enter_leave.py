"""Instruments that enter and leave: what is found of those that sound for a part of a clip, and when.

``enter_leave.csv`` holds the recall by the share of its clip in which an instrument sounds (its notes without pauses);
``enter_leave.json`` the F1 of whole clips, beside that of the test in which all play from the beginning, and for models
that look through windows the F1 of windows against onsets and offsets. All thresholds are those of whole clips.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from tutti.config import Policy
from tutti.evaluation import metrics
from tutti.evaluation.aggregation import aggregate
from tutti.evaluation.arrays import Floats, ManyHot, decide
from tutti.evaluation.scored import ScoredSet
from tutti.evaluation.tables import Row
from tutti.labels import sounding_shares, window_labels

_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DIGITS = 6
ALL = "all"


def recall_rows(
    data: ScoredSet, events: pd.DataFrame, duration_s: Floats, thresholds: Mapping[Policy, Floats]
) -> Iterator[Row]:
    """Yield the recall of the instruments that sound for a share of their clip, and of all; NaN where there is none.

    Args:
        data: the set of clips.
        events: its strong labels.
        duration_s: ``(clip,)`` lengths in seconds.
        thresholds: ``(class,)`` by policy.
    """
    shares = sounding_shares(events, data.labels.clips, data.labels.classes, duration_s.astype(np.float64))
    labelled = data.labels.reference > 0
    bins = np.clip(np.digitize(shares, _EDGES) - 1, 0, len(_EDGES) - 2)  # a share of 1 belongs to the last one
    chosen = [(f"{low:.1f}-{high:.1f}", bins == index) for index, (low, high) in enumerate(_pairs())]
    for policy, limits in thresholds.items():
        found = decide(data.scores, limits)
        for name, inside in [*chosen, (ALL, np.ones_like(labelled))]:
            support = int((labelled & inside).sum())
            recall = float((labelled & inside & found).sum() / support) if support else math.nan
            yield {"threshold_policy": policy, "sounding": name, "recall": recall, "support": support}


def summary(
    data: ScoredSet,
    beside: ScoredSet,
    events: pd.DataFrame,
    thresholds: Mapping[Policy, Floats],
    aggregation: str,
    min_active_seconds: float,
) -> dict[str, Any]:
    """Return the F1 of clips of both sets and of windows.

    Args:
        data: the set of clips whose instruments enter and leave.
        beside: the test with which it is compared.
        events: the strong labels of ``data``.
        thresholds: ``(class,)`` by policy.
        aggregation: ``s1`` or ``s2``; a window counts as a clip of its own.
        min_active_seconds: an instrument is active in a window where it sounds for so long, or for half of it.
    """
    clips = {each.name: _by_policy(each.labels.reference, each.scores, thresholds) for each in (data, beside)}
    windows, labels = data.windows, data.labels
    if not windows.window_s or len(windows.clip) == len(labels.clips):
        return {"clips": clips, "windows": None}
    when = (windows.clip, windows.onset_s)
    truth = window_labels(events, labels.clips, labels.classes, when, windows.window_s, min_active_seconds)
    alone = aggregate(windows.scores, np.arange(len(windows.clip)), len(windows.clip), aggregation)
    about = {
        "window_seconds": round(windows.window_s, _DIGITS),
        "n_windows": len(truth),
        "min_active_seconds": min(min_active_seconds, windows.window_s / 2),
        "active_share": round(float(truth.mean()), _DIGITS),
    }
    return {"clips": clips, "windows": about | {"f1": _by_policy(truth, alone, thresholds)}}


def _by_policy(
    reference: ManyHot, scores: Floats, thresholds: Mapping[Policy, Floats]
) -> dict[Policy, dict[str, float | None]]:
    found: dict[Policy, dict[str, float | None]] = {}
    for policy, limits in thresholds.items():
        counts = metrics.tally(reference, decide(scores, limits), metrics.unit_weights(len(reference)))
        cards = {"micro_f1": metrics.micro(counts), "macro_f1": metrics.macro(counts)}
        values = {name: float(card.f1[0]) for name, card in cards.items()}
        found[policy] = {name: None if math.isnan(value) else round(value, _DIGITS) for name, value in values.items()}
    return found


def _pairs() -> list[tuple[float, float]]:
    return list(pairwise(_EDGES))
