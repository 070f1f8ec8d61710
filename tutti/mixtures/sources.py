"""The recordings of one side of a split, each decoded once and brought to the mixtures' sample rate.

Decoded samples lie in a folder of raw float32 files, one a recording, which all processes map into memory; what is
passed around is small.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tutti.audio import SILENCE_DBFS, Samples, level_dbfs, read_audio
from tutti.corpora.index import audio_digest
from tutti.corpora.recording import UNKNOWN_PITCH
from tutti.errors import DataError
from tutti.labels import Seconds
from tutti.mixtures.recipe import grid_ms, samples_in
from tutti.parallel import parallel_map

_log = logging.getLogger("tutti")
_FRAME_SECONDS = 0.05
_FEWEST_FRAMES = 10  # that can tell a noise floor
_RUN_UP_MS = 10  # by which a part begins before its sound, so that a fade leaves the attack alone
_SOUNDING_DB = 40.0  # as in tutti.audio.level_dbfs: a frame this far below the loudest one is a pause


@dataclass(frozen=True, eq=False)
class Notes:
    """When a recording sounds.

    Attributes:
        onset_s: ``(event,)`` starts in seconds.
        offset_s: ``(event,)`` ends in seconds.
        pitch_midi: ``(event,)`` pitches as MIDI numbers; NaN where unknown.
        velocity: ``(event,)`` MIDI velocities; 0 where unknown.
    """

    onset_s: Seconds
    offset_s: Seconds
    pitch_midi: npt.NDArray[np.float64]
    velocity: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """The number of events."""
        return len(self.onset_s)


NO_NOTES = Notes(np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Source:
    """A recording that can be mixed.

    Attributes:
        recording: its id.
        instrument: its taxonomy name.
        path: its file, relative to the root of the corpus.
        audio_sha256: hash of its decoded audio.
        duration_ms: its length, rounded down.
        begin_ms: where it is worth playing from: 0 where its events are known, else where it begins to sound.
        end_ms: where it is worth playing to, likewise.
        loudness_gain_db: brings its sounding frames to the common loudness.
        notes: when it sounds: its events where they are known, else where its energy is.
    """

    recording: str
    instrument: str
    path: str
    audio_sha256: str
    duration_ms: int
    begin_ms: int
    end_ms: int
    loudness_gain_db: float
    notes: Notes


@dataclass(frozen=True)
class _Decoded:
    n_samples: int
    level_dbfs: float
    regions_s: list[tuple[float, float]]


def decode_sources(
    recordings: pd.DataFrame, events: pd.DataFrame, root: Path, scratch: Path, sample_rate_hz: int, loudness_dbfs: float
) -> list[Source]:
    """Decode recordings in parallel, each once; silent ones are left out.

    Args:
        recordings: columns recording, instrument, path and audio_sha256.
        events: columns recording, onset_s, offset_s, pitch_midi and velocity; a recording may have none.
        root: folder of the corpus.
        scratch: an existing folder for the decoded samples; ``read_decoded`` reads from it.
        sample_rate_hz: rate of the mixtures.
        loudness_dbfs: level to which each recording's sounding frames are brought.

    Returns:
        The sources in the order of their ids.

    Raises:
        DataError: when a recording is unreadable or is not the one that was indexed.
    """
    rows = recordings.sort_values("recording")
    items = list(zip(rows["recording"], rows["path"], rows["audio_sha256"], strict=True))
    decoded = parallel_map(_decode, items, "decoding recordings", root, scratch, sample_rate_hz)
    notes = dict(_notes_of(events))
    sources = []
    for (recording, path, digest), instrument, found in zip(items, rows["instrument"], decoded, strict=True):
        if found.level_dbfs == -np.inf:
            _log.warning("%s is silent and is left out of the mixtures", recording)
            continue
        known, duration_ms = notes.get(recording), found.n_samples * 1000 // sample_rate_hz
        begin_ms, end_ms = (0, duration_ms) if known else _extent(found.regions_s, sample_rate_hz)
        sources.append(
            Source(
                recording=recording,
                instrument=instrument,
                path=path,
                audio_sha256=digest,
                duration_ms=duration_ms,
                begin_ms=begin_ms,
                end_ms=end_ms,
                loudness_gain_db=round(loudness_dbfs - found.level_dbfs, 2),
                notes=known or _unpitched(found.regions_s),
            )
        )
    return sources


def load_source(root: Path, path: str, audio_sha256: str, sample_rate_hz: int) -> Samples:
    """Decode one recording to mono samples ``(n,)`` at a rate.

    Args:
        root: folder of the corpus.
        path: the recording's file, relative to ``root``.
        audio_sha256: hash that its decoded audio must have.
        sample_rate_hz: the rate to return.

    Raises:
        DataError: when the file is unreadable, or holds other audio than expected.
    """
    audio = read_audio(root / path)
    if audio_digest(audio) != audio_sha256:
        raise DataError(
            f"{root / path} holds other audio than when it was indexed (its hash is not {audio_sha256[:12]}…): "
            "bring the file back, or run `dvc repro` to index it again"
        )
    return audio.mono(sample_rate_hz)


def read_decoded(scratch: Path, audio_sha256: str, begin: int, count: int) -> Samples:
    """Map ``count`` decoded samples from sample ``begin`` on, ``(count,)`` float32; nothing is copied."""
    path = scratch / f"{audio_sha256}.f32"
    return np.memmap(path, np.float32, "r", offset=begin * np.dtype(np.float32).itemsize, shape=(count,))


def sounding_regions(samples: Samples, sample_rate_hz: int) -> list[tuple[float, float]]:
    """Return start and end in seconds of the stretches that sound, to 50 ms: the truth where no events are known.

    A frame sounds when its level is within 40 dB of the loudest frame's and above ``SILENCE_DBFS``, and 6 dB above the
    noise where the recording has a noise floor: a quarter of its frames, all at least 20 dB below the loudest one, are
    its quietest and differ by less than 3 dB. (A decay that is cut off falls steadily and has no such frames.)

    Args:
        samples: ``(n,)`` mono.
        sample_rate_hz: samples per second.
    """
    size = max(1, round(_FRAME_SECONDS * sample_rate_hz))
    starts = np.arange(0, max(1, len(samples)), size)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts) / np.diff(np.append(starts, len(samples)))
    limits = power.max() * 10 ** (-_SOUNDING_DB / 10), 10 ** (SILENCE_DBFS / 10), _above_noise(power)
    sounds = power >= max(limits)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sounds.view(np.int8), [0]))))
    seconds = np.minimum(edges * size, len(samples)) / sample_rate_hz
    return [(float(begin), float(end)) for begin, end in seconds.reshape(-1, 2)]


def _above_noise(power: npt.NDArray[np.float64]) -> float:
    """Return the power from which frames stand out of a noise floor; 0 where there is none."""
    low, high = np.percentile(power, (5, 30))
    has_floor = len(power) >= _FEWEST_FRAMES and high < 2 * low and high < power.max() / 100
    return float(4 * high) if has_floor else 0.0


def by_instrument(sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Return the sources of each instrument, in their order."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.instrument].append(source)
    return dict(groups)


def _decode(item: tuple[str, str, str], root: Path, scratch: Path, sample_rate_hz: int) -> _Decoded:
    _, path, digest = item
    samples = load_source(root, path, digest, sample_rate_hz)
    samples = samples[: samples_in(len(samples) * 1000 // sample_rate_hz, sample_rate_hz)]
    level = level_dbfs(samples, sample_rate_hz)
    samples.tofile(scratch / f"{digest}.f32")
    return _Decoded(len(samples), level, sounding_regions(samples, sample_rate_hz))


def _extent(regions_s: Sequence[tuple[float, float]], sample_rate_hz: int) -> tuple[int, int]:
    """Return a moment on the grid shortly before the first stretch, and the end of the last one, in ms."""
    grid = grid_ms(sample_rate_hz)
    before_ms = int(regions_s[0][0] * 1000) // grid * grid - max(grid, _RUN_UP_MS)
    return max(0, before_ms), round(regions_s[-1][1] * 1000)


def _notes_of(events: pd.DataFrame) -> Iterator[tuple[str, Notes]]:
    for recording, rows in events.sort_values(["recording", "onset_s"], kind="stable").groupby("recording"):
        onset_s, offset_s, pitch = (rows[name].to_numpy(np.float64) for name in ("onset_s", "offset_s", "pitch_midi"))
        yield str(recording), Notes(onset_s, offset_s, pitch, rows["velocity"].to_numpy(np.int64))


def _unpitched(regions_s: Sequence[tuple[float, float]]) -> Notes:
    times = np.array(regions_s, np.float64).reshape(-1, 2)
    return Notes(times[:, 0], times[:, 1], np.full(len(times), UNKNOWN_PITCH), np.zeros(len(times), np.int64))
