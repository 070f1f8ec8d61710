"""Patches of solo recordings: what the embedding's network is trained on.

Of each recording the mel magnitudes stand in memory. A patch is cut out where its instrument sounds, brought to a
random gain, and added to patches of other instruments in power, as independent sounds add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti.audio import is_silent, level_dbfs, read_mono
from tutti.corpora.index import RECORDINGS_FILE
from tutti.corpora.splitting import SPLIT_FILE
from tutti.embedding.front_end import N_MELS, OFFSET, mel_magnitudes
from tutti.errors import DataError
from tutti.features.vggish import HOP, PATCH, RATE_HZ, SHORTEST
from tutti.labels import read_table
from tutti.parallel import parallel_iterate
from tutti.sections import EmbeddingConfig
from tutti.seeding import generator

Float32 = NDArray[np.float32]

_SOUNDING_DB = 40.0  # as in tutti.audio.level_dbfs: a window this far below the loudest one is a pause


@dataclass(frozen=True, eq=False)
class Solo:
    """A recording of one instrument.

    Attributes:
        label: index of the instrument.
        bands: ``(window, 64)`` mel magnitudes, at the common loudness.
        starts: first windows of the patches in which the instrument sounds, at least one.
    """

    label: int
    bands: Float32
    starts: NDArray[np.int64]


def recordings_of(split: Path, index: Path, side: str) -> pd.DataFrame:
    """Return the recordings of one side of a split: columns recording, instrument and path, sorted by recording.

    Raises:
        DataError: when a table is missing or unreadable, or the side has no recording.
    """
    sides = read_table(split / SPLIT_FILE, ("recording", "instrument", "side"))
    known = read_table(index / RECORDINGS_FILE, ("recording", "path"))[["recording", "path"]]
    chosen = sides.loc[sides["side"] == side, ["recording", "instrument"]].merge(known, on="recording")
    if chosen.empty:
        raise DataError(f"{split} has no recording on the side {side!r}: give it a share in tasks.*.split")
    return chosen.sort_values("recording", ignore_index=True)


def read_solos(recordings: pd.DataFrame, root: Path, config: EmbeddingConfig) -> tuple[list[Solo], list[str]]:
    """Read recordings; silent ones are left out.

    Args:
        recordings: columns instrument and path.
        root: folder of the corpus.
        config: loudness, and how long an instrument must sound in a patch.

    Returns:
        The solos and the names of the instruments, in the order of the labels.

    Raises:
        DataError: when a recording is missing or unreadable, or fewer than two instruments sound.
    """
    paths = [root / path for path in recordings["path"]]
    bands = parallel_iterate(_bands, paths, "reading recordings", config.loudness_dbfs, in_processes=False)
    sounds = [(name, part) for name, part in zip(recordings["instrument"], bands, strict=True) if len(part)]
    names = sorted({instrument for instrument, _ in sounds})
    if len(names) < 2:
        raise DataError(f"{root} holds {len(names)} instruments that sound on the training side: at least 2 are needed")
    fewest = round(config.min_sounding_seconds * RATE_HZ / HOP)
    return [Solo(names.index(name), part, starts_of(part, fewest)) for name, part in sounds], names


def _bands(path: Path, loudness_dbfs: float) -> Float32:
    """Return the mel magnitudes of a recording, brought to a loudness; none when it is silent."""
    samples = read_mono(path, RATE_HZ)
    if is_silent(samples):
        return np.zeros((0, N_MELS), np.float32)
    gain = np.float32(10 ** ((loudness_dbfs - level_dbfs(samples, RATE_HZ)) / 20))
    padded = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
    return np.asarray(mel_magnitudes(padded * gain), np.float32)


def starts_of(bands: Float32, fewest: int) -> NDArray[np.int64]:
    """Return the first windows of all patches of a recording in which enough windows sound.

    Args:
        bands: ``(window, 64)`` mel magnitudes of at least one patch.
        fewest: windows that must sound; where no patch has so many, the patch with the most is taken.
    """
    power = np.square(bands).sum(axis=1)
    sounding = np.concatenate(([0], np.cumsum(power >= power.max() * 10 ** (-_SOUNDING_DB / 10))))
    counts = sounding[PATCH:] - sounding[:-PATCH]
    return np.flatnonzero(counts >= min(fewest, counts.max()))


class Patches:
    """Batches of random patches; the same number and seed give the same batch."""

    def __init__(self, solos: Sequence[Solo], n_classes: int, config: EmbeddingConfig, seed: int) -> None:
        self.config, self.n_classes, self.seed = config, n_classes, seed
        self.by_label = [[solo for solo in solos if solo.label == label] for label in range(n_classes)]

    def batch(self, number: int) -> tuple[Float32, Float32]:
        """Return a batch: log-mel patches ``(batch, 96, 64)`` and the instruments' shares ``(batch, class)``."""
        random, size = generator(self.seed, "patches", number), self.config.batch_size
        power = np.zeros((size, PATCH, N_MELS), np.float32)
        shares = np.zeros((size, self.n_classes), np.float32)
        for row in range(size):
            count = random.integers(1, min(self.config.max_mixed, self.n_classes) + 1)
            labels = random.choice(self.n_classes, count, replace=False)
            shares[row, labels] = 1 / count
            for label in labels:
                power[row] += self._drawn(int(label), random)
        return np.log(np.sqrt(power) + np.float32(OFFSET)), shares

    def _drawn(self, label: int, random: np.random.Generator) -> Float32:
        """Return the power ``(96, 64)`` of a random patch of an instrument at a random gain."""
        solo = self.by_label[label][random.integers(len(self.by_label[label]))]
        start = solo.starts[random.integers(len(solo.starts))]
        gain = np.float32(10 ** (random.uniform(*self.config.gain_db) / 10))
        return np.asarray(gain * np.square(solo.bands[start : start + PATCH]), np.float32)
