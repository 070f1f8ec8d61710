"""The rows of the tables that ``evaluate`` writes, and the CSV they are written as."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tutti import taxonomy
from tutti.config import Policy
from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.bootstrap import clip_weights, interval, recording_weights
from tutti.evaluation.ranking import average_precision, mean_average_precision
from tutti.evaluation.scored import ScoredSet
from tutti.seeding import generator

Row = dict[str, Any]
HEADLINE = (
    "micro_f1", "macro_f1", "micro_precision", "micro_recall", "macro_precision", "macro_recall", "weighted_f1",
    "samples_f1", "map", "emr", "hamming", "iou",
)  # fmt: skip
WITH_INTERVAL = ("micro_f1", "macro_f1", "map", "emr", "hamming", "iou")
BY_POLYPHONY = (
    "micro_precision", "micro_recall", "micro_f1", "macro_f1", "samples_f1", "map", "emr", "hamming", "iou",
)  # fmt: skip
_CURVE = np.arange(1, 100) / 100
_DIGITS = 6


def summary_rows(
    data: ScoredSet, thresholds: Mapping[Policy, Floats], *, seed: int, replicates: int, confidence: float
) -> list[Row]:
    """Return all metrics of a set with their intervals, one row a policy.

    The replicates depend on the seed and the set alone, so that models and policies meet the same ones.

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
        seed: of the bootstrap.
        replicates: of the bootstrap.
        confidence: of the intervals.
    """
    n_clips, random = len(data.labels.reference), generator(seed, "bootstrap", data.name)
    weights = np.vstack(
        [
            metrics.unit_weights(n_clips),
            recording_weights(data.clusters, replicates, random),
            clip_weights(n_clips, replicates, random),
        ]
    )

    def limits(values: Floats) -> tuple[float, float]:
        return interval(float(values[0]), values[1 : replicates + 1], values[replicates + 1 :], confidence)

    return metric_rows(data, thresholds, weights, limits)


def metric_rows(
    data: ScoredSet,
    thresholds: Mapping[Policy, Floats],
    weights: Floats,
    limits_of: Callable[[Floats], tuple[float, float]],
) -> list[Row]:
    """Return all metrics of a set with their intervals, one row a policy.

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
        weights: ``(replicate, clip)``; the first row are ones.
        limits_of: the limits of a score's interval, from the score under each row of weights.
    """
    reference, scores = data.labels.reference, data.scores
    ranked = mean_average_precision(reference, scores, weights)
    nothing = np.zeros_like(reference)
    fixed = {
        "n_clips": len(reference),
        "n_classes_evaluable": int(reference.any(axis=0).sum()),
        "hamming_floor": float(metrics.hamming(reference, nothing).mean()),
        "emr_floor": float(metrics.exact_match(reference, nothing).mean()),
    }
    rows = []
    for policy, limits in thresholds.items():
        values = metrics.decisions(reference, decide(scores, limits), weights) | {"map": ranked}
        row: Row = {"split": data.name, "threshold_policy": policy}
        row |= {name: float(values[name][0]) for name in HEADLINE}
        for name in WITH_INTERVAL:
            row[f"{name}_low"], row[f"{name}_high"] = limits_of(values[name])
        rows.append(row | fixed)
    return rows


def class_rows(data: ScoredSet, thresholds: Mapping[Policy, Floats]) -> Iterator[Row]:
    """Return how each class does under each policy; what cannot be judged is NaN, with a support of 0.

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
    """
    known = taxonomy.load()
    about = [(known.get(name).hornbostel_sachs, data.recordings_of(name)) for name in data.labels.classes]
    return rows_of_classes(data, thresholds, about)


def rows_of_classes(
    data: ScoredSet, thresholds: Mapping[Policy, Floats], about: Sequence[tuple[str, int]]
) -> Iterator[Row]:
    """Yield how each class does under each policy, as ``class_rows``.

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
        about: the Hornbostel-Sachs class of each class, empty where it is no instrument, and how many recordings of it
            sound in the set.
    """
    reference, weights = data.labels.reference, metrics.unit_weights(len(data.scores))
    ranked = average_precision(reference, data.scores, weights)[0]
    for policy, limits in thresholds.items():
        card = metrics.per_class(metrics.tally(reference, decide(data.scores, limits), weights))
        for index, instrument in enumerate(data.labels.classes):
            yield {
                "split": data.name,
                "threshold_policy": policy,
                "instrument": instrument,
                "hornbostel_sachs": about[index][0],
                "threshold": float(limits[index]),
                "precision": float(card.precision[0, index]),
                "recall": float(card.recall[0, index]),
                "f1": float(card.f1[0, index]),
                "average_precision": float(ranked[index]),
                "support": int(reference[:, index].sum()),
                "n_recordings": about[index][1],
            }


def polyphony_rows(data: ScoredSet, thresholds: Mapping[Policy, Floats]) -> Iterator[Row]:
    """Yield the metrics of the clips of each polyphony; macro and mAP are over the classes that occur in them.

    ``hamming_floor`` is what a detector that always says "nothing" gets (Hamming accuracy of Chen et al. 2024).

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
    """
    for policy, limits in thresholds.items():
        for polyphony in np.unique(data.labels.polyphony):
            clips = data.labels.polyphony == polyphony
            reference = data.labels.reference[clips]
            values = metrics.evaluate(reference, data.scores[clips], limits)
            row = {"split": data.name, "threshold_policy": policy, "polyphony": int(polyphony)}
            row |= {"n_clips": int(clips.sum())} | {name: values[name] for name in BY_POLYPHONY}
            yield row | {"hamming_floor": float(metrics.hamming(reference, np.zeros_like(reference)).mean())}


def curve_rows(data: ScoredSet) -> Iterator[Row]:
    """Yield micro and macro precision, recall and F1 at the thresholds 0.01..0.99: a picture, not a choice.

    Args:
        data: the set.
    """
    reference, weights = data.labels.reference, metrics.unit_weights(len(data.scores))
    for threshold in _CURVE:
        counts = metrics.tally(reference, decide(data.scores, float(threshold)), weights)
        row: Row = {"split": data.name, "threshold": float(threshold)}
        for name, card in (("micro", metrics.micro(counts)), ("macro", metrics.macro(counts))):
            row |= {f"{name}_precision": float(card.precision[0]), f"{name}_recall": float(card.recall[0])}
            row[f"{name}_f1"] = float(card.f1[0])
        yield row


def write_table(path: Path, rows: Iterable[Row], columns: Iterable[str] | None = None) -> None:
    """Write rows as CSV with six decimals; what cannot be judged (NaN) is an empty cell.

    Args:
        path: the file.
        rows: all with the same keys.
        columns: the header, needed only where there may be no row.
    """
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns or rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.{_DIGITS}f}"
