"""``metrics/tables/<task>/``: the tables that stand across models, as CSV with six decimals.

``macro.csv`` and ``micro.csv`` are Tables 9 and 10 of Meas & Moieni 2025 for our corpus, ``beside_paper.csv`` their
Tables 3 to 8 where they can be set side by side (each model's whole report is its ``classification_report.csv``).
``hornbostel_sachs.csv`` and ``confused_pairs.csv`` say where the mistakes are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tutti.config import Params
from tutti.reporting.comparison import Result
from tutti.reporting.confusions import by_group, confused_pairs
from tutti.reporting.paper_tables import average_table, beside_paper
from tutti.store import whole

Tables = Mapping[str, pd.DataFrame]


def cross_tables(params: Params, results: Sequence[Result]) -> Tables:
    """Return all tables across models by name; each has a column ``task``.

    Raises:
        DataError: when a table of a model is missing or damaged.
    """
    results = _of_instruments(params, results)
    beside = beside_paper(results, params)
    return {
        "macro": average_table(beside, results, "macro"),
        "micro": average_table(beside, results, "micro"),
        "beside_paper": beside,
        **across_models(params, results),
    }


def across_models(params: Params, results: Sequence[Result]) -> Tables:
    """Return the tables that say where the mistakes are, by name; each has a column ``task``.

    Raises:
        DataError: when a table of a model is missing or damaged.
    """
    results = _of_instruments(params, results)
    return {
        "hornbostel_sachs": by_group(results),
        "confused_pairs": confused_pairs(results, params.report.main_policy, params.report.confused_pairs),
    }


def _of_instruments(params: Params, results: Sequence[Result]) -> list[Result]:
    """Return the results of tasks whose classes have a place in the taxonomy."""
    return [result for result in results if params.task(result.task).of_instruments]


def write_tables(tables: Tables, folder: Path) -> None:
    """Write the tables as CSV, a folder a task; all appear together."""
    with whole(folder) as partial:
        partial.mkdir()
        for name, table in tables.items():
            for task, rows in table.groupby("task", sort=False):
                (partial / str(task)).mkdir(exist_ok=True)
                path = partial / str(task) / f"{name}.csv"
                rows.to_csv(path, index=False, float_format="%.6f", lineterminator="\n")
