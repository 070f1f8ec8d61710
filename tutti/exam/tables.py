"""The rows of the tables of the exam; what cannot be judged is NaN, which is written as an empty cell."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.config import Policy
from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats, ManyHot, decide
from tutti.evaluation.tables import Row
from tutti.exam.intervals import judged
from tutti.exam.sets import ExamSet

Limits = dict[Policy, NDArray[np.float64]]
Metric = Callable[[ManyHot, ManyHot], Floats]
METRICS: Mapping[str, Metric] = {
    "accuracy_iou": metrics.intersection_over_union,
    "accuracy_hamming": metrics.hamming,
    "emr": metrics.exact_match,
}
ACCURACY, EXACT, MACRO, WEIGHTED = "accuracy", "exact match", "macro", "weighted"
NOTE_COLUMNS = ("split", "threshold_policy", "class", "precision", "recall", "f1", "support")


def size_rows(data: ExamSet, limits: Limits, weights: Floats, confidence: float) -> Iterator[Row]:
    """Yield both accuracies and the exact match ratio of the clips of each size, with what saying nothing gets.

    Args:
        data: the exam.
        limits: ``(class,)`` by policy.
        weights: as ``ExamSet.weights`` returns them.
        confidence: of the intervals.
    """
    reference = data.reference
    nothing = np.zeros_like(reference)
    for policy, thresholds in limits.items():
        estimate = decide(data.scored.scores, thresholds)
        for size, clips in data.sizes.items():
            row: Row = {"split": data.name, "threshold_policy": policy, "size": size, "n_clips": int(clips.sum())}
            for name, metric in METRICS.items():
                values = clip_means(metric(reference, estimate), weights, clips)
                row[name], row[f"{name}_low"], row[f"{name}_high"] = judged(values, confidence)
            for name, metric in METRICS.items():
                row[f"floor_{name}"] = float(metric(reference, nothing)[clips].mean())
            yield row


def clip_means(values: Floats, weights: Floats, clips: NDArray[np.bool_]) -> Floats:
    """Return the weighted mean of some clips' values under each row of weights, ``(replicate,)``.

    Args:
        values: ``(clip,)``.
        weights: ``(replicate, clip)``.
        clips: ``(clip,)``, those that count.
    """
    own = weights[:, clips]
    return np.asarray(own @ values[clips] / own.sum(axis=1))


def class_rows(data: ExamSet, limits: Limits) -> Iterator[Row]:
    """Yield each class' confusion matrix at each size: what its binary said and what was true.

    The rate that Chen et al. 2024 call true positive rate is ``tn / (tn + fn)``; here it is ``tp / (tp + fn)``.

    Args:
        data: the exam.
        limits: ``(class,)`` by policy.
    """
    truth = data.reference.astype(np.bool_)
    for policy, thresholds in limits.items():
        said = decide(data.scored.scores, thresholds)
        for size, clips in data.sizes.items():
            for index, name in enumerate(data.classes):
                where = {"split": data.name, "threshold_policy": policy, "size": size, "class": name}
                yield where | _matrix(truth[clips, index], said[clips, index])


def _matrix(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Row:
    tp, fp, fn, tn = (int(each.sum()) for each in (truth & said, ~truth & said, truth & ~said, ~truth & ~said))
    return {
        "n_clips": len(truth), "tp": tp, "fp": fp, "fn": fn, "tn": tn, "accuracy": _share(tp + tn, len(truth)),
        "true_positive_rate": _share(tp, tp + fn), "true_negative_rate": _share(tn, tn + fp),
        "precision": (_share(tp, tp + fp) if tp + fp else 0.0) if tp + fn else float("nan"),
    }  # fmt: skip


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def note_rows(data: ExamSet, limits: Limits) -> Iterator[Row]:
    """Yield how each binary does on single notes (Chen et al. 2024, Table VI), then four rows about all classes.

    Those hold the share of right bits (``accuracy``) and of notes all of whose bits are right (``exact match``), the
    same in all three columns as in the paper, and the means over classes.

    Args:
        data: a set of single notes.
        limits: ``(class,)`` by policy.
    """
    reference = data.reference
    support = reference.sum(axis=0)
    for policy, thresholds in limits.items():
        estimate = decide(data.scored.scores, thresholds)
        counts = metrics.tally(reference, estimate, metrics.unit_weights(len(reference)))
        own, macro, weighted = metrics.per_class(counts), metrics.macro(counts), metrics.weighted(counts)
        which = {"split": data.name, "threshold_policy": policy}
        for index, name in enumerate(data.classes):
            yield which | {"class": name} | _figures(own, (0, index), int(support[index]))
        for name, metric in ((ACCURACY, metrics.hamming), (EXACT, metrics.exact_match)):
            value = float(metric(reference, estimate).mean())
            figures = {"precision": value, "recall": value, "f1": value, "support": len(reference)}
            yield which | {"class": name} | figures
        for name, card in ((MACRO, macro), (WEIGHTED, weighted)):
            yield which | {"class": name} | _figures(card, (0,), int(support.sum()))


def _figures(card: metrics.Scorecard, place: tuple[int, ...], support: int) -> Row:
    return {
        "precision": float(card.precision[place]), "recall": float(card.recall[place]), "f1": float(card.f1[place]),
        "support": support,
    }  # fmt: skip


def about_classes(data: ExamSet, sections: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return what ``tutti.evaluation.tables.rows_of_classes`` is told about each class.

    There is no Hornbostel-Sachs class: a class may have the name of an instrument of the taxonomy, and is a family.

    Args:
        data: the exam.
        sections: of the classes in ``params.yaml``, which say what belongs to them.

    Returns:
        an empty text, and how many different notes of the class sound in the set, one pair a class.
    """
    clips = zip(data.scored.labels.recordings, data.players, strict=True)
    player_of = {note: player for notes, players in clips for note, player in zip(notes, players, strict=True)}
    return [
        ("", sum(sections[name].holds(data.family_of[player], player) for player in player_of.values()))
        for name in data.classes
    ]
