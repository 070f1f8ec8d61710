"""What a paper on overlaid notes printed, from ``published_exam.yaml``: for columns of its own, not mixed with ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tutti.reporting.published import printed

_FILE = Path(__file__).with_name("published_exam.yaml")


@dataclass(frozen=True)
class Printed:
    """A share as the paper prints it.

    Attributes:
        text: percent, such as ``97`` or ``~0``.
    """

    text: str

    @property
    def value(self) -> float:
        """The share in 0..1; what is printed as about a number is that number."""
        return float(self.text.removeprefix("~")) / 100


@dataclass(frozen=True)
class Row:
    """One row of the paper's table on single notes.

    Attributes:
        figures: precision, recall and F1.
        support: the number of notes.
    """

    figures: tuple[Printed, ...]
    support: int


@dataclass(frozen=True)
class Paper:
    """One paper's results on one task.

    Attributes:
        name: authors and year.
        source: the whole reference.
        corpus: what its notes are from, in a word.
        about: what its figures were measured on.
        sizes: its accuracy, which is the share of right bits, and its exact match ratio, by number of families and for
            ``all``.
        notes: its table on single notes, by our names of the classes.
        accuracy: the row of that table about all classes.
    """

    name: str
    source: str
    corpus: str
    about: str
    sizes: Mapping[str, tuple[Printed, Printed]]
    notes: Mapping[str, Row]
    accuracy: Row


@cache
def of_task(task: str) -> Paper:
    """Return the paper whose exam a task repeats.

    Raises:
        UnknownNameError: when there is none.
    """
    content = printed(_FILE, task)
    sizes = {size: (Printed(accuracy), Printed(emr)) for size, (accuracy, emr) in content.pop("sizes").items()}
    notes = {name: _row(values) for name, values in content.pop("notes").items()}
    return Paper(**content | {"accuracy": _row(content["accuracy"])}, sizes=sizes, notes=notes)


def _row(values: list[Any]) -> Row:
    *figures, support = values
    return Row(tuple(Printed(text) for text in figures), int(support))
