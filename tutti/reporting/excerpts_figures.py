"""Figures of a task on excerpts: those of Han, Kim & Lee 2017 for our clips, and thresholds an instrument.

Like those of ``figures`` they are narrow, so that their text stays legible on a telephone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tutti.reporting import style
from tutti.reporting.words import instrument_title, readable, sentence_case, shortened, split_name

_WIDTH_IN = 4.2
_ROW_IN = 0.27
_LONGEST = 18  # characters of a name
_LEAST_SPAN = 0.3  # of F1, on an axis that does not start at 0
_FIGURES = ("precision", "recall", "f1")
_AVERAGES = ("micro", "macro")
_MARKS = ("D", "s", "o", "^")
_DASHES = ("-", "--", "-.", ":", "-", "--")


def averages(rows: pd.DataFrame, policies: Mapping[str, str]) -> Figure:
    """Draw micro and macro precision, recall and F1 of all models, F1 with its interval (the paper's Figure 3).

    Args:
        rows: of one side: columns model, threshold_policy, ``<average>_<figure>`` (0..1 or NaN) and the limits of F1.
        policies: the title of each threshold policy that gets a row of panels.
    """
    models = list(dict.fromkeys(rows["model"]))
    figure, grid = style.new_grid(_WIDTH_IN + 0.6, 0.7 + len(policies) * (0.55 + 0.62 * len(models)), len(policies), 2)
    panels = [(policy, average) for policy in policies for average in _AVERAGES]
    for axes, (policy, average) in zip(grid, panels, strict=True):
        part = rows[rows["threshold_policy"] == policy].set_index("model").reindex(models)
        for index, model in enumerate(models):
            _average_bars(axes, part.loc[model], average, index, len(models), str(model))
        style.heading(axes, f"{sentence_case(average)}, {policies[policy]}")
    for axes in grid:
        axes.set_yticks(np.arange(len(_FIGURES)), [readable(name) if name == "f1" else sentence_case(name)
                                                   for name in _FIGURES])  # fmt: skip
        axes.set_ylim(len(_FIGURES) - 0.5, -0.5)
        axes.set_xlim(0, 1.16)
        axes.set_xticks([0, 0.5, 1])
        style.finish(axes, grid="x")
    style.legend(figure, grid[0])
    return style.settled(figure)


def _average_bars(axes: Axes, row: "pd.Series[float]", average: str, index: int, count: int, model: str) -> None:
    height = 0.8 / count
    places = np.arange(len(_FIGURES)) + (index - (count - 1) / 2) * height
    values = row[[f"{average}_{name}" for name in _FIGURES]].to_numpy(float)
    label = shortened(sentence_case(readable(model)), _LONGEST)
    axes.barh(places, values, height * 0.88, color=style.SERIES[index % len(style.SERIES)], label=label)
    low, high = float(row[f"{average}_f1_low"]), float(row[f"{average}_f1_high"])
    if np.isfinite(low) and np.isfinite(high):
        axes.hlines(places[-1:], low, high, color=style.INK, linewidth=1.3)
    ends = [*values[:-1], np.fmax(values[-1], high)]
    for place, value, end in zip(places.tolist(), values.tolist(), ends, strict=True):
        style.note(axes, float(np.nan_to_num(end)) + 0.03, place, "n/a" if np.isnan(value) else f"{value:.2f}")


def thresholds(lines: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]], fixed: float) -> Figure:
    """Draw micro and macro F1 against the threshold, one line a window (the paper's Figure 4).

    Args:
        lines: a name, columns threshold, micro_f1 and macro_f1 (0..1 or NaN) of a grid, and the same columns of one
            row: the validated threshold and what it gives.
        fixed: the paper's threshold, marked by a dotted line.
    """
    figure, grid = style.new_grid(_WIDTH_IN, 5.0, 2, 1)
    for axes, average in zip(grid, _AVERAGES, strict=True):
        for index, (name, curve, chosen) in enumerate(lines):
            colour = style.SERIES[index % len(style.SERIES)]
            dashes = _DASHES[index % len(_DASHES)]
            axes.plot(curve["threshold"], curve[f"{average}_f1"], dashes, color=colour, linewidth=2, label=name)
            axes.plot(chosen["threshold"], chosen[f"{average}_f1"], "D", ms=7, mfc=colour, mec=style.PAPER, mew=1.2,
                      clip_on=False, zorder=4)  # fmt: skip
        axes.axvline(fixed, color=style.MUTED, linewidth=1, linestyle=":")
        style.heading(axes, f"{sentence_case(average)} F1")
    for axes in grid:
        axes.margins(x=0.04, y=0.08)
        _keep_in_proportion(axes)
        style.finish(axes, grid="both", x="threshold" if axes is grid[-1] else "", y="F1")
    style.legend(figure, grid[0])
    return style.settled(figure)


def _keep_in_proportion(axes: Axes) -> None:
    """Widen the scale of F1 where it is so narrow that a hundredth would look like a fall."""
    low, high = axes.get_ylim()
    short = _LEAST_SPAN - (high - low)
    if short > 0:
        bottom = max(0.0, low - short / 2)
        axes.set_ylim(bottom, bottom + _LEAST_SPAN)


def instruments(rows: pd.DataFrame, order: Sequence[str]) -> Figure:
    """Draw the F1 of every instrument under several settings (the paper's Figure 5).

    Args:
        rows: columns setting (as it is told, the first one first), instrument, f1 (0..1 or NaN).
        order: the instruments from the bottom upwards.
    """
    settings = list(dict.fromkeys(rows["setting"]))
    table = rows.pivot(index="instrument", columns="setting", values="f1").reindex(index=list(order), columns=settings)
    figure, axes = style.new_axes(_WIDTH_IN, 1.4 + _ROW_IN * max(len(table), 3))
    places = np.arange(len(table))
    axes.hlines(places, table.min(axis=1), table.max(axis=1), color=style.GRID, linewidth=4, zorder=1)
    colours = (style.ACCENT, style.SECOND, style.THIRD, style.SERIES[3])
    for place, (colour, setting, mark) in reversed(list(enumerate(zip(colours, settings, _MARKS, strict=False)))):
        axes.plot(table[setting].to_numpy(float), places, mark, ms=7 if not place else 5.5, mfc=colour, mec=style.PAPER,
                  mew=0.6, clip_on=False, zorder=6 - place, label=setting)  # fmt: skip
    _name_rows(axes, [str(name) for name in table.index])
    axes.set_xlim(0, 1)
    style.finish(axes, grid="x", x="F1 per instrument")
    _legend_in_order(figure, axes, settings)
    return style.settled(figure)


def own_thresholds(rows: pd.DataFrame, overall: float, fixed: float) -> Figure:
    """Draw the validated threshold of every instrument, highest on top.

    Args:
        rows: columns instrument, threshold (0..1).
        overall: the one for all, marked by a line.
        fixed: the paper's, marked by a dotted line.
    """
    table = rows.sort_values("threshold", kind="stable")
    figure, axes = style.new_axes(_WIDTH_IN, 1.3 + _ROW_IN * max(len(table), 3))
    places, values = np.arange(len(table)), table["threshold"].to_numpy(float)
    axes.axvline(overall, color=style.SECOND, linewidth=1.6, label="one for all")
    axes.axvline(fixed, color=style.MUTED, linewidth=1.2, linestyle=":", label=f"fixed {fixed:g}")
    axes.hlines(places, np.fmin(values, overall), np.fmax(values, overall), color=style.GRID, linewidth=4, zorder=1)
    axes.plot(values, places, "o", ms=6.5, color=style.ACCENT, label="its own", clip_on=False, zorder=4)
    _name_rows(axes, [str(name) for name in table["instrument"]])
    axes.set_xlim(0, 1)
    style.finish(axes, grid="x", x="validated threshold")
    _legend_in_order(figure, axes, ["its own", "one for all", f"fixed {fixed:g}"])
    return style.settled(figure)


def changes(rows: pd.DataFrame, order: Sequence[str]) -> Figure:
    """Draw by how much its own threshold changes the F1 of every instrument, a bar a side.

    Args:
        rows: columns instrument, split, change (-1..1 or NaN).
        order: the instruments from the bottom upwards.
    """
    sides = list(dict.fromkeys(rows["split"]))
    figure, axes = style.new_axes(_WIDTH_IN, 1.3 + _ROW_IN * max(len(order), 3))
    height = 0.76 / len(sides)
    for index, side in enumerate(sides):
        values = rows[rows["split"] == side].set_index("instrument")["change"].reindex(list(order)).to_numpy(float)
        places = np.arange(len(order)) - (index - (len(sides) - 1) / 2) * height
        axes.barh(places, values, height * 0.86, color=style.SERIES[index], label=split_name(side))
    axes.axvline(0, color=style.INK, linewidth=1)
    _name_rows(axes, order)
    widest = float(np.nanmax(np.abs(rows["change"].to_numpy(float)), initial=0.02)) * 1.1
    axes.set_xlim(-widest, widest)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, symmetric=True))
    style.finish(axes, grid="x", x="change of F1")
    style.legend(figure, axes)
    return style.settled(figure)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(names)), [shortened(instrument_title(name), _LONGEST) for name in names])
    axes.set_ylim(-0.7, max(len(names), 1) - 0.3)


def _legend_in_order(figure: Figure, axes: Axes, labels: Sequence[str]) -> None:
    """Put a legend above the axes in an order of its own: what is drawn last is not always what is named last."""
    by_label = {str(handle.get_label()): handle for handle in axes.get_legend_handles_labels()[0]}
    style.legend_of(figure, [by_label[label] for label in labels if label in by_label])
