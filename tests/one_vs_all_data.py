"""A tiny task on overlaid notes, whose features are made up: each class is a band of the spectrum that is loud."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from families_task import families_values
from numpy.typing import NDArray

from tutti.config import Params
from tutti.feature_store import write_feature
from tutti.features import stft_db
from tutti.seeding import generator
from tutti.training.one_vs_all import kept

BANDS = ("bass", "flute", "organ", "reed")  # four bins each, of sixteen
TAUGHT = BANDS[:3]
TIME, FREQUENCY = 8, 16
FEATURE = {
    "extractor": "stft_db", "sample_rate_hz": 8000, "n_fft": 30, "hop_length": 16, "normalise": "none",
    "floor_db": -80.0, "pooled_bins": 1, "pooled_frames": 1,
}  # fmt: skip
BINARY = {
    "dense_units": 8, "dropout": 0.2, "norm_momentum": 0.5, "window_seconds": 0.016, "hop_seconds": 0.016,
    "precision": "float32",
}  # fmt: skip
TRAINING = {
    "learning_rate": 0.003, "batch_size": 16, "max_epochs": 3, "patience": 3, "schedule": "constant",
    "monitor": "validation_loss",
}  # fmt: skip


def params_of(classes: Sequence[str] = TAUGHT, seed: int = 7, second: bool = False, **changes: Any) -> dict[str, Any]:
    """Return the values of params.yaml for the tiny task, with changes of the model ``mixtures``.

    Args:
        classes: names of families.
        seed: of everything.
        second: whether the model ``notes`` learns from mixtures, too.
        changes: of the model's section, or of its ``binary`` or ``training``; ``scale_epochs`` and ``scale_pairs``
            are the most that the scale allows.
    """
    values: Any = families_values() | {"seed": seed}
    values["scales"]["smoke"]["families"]["training"] = {
        "max_epochs": changes.pop("scale_epochs", 50), "max_pairs": changes.pop("scale_pairs", 500),
    }  # fmt: skip
    task = values["tasks"]["families"]
    task["classes"] = {name: {"family": name} for name in classes}
    task["features"] = {"stft_db": dict(FEATURE)}
    for name, model in task["models"].items():
        model |= {"pairs_per_epoch": 48, "notes_epochs": 0, "stop_at_precision": 1.0, "stop_at_recall": 1.0}
        model["binary"] |= BINARY
        model["binary"]["training"] |= TRAINING
        if name == "notes" and second:
            model["trained_on"] = "mixtures"
    model = task["models"]["mixtures"]
    for group in (model["binary"]["training"], model["binary"], model):
        group |= {key: changes.pop(key) for key in list(changes) if key in group}
    assert not changes
    return dict(values)


def params(*args: Any, **changes: Any) -> Params:
    """Return the parameters of the tiny task."""
    return Params.model_validate(params_of(*args, **changes))


@dataclass
class Clips:
    """A set of clips to be written.

    Attributes:
        clips: ids.
        sounding: which bands sound in each.
        twin: id of each clip's twin, or nothing.
        block: the class that alone learns from each, or nothing.
        values: the feature of each, ``(clip, time, frequency)``.
    """

    clips: list[str]
    sounding: list[tuple[str, ...]]
    twin: list[str]
    block: list[str]
    values: NDArray[np.float32] = field(repr=False)


def made_up(name: str, count: int, block: str = "", bands: Sequence[str] = TAUGHT) -> Clips:
    """Return pairs of clips in which none to all of the bands sound; the same number of both, they differ in one."""
    clips, sounding, twin = [], [], []
    both: tuple[Sequence[str], Sequence[str]]
    for pair in range(count // 2):
        random = generator(3, name, block, pair)
        size = pair % (len(bands) + (not block))
        order = [str(band) for band in random.permutation(np.array(bands))]
        if block:
            both = ((*order[:size], block), order[: size + 1])
        else:
            both = (order[:size], [*order[: max(0, size - 1)], *order[size : size + 1]] if size else [])
        names = [f"{name}-{block}{2 * pair + number:04d}" for number in (0, 1)]
        clips += names
        sounding += [tuple(each) for each in both]
        twin += names[::-1] if set(both[0]) != set(both[1]) and len(both[0]) == len(both[1]) else ["", ""]
    values = [_values(each, clip) for each, clip in zip(sounding, clips, strict=True)]
    return Clips(clips, sounding, twin, [block] * len(clips), np.stack(values))


def _values(sounding: Iterable[str], clip: str) -> NDArray[np.float32]:
    values = generator(4, clip).normal(-60, 3, (TIME, FREQUENCY))
    for name in sounding:
        first = 4 * BANDS.index(name)
        values[:, first : first + 4] += 25
    return values.astype(np.float32)


def joined(one: Clips, other: Clips) -> Clips:
    """Return the clips of both, one after the other."""
    return Clips(
        one.clips + other.clips, one.sounding + other.sounding, one.twin + other.twin, one.block + other.block,
        np.concatenate([one.values, other.values]),
    )  # fmt: skip


def write_set(data: Path, name: str, clips: Clips, classes: Sequence[str] = TAUGHT, flipped: str = "") -> None:
    """Write the manifest and the feature of a set as the stages `overlay` and `extract` do.

    Labels of the class ``flipped`` are wrong.
    """
    manifest = data / "clips" / name / "manifest"
    manifest.mkdir(parents=True, exist_ok=True)
    (manifest / "classes.json").write_text(json.dumps(list(classes)))
    pd.DataFrame({
        "clip": clips.clips,
        "polyphony": np.asarray([len(set(each) & set(BANDS)) for each in clips.sounding], np.int64),
        "instruments": [
            [name for name in classes if (name in each) != (name == flipped)] for each in clips.sounding
        ],
        "recordings": [list(each) for each in clips.sounding],
        "twin": clips.twin,
        "block": clips.block,
    }).to_parquet(manifest / "clips.parquet", index=False)  # fmt: skip
    config = stft_db.Config.model_validate(FEATURE)
    write_feature(data / "features" / "stft_db" / name, "stft_db", config, clips.clips, clips.values)
    kept._rows_digest.cache_clear()  # a stage is a process of its own


def sets_of(block: str = "") -> dict[str, Clips]:
    """Return what a set of binaries learns from and clips that none of them has seen; a block stands at their end."""
    sizes = {"train_notes": 24, "train_mixtures": 96, "validation_mixtures": 40, "unseen_recording": 80}
    own: dict[str, Clips] = {name: made_up(name, count) for name, count in sizes.items()}
    return {
        name: joined(own[name], made_up(name, count // 2, block)) if block else own[name]
        for name, count in sizes.items()
    }


def write_task(root: Path, classes: Sequence[str] = TAUGHT, block: str = "") -> None:
    """Write all sets."""
    for name, clips in sets_of(block).items():
        write_set(root / "data" / "families", name, clips, classes)
