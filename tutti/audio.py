"""Audio files and levels: any format that libsndfile or ffmpeg reads, whole or in blocks, and FLAC out.

Samples are float32 with full scale at 1, ``(n, channels)`` in :class:`Audio` and ``(n,)`` once mono. Levels are in
dBFS: 0 dBFS is the level of a constant 1, so a full-scale sine is at -3 dBFS.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tutti.decoding import Samples, Stream, decode
from tutti.errors import DataError
from tutti.store import whole

__all__ = [
    "Audio",
    "Samples",
    "is_silent",
    "level_dbfs",
    "pcm16",
    "peak_dbfs",
    "read_audio",
    "read_blocks",
    "read_mono",
    "resample",
    "to_mono",
    "write_flac",
]

SILENCE_DBFS = -80.0  # a peak below this is silence: 10 dB above the smallest step of 16 bits
_SOUNDING_DB = 40.0  # a frame this far below the loudest one is a pause
_LEVEL_FRAME_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Audio:
    """Decoded audio.

    Attributes:
        samples: ``(n, channels)`` float32, full scale 1.
        sample_rate_hz: samples per second and channel.
    """

    samples: Samples
    sample_rate_hz: int

    @property
    def channels(self) -> int:
        """The number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def mono(self, sample_rate_hz: int | None = None) -> Samples:
        """Return the mean of the channels, ``(n,)``, at a sample rate (default: the audio's own)."""
        return resample(to_mono(self.samples), self.sample_rate_hz, sample_rate_hz or self.sample_rate_hz)


def read_audio(path: Path) -> Audio:
    """Decode a whole file, of any rate and number of channels.

    Args:
        path: a file that libsndfile or ffmpeg can read.

    Raises:
        DataError: when the file is missing, unreadable, empty, truncated, not audio or holds NaN or infinity.
        SetupError: when libsndfile cannot read the file and ffmpeg is not installed.
    """
    with decode(path) as stream:
        chunks = list(stream.chunks)
    return Audio(chunks[0] if len(chunks) == 1 else np.concatenate(chunks), stream.sample_rate_hz)


def read_mono(path: Path, sample_rate_hz: int) -> Samples:
    """Decode a whole file to the mean of its channels, ``(n,)``, at a sample rate (raises as ``read_audio``)."""
    return read_audio(path).mono(sample_rate_hz)


def read_blocks(path: Path, sample_rate_hz: int, block_seconds: float) -> Iterator[Samples]:
    """Decode a file block by block, mono and resampled, in memory that does not grow with its length.

    Args:
        path: a file that libsndfile or ffmpeg can read.
        sample_rate_hz: the rate of the blocks.
        block_seconds: length of a block; only the last one may be shorter.

    Yields:
        ``(n,)`` float32 blocks; end to end they are the mono file at that rate.

    Raises:
        DataError, SetupError: as ``read_audio``; damage further on shows when its block is reached.
    """
    size = max(1, round(block_seconds * sample_rate_hz))
    held = np.zeros(0, np.float32)
    with decode(path) as stream:
        for piece in _resampled(stream, sample_rate_hz):
            held = np.concatenate((held, piece))
            n_full = len(held) // size
            yield from (held[i * size : (i + 1) * size] for i in range(n_full))
            held = held[n_full * size :]
    if len(held):
        yield held


def write_flac(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    """Write 16-bit FLAC; the file appears whole, and the same samples give the same bytes.

    Args:
        path: the file to write.
        samples: ``(n,)`` or ``(n, channels)``, finite and within -1..1.
        sample_rate_hz: samples per second.

    Raises:
        DataError: when a sample is not finite or beyond full scale.
    """
    with whole(path) as partial:
        soundfile.write(partial, pcm16(samples), sample_rate_hz, format="FLAC", subtype="PCM_16")


def pcm16(samples: Samples) -> npt.NDArray[np.int16]:
    """Return samples as 16-bit integers, inverse to how 16-bit files are read (DataError beyond full scale)."""
    if not np.isfinite(samples).all() or np.abs(samples).max(initial=0) > 1:
        raise DataError("samples to be written hold NaN, infinity or a value beyond -1..1: scale them first")
    rounded: npt.NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return rounded


def to_mono(samples: Samples) -> Samples:
    """Return the mean over channels: ``(n, channels)`` or ``(n,)`` to ``(n,)``."""
    if samples.ndim == 1:
        return samples
    return np.ascontiguousarray(samples[:, 0]) if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return samples, ``(n,)`` or ``(n, channels)``, at another rate (soxr, quality HQ)."""
    if from_hz == to_hz:
        return samples
    return np.ascontiguousarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def peak_dbfs(samples: Samples) -> float:
    """Return the largest absolute sample in dBFS; -inf where all are 0."""
    return _decibels(float(np.abs(samples).max(initial=0)))


def level_dbfs(samples: Samples, sample_rate_hz: int) -> float:
    """Return the RMS level in dBFS over the frames that sound, so that pauses do not count; -inf for silence.

    A frame of 50 ms sounds when it is within 40 dB of the loudest one and its level is above ``SILENCE_DBFS``.

    Args:
        samples: ``(n,)`` or ``(n, channels)``; channels are averaged in power.
        sample_rate_hz: samples per second.
    """
    columns = samples.reshape(len(samples), -1).astype(np.float64) if len(samples) else np.zeros((1, 1))
    power = np.square(columns).mean(axis=1)
    size = max(1, round(_LEVEL_FRAME_SECONDS * sample_rate_hz))
    starts = np.arange(0, max(1, len(power) - size // 2), size)  # a last frame below half a length joins the one before
    frames = np.add.reduceat(power, starts) / np.diff(np.append(starts, len(power)))
    gate = max(frames.max() * 10 ** (-_SOUNDING_DB / 10), 10 ** (SILENCE_DBFS / 10))
    sounding = frames[frames >= gate]
    return _decibels(float(np.sqrt(sounding.mean()))) if len(sounding) else -float("inf")


def is_silent(samples: Samples) -> bool:
    """Tell whether nothing sounds: no sample, or a peak below ``SILENCE_DBFS``."""
    return peak_dbfs(samples) < SILENCE_DBFS


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else -float("inf")


def _resampled(stream: Stream, sample_rate_hz: int) -> Iterator[Samples]:
    if stream.sample_rate_hz == sample_rate_hz:
        yield from (to_mono(chunk) for chunk in stream.chunks)
        return
    resampler = soxr.ResampleStream(stream.sample_rate_hz, sample_rate_hz, 1, dtype="float32", quality="HQ")
    for chunk in stream.chunks:
        yield resampler.resample_chunk(to_mono(chunk))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
