"""What a paper on excerpts printed, from ``published_excerpts.yaml``: for columns of its own, never mixed with ours.

Unlike ``published`` it has no rows of instruments: the paper draws them and tells a few in its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tutti.reporting.published import printed

_FILE = Path(__file__).with_name("published_excerpts.yaml")


@dataclass(frozen=True)
class Row:
    """One row of a table of the paper.

    Attributes:
        title: what the paper calls it.
        micro: precision, recall and F1, 0..1.
        macro: the same, the mean over instruments.
        threshold: at which it was measured; None where it is that of the whole paper.
    """

    title: str
    micro: tuple[float, float, float]
    macro: tuple[float, float, float]
    threshold: float | None = None


@dataclass(frozen=True)
class Paper:
    """One paper's results on one task.

    Attributes:
        name: authors and year.
        source: the whole reference.
        corpus: what its figures were measured on.
        threshold: its own threshold on scores under ``s2``.
        thresholds: lowest and highest that it tried under ``s2``.
        repeats: trainings of each setting.
        models: our model to the row of ``activations`` that is the same system.
        activations: rows by our name of an activation, in the paper's order.
        aggregations: rows by our name of an aggregation.
        windows: its ``best`` and ``worst`` length of a window in seconds.
        instruments: its ``best`` and ``worst`` instruments by our names, with their F1, rounded by the paper.
    """

    name: str
    source: str
    corpus: str
    threshold: float
    thresholds: tuple[float, float]
    repeats: int
    models: Mapping[str, str]
    activations: Mapping[str, Row]
    aggregations: Mapping[str, Row]
    windows: Mapping[str, float]
    instruments: Mapping[str, Mapping[str, float]]

    def of_model(self, model: str) -> Row | None:
        """Return the row of the system that one of our models follows; None where it follows none."""
        return self.activations[self.models[model]] if model in self.models else None


@cache
def of_task(task: str) -> Paper:
    """Return the paper whose experiments a task repeats.

    Raises:
        UnknownNameError: when there is none.
    """
    content = printed(_FILE, task)
    activations, aggregations = (_rows(content.pop(kind)) for kind in ("activations", "aggregations"))
    low, high = content.pop("thresholds")
    return Paper(**content, thresholds=(low, high), activations=activations, aggregations=aggregations)


def _rows(table: Mapping[str, Any]) -> dict[str, Row]:
    return {
        name: Row(**(values | {kind: tuple(values[kind]) for kind in ("micro", "macro")}))
        for name, values in table.items()
    }
