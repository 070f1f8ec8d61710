"""Results by Hornbostel-Sachs class, and the pairs of instruments that are most often mistaken.

A confusion is counted where one instrument sounds and is missed while another one is named falsely in the same clip.
In a clip with several mistakes every such pair counts, since which replaced which is not known.
"""

from collections.abc import Sequence

import pandas as pd

from tutti.reporting.comparison import Result, read_table

ALL_MODELS = "all models"
_KEYS = ["task", "model", "split", "threshold_policy"]
_PER_CLASS = ("split", "threshold_policy", "instrument", "hornbostel_sachs", "precision", "recall", "f1", "support")
_PAIRS = ("split", "threshold_policy", "reference", "predicted", "count")
GROUP_COLUMNS = (
    *_KEYS, "hornbostel_sachs", "n_instruments", "n_judged", "macro_precision", "macro_recall", "macro_f1",
    "confusions", "inside", "inside_by_chance",
)  # fmt: skip
PAIR_COLUMNS = (
    "task", "scope", "split", "threshold_policy", "first", "second", "first_class", "second_class", "same_class",
    "first_missed", "second_missed", "count",
)  # fmt: skip


def by_group(results: Sequence[Result]) -> pd.DataFrame:
    """Return how each model does on the instruments of each Hornbostel-Sachs class.

    Args:
        results: one a model.

    Returns:
        the columns ``GROUP_COLUMNS``, a row a model, split, policy and class: the means over its judged instruments
        (0..1, NaN where none is), how many confusions begin with a missed instrument of the class, the share of them
        in which the instrument named instead is of the same class, and what that share would be if every other
        instrument were named alike often.

    Raises:
        DataError: when a table is missing or damaged.
    """
    rows = [row for result in results for row in _group_rows(result)]
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def confused_pairs(results: Sequence[Result], policy: str, most: int) -> pd.DataFrame:
    """Return the pairs that are most often mistaken, over all models and for each model.

    Args:
        results: one a model.
        policy: the threshold policy to look at.
        most: pairs a scope and split.

    Returns:
        the columns ``PAIR_COLUMNS``: ``scope`` is ``all models`` or a model; ``first_missed`` counts clips in which
        the first was missed and the second named falsely, ``second_missed`` the reverse, ``count`` both.
    """
    parts = []
    for task, own in _by_task(results).items():
        found = pd.concat([_pairs(result, policy).assign(scope=result.model) for result in own], ignore_index=True)
        both = pd.concat([found.assign(scope=ALL_MODELS), found], ignore_index=True)
        order = {name: place for place, name in enumerate([ALL_MODELS, *(result.model for result in own)])}
        parts.append(_ranked(both, order, most).assign(task=task, threshold_policy=policy))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(PAIR_COLUMNS))
    return table[list(PAIR_COLUMNS)]


def _group_rows(result: Result) -> list[dict[str, object]]:
    per_class = read_table(result.folder / "per_class.csv", _PER_CLASS)
    pairs = read_table(result.folder / "confusion.csv", _PAIRS)
    rows: list[dict[str, object]] = []
    for (split, policy), own in per_class.groupby(["split", "threshold_policy"], sort=False):
        group_of = dict(zip(own["instrument"], own["hornbostel_sachs"], strict=True))
        mistaken = pairs[(pairs["split"] == split) & (pairs["threshold_policy"] == policy)]
        missed, named = mistaken["reference"].map(group_of), mistaken["predicted"].map(group_of)
        for group, part in own.groupby("hornbostel_sachs"):
            total = int(mistaken.loc[missed == group, "count"].sum())
            inside = int(mistaken.loc[(missed == group) & (named == group), "count"].sum())
            rows.append({
                "task": result.task, "model": result.model, "split": split, "threshold_policy": policy,
                "hornbostel_sachs": group, "n_instruments": len(part), "n_judged": int((part["support"] > 0).sum()),
                "macro_precision": part["precision"].mean(), "macro_recall": part["recall"].mean(),
                "macro_f1": part["f1"].mean(), "confusions": total,
                "inside": inside / total if total else float("nan"),
                "inside_by_chance": (len(part) - 1) / (len(own) - 1) if len(own) > 1 else float("nan"),
            })  # fmt: skip
    return rows


def _pairs(result: Result, policy: str) -> pd.DataFrame:
    """Return a model's pairs without direction: ``first`` stands before ``second`` in the alphabet."""
    pairs = read_table(result.folder / "confusion.csv", _PAIRS)
    pairs = pairs[(pairs["threshold_policy"] == policy) & (pairs["reference"] != pairs["predicted"])]
    groups = read_table(result.folder / "per_class.csv", _PER_CLASS)
    group_of = dict(zip(groups["instrument"], groups["hornbostel_sachs"], strict=True))
    forward = pairs["reference"] < pairs["predicted"]
    first, second = (pairs[name].where(forward, pairs[other]) for name, other in
                     (("reference", "predicted"), ("predicted", "reference")))  # fmt: skip
    return pd.DataFrame({
        "split": pairs["split"], "first": first, "second": second,
        "first_class": first.map(group_of), "second_class": second.map(group_of),
        "first_missed": pairs["count"].where(forward, 0).astype(int),
        "second_missed": pairs["count"].where(~forward, 0).astype(int),
    })  # fmt: skip


def _ranked(pairs: pd.DataFrame, order: dict[str, int], most: int) -> pd.DataFrame:
    keys = ["scope", "split", "first", "second", "first_class", "second_class"]
    table = pairs.groupby(keys, as_index=False, sort=False)[["first_missed", "second_missed"]].sum()
    table["count"] = table["first_missed"] + table["second_missed"]
    table["same_class"] = table["first_class"] == table["second_class"]
    table["place"] = table["scope"].map(order)
    table["side"] = table["split"].map({name: place for place, name in enumerate(dict.fromkeys(pairs["split"]))})
    table = table.sort_values(["place", "side", "count", "first", "second"], ascending=[True, True, False, True, True])
    return table.groupby(["scope", "split"], sort=False).head(most)


def _by_task(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.task, []).append(result)
    return found
