"""Looking inside a fitted network: what the stage ``inside`` writes, and the same for one file of one's own.

The folder holds ``maps.csv`` (set, layer, clip, instrument, x, y), ``separation.csv`` (set, layer, accuracy of the
neighbours' vote, chance, n) and the deconvolved windows (``deconvolved``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti.audio import read_mono
from tutti.config import TRAIN, VALIDATION
from tutti.errors import ParameterError
from tutti.extraction import EMBEDDINGS, extractor, ready
from tutti.inside.activations import BLOCKS, float32_network, pooled_activations
from tutti.inside.deconvolution import Deconvolver
from tutti.inside.deconvolved import Deconvolved, mel_range, unit_image, write_deconvolved
from tutti.inside.maps import chance, flat_map, neighbour_accuracy
from tutti.inside.samples import Samples, draw, in_turn, loudest_start, read_side
from tutti.inside_section import InsideConfig
from tutti.progress import track
from tutti.seeding import child
from tutti.store import whole
from tutti.training.model_folder import Model, load_model
from tutti.training.windows import cut

Float32 = NDArray[np.float32]

SETS = (TRAIN, VALIDATION)
MAPS, SEPARATION = "maps.csv", "separation.csv"


def look_inside(model_folder: Path, task_data: Path, config: InsideConfig, seed: int, out: Path) -> None:
    """Map the activations of training and validation windows, deconvolve some validation clips, and write a folder.

    Args:
        model_folder: a fitted model of the architecture ``han_cnn``.
        task_data: the task's data folder, with the model's feature and the labels of both sets.
        config: how much is looked at.
        seed: of all that is drawn; the same seed gives the same bytes.
        out: the folder to write; it appears whole.

    Raises:
        DataError: when the model or a set is missing or broken, or has too few clips with exactly one instrument.
        ParameterError: when the model is of another architecture.
    """
    from tutti.training import network as networks

    model = load_model(model_folder)
    sides = [read_side(task_data, name, model.spec) for name in SETS]
    samples = [draw(side, model.spec["window_frames"], config.samples_per_instrument, seed) for side in sides]
    networks.be_deterministic(seed)
    network = float32_network(model)
    with whole(out) as folder:
        folder.mkdir()
        _write_maps(folder, network, samples, config, seed)
        rows = track(in_turn(samples[-1], config.clips, seed), f"deconvolving clips of {sides[-1].name}")
        deconvolver = Deconvolver(network)
        write_deconvolved(
            folder, [_deconvolve_sample(deconvolver, model, samples[-1], row, config.units) for row in rows]
        )


def deconvolve_clip(model_folder: Path, path: Path, units: int = 2, start_s: float | None = None) -> Deconvolved:
    """Deconvolve one window of an audio file of one's own.

    Args:
        model_folder: a fitted model of the architecture ``han_cnn``.
        path: any file that libsndfile or ffmpeg reads; it is read whole.
        units: most active units of each block.
        start_s: where the window starts, in seconds; the loudest window by default.

    Raises:
        DataError: when the model or the file is missing or unreadable.
        ParameterError: when the model is of another architecture, or the window starts outside the file.
    """
    model = load_model(model_folder)
    feature = ready(model.spec["feature_spec"], EMBEDDINGS)
    values = extractor(feature).extract(read_mono(path, feature.sample_rate_hz), feature)
    start = loudest_start(values, model.spec["window_frames"])
    if start_s is not None:
        start = int(start_s / model.seconds_per_frame + 1e-6)
        if start_s < 0 or start >= len(values):
            length_s = len(values) * model.seconds_per_frame
            raise ParameterError(f"start_s is {start_s:g}, but {path} ends after {length_s:.2f} s: start within it")
    return _deconvolved(Deconvolver(float32_network(model)), model, values, start, units, (path.name, ""))


def _write_maps(folder: Path, network: Any, samples: list[Samples], config: InsideConfig, seed: int) -> None:
    """Write the maps of all sets and layers and how well instruments separate in each."""
    maps, separation = [], []
    for part in samples:
        activations = pooled_activations(network, part.windows)
        for layer, values in track(activations.items(), f"mapping {len(part)} windows of {part.side.name}"):
            where = {"set": part.side.name, "layer": layer}
            places = flat_map(values, config.perplexity, child(seed, "map", *where.values()))
            about = {**where, "clip": part.clips, "instrument": part.names}
            maps.append(pd.DataFrame({**about, "x": places[:, 0], "y": places[:, 1]}))
            accuracy = neighbour_accuracy(values, part.instruments, part.sources, config.neighbours)
            separation.append({**where, "accuracy": accuracy, "chance": chance(part.instruments), "n": len(part)})
    for name, table in ((MAPS, pd.concat(maps)), (SEPARATION, pd.DataFrame(separation))):
        table.to_csv(folder / name, index=False, float_format="%.4f", lineterminator="\n")


def _deconvolve_sample(deconvolver: Deconvolver, model: Model, samples: Samples, row: int, units: int) -> Deconvolved:
    """Deconvolve the loudest window of a sample's clip."""
    clip = np.asarray(samples.side.feature[int(samples.windows.clip[row])])
    start = loudest_start(clip, model.spec["window_frames"])
    return _deconvolved(deconvolver, model, clip, start, units, (samples.clips[row], samples.names[row]))


def _deconvolved(
    deconvolver: Deconvolver, model: Model, clip: Float32, start: int, units: int, named: tuple[str, str]
) -> Deconvolved:
    """Deconvolve the window of a clip's feature ``(time, frequency)`` that starts at a frame."""
    window = cut(clip, start, model.spec["window_frames"]).astype(np.float32)
    return Deconvolved(
        clip=named[0],
        instrument=named[1],
        start_s=start * model.seconds_per_frame,
        seconds_per_frame=model.seconds_per_frame,
        mel_hz=mel_range(model.spec["feature_spec"]),
        window=window,
        images=tuple(_images(deconvolver, window, units)),
    )


def _images(deconvolver: Deconvolver, window: Float32, units: int) -> Iterator[Any]:
    trace = deconvolver.trace(window)
    for block in BLOCKS:
        for unit in trace.strongest(block, units):
            activation = float(trace.only(block, unit)[..., unit].max())
            yield unit_image(block, unit, activation, deconvolver.image(trace, block, unit))
