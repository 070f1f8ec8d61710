"""The section of the page that looks inside a network (Han, Kim & Lee 2017, section V-G)."""

from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tutti.inside.deconvolved import Deconvolved, read_deconvolved
from tutti.reporting import inside_figures, style
from tutti.reporting.comparison import read_table
from tutti.reporting.words import instrument_title, number, readable, sentence_case

Block = dict[str, Any]

_SEPARATION = ("set", "layer", "accuracy", "chance", "n")
_MAPS = ("set", "layer", "clip", "instrument", "x", "y")


def section(model: str, neighbours: int, folder: Path) -> Block | None:
    """Return what was seen inside a network, for the template; None where nothing was looked at.

    Args:
        model: name of the network.
        neighbours: how many vote on a window's instrument.
        folder: ``metrics/<task>/inside``.

    Raises:
        DataError: when a file is missing or damaged.
    """
    if not folder.is_dir():
        return None
    separation, points = read_table(folder / "separation.csv", _SEPARATION), read_table(folder / "maps.csv", _MAPS)
    maps = inside_figures.maps(points, separation)
    caption = (
        f"Each point is a window; above each map, the share of windows whose {neighbours} nearest neighbours in that "
        "layer, other songs only, name their instrument. Distances on different maps cannot be compared."
    )
    return {
        "about": about(model, separation),
        "maps": _drawn(maps, "inside-maps", "Windows by the activations of each layer, as maps", caption),
        "clips": [_clip(clip, order) for order, clip in enumerate(read_deconvolved(folder), 1)],
    }


def about(model: str, separation: pd.DataFrame) -> str:
    """Return how well instruments separate from layer to layer, made from the numbers.

    Args:
        model: name of the network.
        separation: columns set, layer, accuracy, chance; layers in their order.
    """
    parts = []
    for name, rows in separation.groupby("set", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        parts.append(
            f"on {readable(str(name))} windows from {number(first['accuracy'], 2)} after the first block to "
            f"{number(last['accuracy'], 2)} at the output (by chance {number(first['chance'], 2)})"
        )
    return (
        f"How far {readable(model)} has sorted the instruments after each of its layers: a window's instrument is "
        f"guessed by the vote of its nearest neighbours, which is right {'; '.join(parts)}. Below the maps, a window "
        "of some validation clips is followed back from the most active units of each block (deconvolution): what of "
        "the spectrogram made them active."
    )


def _clip(clip: Deconvolved, order: int) -> Block:
    title = instrument_title(clip.instrument)
    caption = "Red made the unit active, green spoke against it; each image is scaled by itself."
    return _drawn(
        inside_figures.deconvolution(clip),
        f"inside-clip-{order}",
        f"What units saw in a clip of {title}",
        caption,
        title,
    )


def _drawn(figure: Any, name: str, label: str, caption: str, title: str = "") -> Block:
    text = sentence_case(title) if title else "What each layer holds together"
    return {"title": text, "caption": caption, "figure": Markup(style.inline_svg(figure, name, label))}
