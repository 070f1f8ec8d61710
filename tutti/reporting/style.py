"""One look for all figures, and their bytes: PNG for MLflow, SVG that takes the colours of the page around it.

Figures are built with matplotlib's object interface, so nothing global is opened or left behind.
"""

import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1b1f24", "#5c6670", "#d8dde2", "#ffffff"
ACCENT, SECOND, THIRD = "#2f6fb0", "#d1792c", "#2c9470"
CLASS_COLOURS = {
    "aerophone": "#2f7fc1",
    "chordophone": "#d1792c",
    "idiophone": "#2c9470",
    "membranophone": "#b3529a",
    "electrophone": "#7b68c8",
}
OTHER_COLOUR = "#78828c"
SERIES = (ACCENT, SECOND, THIRD, "#b3529a", "#7b68c8", "#78828c")
POSITIVE, NEGATIVE = "#d6201f", "#0a9a3c"  # Han, Kim & Lee 2017, figure 7
_MANY = (*SERIES[:5], "#c8403a", "#b8a21a", "#35aabb", "#8a5a3c", "#e287b4", "#5f9a2a", "#78828c")
_MARKS = "osD^vP"
_FONT = "DejaVu Sans"  # ships with matplotlib, so figures are equal on every machine
_SIZE_PT = 9.5
_DPI = 110
_RASTER_DPI = 2 * _DPI  # of what is drawn as pixels inside an SVG, such as a cloud of points
_THEMED = {INK: "currentColor", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--card)"}


def new_axes(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """Return an empty figure of a size in inches and its only axes, styled."""
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    return figure, axes


def new_grid(width_in: float, height_in: float, rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of a size in inches and its axes row by row, which share their scales, styled."""
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    return figure, list(grid.flat)


def kinds(count: int) -> list[tuple[str, str]]:
    """Return a colour and a marker for each of many kinds; up to 72 of them all differ."""
    return [(_MANY[index % len(_MANY)], _MARKS[(index + index // len(_MANY)) % len(_MARKS)]) for index in range(count)]


def heading(axes: Axes, text: str) -> None:
    """Write the title of one of several axes above its left end."""
    axes.set_title(text, loc="left", color=INK, fontsize=_SIZE_PT, fontfamily=_FONT, fontweight="bold", pad=4)


def finish(axes: Axes, *, grid: str, x: str = "", y: str = "") -> None:
    """Give axes their labels, a light grid along one axis (``x`` | ``y`` | ``both``) and no box.

    Call it last, when everything is drawn.
    """
    axes.set_facecolor("none")
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="both" if grid == "both" else ("x" if grid == "x" else "y"), color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=_SIZE_PT, colors=INK)
    axes.set_xlabel(x, color=MUTED, fontsize=_SIZE_PT)
    axes.set_ylabel(y, color=MUTED, fontsize=_SIZE_PT)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label):
        text.set_fontfamily(_FONT)


def note(axes: Axes, x: float, y: float, text: str, *, align: str = "left", colour: str = INK) -> None:
    """Write a short text at data coordinates, vertically centred."""
    axes.text(x, y, text, ha=align, va="center", color=colour, fontsize=_SIZE_PT - 1, fontfamily=_FONT)


def legend(figure: Figure, axes: Axes, columns: int = 2, marker_scale: float = 1.0) -> None:
    """Put a legend above the axes, outside the data, in a number of columns, its markers larger than those drawn."""
    legend_of(figure, axes.get_legend_handles_labels()[0], columns, marker_scale)


def legend_of(figure: Figure, handles: Sequence[Artist], columns: int = 2, marker_scale: float = 1.0) -> None:
    """Put a legend of what was drawn above the axes, in an order of its own."""
    found = figure.legend(
        handles,
        [str(handle.get_label()) for handle in handles],
        loc="outside upper left",
        ncols=columns,
        markerscale=marker_scale,
        frameon=False,
        handlelength=1.4,
        borderaxespad=0,
        prop={"family": _FONT, "size": _SIZE_PT},
    )
    for text in found.get_texts():
        text.set_color(INK)


def key(axes: Axes, handles: Sequence[Artist]) -> None:
    """Put a legend of given handles into the middle of axes that show nothing else."""
    found = axes.legend(handles=handles, loc="center", frameon=False, prop={"family": _FONT, "size": _SIZE_PT})
    for text in found.get_texts():
        text.set_color(INK)


def caption(figure: Figure, text: str) -> None:
    """Write a line below all axes of a figure."""
    figure.supxlabel(text, color=MUTED, fontsize=_SIZE_PT, fontfamily=_FONT)


def settled(figure: Figure) -> Figure:
    """Return a finished figure with its layout fixed: drawn again, it would else shift by a fraction of a pixel."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an ``<svg>`` element for an HTML page; it follows the page's colours and font.

    Args:
        figure: what to draw.
        name: unique on the page; it keeps the ids inside the element apart from those of other figures.
        label: what the figure shows, for those who cannot see it; plain text.
    """
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "svg.id": None}):
        figure.savefig(
            stream, format="svg", dpi=_RASTER_DPI, transparent=True, metadata={"Date": None, "Creator": None}
        )
    body = stream.getvalue()
    body = body[body.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    return _adopt(_own_ids(body, name), label)


def _own_ids(body: str, name: str) -> str:
    """Prefix every id of an SVG, and what refers to it, so that two figures never share one."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())
    body = re.sub(r'\bid="', f'id="{slug}-', body)
    body = body.replace("url(#", f"url(#{slug}-")
    return re.sub(r'href="#', f'href="#{slug}-', body)


def _adopt(body: str, label: str) -> str:
    for colour, themed in _THEMED.items():
        body = body.replace(colour, themed)
    body = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--font)", body)
    opening = f'<svg role="img" aria-label="{_attribute(label)}" class="figure" '
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body)
    return body.replace("xlink:href", "href").replace("<svg ", opening, 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
