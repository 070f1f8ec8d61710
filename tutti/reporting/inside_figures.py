"""Figures of a network from inside: maps of its activations, and what its units saw (Han, Kim & Lee 2017, section V-G).

They are as wide as a page, because they compare many panels.
"""

from collections.abc import Mapping

import librosa
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tutti.inside.deconvolved import Deconvolved, UnitImage
from tutti.reporting import style
from tutti.reporting.words import instrument_title, number, sentence_case, shortened, split_name

_WIDTH_IN = 9.0
_LONGEST = 16  # characters of an instrument's name
_HZ_TICKS = (500, 1000, 2000, 4000, 8000)
_FAINTEST = 0.1  # of an image's largest magnitude: what is below is left as the spectrogram shows it
_DARKEST, _BRIGHTEST = 0.4, 0.97  # grey of the quietest and the loudest place


def maps(table: pd.DataFrame, separation: pd.DataFrame) -> Figure:
    """Draw the maps of all layers, one row a set and one column a layer, a colour and a mark for each instrument.

    Distances on different maps cannot be compared, so each fills its panel.

    Args:
        table: columns set, layer, instrument, x, y; sets and layers in the order of the panels.
        separation: columns set, layer, accuracy (0..1, in each panel's heading), chance, n.
    """
    sets, layers = (list(dict.fromkeys(table[name])) for name in ("set", "layer"))
    names = sorted(set(table["instrument"]), key=instrument_title)
    looks = dict(zip(names, style.kinds(len(names)), strict=True))
    figure, grid = style.new_grid(
        _WIDTH_IN, 0.6 + 1.72 * len(sets) + 0.2 * (1 + len(names) // 6), len(sets), len(layers)
    )
    panels = {(name, layer): part for (name, layer), part in table.groupby(["set", "layer"], sort=False)}
    about = separation.set_index(["set", "layer"])
    for axes, (name, layer) in zip(grid, [(name, layer) for name in sets for layer in layers], strict=True):
        _points(axes, panels[name, layer], looks)
        style.heading(axes, f"{_layer_name(layer)}: {number(about.loc[(name, layer), 'accuracy'], 2)}")
        chance = number(about.loc[(name, layer), "chance"], 2)
        style.finish(axes, grid="both", y=f"{_set_name(name)}\n(chance {chance})" if layer == layers[0] else "")
    style.legend(figure, grid[0], columns=6, marker_scale=2.0)
    style.caption(figure, "Above each map: share of the windows whose instrument their nearest neighbours name")
    return style.settled(figure)


def deconvolution(clip: Deconvolved) -> Figure:
    """Draw the mel spectrogram of a window and, over it, what the most active units of each block saw.

    Red is where a unit's image is positive and green where it is negative, the stronger the more of it; each image is
    divided by its own largest magnitude.

    Args:
        clip: a window with its units' images.
    """
    blocks: dict[int, list[UnitImage]] = {}
    for each in clip.images:
        blocks.setdefault(each.block, []).append(each)
    rows = max(2, *(len(units) for units in blocks.values()))
    figure, grid = style.new_grid(_WIDTH_IN, 0.5 + 1.9 * rows, rows, 1 + len(blocks))
    for place, axes in enumerate(grid):
        row, column = divmod(place, 1 + len(blocks))
        units = list(blocks.values())[column - 1] if column else []
        if row < len(units):
            _panel(axes, clip, units[row])
        elif (row, column) == (0, 0):
            _panel(axes, clip, None)
        else:
            axes.set_axis_off()
            continue
        _scales(axes, clip, bottom=row == rows - 1 or column == 0, left=column == 0)
    _key(grid[1 + len(blocks)])
    return style.settled(figure)


def _points(axes: Axes, part: pd.DataFrame, looks: Mapping[str, tuple[str, str]]) -> None:
    """Draw one map, moved and scaled to -1..1."""
    places = part[["x", "y"]].to_numpy(float)
    middle, reach = (places.max(axis=0) + places.min(axis=0)) / 2, np.ptp(places, axis=0).max() / 2
    places = (places - middle) / (reach or 1.0)
    instruments = part["instrument"].to_numpy(object)
    for name, (colour, mark) in looks.items():
        own = places[instruments == name]
        label = shortened(instrument_title(name), _LONGEST)
        axes.plot(*own.T, mark, color=colour, ms=3.2, mew=0, alpha=0.85, label=label, rasterized=True)
    axes.set_xlim(-1.08, 1.08)
    axes.set_ylim(-1.08, 1.08)
    axes.set_xticks((-1.08, 1.08), ("", ""))
    axes.set_yticks((-1.08, 1.08), ("", ""))
    axes.set_box_aspect(1)


def _panel(axes: Axes, clip: Deconvolved, seen: UnitImage | None) -> None:
    """Draw the spectrogram in grey, and over it an image in red and green where there is one."""
    grey = _grey(clip.window)
    picture = np.repeat(grey[..., None], 3, axis=2)
    if seen is not None:
        strength = np.clip((np.abs(seen.image) - _FAINTEST) / (1 - _FAINTEST), 0, 1)[..., None] ** 0.5
        colour = np.where(seen.image[..., None] > 0, to_rgb(style.POSITIVE), to_rgb(style.NEGATIVE))
        picture = (1 - strength) * picture + strength * colour
    end_s = clip.start_s + len(clip.window) * clip.seconds_per_frame
    extent = (clip.start_s, end_s, 0, clip.window.shape[1])
    axes.imshow(picture.swapaxes(0, 1), origin="lower", aspect="auto", extent=extent, interpolation="nearest")
    name = instrument_title(clip.instrument) if clip.instrument else clip.clip
    style.heading(axes, shortened(name, _LONGEST) if seen is None else f"Block {seen.block}, unit {seen.unit}")


def _grey(window: np.ndarray) -> np.ndarray:
    """Return a window as grey, loud places dark."""
    low, high = np.percentile(window, (5, 99.5))
    loud = np.clip((window - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(_BRIGHTEST - (_BRIGHTEST - _DARKEST) * loud)


def _scales(axes: Axes, clip: Deconvolved, *, bottom: bool, left: bool) -> None:
    n_bands = clip.window.shape[1]
    if clip.mel_hz is not None:
        low, high = clip.mel_hz
        centres = librosa.mel_frequencies(n_mels=n_bands + 2, fmin=low, fmax=high)[1:-1]
        ticks = [hz for hz in _HZ_TICKS if centres[0] <= hz <= centres[-1]]
        axes.set_yticks(np.interp(ticks, centres, np.arange(n_bands) + 0.5), [f"{hz:g}" for hz in ticks])
    axes.xaxis.set_tick_params(labelbottom=bottom)
    unit = "Hz" if clip.mel_hz is not None else "band"
    style.finish(axes, grid="x", x="seconds" if bottom else "", y=unit if left else "")
    axes.grid(visible=False)


def _key(axes: Axes) -> None:
    """Explain the colours in a panel that shows nothing else."""
    about = {style.POSITIVE: "positive", style.NEGATIVE: "negative", style.OTHER_COLOUR: "the input"}
    patches = [Patch(color=colour, label=label) for colour, label in about.items()]
    style.key(axes, patches)


def _layer_name(layer: str) -> str:
    return sentence_case(layer.replace("block", "block "))


def _set_name(name: str) -> str:
    return "Training" if name == "train" else sentence_case(split_name(name))
