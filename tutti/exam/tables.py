"""The rows of the tables of the exam; what cannot be judged is NaN, which is written as an empty cell."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.config import FamilyClass, Policy
from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats, ManyHot, decide
from tutti.evaluation.ranking import average_precision, mean_average_precision
from tutti.evaluation.tables import HEADLINE, WITH_INTERVAL, Row
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


def summary_rows(data: ExamSet, limits: Limits, weights: Floats, confidence: float) -> Iterator[Row]:
    """Yield all metrics of an exam, one row a policy, with the columns of ``tutti.evaluation.tables.summary_rows``.

    Args:
        data: the exam.
        limits: ``(class,)`` by policy.
        weights: as ``ExamSet.weights`` returns them.
        confidence: of the intervals.
    """
    reference, scores = data.reference, data.scored.scores
    ranked, nothing = mean_average_precision(reference, scores, weights), np.zeros_like(reference)
    fixed = {
        "n_clips": len(reference),
        "n_classes_evaluable": int(reference.any(axis=0).sum()),
        "hamming_floor": float(metrics.hamming(reference, nothing).mean()),
        "emr_floor": float(metrics.exact_match(reference, nothing).mean()),
    }
    for policy, thresholds in limits.items():
        values = metrics.decisions(reference, decide(scores, thresholds), weights) | {"map": ranked}
        row: Row = {"split": data.name, "threshold_policy": policy}
        row |= {name: float(values[name][0]) for name in HEADLINE}
        for name in WITH_INTERVAL:
            _, row[f"{name}_low"], row[f"{name}_high"] = judged(values[name], confidence)
        yield row | fixed


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


def instrument_rows(data: ExamSet, limits: Limits, n_notes: Mapping[str, int]) -> Iterator[Row]:
    """Yield how each class does over all sizes, with the columns of ``tutti.evaluation.tables.class_rows``.

    ``hornbostel_sachs`` is empty: a class may have the name of an instrument of the taxonomy, and is a family.

    Args:
        data: the exam.
        limits: ``(class,)`` by policy.
        n_notes: how many notes of each class sound in the set.
    """
    for policy, thresholds in limits.items():
        reference, scores = data.reference, data.scored.scores
        weights = metrics.unit_weights(len(reference))
        ranked = average_precision(reference, scores, weights)[0]
        card = metrics.per_class(metrics.tally(reference, decide(scores, thresholds), weights))
        for index, name in enumerate(data.classes):
            figures = _figures(card, (0, index), int(reference[:, index].sum()))
            support = figures.pop("support")
            yield {
                "split": data.name, "threshold_policy": policy, "instrument": name, "hornbostel_sachs": "",
                "threshold": float(thresholds[index]), **figures, "average_precision": float(ranked[index]),
                "support": support, "n_recordings": n_notes[name],
            }  # fmt: skip


def notes_of(data: ExamSet, sections: Mapping[str, Any]) -> dict[str, int]:
    """Return how many different notes of each class sound in a set, by class.

    Args:
        data: the set.
        sections: of the classes in ``params.yaml``, which say what belongs to them.
    """
    clips = zip(data.scored.labels.recordings, data.players, strict=True)
    player_of = {note: player for notes, players in clips for note, player in zip(notes, players, strict=True)}
    return {
        name: sum(_is_of(player, data.family_of[player], sections.get(name)) for player in player_of.values())
        for name in data.classes
    }


def _is_of(player: str, family: str, section: Any) -> bool:
    if section is None:
        return False
    if isinstance(section, FamilyClass):
        return bool(section.family == family)
    return re.fullmatch(section.instruments, player) is not None
