"""``metrics/comparison.csv``: one row per task, model, split and threshold policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tutti.config import POLICIES, TEST_SETS, Params
from tutti.errors import DataError
from tutti.store import whole

METRICS = (
    "micro_f1",
    "macro_f1",
    "micro_precision",
    "micro_recall",
    "macro_precision",
    "macro_recall",
    "map",
    "emr",
    "hamming",
    "iou",
)
COLUMNS = ("task", "model", "corpus", "split", "threshold_policy", *METRICS, "n_clips")
_DIGITS = 6  # what is written; further digits differ between processors and would only disturb a diff


@dataclass(frozen=True, eq=False)
class Result:
    """How one model did.

    Attributes:
        task: name of the task in ``params.yaml``.
        model: name of the model in ``params.yaml``.
        corpus: name of the corpus it was trained and judged on.
        folder: where ``evaluate`` wrote its files.
        summary: ``summary.csv``: split, threshold_policy, n_clips, each metric and its ``_low`` and ``_high``.
    """

    task: str
    model: str
    corpus: str
    folder: Path
    summary: pd.DataFrame


def read_results(params: Params, metrics: Path, only: str = "") -> list[Result]:
    """Read the results of all models that ``params.yaml`` names, in its order.

    Args:
        params: names the tasks and models; folders that it does not name are not looked at.
        metrics: the folder ``metrics``.
        only: the task to read; all by default.

    Raises:
        DataError: when a model has no ``summary.csv`` or the table lacks a column, split or policy.
    """
    return [
        Result(task_name, model, task.corpus, folder, read_summary(folder / "summary.csv"))
        for task_name, task in params.tasks.items()
        if only in ("", task_name)
        for model in task.models
        for folder in (metrics / task_name / model,)
    ]


def read_summary(path: Path) -> pd.DataFrame:
    """Read a model's ``summary.csv`` and check it (DataError as in ``read_results``)."""
    table = read_table(path, ("split", "threshold_policy", *METRICS, "n_clips"))
    unknown = sorted(set(table["threshold_policy"]) - set(POLICIES))
    if unknown:
        raise DataError(f"{path} holds threshold policy {unknown[0]!r}, which is none of {', '.join(POLICIES)}")
    if table.duplicated(["split", "threshold_policy"]).any():
        raise DataError(f"{path} holds a split and threshold policy twice: run `dvc repro` to make it again")
    return table


def read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV table that must hold some columns.

    Raises:
        DataError: when the file is missing, is not a table, or lacks a column.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])  # "nan" and "NA" may be names
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `make repro` or `dvc repro` to make it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table ({error}): remove it and run `dvc repro`") from None
    require_columns(table, columns, path)
    return table


def require_columns(table: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """Refuse a table that lacks a column (DataError).

    Args:
        table: the table.
        columns: that it must hold.
        path: the file that it was read from.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}: run `dvc repro` to make it again")


def common_sides(results: Sequence[Result], main: str) -> list[str]:
    """Return the test sides that all models of a task were judged on, the main one first.

    Args:
        results: one a model.
        main: name of the report's main side.

    Raises:
        DataError: when two models were judged on other sides, or there is none.
    """
    found = [{str(split) for split in result.summary["split"]} for result in results]
    sides = [split for split in TEST_SETS if split in found[0]]
    for result, own in zip(results, found, strict=True):
        if own != found[0] or not sides:
            raise DataError(
                f"{result.folder / 'summary.csv'} holds the sides {', '.join(sorted(own)) or 'none'}, other ones than "
                "another model's: run `dvc repro` to make them again"
            )
    return sorted(sides, key=lambda split: split != main)


def count_groups(split: Path, groups: str, recordings: str) -> pd.DataFrame:
    """Return how many groups and recordings stand on each side of a split, by side.

    Args:
        split: the file ``split.parquet``.
        groups: what to call groups, the first column.
        recordings: what to call recordings, the second one.

    Raises:
        DataError: when the file is missing or damaged.
    """
    try:
        table = pd.read_parquet(split, columns=["recording", "group", "side"])
    except FileNotFoundError:
        raise DataError(f"{split} is missing: run `dvc repro` to make it") from None
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{split} cannot be read as a table ({error}): remove it and run `dvc repro`") from None
    counted: pd.DataFrame = table.groupby("side")[["group", "recording"]].nunique()
    return counted.rename(columns={"group": groups, "recording": recordings})


def comparison_table(results: list[Result]) -> pd.DataFrame:
    """Return the comparison, with exactly the columns ``COLUMNS``; scores in 0..1.

    Raises:
        DataError: when there is nothing to compare.
    """
    if not results:
        raise DataError("there is no model to compare: name one under tasks.<task>.models in params.yaml")
    parts = [result.summary.assign(task=result.task, model=result.model, corpus=result.corpus) for result in results]
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)]
    return table.round({metric: _DIGITS for metric in METRICS}).astype({"n_clips": int})


def write_comparison(table: pd.DataFrame, path: Path) -> None:
    """Write the comparison as CSV; the file appears whole."""
    with whole(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
