"""The tables of the page as the template shows them: rows of plain values, already in their order."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tutti.config import TEST_SETS, UNSEEN_BANK, Params
from tutti.reporting import published
from tutti.reporting.comparison import COLUMNS, Result
from tutti.reporting.paper_tables import FIGURES, corpus_kind

Rows = dict[Any, dict[str, Any]]


def sides(params: Params) -> list[str]:
    """Return the test sides that the report's task has, the report's main one first."""
    has_bank = bool(params.task(params.report.task).split.unseen_banks)
    present = [split for split in TEST_SETS if has_bank or split != UNSEEN_BANK]
    return sorted(present, key=lambda split: split != params.report.main_split)


def comparisons(results: Sequence[Result], table: pd.DataFrame, params: Params) -> list[dict[str, Any]]:
    """Return one block a task: a row a model at the main policy, and all rows of the comparison.

    Args:
        results: one a model, best first within the report's task.
        table: the comparison of all tasks.
        params: name the policy and each task's corpus.
    """
    blocks = []
    for task in dict.fromkeys(str(name) for name in table["task"]):
        section = params.task(task)
        blocks.append({
            "task": task,
            "corpus": section.corpus,
            "corpus_kind": corpus_kind(params, section.corpus),
            "confidence": f"{100 * section.evaluation.confidence:g}%",
            "policy": params.report.main_policy,
            "sides": sides(params),
            "models": [_model(result, params) for result in results if result.task == task],
            "columns": COLUMNS,
            "rows": table[table["task"] == task].to_dict("records"),
        })  # fmt: skip
    return blocks


def _model(result: Result, params: Params) -> dict[str, Any]:
    rows = result.summary[result.summary["threshold_policy"] == params.report.main_policy].set_index("split")
    return {"name": result.model, "by_side": [dict(rows.loc[split]) for split in sides(params) if split in rows.index]}


def paper_tables(
    results: Sequence[Result], tables: Mapping[str, pd.DataFrame], params: Params
) -> dict[str, Any] | None:
    """Return the paper's macro and micro tables for our corpus, with the paper's figures beside; None without a paper.

    Args:
        results: those of the report's task, best first.
        tables: across models, as ``cross_tables`` returns them.
        params: name the task and its main policy.
    """
    report = params.report
    paper = published.of_task(report.task)
    if paper is None:
        return None
    main = "validated_global" if report.main_policy == "fixed" else report.main_policy
    section = params.task(report.task)
    averages = [
        {"name": name, "rows": [_paper_row(result.model, tables[name], ("fixed", main), params) for result in results]}
        for name in ("macro", "micro")
    ]
    return {
        "name": paper.name, "source": paper.source, "corpus": paper.corpus, "threshold": paper.threshold,
        "ours": corpus_kind(params, section.corpus), "fixed": section.evaluation.fixed_threshold, "policy": main,
        "averages": averages,
    }  # fmt: skip


def _paper_row(model: str, table: pd.DataFrame, policies: Sequence[str], params: Params) -> dict[str, Any]:
    task, corpus = params.report.task, params.task(params.report.task).corpus
    system = (paper := published.of_task(task)) and paper.system(model)
    own = table[(table["task"] == task) & (table["model"] == model) & (table["split"] == TEST_SETS[0])]
    by_policy = own.set_index("threshold_policy")
    theirs = by_policy.loc["fixed"]
    return {
        "model": model,
        "corpus": "stand-in" if corpus_kind(params, corpus) != "recordings" else corpus,
        "ours": [dict(by_policy.loc[policy]) for policy in policies],
        "system": system.title if system else "",
        "paper": [theirs[f"paper_{name}"] for name in FIGURES[:3]] if system else [],
    }


def instrument_rows(
    per_class: pd.DataFrame, report: pd.DataFrame, policies: Sequence[str], splits: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a model's table of instruments, and below them its averages.

    Args:
        per_class: ``per_class.csv``.
        report: the model's rows of ``beside_paper``, for averages and the paper's figures.
        policies: the main policy, then the fixed one.
        splits: the main side, then the other.
    """
    keys = ["split", "threshold_policy"]
    scores = _by_key(per_class.set_index([*keys, "instrument"])[[*FIGURES]])
    named = _by_key(report.set_index([*keys, "class"]))
    groups = dict(zip(per_class["instrument"], per_class["hornbostel_sachs"], strict=True))
    rows = [_instrument(scores, named, name, policies, splits) | {"group": groups[name], "average": False}
            for name in sorted(groups)]  # fmt: skip
    averages = [name for name in dict.fromkeys(report["class"]) if str(name).endswith(" avg")]
    return rows + [_instrument(named, named, str(name), policies, splits) | {"group": "", "average": True}
                   for name in averages]  # fmt: skip


def _by_key(table: pd.DataFrame) -> Rows:
    """Return the rows of a table by split, policy and name."""
    rows = table.to_dict("records")
    return {key: {str(name): value for name, value in row.items()} for key, row in zip(table.index, rows, strict=True)}


def _instrument(
    scores: Rows, report: Rows, name: str, policies: Sequence[str], splits: Sequence[str]
) -> dict[str, Any]:
    beside = report.get((splits[0], "fixed", name), {})
    paper = [beside[f"paper_{figure}"] for figure in FIGURES[:3]] if beside else []
    return {
        "name": name,
        "main": scores[(splits[0], policies[0], name)],
        "fixed": scores[(splits[0], policies[1], name)],
        "other": scores[(splits[1], policies[0], name)]["f1"] if len(splits) > 1 else float("nan"),
        "paper": [] if any(pd.isna(value) for value in paper) else paper,
    }


def group_rows(groups: pd.DataFrame, models: Sequence[str], params: Params) -> list[dict[str, Any]]:
    """Return one row a Hornbostel-Sachs class: the best model's scores on both sides and its confusions.

    Args:
        groups: what ``by_group`` returns.
        models: best first.
        params: name task, side and policy.
    """
    report = params.report
    own = groups[(groups["task"] == report.task) & (groups["threshold_policy"] == report.main_policy)]
    first, *rest = (own[own["split"] == split] for split in sides(params))
    rows = first[first["model"] == models[0]].to_dict("records")
    for row in rows:
        others = [part[(part["model"] == models[0]) & (part["hornbostel_sachs"] == row["hornbostel_sachs"])]
                  for part in rest]  # fmt: skip
        row["other_f1"] = float(others[0]["macro_f1"].iloc[0]) if others and len(others[0]) else float("nan")
        same = first[first["hornbostel_sachs"] == row["hornbostel_sachs"]]
        total = same["confusions"].sum()
        row["all_inside"] = (same["inside"].fillna(0) * same["confusions"]).sum() / total if total else float("nan")
    return [{str(key): value for key, value in row.items()} for row in rows]


def pair_rows(pairs: pd.DataFrame, scope: str, params: Params) -> list[dict[str, Any]]:
    """Return the most confused pairs of a scope on the main side.

    Args:
        pairs: what ``confused_pairs`` returns.
        scope: ``all models`` or a model.
        params: name the task and side.
    """
    own = pairs[(pairs["task"] == params.report.task) & (pairs["split"] == params.report.main_split)]
    return [{str(key): value for key, value in row.items()} for row in own[own["scope"] == scope].to_dict("records")]
