"""The windows that are looked at: drawn from clips in which one instrument plays alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.feature_store import Feature, open_feature
from tutti.labels import Labels, load_labels
from tutti.seeding import generator
from tutti.training.windows import WindowTable

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Side:
    """One set of clips.

    Attributes:
        name: of the set.
        feature: the model's feature of its clips.
        labels: their labels, in the same order.
    """

    name: str
    feature: Feature
    labels: Labels

    @property
    def soloists(self) -> dict[int, Int64]:
        """The clips ``(clip,)`` of each instrument in which nothing else plays, by class number."""
        alone = self.labels.reference.sum(axis=1) == 1
        found = {
            number: np.flatnonzero(alone & (self.labels.reference[:, number] == 1))
            for number in range(len(self.labels.classes))
        }
        return {number: clips for number, clips in found.items() if len(clips)}


@dataclass(frozen=True, eq=False)
class Samples:
    """Windows of one set, one a clip and in label order.

    Attributes:
        side: the set.
        windows: where they are.
        instruments: ``(window,)`` class numbers.
    """

    side: Side
    windows: WindowTable
    instruments: Int64

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.instruments)

    @property
    def names(self) -> list[str]:
        """The instrument of each window."""
        return [self.side.labels.classes[number] for number in self.instruments]

    @property
    def clips(self) -> list[str]:
        """The id of each window's clip."""
        return [self.side.labels.clips[clip] for clip in self.windows.clip]

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """The recordings that each window's clip was made from."""
        return [self.side.labels.recordings[clip] for clip in self.windows.clip]


def read_side(task_data: Path, name: str, spec: dict[str, Any]) -> Side:
    """Read one set as a model needs it.

    Args:
        task_data: the task's data folder.
        name: of the set.
        spec: the model's specification.

    Raises:
        DataError: when a file is missing or broken, the feature has other parameters than the model's or other clips
            than the manifest, or the labels are about other instruments.
    """
    folder = task_data / "features" / spec["feature"] / name
    feature, labels = open_feature(folder), load_labels(task_data / "clips" / name / "manifest")
    if feature.spec != spec["feature_spec"]:
        raise DataError(f"{folder} was made with other parameters than the model's feature: run `dvc repro`")
    if feature.clips != labels.clips:
        raise DataError(f"{folder} holds other clips than the manifest of {name}: run `dvc repro`")
    if list(labels.classes) != list(spec["classes"]):
        raise DataError(f"{name} is about other instruments than model {spec['model']!r}: run `dvc repro`")
    return Side(name, feature, labels)


def draw(side: Side, window: int, per_instrument: int, seed: int) -> Samples:
    """Draw windows at random places of different clips; clips with several instruments are never taken.

    Args:
        side: the set.
        window: frames of a window.
        per_instrument: clips of each instrument; all where there are fewer.
        seed: of clips and places; the same for an instrument whatever other instruments there are.

    Raises:
        DataError: when no clip has exactly one instrument.
    """
    if not side.soloists:
        raise DataError(
            f"no clip of {side.name} has exactly one instrument, and only such clips can be told apart on a map: "
            "look inside a model of a task whose clips have one label"
        )
    clips, starts, numbers = [], [], []
    for number, alone in side.soloists.items():
        random = generator(seed, "inside", side.name, side.labels.classes[number])
        for clip in random.permutation(alone)[:per_instrument]:
            clips.append(int(clip))
            starts.append(int(random.integers(max(0, len(side.feature[int(clip)]) - window) + 1)))
            numbers.append(number)
    table = WindowTable(side.feature, np.array(clips, np.int64), np.array(starts, np.int64), window)
    return Samples(side, table, np.array(numbers, np.int64))


def in_turn(samples: Samples, count: int, seed: int) -> list[int]:
    """Return rows of samples: one of each instrument, the instruments in random order, then a second one of each.

    Args:
        samples: to choose from.
        count: how many rows; all where there are fewer.
        seed: of the order.
    """
    numbers = samples.instruments
    order = generator(seed, "in turn").permutation(np.unique(numbers))
    rows = [(turn, place, row) for place, number in enumerate(order)
            for turn, row in enumerate(np.flatnonzero(numbers == number).tolist())]  # fmt: skip
    return [row for _, _, row in sorted(rows)][:count]


def loudest_start(clip: Float32, window: int) -> int:
    """Return the first frame of the window with the highest mean value in ``(time, frequency)``; 0 in a short clip."""
    if len(clip) <= window:
        return 0
    total = np.concatenate(([0.0], np.cumsum(clip.mean(axis=1, dtype=np.float64))))
    return int(np.argmax(total[window:] - total[:-window]))
