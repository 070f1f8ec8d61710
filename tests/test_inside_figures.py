"""The figures of a network from inside: panels, headings, colours, and the same bytes each time."""

import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tutti.inside.activations import LAYERS
from tutti.inside.deconvolved import Deconvolved, unit_image
from tutti.reporting import inside_figures, style

SETS = ("train", "validation")
NAMES = ["flute", "oboe", "sitar", "taiko", "violin", "kalimba", "bongos"]


def made_up_maps() -> tuple[pd.DataFrame, pd.DataFrame]:
    random, panels, separation = np.random.default_rng(1), [], []
    for name in SETS:
        for depth, layer in enumerate(LAYERS):
            where = {"set": name, "layer": layer}
            places = 100 * random.normal(size=(21, 2))
            panels.append(
                pd.DataFrame({**where, "clip": "a", "instrument": NAMES * 3, "x": places[:, 0], "y": places[:, 1]})
            )
            separation.append({**where, "accuracy": 0.1 * depth, "chance": 1 / 7, "n": 21})
    return pd.concat(panels), pd.DataFrame(separation)


def made_up_clip(blocks: int = 4, units: int = 2, **changes: Any) -> Deconvolved:
    image = np.zeros((21, 32), np.float32)
    image[5, 8], image[9, 20] = 2.0, -2.0
    images = tuple(unit_image(block, unit, 1.0, image) for block in range(1, blocks + 1) for unit in range(units))
    window = np.random.default_rng(2).normal(size=(21, 32)).astype(np.float32)
    about: dict[str, Any] = {
        "clip": "a.wav", "instrument": "flute", "start_s": 1.0, "seconds_per_frame": 0.025, "mel_hz": (0.0, 8000.0),
    }  # fmt: skip
    return Deconvolved(**about | {"window": window, "images": images} | changes)


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_a_map_for_each_layer_and_set_with_its_number() -> None:
    figure = inside_figures.maps(*made_up_maps())
    assert len(figure.axes) == 12
    layers = ("Block 1", "Block 2", "Block 3", "Block 4", "Dense", "Scores")
    assert titles(figure) == [f"{layer}: 0.{depth}0" for layer in layers for depth in [layers.index(layer)]] * 2
    assert figure.axes[0].get_ylabel() == "Training\n(chance 0.14)"
    assert figure.axes[6].get_ylabel() == "Validation\n(chance 0.14)"
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "Flute", "Oboe", "Sitar", "Taiko", "Violin", "Kalimba", "Bongos",
    }  # fmt: skip
    for axes in figure.axes:
        points = np.concatenate([np.column_stack(line.get_data()) for line in axes.lines])
        assert len(points) == 21
        assert np.abs(points).max() == pytest.approx(1)


def test_a_map_whose_samples_lie_in_one_place_is_drawn() -> None:
    table, separation = made_up_maps()
    assert style.png(inside_figures.maps(table.assign(x=0.0, y=0.0), separation))


def test_many_kinds_all_look_different() -> None:
    assert len(set(style.kinds(72))) == 72


def test_red_where_it_is_positive_and_green_where_it_is_negative() -> None:
    figure = inside_figures.deconvolution(made_up_clip())
    assert titles(figure)[:5] == ["Flute", "Block 1, unit 0", "Block 2, unit 0", "Block 3, unit 0", "Block 4, unit 0"]
    picture = np.asarray(figure.axes[1].images[0].get_array())  # (frequency, time, colour)
    assert picture.shape == (32, 21, 3)
    red, green = picture[8, 5], picture[20, 9]
    assert red[0] > 2 * red[1]
    assert green[1] > 2 * green[0]
    others = np.ones((32, 21), bool)
    others[8, 5] = others[20, 9] = False
    assert np.ptp(picture[others], axis=-1).max() == 0  # the rest is grey


def test_its_axes_are_seconds_and_hz() -> None:
    first, *_ = inside_figures.deconvolution(made_up_clip()).axes
    assert first.get_xlim() == pytest.approx((1.0, 1.0 + 21 * 0.025))
    assert (first.get_xlabel(), first.get_ylabel()) == ("seconds", "Hz")
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == ["500", "1000", "2000", "4000"]
    heights = first.get_yticks().tolist()
    assert heights == sorted(heights)


def test_a_feature_without_mel_bands_has_bands() -> None:
    first, *_ = inside_figures.deconvolution(made_up_clip(mel_hz=None)).axes
    assert first.get_ylabel() == "band"


@pytest.mark.parametrize("units", [1, 2, 4])
def test_any_number_of_units(units: int) -> None:
    figure = inside_figures.deconvolution(made_up_clip(units=units, instrument=""))
    assert sum(bool(axes.images) for axes in figure.axes) == 1 + 4 * units
    assert titles(figure)[0] == "a.wav"
    legend = figure.axes[5].get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        "positive",
        "negative",
        "the input",
    }


def test_an_image_of_nothing_is_the_spectrogram() -> None:
    nothing = unit_image(1, 0, 0.0, np.zeros((21, 32), np.float32))
    figure = inside_figures.deconvolution(made_up_clip(images=(nothing,)))
    first, second = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", ["maps", "deconvolution"])
def test_figures_are_legible_and_the_same_each_time(kind: str) -> None:
    def draw() -> Figure:
        return inside_figures.maps(*made_up_maps()) if kind == "maps" else inside_figures.deconvolution(made_up_clip())

    figure = draw()
    assert figure.get_figwidth() == 9.0
    png, svg = style.png(figure), style.inline_svg(figure, "inside", "a network")
    assert (png, svg) == (style.png(draw()), style.inline_svg(draw(), "inside", "a network"))
    assert Image.open(io.BytesIO(png)).size[0] == 990
    assert len(svg) < 500_000
    assert style.INK not in svg
    assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)) >= 9
