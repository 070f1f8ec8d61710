"""All that the page of a task on excerpts is made from, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tutti.config import CuttingTask, Params, Policy
from tutti.errors import DataError
from tutti.evaluation import aggregations
from tutti.evaluation.thresholds import Thresholds, read_thresholds
from tutti.reporting import published_excerpts
from tutti.reporting.comparison import (
    Result,
    common_sides,
    count_groups,
    read_summary,
    read_table,
    require_columns,
)
from tutti.reporting.experiments import Experiments, Present, read_experiments, read_present
from tutti.reporting.left_out import Item, read_left_out

POLICY: Policy = "validated_global"  # the page's own: what is compared under one threshold for all
_SCORES = ("micro_precision", "micro_recall", "micro_f1", "macro_precision", "macro_recall", "macro_f1")
_LIMITED = ("micro_f1", "macro_f1")
_COMPARED = (
    "split", "aggregation", "member", "threshold", *_SCORES,
    *(f"{score}{change}{end}" for score in _LIMITED for change in ("", "_minus_s2", "_minus_fixed")
      for end in ("", "_low", "_high")),
)  # fmt: skip
_PER_CLASS = ("split", "threshold_policy", "instrument", "hornbostel_sachs", "threshold", "f1", "support")
_SUMMARY = (*(f"{name}_{end}" for name in _LIMITED for end in ("low", "high")), "n_classes_evaluable")


@dataclass(frozen=True, eq=False)
class Judged:
    """What ``evaluate`` wrote about one model.

    Attributes:
        result: its task, name, corpus, folder and ``summary.csv``.
        per_class: ``per_class.csv``.
        compared: ``aggregations.csv``.
        grid: ``aggregation_grid.csv``.
        classes: ``aggregation_classes.csv``.
        thresholds: ``thresholds.json``.
        skipped: ``skipped.csv``: set, clip, reason.
    """

    result: Result
    per_class: pd.DataFrame
    compared: pd.DataFrame
    grid: pd.DataFrame
    classes: pd.DataFrame
    thresholds: Thresholds
    skipped: pd.DataFrame

    @property
    def name(self) -> str:
        """The model's name."""
        return self.result.model

    def at(self, split: str, policy: str) -> "pd.Series[float]":
        """Return the row of the summary of a side and a threshold policy (DataError when there is none)."""
        return self._only(self.result.summary, "summary.csv", split, "threshold_policy", policy)

    def under(self, split: str, aggregation: str) -> "pd.Series[float]":
        """Return what an aggregation gives on a side at its validated threshold (DataError when nothing is known)."""
        return self._only(self.compared, aggregations.FILE, split, "aggregation", aggregation)

    def _only(self, table: pd.DataFrame, file: str, split: str, key: str, value: str) -> "pd.Series[float]":
        rows = table[(table["split"] == split) & (table[key] == value)]
        if rows.empty:
            raise DataError(
                f"{self.result.folder / file} has no row for {split} at {value}: run `dvc repro` to make it again"
            )
        row: pd.Series[float] = rows.iloc[0]
        return row


@dataclass(frozen=True, eq=False)
class Excerpts:
    """A task on excerpts and all of its results.

    Attributes:
        name: of the task.
        params: all parameters.
        task: the task's section.
        paper: what the paper printed.
        models: best first, by macro F1 on the main side.
        sides: the test sides that have clips, the report's main one first.
        present: the model whose settings were changed in experiments; None where it has no such settings.
        experiments: what came of it.
        left_out: instruments that are no classes.
        songs: number of songs and of excerpts, columns songs and excerpts, by side.
    """

    name: str
    params: Params
    task: CuttingTask
    paper: published_excerpts.Paper
    models: Sequence[Judged]
    sides: Sequence[str]
    present: Present | None
    experiments: Experiments
    left_out: Sequence[Item]
    songs: pd.DataFrame

    @property
    def main(self) -> Judged:
        """The model whose settings the page compares."""
        return next(model for model in self.models if model.name == self.task.studies.settings_of)

    @property
    def side(self) -> str:
        """The main side."""
        return self.sides[0]


def read_excerpts(params: Params, task: str, metrics: Path, models: Path, data: Path) -> Excerpts:
    """Read the results of a task on excerpts.

    Args:
        params: all parameters.
        task: its name.
        metrics: the folder ``metrics``, with ``<task>/<model>`` and ``experiments/<task>``.
        models: the folder ``models``, with ``<task>/<model>/spec.json`` of the model whose settings are compared.
        data: the folder ``data``, with ``<task>/split``.

    Raises:
        ParameterError: when the task is unknown, mixes its clips, or repeats no paper.
        DataError: when a file is missing or damaged.
    """
    section, paper = params.cutting_task(task), published_excerpts.of_task(task)
    judged = [_read_model(task, section.corpus, metrics / task / model) for model in section.models]
    sides = common_sides([model.result for model in judged], params.report.main_split)
    order = {model.name: -_score(model, sides[0]) for model in judged}
    present = read_present(models / task / section.studies.settings_of)
    return Excerpts(
        name=task,
        params=params,
        task=section,
        paper=paper,
        models=sorted(judged, key=lambda model: order[model.name]),
        sides=sides,
        present=present,
        experiments=read_experiments(metrics / "experiments" / task, present),
        left_out=read_left_out(data / task),
        songs=count_groups(data / task / "split" / "split.parquet", "songs", "excerpts"),
    )


def _read_model(task: str, corpus: str, folder: Path) -> Judged:
    summary = read_summary(folder / "summary.csv")
    require_columns(summary, _SUMMARY, folder / "summary.csv")
    return Judged(
        result=Result(task, folder.name, corpus, folder, summary),
        per_class=read_table(folder / "per_class.csv", _PER_CLASS),
        compared=read_table(folder / aggregations.FILE, _COMPARED),
        grid=read_table(folder / aggregations.GRID_FILE, ("split", "aggregation", "threshold", *_SCORES)),
        classes=read_table(folder / aggregations.CLASSES_FILE, ("split", "setting", "instrument", "f1", "support")),
        thresholds=read_thresholds(folder),
        skipped=read_table(folder / "skipped.csv", ("set", "clip", "reason")),
    )


def _score(model: Judged, split: str) -> float:
    value = float(model.at(split, POLICY)["macro_f1"])
    return value if value == value else -1.0
