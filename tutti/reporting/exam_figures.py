"""Figures of the exam: what binaries get by number of families (Chen et al. 2024, Figures 6 to 8).

Like those of ``figures`` they are narrow, so that their text stays legible on a telephone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from tutti.exam.sets import ALL
from tutti.reporting import style
from tutti.reporting.exam_words import METRIC_TITLES, class_title, model_title
from tutti.reporting.words import shortened, split_name

_WIDTH_IN = 4.2
_LONGEST = 18  # characters of a name
_APART = 0.13  # of a step of one family: lines that lie on each other stay distinct
_PAPERS = ("accuracy_hamming", "emr")  # what the paper prints, in its order
_LEAST_REACH = 0.05  # of a scale around zero


def by_size(
    lines: Sequence[tuple[str, pd.DataFrame]],
    paper: Mapping[str, Sequence[float]],
    paper_label: str,
    *,
    is_stand_in: bool = False,
) -> Figure:
    """Draw both accuracies and the exact match ratio against the number of families (the paper's Figure 6).

    Args:
        lines: name and ``by_size.csv`` of one side and policy (0..1 or NaN), one a model.
        paper: accuracy and exact match ratio that the paper prints, by number of families.
        paper_label: what its line is called.
        is_stand_in: whether ours are measured on a stand-in, which the figure then says.
    """
    figure, grid = style.new_grid(_WIDTH_IN, 7.4, 3, 1)
    sizes = _sizes(lines[0][1])
    for axes, (metric, title) in zip(grid, METRIC_TITLES.items(), strict=True):
        floor = _at(lines[0][1], f"floor_{metric}", sizes)
        axes.plot(sizes, floor, "--", color=style.MUTED, linewidth=1.4, label="saying nothing")
        known = [size for size in sizes if str(size) in paper]
        if metric in _PAPERS and known:
            values = [paper[str(size)][_PAPERS.index(metric)] for size in known]
            axes.plot(known, values, ":D", color=style.INK, linewidth=1.4, ms=4.5, mfc=style.PAPER, mew=1.1,
                      label=paper_label, clip_on=False, zorder=5)  # fmt: skip
        for index, (name, rows) in enumerate(lines):
            offset = (index - (len(lines) - 1) / 2) * _APART
            _line(axes, offset, rows, metric, style.SERIES[index % len(style.SERIES)], _label(name, is_stand_in))
        style.heading(axes, title)
    for axes in grid:
        axes.set_ylim(-0.02, 1.02)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        style.finish(axes, grid="y", x="families in the clip" if axes is grid[-1] else "")
    style.legend(figure, grid[0])
    return style.settled(figure)


def differences(parts: Sequence[tuple[str, pd.DataFrame]]) -> Figure:
    """Draw by how much one model is above another one at each size, with intervals, one colour a side.

    Args:
        parts: name of a side and its part of ``differences.csv`` under one policy (-1..1 or NaN).
    """
    figure, grid = style.new_grid(_WIDTH_IN, 7.0, 3, 1)
    sizes = _sizes(parts[0][1])
    for axes, (metric, title) in zip(grid, METRIC_TITLES.items(), strict=True):
        axes.axhline(0, color=style.INK, linewidth=1)
        for index, (side, rows) in enumerate(parts):
            own = rows[rows["metric"] == metric].rename(columns={"difference": metric, "low": f"{metric}_low",
                                                                 "high": f"{metric}_high"})  # fmt: skip
            offset = (index - (len(parts) - 1) / 2) * _APART
            _line(axes, offset, own, metric, style.SERIES[2 + index], split_name(side), joined=False)
        style.heading(axes, title)
    for axes in grid:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, -_LEAST_REACH), max(high, _LEAST_REACH))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.set_xticks(sizes, [str(size) for size in sizes])
        style.finish(axes, grid="y", x="families in the clip" if axes is grid[-1] else "")
    style.legend(figure, grid[0])
    return style.settled(figure)


def of_classes(lines: Sequence[tuple[str, pd.DataFrame]], column: str, classes: Sequence[str]) -> Figure:
    """Draw a number of every class against the number of families, a panel a class (the paper's Figures 7 and 8).

    Args:
        lines: name and ``by_class.csv`` of one side and policy, one a model.
        column: of that table, in 0..1 or NaN.
        classes: names in the order of the panels.
    """
    rows = -(-len(classes) // 2)
    figure, grid = style.new_grid(_WIDTH_IN, 0.7 + 1.12 * rows, rows, 2)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(wspace=0.08)  # the last number of one axis and the first one of the next stay apart
    sizes = _sizes(lines[0][1])
    for axes, name in zip(grid, classes, strict=False):
        for index, (model, table) in enumerate(lines):
            colour = style.SERIES[index % len(style.SERIES)]
            values = _at(table[table["class"] == name], column, sizes)
            axes.plot(sizes, values, "o-", color=colour, linewidth=1.6, ms=3, label=_label(model), clip_on=False)
        style.heading(axes, shortened(class_title(name), _LONGEST))
    for axes in grid[len(classes) :]:
        axes.set_axis_off()
    for place, axes in enumerate(grid[: len(classes)]):
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1])
        shown = sizes[:: max(1, len(sizes) // 5)]
        axes.set_xticks(shown, [str(size) for size in shown])
        is_last = place + 2 >= len(classes)
        axes.tick_params(labelbottom=is_last)
        style.finish(axes, grid="y", x="families in the clip" if is_last else "")
    style.legend(figure, grid[0])
    return style.settled(figure)


def _line(
    axes: Axes, offset: float, rows: pd.DataFrame, metric: str, colour: str, label: str, *, joined: bool = True
) -> None:  # fmt: skip
    """Draw the values of a metric with their intervals, a little beside their sizes."""
    sizes = _sizes(rows)
    place = np.array(sizes) + offset
    values, low, high = (_at(rows, f"{metric}{end}", sizes) for end in ("", "_low", "_high"))
    there = np.isfinite(low) & np.isfinite(high)
    axes.vlines(place[there], low[there], high[there], color=colour, linewidth=1.6, alpha=0.75)
    axes.plot(place, values, "o-" if joined else "o", color=colour, linewidth=2, ms=5, label=label,
              clip_on=False, zorder=4)  # fmt: skip


def _sizes(rows: pd.DataFrame) -> list[int]:
    """Return the numbers of families that a table knows, from the smallest on."""
    return sorted({int(size) for size in rows["size"] if size != ALL})


def _at(rows: pd.DataFrame, column: str, sizes: Sequence[int]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return a column at each size; NaN where the table has no such size."""
    by_size = dict(zip(rows["size"], rows[column].astype(float), strict=True))
    return np.array([by_size.get(str(size), float("nan")) for size in sizes])


def _label(name: str, is_stand_in: bool = False) -> str:
    text = shortened(model_title(name), _LONGEST)
    return f"{text}, stand-in" if is_stand_in else text
