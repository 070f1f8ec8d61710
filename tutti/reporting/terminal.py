"""Tables in plain text, for terminals, logs and pipes."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tutti.config import POLICIES, TEST_SETS
from tutti.reporting.words import number, split_name

_SHOWN = {
    "model": "model",
    "split": "split",
    "threshold_policy": "threshold",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "macro_precision": "macro P",
    "macro_recall": "macro R",
    "map": "mAP",
    "emr": "EMR",
    "n_clips": "clips",
}
_COMPACT = ("macro_f1", "micro_f1")
_SCORES = ("macro_f1", "micro_f1", "macro_precision", "macro_recall", "map", "emr")


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return rows as lines of columns, two spaces apart.

    Args:
        header: the columns' names.
        rows: one text a cell, as many as the header.
        numbers: columns to align on the right.
    """
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def comparison_text(table: pd.DataFrame) -> str:
    """Return the comparison as text, one block a task, with the corpus in its heading.

    Args:
        table: what ``comparison_table`` returns or ``metrics/comparison.csv`` holds.
    """
    blocks = []
    for (task, corpus), part in table.groupby(["task", "corpus"], sort=False):
        rows = [[_cell(column, row[column]) for column in _SHOWN] for _, row in part.iterrows()]
        right = [index for index, column in enumerate(_SHOWN) if column in (*_SCORES, "n_clips")]
        blocks.append(f"task {task}, corpus {corpus}\n" + aligned(list(_SHOWN.values()), rows, right))
    return "\n\n".join(blocks)


def compact_text(table: pd.DataFrame) -> str:
    """Return the comparison as text, one row a model, best first, one block a task.

    Args:
        table: as for ``comparison_text``.
    """
    blocks = []
    for (task, corpus), header, rows in _compact(table):
        note = f"F1 at the thresholds {' / '.join(POLICIES)}"
        blocks.append(f"task {task}, corpus {corpus}: {note}\n" + aligned(header, rows, range(1, len(header))))
    return "\n\n".join(blocks)


def markdown(table: pd.DataFrame) -> str:
    """Return the same as tables in Markdown.

    Args:
        table: as for ``comparison_text``.
    """
    blocks = []
    for _, header, rows in _compact(table):
        marks = ["---", *["---:"] * (len(header) - 1)]
        blocks.append("\n".join("| " + " | ".join(row) + " |" for row in (header, marks, *rows)))
    return "\n\n".join(blocks)


def settings_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the settings that were tried as text, one block a test side; one repeat alone has no deviation.

    Args:
        tables: what ``tutti.experiments.summary`` returns, by test side.
    """
    return "\n".join(_settings(split, table) for split, table in tables.items() if len(table))


def _settings(split: str, table: pd.DataFrame) -> str:
    texts = [
        [f"{value:g}" if name in ("window_seconds", "repeats") else _text(value) for name, value in row.items()]
        for row in table.to_dict("records")
    ]
    heading = f"{split}: F1 under s2 at the validated threshold, over the repeats"
    return f"{heading}\n{aligned([str(name) for name in table.columns], texts, range(1, len(table.columns)))}\n"


def _text(value: object) -> str:
    return value if isinstance(value, str) else number(float(str(value)))


def _compact(table: pd.DataFrame) -> list[tuple[tuple[str, str], list[str], list[list[str]]]]:
    """Return task and corpus, header and rows of each task: F1 at ``fixed / validated_global / validated_per_class``.

    Models are ordered by macro F1 on unseen recordings at the validated global threshold; what is missing is n/a.
    """
    blocks = []
    for (task, corpus), part in table.groupby(["task", "corpus"], sort=False):
        scores = part.set_index(["model", "split", "threshold_policy"])[list(_COMPACT)]
        sides = [split for split in TEST_SETS if split in set(part["split"])]
        cells = [(split, metric) for split in sides for metric in _COMPACT]
        rows = []
        for model in dict.fromkeys(part["model"]):
            values = {
                (split, metric, policy): float(scores[metric].get((model, split, policy), float("nan")))
                for split, metric in cells
                for policy in POLICIES
            }
            texts = [" / ".join(number(values[(*cell, policy)], 2) for policy in POLICIES) for cell in cells]
            first = values.get((TEST_SETS[0], "macro_f1", "validated_global"), float("nan"))
            rows.append((-first if first == first else 1.0, [str(model), *texts]))
        rows.sort(key=lambda row: row[0])
        header = ["model", *(f"{_SHOWN[metric]}, {split_name(split)}" for split, metric in cells)]
        blocks.append(((str(task), str(corpus)), header, [texts for _, texts in rows]))
    return blocks


def _cell(column: str, value: object) -> str:
    return number(float(str(value))) if column in _SCORES else str(value)
