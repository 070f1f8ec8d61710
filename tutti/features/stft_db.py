"""Spectrogram of a short-time Fourier transform in dB, with all its bins or pooled ones.

The input of Chen, Ghobakhlou & Narayanan 2024 (section IV-A: a 2048-point transform every 512 samples, in dB). Frames
are librosa's: centred on multiples of the hop with zeros outside the signal, periodic Hann window. 0 dB is the bin of a
sine at full scale, so that values do not depend on the loudest one of the clip.

``pooled_bins`` and ``pooled_frames`` average the power of neighbours before the logarithm, which keeps the network
behind it small: 126 frames of 1025 bins are 67 times as many values as those pooled by 8 and 8. What is left over at
the end of an axis, such as the bin at half the sample rate, is left out where it does not fill a group.
"""

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from tutti.config import Count, FeatureConfig
from tutti.features._fourier import frame_count, hann, stft

Float32 = npt.NDArray[np.float32]


class Config(FeatureConfig):
    """Parameters of the spectrogram in dB.

    Attributes:
        n_fft: length of window and transform in samples.
        hop_length: samples from frame to frame.
        normalise: ``peak`` divides the signal by its largest absolute value first, ``none`` does not.
        floor_db: smallest value.
        pooled_bins: neighbouring bins whose mean power is one value.
        pooled_frames: neighbouring frames whose mean power is one value.
    """

    extractor: Literal["stft_db"]
    n_fft: Annotated[int, Field(ge=16, le=65536)]
    hop_length: Count
    normalise: Literal["none", "peak"]
    floor_db: Annotated[float, Field(ge=-200, lt=0)]
    pooled_bins: Count
    pooled_frames: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} must be at most n_fft {self.n_fft}, or samples are skipped")
        if self.pooled_bins > self.n_fft // 2 + 1:
            raise ValueError(f"pooled_bins {self.pooled_bins} must be at most n_fft / 2 + 1, {self.n_fft // 2 + 1}")
        return self

    @property
    def frame_rate_hz(self) -> float:
        """Values of the time axis per second."""
        return self.sample_rate_hz / (self.hop_length * self.pooled_frames)

    @property
    def n_bins(self) -> int:
        """Length of the frequency axis."""
        return (self.n_fft // 2 + 1) // self.pooled_bins

    def frames_for(self, n_samples: int) -> int:
        """Return the length of the time axis of ``n_samples`` samples; 1 at least."""
        return max(1, frame_count(n_samples, self.hop_length) // self.pooled_frames)


def extract(samples: Float32, config: Config) -> Float32:
    """Return the spectrogram.

    Args:
        samples: mono signal ``(n,)`` at ``config.sample_rate_hz``, of any length.
        config: the parameters.

    Returns:
        ``(time, frequency)`` float32 in dB, at least ``config.floor_db`` everywhere; silence is the floor.
    """
    if config.normalise == "peak":
        samples = samples / max(np.float32(np.abs(samples).max(initial=0)), np.finfo(np.float32).tiny)
    spectrum = stft(samples, config.n_fft, config.hop_length)
    magnitude = np.abs(spectrum) / np.float32(hann(config.n_fft).sum() / 2)
    power = np.square(magnitude, dtype=np.float64)
    pooled = _pooled(_pooled(power, config.pooled_bins, axis=1), config.pooled_frames, axis=0)
    decibels = 10 * np.log10(np.maximum(pooled, 1e-30))
    return np.asarray(np.maximum(decibels, config.floor_db), np.float32)


def _pooled(power: npt.NDArray[np.float64], size: int, axis: int) -> npt.NDArray[np.float64]:
    """Return means of groups of neighbours along an axis; a signal with fewer than one group is one group."""
    groups = max(1, power.shape[axis] // size)
    size = min(size, power.shape[axis])
    if axis == 0:
        return np.asarray(power[: groups * size].reshape(groups, size, -1).mean(axis=1))
    return np.asarray(power[:, : groups * size].reshape(len(power), groups, size).mean(axis=2))
