"""The tables of the page of the exam as the template shows them: rows of plain values in their order."""

from collections.abc import Mapping, Sequence
from typing import Any

from tutti.config import NOTES_OF, POLICIES, VALIDATION, Policy
from tutti.evaluation.tables import Row
from tutti.exam.sets import ALL
from tutti.exam.tables import ACCURACY, EXACT, MACRO, WEIGHTED
from tutti.reporting.comparison import COLUMNS, comparison_table
from tutti.reporting.exam_contest import contests
from tutti.reporting.exam_results import POLICY, Exam, Judged
from tutti.reporting.exam_words import METRIC_TITLES, class_title, model_title, policy_title, set_title
from tutti.reporting.paper_tables import corpus_kind
from tutti.reporting.words import listed, readable, split_name

_FIGURES = ("precision", "recall", "f1")
_AVERAGES = {
    ACCURACY: "All answers (accuracy)", EXACT: "Notes wholly right (EMR)", MACRO: "Mean of the families",
    WEIGHTED: "Mean, weighted by notes",
}  # fmt: skip


def size_table(exam: Exam, side: str, policy: Policy = POLICY) -> Row:
    """Return what both regimes get at each size, what saying nothing gets, and what the paper prints."""
    models = [{row["size"]: row for row in model.sizes(side, policy).to_dict("records")} for model in exam.regimes]
    rows = []
    for size, first in models[0].items():
        theirs = exam.paper.sizes.get(size)
        rows.append({
            "size": "All" if size == ALL else size, "is_all": size == ALL, "n_clips": first["n_clips"],
            "models": [_with_limits(model.get(size, {})) for model in models],
            "floor": [first[f"floor_{metric}"] for metric in METRIC_TITLES],
            "paper": [each.text for each in theirs] if theirs else ["", ""],
        })  # fmt: skip
    return {"split": side, "policy": policy_title(policy, exam.task.evaluation.fixed_threshold), "rows": rows}


def _with_limits(row: Mapping[Any, Any]) -> list[list[float]]:
    return [[float(row.get(f"{metric}{end}", float("nan"))) for end in ("", "_low", "_high")]
            for metric in METRIC_TITLES]  # fmt: skip


def policy_rows(exam: Exam) -> list[Row]:
    """Return what every model gets over all sizes at each threshold, by side."""
    fixed = exam.task.evaluation.fixed_threshold
    return [
        {"model": model_title(model.name), "policy": policy_title(policy, fixed), "is_main": policy == POLICY,
         "sides": [_with_limits(model.overall(side, policy).to_dict()) for side in exam.sides]}
        for model in exam.models for policy in POLICIES
    ]  # fmt: skip


def difference_table(exam: Exam) -> Row:
    """Return the first regime minus the second one at each size, by side and measure, and whether zero is left out."""
    by_side = [contests(exam, side) for side in exam.sides]
    sizes = list(dict.fromkeys(size for contest in by_side[0] for size in contest.values))
    nothing = (float("nan"),) * 3
    return {
        "rows": [
            {"size": "All" if size == ALL else size, "is_all": size == ALL,
             "sides": [[{"values": contest.values.get(size, nothing),
                         "sign": contest.sign(size) if size in contest.values else 0} for contest in own]
                       for own in by_side]}
            for size in sizes
        ],
    }  # fmt: skip


def note_tables(exam: Exam) -> list[Row]:
    """Return Table VI, one a set of single notes: every class of both regimes, and what the paper prints."""
    names = (*(NOTES_OF[side] for side in exam.sides), NOTES_OF[VALIDATION])
    return [_note_table(exam, name) for name in names if len(exam.regimes[0].note_rows(name))]


