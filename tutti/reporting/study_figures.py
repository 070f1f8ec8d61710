"""Figures across models: thresholds, Hornbostel-Sachs classes, leak, entering and leaving, variety.

Like those of ``figures`` they are narrow, so that their text stays legible on a telephone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutti.config import POLICIES
from tutti.reporting import style
from tutti.reporting.words import policy_name, readable, sentence_case, shortened, split_name

_WIDTH_IN = 4.2
_ROW_IN = 0.24
_LONGEST = 18  # characters of a model's name
_COLOURED = 3  # lines that get a colour; the others are grey
_MARKS = {"fixed": "o", "validated_global": "D", "validated_per_class": "s"}


def policies(rows: pd.DataFrame) -> Figure:
    """Draw the macro F1 of every model under each threshold policy, the models from the first row downwards.

    Args:
        rows: columns model, threshold_policy, macro_f1 (0..1 or NaN) of one split.
    """
    table = rows.pivot(index="model", columns="threshold_policy", values="macro_f1")
    table = table.reindex(index=list(dict.fromkeys(rows["model"])), columns=list(POLICIES))
    figure, axes = style.new_axes(_WIDTH_IN, 1.3 + _ROW_IN * len(table))
    places = np.arange(len(table))
    axes.hlines(places, table.min(axis=1), table.max(axis=1), color=style.GRID, linewidth=4, zorder=1)
    for colour, policy in zip((style.SECOND, style.ACCENT, style.THIRD), POLICIES, strict=True):
        values, mark = table[policy].to_numpy(float), _MARKS[policy]
        axes.plot(values, places, mark, ms=6, color=colour, label=policy_name(policy), clip_on=False, zorder=3)
    _name_models(axes, list(table.index))
    axes.set_xlim(0, 1)
    style.finish(axes, grid="x", x="macro F1 by threshold")
    style.legend(figure, axes)
    return style.settled(figure)


def groups(rows: pd.DataFrame) -> Figure:
    """Draw the macro F1 of every model on the instruments of each Hornbostel-Sachs class, one panel a class.

    Args:
        rows: columns model, hornbostel_sachs, macro_f1 (0..1 or NaN) of one split and policy.
    """
    names, models = sorted(set(rows["hornbostel_sachs"])), list(dict.fromkeys(rows["model"]))
    lines = (len(names) + 1) // 2
    figure, grid = style.new_grid(_WIDTH_IN + 0.6, 0.4 + lines * (0.5 + 0.19 * len(models)), lines, 2)
    for axes, name in zip(grid, names, strict=False):
        part = rows[rows["hornbostel_sachs"] == name].set_index("model")["macro_f1"].reindex(models)
        places, values = np.arange(len(models)), part.to_numpy(float)
        axes.barh(places, values, 0.7, color=style.CLASS_COLOURS.get(name, style.OTHER_COLOUR))
        for place, value in zip(places, values, strict=True):
            style.note(
                axes, float(np.nan_to_num(value)) + 0.03, float(place), "n/a" if np.isnan(value) else f"{value:.2f}"
            )
        style.heading(axes, f"{sentence_case(name)}s")
    for axes in grid:
        axes.set_xlim(0, 1.2)
        axes.set_xticks([0, 0.5, 1])
        _name_models(axes, models)
        style.finish(axes, grid="x")
        axes.set_visible(axes in grid[: len(names)])
    return style.settled(figure)


def leak(rows: pd.DataFrame) -> Figure:
    """Draw how far a leaked recording lifts each model's F1: a ring for honest recordings, a dot for the leaked one.

    Args:
        rows: columns model, f1_honest, f1_leaked (0..1 or NaN), one row a model, drawn from the first downwards.
    """
    figure, axes = style.new_axes(_WIDTH_IN, 1.2 + _ROW_IN * max(len(rows), 3))
    places = np.arange(len(rows))
    honest, leaked = rows["f1_honest"].to_numpy(float), rows["f1_leaked"].to_numpy(float)
    axes.hlines(places, np.fmin(honest, leaked), np.fmax(honest, leaked), color=style.SECOND, linewidth=2.5, zorder=1)
    ring: dict[str, Any] = {"mfc": style.PAPER, "mec": style.INK, "mew": 1.2}
    axes.plot(honest, places, "o", ms=6, label="other recordings", clip_on=False, zorder=3, **ring)
    axes.plot(leaked, places, "o", ms=6, color=style.SECOND, label="recordings it was trained on", clip_on=False)
    _name_models(axes, list(rows["model"]))
    axes.set_xlim(0, 1)
    style.finish(axes, grid="x", x="F1, mean of the leaking instruments")
    style.legend(figure, axes)
    return style.settled(figure)


def sounding(rows: pd.DataFrame) -> Figure:
    """Draw recall against the share of the clip in which an instrument sounds, one line a model.

    Args:
        rows: columns model, sounding (bins in rising order, such as ``0.2-0.4``), recall (0..1 or NaN), support.
    """
    bins = list(dict.fromkeys(rows["sounding"]))
    figure, axes = style.new_axes(_WIDTH_IN, 3.0)
    for index, (model, part) in enumerate(rows.groupby("model", sort=False)):
        values = part.set_index("sounding")["recall"].reindex(bins).to_numpy(float)
        if index < _COLOURED:
            name, colour = sentence_case(readable(str(model))), style.SERIES[index]
            axes.plot(range(len(bins)), values, "o-", color=colour, linewidth=2, ms=5, label=name, zorder=4)
        else:
            label = "other models" if index == _COLOURED else None
            axes.plot(range(len(bins)), values, "-", color=style.OTHER_COLOUR, linewidth=1, label=label, alpha=0.7)
    axes.set_xticks(range(len(bins)), [_percent(name) for name in bins])
    axes.margins(x=0.08)
    axes.set_ylim(0, 1.02)
    style.finish(axes, grid="y", x="share of the clip in which the instrument sounds", y="recall")
    style.legend(figure, axes)
    return style.settled(figure)


def variety(rows: pd.DataFrame) -> Figure:
    """Draw one model's macro F1 against the number of training recordings an instrument.

    Args:
        rows: columns recordings, banks (``one`` | ``both``), tested_on (``heard_bank`` | ``other_bank``), macro_f1,
            macro_f1_low, macro_f1_high (0..1 or NaN).
    """
    figure, axes = style.new_axes(_WIDTH_IN, 3.1)
    lines = {"heard_bank": (style.ACCENT, "heard bank"), "other_bank": (style.SECOND, "other bank")}
    for (tested, banks), part in rows.groupby(["tested_on", "banks"], sort=True):
        colour, name = lines.get(str(tested), (style.OTHER_COLOUR, split_name(str(tested))))
        part, one = part.sort_values("recordings"), banks == "one"
        look: dict[str, Any] = {"linestyle": "-" if one else "--", "marker": "o", "mfc": colour if one else style.PAPER}
        label = f"{name}, from {'one' if one else 'both'}"
        axes.plot(part["recordings"], part["macro_f1"], color=colour, linewidth=2, ms=6, label=label, **look)
        low, high = part["macro_f1_low"].astype(float), part["macro_f1_high"].astype(float)
        axes.vlines(part["recordings"], low, high, color=colour, linewidth=1)
    counts = sorted(set(rows["recordings"]))
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    style.finish(axes, grid="y", x="training recordings of each instrument", y="macro F1")
    style.legend(figure, axes)
    return style.settled(figure)


def _percent(bin_name: str) -> str:
    """Return a bin such as ``0.2-0.4`` as ``20-40%``; anything else as it is."""
    try:
        return "\N{EN DASH}".join(f"{100 * float(end):.0f}" for end in bin_name.split("-")) + "%"
    except ValueError:
        return bin_name


def _name_models(axes: Axes, models: Sequence[object]) -> None:
    names = [shortened(sentence_case(readable(str(model))), _LONGEST) for model in models]
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
