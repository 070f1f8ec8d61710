"""All that the page of the exam is made from, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tutti.config import OverlayTask, Params, Policy
from tutti.errors import DataError
from tutti.evaluation.thresholds import Thresholds, read_thresholds
from tutti.exam.regimes import DIFFERENCES_FILE
from tutti.exam.sets import ALL
from tutti.exam.tables import METRICS, NOTE_COLUMNS
from tutti.reporting import published_exam
from tutti.reporting.comparison import (
    Result,
    common_sides,
    count_groups,
    read_summary,
    read_table,
    require_columns,
)
from tutti.reporting.left_out import Item, read_left_out

POLICY: Policy = "validated_global"  # the page's own: what is shown first
_WITH_LIMITS = tuple(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high"))
BY_SIZE = (
    "split", "threshold_policy", "size", "n_clips", *_WITH_LIMITS, *(f"floor_{metric}" for metric in METRICS),
)  # fmt: skip
BY_CLASS = ("split", "threshold_policy", "size", "class", "n_clips", "tp", "fp", "fn", "tn", "accuracy",
            "true_positive_rate", "true_negative_rate", "precision")  # fmt: skip
DIFFERENCES = ("split", "threshold_policy", "size", "metric", "first", "second", "difference", "low", "high")
_SUMMARY = tuple(f"{name}_{end}" for name in ("micro_f1", "macro_f1") for end in ("low", "high"))


@dataclass(frozen=True, eq=False)
class Judged:
    """What ``examine`` wrote about one model.

    Attributes:
        result: its task, name, corpus, folder and ``summary.csv``.
        by_size: ``by_size.csv``; sizes are texts.
        by_class: ``by_class.csv``; likewise.
        notes: ``single_notes.csv``.
        thresholds: ``thresholds.json``.
        skipped: ``skipped.csv``: set, clip, reason.
    """

    result: Result
    by_size: pd.DataFrame
    by_class: pd.DataFrame
    notes: pd.DataFrame
    thresholds: Thresholds
    skipped: pd.DataFrame

    @property
    def name(self) -> str:
        """The model's name."""
        return self.result.model

    def sizes(self, split: str, policy: str = POLICY) -> pd.DataFrame:
        """Return what the model gets at each size on a side, ``all`` last (DataError when nothing is known)."""
        rows = _of(self.by_size, split, policy)
        if rows.empty or ALL not in set(rows["size"]):
            raise DataError(f"{self.result.folder / 'by_size.csv'} lacks {split} at {policy}: run `dvc repro`")
        return rows

    def overall(self, split: str, policy: str = POLICY) -> "pd.Series[float]":
        """Return what the model gets over all sizes on a side (DataError when nothing is known)."""
        rows = self.sizes(split, policy)
        row: pd.Series[float] = rows[rows["size"] == ALL].iloc[0]
        return row

    def classes(self, split: str, policy: str = POLICY) -> pd.DataFrame:
        """Return the confusion matrices of a side."""
        return _of(self.by_class, split, policy)

    def note_rows(self, split: str, policy: str = POLICY) -> pd.DataFrame:
        """Return the table on a set of single notes: the classes in label order, then four rows about all of them."""
        return _of(self.notes, split, policy)


@dataclass(frozen=True, eq=False)
class Exam:
    """A task on overlaid notes and all of its results.

    Attributes:
        name: of the task.
        params: all parameters.
        task: the task's section.
        paper: what the paper printed.
        models: in the order of ``params.yaml``.
        sides: the test sides that have clips, the report's main one first.
        differences: ``differences.csv``: the first regime minus the second one.
        left_out: families that are no classes.
        notes: number of instruments and of notes, columns instruments and notes, by side.
    """

    name: str
    params: Params
    task: OverlayTask
    paper: published_exam.Paper
    models: Sequence[Judged]
    sides: Sequence[str]
    differences: pd.DataFrame
    left_out: Sequence[Item]
    notes: pd.DataFrame

    @property
    def regimes(self) -> list[Judged]:
        """The two models that are compared, the first one first."""
        return [next(each for each in self.models if each.name == name) for name in self.task.studies.regimes]

    @property
    def side(self) -> str:
        """The main side."""
        return self.sides[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes in label order."""
        return self.models[0].thresholds.classes

    @property
    def is_stand_in(self) -> bool:
        """Whether no musician played the notes."""
        return bool(self.params.corpus(self.task.corpus).is_rendered)

    def contest(self, split: str, policy: str = POLICY) -> pd.DataFrame:
        """Return the differences of the two regimes on a side."""
        return _of(self.differences, split, policy)


def read_exam(params: Params, task: str, metrics: Path, data: Path) -> Exam:
    """Read the results of a task on overlaid notes.

    Args:
        params: all parameters.
        task: its name.
        metrics: the folder ``metrics``, with ``<task>/<model>`` and ``<task>/regimes``.
        data: the folder ``data``, with ``<task>/split``.

    Raises:
        ParameterError: when the task is unknown, has another method, or repeats no paper.
        DataError: when a file is missing or damaged.
    """
    section, paper = params.overlay_task(task), published_exam.of_task(task)
    models = [_read_model(task, section.corpus, metrics / task / model) for model in section.models]
    _check_classes(models)
    return Exam(
        name=task,
        params=params,
        task=section,
        paper=paper,
        models=models,
        sides=common_sides([model.result for model in models], params.report.main_split),
        differences=read_differences(metrics / task / "regimes", section.studies.regimes),
        left_out=read_left_out(data / task),
        notes=count_groups(data / task / "split" / "split.parquet", "instruments", "notes"),
    )


def read_sizes(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read ``by_size.csv`` and ``by_class.csv`` of a model; sizes and classes are texts.

    Raises:
        DataError: when a file is missing or damaged.
    """
    sizes, classes = read_table(folder / "by_size.csv", BY_SIZE), read_table(folder / "by_class.csv", BY_CLASS)
    return sizes.astype({"size": str}), classes.astype({"size": str, "class": str})


def read_differences(folder: Path, regimes: Sequence[str]) -> pd.DataFrame:
    """Read ``differences.csv``.

    Args:
        folder: ``metrics/<task>/regimes``.
        regimes: the two models that it must be about.

    Raises:
        DataError: when the file is missing or damaged, or about other models.
    """
    path = folder / DIFFERENCES_FILE
    table = read_table(path, DIFFERENCES).astype({"size": str})
    if set(zip(table["first"], table["second"], strict=True)) != {tuple(regimes)}:
        raise DataError(f"{path} is not about {regimes[0]} and {regimes[1]}: run `dvc repro`")
    return table


def _read_model(task: str, corpus: str, folder: Path) -> Judged:
    summary = read_summary(folder / "summary.csv")
    require_columns(summary, _SUMMARY, folder / "summary.csv")
    by_size, by_class = read_sizes(folder)
    return Judged(
        result=Result(task, folder.name, corpus, folder, summary),
        by_size=by_size,
        by_class=by_class,
        notes=read_table(folder / "single_notes.csv", NOTE_COLUMNS).astype({"class": str}),
        thresholds=read_thresholds(folder),
        skipped=read_table(folder / "skipped.csv", ("set", "clip", "reason")),
    )


def _check_classes(models: Sequence[Judged]) -> None:
    for model in models:
        if model.thresholds.classes != models[0].thresholds.classes:
            raise DataError(f"{model.result.folder} is about other classes than another model: run `dvc repro`")


def _of(table: pd.DataFrame, split: str, policy: str) -> pd.DataFrame:
    rows: pd.DataFrame = table[(table["split"] == split) & (table["threshold_policy"] == policy)]
    return rows
