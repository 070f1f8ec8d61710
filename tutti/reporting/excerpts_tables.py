"""The tables of the page of a task on excerpts as the template shows them: rows of plain values in their order."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tutti.config import Policy
from tutti.errors import DataError
from tutti.evaluation.aggregation import ADAPTIVE, S1, S2
from tutti.reporting.comparison import COLUMNS, comparison_table
from tutti.reporting.excerpts_results import POLICY, Excerpts, Judged
from tutti.reporting.excerpts_settings import settings, title
from tutti.reporting.experiments import ACTIVATION
from tutti.reporting.paper_tables import corpus_kind
from tutti.reporting.words import listed, readable

Row = dict[str, Any]
AVERAGES = ("micro", "macro")
FIGURES = ("precision", "recall", "f1")
_OWN: Policy = "validated_per_class"


def beside(excerpts: Excerpts) -> Row:
    """Return the averages of all models with the paper's figures beside: its Figure 3 as a table."""
    kind, paper = corpus_kind(excerpts.params, excerpts.task.corpus), excerpts.paper
    return {
        "name": paper.name, "source": paper.source, "corpus": paper.corpus, "threshold": paper.threshold, "ours": kind,
        "fixed": excerpts.task.evaluation.fixed_threshold, "policy": POLICY,
        "averages": [{"name": name, "rows": [_beside(excerpts, model, name) for model in excerpts.models]}
                     for name in AVERAGES],
    }  # fmt: skip


def _beside(excerpts: Excerpts, model: Judged, average: str) -> Row:
    kind, corpus = corpus_kind(excerpts.params, excerpts.task.corpus), excerpts.task.corpus
    theirs = excerpts.paper.of_model(model.name)
    return {
        "model": model.name,
        "corpus": "stand-in" if kind != "recordings" else corpus,
        "ours": [_figures(model.at(excerpts.side, policy), average) for policy in ("fixed", POLICY)],
        "system": theirs.title if theirs else "",
        "paper": list(getattr(theirs, average)) if theirs else [],
    }


def _figures(row: "pd.Series[float]", average: str) -> Row:
    names = (*FIGURES, "f1_low", "f1_high")
    return {name: float(row[f"{average}_{name}"]) for name in names}


def block(excerpts: Excerpts) -> Row:
    """Return the comparison of the models on all sides, and all measures at all thresholds."""
    policy_rows = [{"name": model.name, "by_side": [model.at(side, POLICY).to_dict() for side in excerpts.sides]}
                   for model in excerpts.models]  # fmt: skip
    return {
        "task": excerpts.name,
        "corpus": excerpts.task.corpus,
        "corpus_kind": corpus_kind(excerpts.params, excerpts.task.corpus),
        "confidence": f"{100 * excerpts.task.evaluation.confidence:g}%",
        "policy": POLICY,
        "sides": excerpts.sides,
        "models": policy_rows,
        "columns": COLUMNS,
        "rows": comparison_table([model.result for model in excerpts.models]).to_dict("records"),
    }


def setting_rows(excerpts: Excerpts, key: str) -> list[Row]:
    """Return one row a value of a setting: means and deviations over its trainings, and the paper's F1 (Table IV).

    Args:
        excerpts: the task's results.
        key: ``activation`` | ``window_seconds``.
    """
    rows = []
    for each in settings(excerpts, key):
        theirs = excerpts.paper.activations.get(each.value) if key == ACTIVATION else None
        averages = [[each.of(excerpts.side, f"{average}_{figure}") for figure in FIGURES] for average in AVERAGES]
        rows.append({
            "title": title(excerpts, key, each.value),
            "present": each.is_present,
            "n": each.n_trainings,
            "validation": each.validation,
            "averages": averages,
            "others": [[each.of(side, f"{average}_f1") for average in AVERAGES] for side in excerpts.sides[1:]],
            "paper": [theirs.micro[2], theirs.macro[2]] if theirs else [],
        })  # fmt: skip
    return rows


def aggregation_tables(excerpts: Excerpts) -> list[Row]:
    """Return one table a side: S1, S2 and the adaptive aggregation, micro and macro, beside the paper's Table V."""
    return [{"split": side, "averages": [_aggregations(excerpts, side, average) for average in AVERAGES]}
            for side in excerpts.sides]  # fmt: skip


def _aggregations(excerpts: Excerpts, side: str, average: str) -> Row:
    rows = []
    for name in (S1, S2, ADAPTIVE):
        row, theirs = excerpts.main.under(side, name), excerpts.paper.aggregations.get(name)
        change = [float(row[f"{average}_f1_minus_s2{end}"]) for end in ("", "_low", "_high")]
        rows.append({
            "name": name.upper() if name != ADAPTIVE else f"Adaptive: {aggregation_name(str(row['member']))}",
            "threshold": float(row["threshold"]),
            "figures": _figures(row, average),
            "change": change if name != S2 else [],
            "paper": [theirs.threshold, *getattr(theirs, average)] if theirs else [],
        })  # fmt: skip
    return {"name": average, "rows": rows}


def aggregation_name(name: str) -> str:
    """Return an aggregation as words."""
    return name.upper() if name in (S1, S2) else name


def threshold_rows(excerpts: Excerpts) -> list[Row]:
    """Return one row an instrument: its own threshold, and its F1 with the one for all and with its own, by side."""
    limits, table = excerpts.main.thresholds, excerpts.main.per_class
    keys = zip(table["split"], table["threshold_policy"], table["instrument"], strict=True)
    values = dict(zip(keys, zip(table["f1"], table["support"], strict=True), strict=True))
    rows = []
    try:
        for name, threshold in zip(limits.classes, limits.thresholds[_OWN].tolist(), strict=True):
            sides = []
            for side in excerpts.sides:
                (one, support), (own, _) = (values[side, policy, name] for policy in (POLICY, _OWN))
                sides.append({"split": side, "one": one, "own": own, "change": own - one, "support": int(support)})
            rows.append({"instrument": name, "threshold": threshold, "sides": sides})
    except KeyError as error:
        path = excerpts.main.result.folder / "per_class.csv"
        raise DataError(f"{path} has no row for {error}: run `dvc repro` to make it again") from None
    return rows


def threshold_averages(excerpts: Excerpts) -> list[Row]:
    """Return one row a model: macro and micro F1 with the one threshold for all and with one an instrument, by side."""
    return [
        {"model": model.name, "sides": [
            {"split": side, "one": model.at(side, POLICY), "own": model.at(side, _OWN)} for side in excerpts.sides
        ]}
        for model in excerpts.models
    ]  # fmt: skip


def skipped_rows(excerpts: Excerpts) -> list[Row]:
    """Return what was skipped: set, clip, reason and the models that it concerns, each clip and reason once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for model in excerpts.models:
        table = model.skipped.astype(str)
        for key in zip(table["set"], table["clip"], table["reason"], strict=True):
            found.setdefault(key, []).append(model.name)
    return [{"set": set_, "clip": clip, "reason": reason, "models": _models(names, excerpts.models)}
            for (set_, clip, reason), names in sorted(found.items())]  # fmt: skip


def _models(names: Sequence[str], models: Sequence[Judged]) -> str:
    return "all" if len(names) == len(models) else listed([readable(name) for name in names])