def _note_table(exam: Exam, name: str) -> Row:
    parts = [model.note_rows(name).to_dict("records") for model in exam.regimes]
    theirs = [exam.paper.notes.get(each) for each in exam.classes]
    theirs += [exam.paper.accuracy if title == ACCURACY else None for title in _AVERAGES]
    titles = [*(class_title(each) for each in exam.classes), *_AVERAGES.values()]
    rows = []
    for place, (title, paper) in enumerate(zip(titles, theirs, strict=True)):
        own = [part[place] if place < len(part) else {} for part in parts]
        rows.append({
            "title": title, "is_average": place >= len(exam.classes), "is_first": place == len(exam.classes),
            "models": [[float(row.get(figure, float("nan"))) for figure in _FIGURES] for row in own],
            "support": own[0].get("support", ""),
            "paper": [*(each.text for each in paper.figures), f"{paper.support:,}"] if paper else [""] * 4,
        })  # fmt: skip
    return {"split": set_title(name), "is_exam": name != NOTES_OF[VALIDATION], "rows": rows}


def matrices(exam: Exam, side: str) -> list[Row]:
    """Return the confusion matrices of both regimes on a side: a row a class and a cell a size."""
    return [_matrix(model, side, exam.classes) for model in exam.regimes]


def _matrix(model: Judged, side: str, classes: Sequence[str]) -> Row:
    table = model.classes(side)
    sizes = list(dict.fromkeys(table["size"]))
    cells = {(row["class"], row["size"]): _cell(row) for row in table.to_dict("records")}
    return {
        "model": model_title(model.name), "split": split_name(side),
        "sizes": ["All" if size == ALL else size for size in sizes],
        "rows": [{"title": class_title(name), "cells": [cells.get((name, size)) for size in sizes]}
                 for name in classes],
    }  # fmt: skip


def _cell(row: Mapping[Any, Any]) -> Row:
    """Return counts and the two rates of mistakes; NaN where no clip could be mistaken so."""
    return {name: int(row[name]) for name in ("tp", "fp", "fn", "tn")} | {
        "missed": 1 - float(row["true_positive_rate"]), "false": 1 - float(row["true_negative_rate"]),
    }  # fmt: skip


def threshold_table(exam: Exam) -> Row:
    """Return each model's threshold for all and for each class."""
    chosen = [model.thresholds.thresholds for model in exam.models]
    return {
        "models": [model_title(model.name) for model in exam.models],
        "fixed": exam.task.evaluation.fixed_threshold,
        "overall": [float(limits[POLICY][0]) for limits in chosen],
        "rows": [
            {"title": class_title(name), "own": [float(limits["validated_per_class"][index]) for limits in chosen]}
            for index, name in enumerate(exam.classes)
        ],
    }


def block(exam: Exam) -> Row:
    """Return the comparison of all models on all sides, and all measures at all thresholds."""
    rows = []
    for model in sorted(exam.models, key=lambda each: -_order(each, exam.side)):
        summary = model.result.summary
        own = summary[summary["threshold_policy"] == POLICY].set_index("split")
        rows.append({"name": model.name, "by_side": [own.loc[side].to_dict() for side in exam.sides]})
    return {
        "task": exam.name, "corpus": exam.task.corpus, "corpus_kind": corpus_kind(exam.params, exam.task.corpus),
        "confidence": f"{100 * exam.task.evaluation.confidence:g}%", "policy": POLICY, "sides": exam.sides,
        "models": rows, "columns": COLUMNS,
        "rows": comparison_table([model.result for model in exam.models]).to_dict("records"),
    }  # fmt: skip


def _order(model: Judged, side: str) -> float:
    value = float(model.overall(side)["accuracy_hamming"])
    return value if value == value else -1.0


def skipped_rows(exam: Exam) -> list[Row]:
    """Return what was skipped: set, clip, reason and the models that it concerns, each clip and reason once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for model in exam.models:
        table = model.skipped.astype(str)
        for key in zip(table["set"], table["clip"], table["reason"], strict=True):
            found.setdefault(key, []).append(readable(model.name))
    return [{"set": set_title(set_), "clip": clip, "reason": reason,
             "models": "all" if len(names) == len(exam.models) else listed(names)}
            for (set_, clip, reason), names in sorted(found.items())]  # fmt: skip
