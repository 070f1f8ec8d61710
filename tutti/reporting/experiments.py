"""Trainings with other settings: the tables under ``metrics/experiments/<task>`` that ``tutti collect`` keeps in Git.

A sweep trains the same model with other activations or windows, several times each. A row belongs to one training; what
counts are trainings of the present model's name on the very clips that it was trained on. Any of the tables may be
missing or empty.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.errors import DataError
from tutti.store import read_json

KEYS = ("experiment", "model", "activation", "window_seconds", "repeat", "corpus", "scale", "data")
COMPARED, GRID, CLASSES = "aggregations.csv", "grid.csv", "classes.csv"
ACTIVATION, WINDOW = "activation", "window_seconds"
OBJECTIVE = "validation_objective"
_SCORES = ("micro_precision", "micro_recall", "micro_f1", "macro_precision", "macro_recall", "macro_f1")
_ROWS = {
    COMPARED: (("split", "aggregation"), ("threshold", *_SCORES, OBJECTIVE)),
    GRID: (("split", "aggregation", "threshold"), _SCORES),
    CLASSES: (("split", "setting", "instrument"), ("f1", "support")),
}  # of each table: what names a row of one training, and its numbers
_ENOUGH = 2  # trainings of a setting below which nothing is known of how they vary


@dataclass(frozen=True)
class Present:
    """The model that the page is about; a sweep changes one of its settings.

    Attributes:
        model: its name.
        activation: its activation.
        window_seconds: length of its windows in seconds.
        data: digest of the clips that it was trained on.
    """

    model: str
    activation: str
    window_seconds: float
    data: str


@dataclass(frozen=True, eq=False)
class Experiments:
    """What is known of trainings with other settings.

    Attributes:
        compared: columns ``KEYS``, those of ``aggregations.csv``, and the objective on validation clips.
        grid: columns ``KEYS`` and those of ``aggregation_grid.csv``.
        classes: columns ``KEYS`` and those of ``aggregation_classes.csv``.
        n_left_out: trainings on other clips than the present ones; they are in no table.
    """

    compared: pd.DataFrame
    grid: pd.DataFrame
    classes: pd.DataFrame
    n_left_out: int


@dataclass(frozen=True)
class Repeats:
    """One number of several trainings that differ in their random start only.

    Attributes:
        values: one a training, without those that cannot be judged.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean; NaN where there is no value."""
        return statistics.fmean(self.values) if self.values else float("nan")

    @property
    def deviation(self) -> float:
        """The standard deviation (of a sample); NaN below two values."""
        return statistics.stdev(self.values) if len(self.values) >= _ENOUGH else float("nan")

    def is_judged_beside(self, other: "Repeats") -> bool:
        """Tell whether both were repeated, so that their ranges say something."""
        return min(len(self.values), len(other.values)) >= _ENOUGH

    def is_clearly_above(self, other: "Repeats") -> bool:
        """Tell whether both were repeated and every value lies above every one of the other."""
        return self.is_judged_beside(other) and min(self.values) > max(other.values)


def repeats(rows: pd.DataFrame, column: str) -> Repeats:
    """Return one column of the rows of one setting, one row a training."""
    return Repeats(tuple(rows[column].dropna().astype(float)))


def read_present(folder: Path) -> Present | None:
    """Read what the settings of a fitted model are; None where it has no activation and no windows.

    Args:
        folder: ``models/<task>/<model>``.

    Raises:
        DataError: when its ``spec.json`` is missing or damaged.
    """
    spec = read_json(folder / "spec.json")
    try:
        config, data = spec["config"], str(spec["data"]["train"]["clips"])
        if ACTIVATION not in config or WINDOW not in config:
            return None
        return Present(str(spec["model"]), str(config[ACTIVATION]), float(config[WINDOW]), data)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / 'spec.json'} is incomplete ({error!r}): remove it and run `dvc repro`") from None


def read_experiments(folder: Path, present: Present | None) -> Experiments:
    """Read what ``tutti collect`` wrote, without trainings on other clips than those of the present model.

    Of a setting that was trained twice with the same repeat, in two sweeps, the last one counts.

    Args:
        folder: ``metrics/experiments/<task>``.
        present: the model whose settings were changed; None where there is nothing to change.

    Raises:
        DataError: when a table is there and lacks a column or holds text where a number must be.
    """
    tables: list[pd.DataFrame] = []
    others: set[tuple[object, ...]] = set()
    for name, (within, numbers) in _ROWS.items():
        table = _read(folder / name, within, numbers)
        own = table[table["model"] == (present.model if present else None)]
        known = own["data"] == (present.data if present else None)
        others |= set(own[~known][list(KEYS)].itertuples(index=False, name=None))
        tables.append(own[known].drop_duplicates([ACTIVATION, WINDOW, "repeat", *within], keep="last"))
    compared, grid, classes = tables
    return Experiments(compared, grid, classes, len(others))


def varied(table: pd.DataFrame, key: str, present: Present | None) -> pd.DataFrame:
    """Return the rows in which nothing but one setting may differ from the present model.

    Args:
        table: one of the tables of ``Experiments``.
        key: ``activation`` | ``window_seconds``.
        present: the present model.
    """
    if present is None:
        return table[:0]
    fixed = ACTIVATION if key == WINDOW else WINDOW
    rows: pd.DataFrame = table[table[fixed] == getattr(present, fixed)]
    return rows


def by_setting(rows: pd.DataFrame, key: str, order: Sequence[Any] = ()) -> list[tuple[Any, pd.DataFrame]]:
    """Return the rows of each value of a setting, in a given order and then in their own.

    Args:
        rows: what ``varied`` returns.
        key: the setting.
        order: values that come first.
    """
    present = set(rows[key])
    ordered = [value for value in order if value in present] + sorted(present - set(order))
    return [(value, rows[rows[key] == value].sort_values("repeat", kind="stable")) for value in ordered]


def _read(path: Path, within: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    columns = list(dict.fromkeys((*KEYS, *within, *numbers)))
    if not path.is_file() or not path.stat().st_size:
        return pd.DataFrame(columns=columns)
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"data": str})
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table ({error}): remove it and run `tutti collect`") from None
    missing = [column for column in columns if column not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}: remove it and run `tutti collect`")
    for column in (WINDOW, "repeat", *(name for name in columns if name in {"threshold", *numbers})):
        try:
            table[column] = pd.to_numeric(table[column])
        except (ValueError, TypeError):
            raise DataError(f"{path} holds text in column {column!r}: remove it and run `tutti collect`") from None
    return table
