"""The settings that experiments tried, one object each, for tables, figures and sentences alike."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from tutti.evaluation.aggregation import S1, S2
from tutti.evaluation.aggregations import DEFAULT, LOW
from tutti.reporting import experiments
from tutti.reporting.excerpts_results import Excerpts
from tutti.reporting.experiments import ACTIVATION, OBJECTIVE, WINDOW, Repeats
from tutti.reporting.words import number, readable

SWEEPS = {ACTIVATION: "tutti sweep activation", WINDOW: "tutti sweep window"}


@dataclass(frozen=True, eq=False)
class Setting:
    """One value of a setting, and what its trainings gave under the task's aggregation at their validated thresholds.

    Attributes:
        value: of the setting.
        rows: of ``aggregations.csv``, one a training and side.
        is_present: whether it is that of the present model.
    """

    value: Any
    rows: pd.DataFrame
    is_present: bool

    def of(self, split: str, column: str) -> Repeats:
        """Return a number of all its trainings on a side."""
        return experiments.repeats(self.rows[self.rows["split"] == split], column)

    @property
    def validation(self) -> Repeats:
        """The objective on validation clips, by which settings are chosen."""
        return experiments.repeats(self.rows.drop_duplicates("repeat"), OBJECTIVE)

    @property
    def n_trainings(self) -> int:
        """How many trainings it has."""
        return int(self.rows["repeat"].nunique())


def settings(excerpts: Excerpts, key: str) -> list[Setting]:
    """Return what is known of a setting: activations in the paper's order, windows from the shortest.

    Args:
        excerpts: the task's results.
        key: ``activation`` | ``window_seconds``.
    """
    table = excerpts.experiments.compared
    under = table[table["aggregation"] == excerpts.task.evaluation.aggregation]
    rows = experiments.varied(under, key, excerpts.present)
    order = list(excerpts.paper.activations) if key == ACTIVATION else []
    now = getattr(excerpts.present, key, None)
    return [Setting(value, own, value == now) for value, own in experiments.by_setting(rows, key, order)]


def title(excerpts: Excerpts, key: str, value: Any) -> str:
    """Return a value of a setting as people read it: ``LReLU(0.33)``, ``1.5 s`` in one piece."""
    if key == WINDOW:
        return f"{float(value):.1f}\N{NO-BREAK SPACE}s"
    known = excerpts.paper.activations.get(value)
    return known.title if known else readable(str(value))


def told(values: Repeats, digits: int = 3) -> str:
    """Return a mean with its standard deviation, as ``0.455 ± 0.010``; without it where there is one training."""
    if len(values.values) == 1:
        return number(values.mean, digits)
    return f"{number(values.mean, digits)} \N{PLUS-MINUS SIGN} {number(values.deviation, digits)}"


def curves(excerpts: Excerpts, side: str) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return F1 against the threshold under S2, one line a window: means over trainings; else the present model's.

    Args:
        excerpts: the task's results.
        side: the test side.

    Returns:
        a name, columns threshold, micro_f1 and macro_f1 of the grid, and the same of one row, the validated threshold.
    """
    tried = excerpts.experiments
    grid = _on(experiments.varied(tried.grid, WINDOW, excerpts.present), side)
    compared = _on(experiments.varied(tried.compared, WINDOW, excerpts.present), side)
    windows = [value for value, _ in experiments.by_setting(grid, WINDOW) if value in set(compared[WINDOW])]
    if not windows:
        own = excerpts.main
        return [(readable(own.name), _means(_on(own.grid, side)), _mean(_on(own.compared, side)))]
    return [
        (
            title(excerpts, WINDOW, value),
            _means(grid[grid[WINDOW] == value]),
            _mean(compared[compared[WINDOW] == value]),
        )
        for value in windows
    ]


def _on(table: pd.DataFrame, side: str) -> pd.DataFrame:
    rows: pd.DataFrame = table[(table["split"] == side) & (table["aggregation"] == S2)]
    return rows


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the means of trainings at each threshold of a grid."""
    columns = ["threshold", "micro_f1", "macro_f1"]
    return rows.groupby("threshold", as_index=False)[columns[1:]].mean()[columns]


def _mean(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row: the mean validated threshold of trainings, and the means of what it gives."""
    return rows[["threshold", "micro_f1", "macro_f1"]].astype(float).mean().to_frame().T


def by_instrument(excerpts: Excerpts, side: str) -> pd.DataFrame:
    """Return the F1 of every instrument under the paper's four settings: its Figure 5.

    Args:
        excerpts: the task's results.
        side: the test side.

    Returns:
        columns setting (as it is told), instrument, f1; a setting that nobody tried is absent.
    """
    own = excerpts.main.classes
    names = {DEFAULT: "as it is", S1: "S1", LOW: "threshold 0.20"}
    parts = [own[(own["split"] == side) & (own["setting"] == key)].assign(setting=name) for key, name in names.items()]
    worst = excerpts.paper.windows["worst"]
    tried = experiments.varied(excerpts.experiments.classes, WINDOW, excerpts.present)
    tried = tried[(tried["split"] == side) & (tried["setting"] == DEFAULT) & (tried[WINDOW] == worst)]
    if len(tried) and excerpts.present is not None and excerpts.present.window_seconds != worst:
        means = tried.groupby("instrument", as_index=False)["f1"].mean()
        parts.append(means.assign(setting=f"windows of {title(excerpts, WINDOW, worst)}"))
    return pd.concat(parts, ignore_index=True)[["setting", "instrument", "f1"]]
