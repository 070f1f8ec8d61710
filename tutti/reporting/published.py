"""The figures that papers printed, from ``published.yaml``: for columns of their own, never for a mean with ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tutti import registry
from tutti.config import read_yaml
from tutti.errors import UnknownNameError

_FILE = Path(__file__).with_name("published.yaml")

Figures = tuple[float, float, float, int]


@dataclass(frozen=True)
class System:
    """One system of a paper.

    Attributes:
        title: what the paper calls it.
        table: number of its table.
        averages: precision, recall, F1 (0..1) and support by ``micro avg``, ``macro avg`` and so on.
        instruments: the same by our name of an instrument.
    """

    title: str
    table: int
    averages: Mapping[str, Figures]
    instruments: Mapping[str, Figures]

    def figures(self, label: str) -> Figures | None:
        """Return the figures of an average or an instrument; None where the paper has none."""
        return self.averages.get(label) or self.instruments.get(label)


@dataclass(frozen=True)
class Paper:
    """One paper's results on one task.

    Attributes:
        name: authors and year.
        source: the whole reference.
        corpus: what its figures were measured on.
        threshold: from which score on an instrument counted as named.
        models: our model to the key of the paper's system.
        instruments: our instrument to the paper's class.
        systems: the paper's systems by key.
    """

    name: str
    source: str
    corpus: str
    threshold: float
    models: Mapping[str, str]
    instruments: Mapping[str, str]
    systems: Mapping[str, System]

    def system(self, model: str) -> System | None:
        """Return the paper's system that one of our models follows; None where it follows none."""
        return self.systems[self.models[model]] if model in self.models else None


def printed(file: Path, task: str) -> dict[str, Any]:
    """Return what a file of papers' figures holds about the paper that a task repeats.

    Raises:
        UnknownNameError: when there is none.
    """
    known: dict[str, Any] = read_yaml(file)
    if task not in known:
        raise UnknownNameError(f"no paper's figures are known for task {task!r}: {registry.choose(task, known)}")
    return dict(known[task])


@cache
def of_task(task: str) -> Paper | None:
    """Return the paper whose study a task repeats; None where there is none."""
    known: dict[str, Any] = read_yaml(_FILE)
    if task not in known:
        return None
    content = dict(known[task])
    systems = {key: System(**_tupled(values)) for key, values in content.pop("systems").items()}
    return Paper(**content, systems=systems)


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    rows = {
        kind: {name: tuple(figures) for name, figures in values[kind].items()} for kind in ("averages", "instruments")
    }
    return {**values, **rows}
