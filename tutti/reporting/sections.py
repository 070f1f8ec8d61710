"""The part of the report that shows one model: instruments, thresholds, polyphony, confusions and mistakes."""

from functools import cached_property
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from tutti.config import Params
from tutti.errors import DataError
from tutti.evaluation.thresholds import read_thresholds
from tutti.reporting import figures, page_tables, sentences, style
from tutti.reporting.comparison import Result, read_table
from tutti.reporting.mistakes import Clips, Exhibit, exhibit
from tutti.reporting.tables import Tables
from tutti.reporting.words import of_split, policy_name, readable, split_name
from tutti.store import read_json

_SHARE_OF_OTHERS = 3  # models after the best show a third of their mistakes: the page is mailed around


class ModelSection:
    """What the page says about one model; the template reads its attributes.

    Everything is at the report's main threshold policy; ``split`` is its main split.
    """

    def __init__(self, result: Result, params: Params, clips: Clips, across: Tables, *, first: bool) -> None:
        """Take a model's results.

        Args:
            result: one of ``read_results``.
            params: choose split and policy and how many mistakes to show.
            clips: the audio of the result's task.
            across: the tables across models.
            first: whether it is the best model, which shows all of its mistakes.
        """
        self.task, self.name = result.task, result.model
        self._folder, self._clips = result.folder, clips
        self._split, self._policy = params.report.main_split, params.report.main_policy
        self._most = params.report.worst_mistakes if first else -(-params.report.worst_mistakes // _SHARE_OF_OTHERS)
        self._params, self._across = params, across
        self._per_class = self._main_first(
            self._table("per_class", "instrument", "hornbostel_sachs", "precision", "recall", "f1", "support")
        )
        self._row = _only(result.summary, self._split, self._policy, result.folder)

    @property
    def n_instruments(self) -> int:
        """How many instruments the model knows."""
        return int(self._per_class["instrument"].nunique())

    @property
    def n_judged(self) -> int:
        """How many of them the main split can judge."""
        return self.n_instruments - len(self._unjudged())

    @property
    def sentence(self) -> str:
        """The result in words."""
        return sentences.model(self._row, self._policy)

    @property
    def not_evaluable(self) -> str:
        """Which instruments have no score; empty when all have one."""
        return sentences.not_evaluable(self._unjudged())

    @property
    def per_class_caption(self) -> str:
        """How to read ``per_class``."""
        rings = [split_name(split) for split in self._per_class["split"].unique()[1:2]]
        return f"Bars: {split_name(self._split)}, best first." + "".join(f" Rings: {name}." for name in rings)

    @property
    def per_class(self) -> Markup:
        """F1 of every instrument."""
        label = f"F1 of every instrument. {self.per_class_caption}"
        return self._svg(figures.per_class_f1(self._per_class), "per-class", label)

    @property
    def curves(self) -> list[dict[str, Any]]:
        """F1 against the threshold on the main split."""
        columns = ("threshold", "micro_precision", "micro_recall", "micro_f1", "macro_f1")
        curve = self._table("threshold_curve", *columns, policy=False)
        chosen = float(read_thresholds(self._folder).thresholds["validated_global"][0])
        caption = (
            "What other thresholds would have given. The dotted line is what the validation clips chose; it was "
            "not moved to where these curves are highest."
        )
        rows = curve[curve["split"] == self._split]
        label = f"Precision, recall and F1 against the threshold, {split_name(self._split)}"
        figure = self._svg(figures.threshold_curve(rows, chosen), "threshold", label)
        return [{"split": self._split, "caption": caption, "figure": figure}]

    polyphony_caption = "F1 by the number of instruments that play together in a clip."

    @property
    def polyphony(self) -> Markup:
        """F1 against polyphony."""
        table = self._main_first(self._table("per_polyphony", "polyphony", "micro_f1", "n_clips"))
        return self._svg(figures.polyphony(table), "polyphony", self.polyphony_caption)

    confusion_caption = (
        "In how many clips the first instrument was missed while the second was named falsely. In a "
        "clip with several mistakes, every such pair counts."
    )

    @cached_property
    def confusion(self) -> Markup | None:
        """The most frequent confusions on the main split; None when there is none."""
        pairs = self._table("confusion", "reference", "predicted", "count")
        pairs = pairs[pairs["split"] == self._split]
        return None if pairs.empty else self._svg(figures.confusion(pairs), "confusion", "The most frequent confusions")

    @cached_property
    def instruments(self) -> list[dict[str, Any]]:
        """The numbers of every instrument and the averages, as the paper's tables a model."""
        columns = ("instrument", "hornbostel_sachs", "precision", "recall", "f1", "support")
        per_class = self._table("per_class", "threshold_policy", *columns, policy=False)
        beside = self._across["beside_paper"]
        own = beside[(beside["task"] == self.task) & (beside["model"] == self.name)]
        return page_tables.instrument_rows(per_class, own, (self._policy, "fixed"), page_tables.sides(self._params))

    @property
    def has_paper(self) -> bool:
        """Whether a paper printed figures of such a model."""
        return any(len(row["paper"]) for row in self.instruments)

    @property
    def pairs(self) -> list[dict[str, Any]]:
        """The most confused pairs of the model; empty for other tasks than the report's."""
        if self.task != self._params.report.task:
            return []
        return page_tables.pair_rows(self._across["confused_pairs"], self.name, self._params)

    @property
    def mistakes_caption(self) -> str:
        """How to read ``mistakes``."""
        return (
            f"The clips with the most wrong answers on {of_split(self._split)}, with the threshold "
            f"\N{LEFT DOUBLE QUOTATION MARK}{policy_name(self._policy)}\N{RIGHT DOUBLE QUOTATION MARK}. The title "
            "says what plays; the number behind an instrument is the model's score."
        )

    @cached_property
    def mistakes(self) -> list[Exhibit]:
        """The worst mistakes."""
        path = self._folder / "mistakes.json"
        try:
            own = [
                item
                for item in read_json(path)
                if (item["split"], item["threshold_policy"]) == (self._split, self._policy)
            ]
            names = [f"{self.task}-{self.name}-mistake-{index}" for index in range(self._most)]
            return [exhibit(item, self._clips, name) for item, name in zip(own, names, strict=False)]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is not a list of mistakes ({error!r}): remove it and run `dvc repro`") from None

    def _table(self, name: str, *columns: str, policy: bool = True) -> pd.DataFrame:
        """Read one of the model's tables, at the main policy where it has policies."""
        needed = ("split", "threshold_policy") if policy else ("split",)
        table = read_table(self._folder / f"{name}.csv", (*needed, *columns))
        return table[table["threshold_policy"] == self._policy] if policy else table

    def _main_first(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the rows of the main split before those of others."""
        return table.sort_values("split", key=lambda column: column != self._split, kind="stable")

    def _unjudged(self) -> list[str]:
        own = self._per_class[self._per_class["split"] == self._split]
        return [str(name) for name in own.loc[own["f1"].isna(), "instrument"]]

    def _svg(self, figure: Figure, name: str, label: str) -> Markup:
        text = f"{readable(self.name)}: {label}"
        return Markup(style.inline_svg(figure, f"{self.task}-{self.name}-{name}", text))


def _only(summary: pd.DataFrame, split: str, policy: str, folder: Any) -> "pd.Series[Any]":
    found = summary[(summary["split"] == split) & (summary["threshold_policy"] == policy)]
    if found.empty:
        raise DataError(
            f"{folder / 'summary.csv'} has no row for {split} at {policy}: run `dvc repro` to make it again"
        )
    return found.iloc[0]
