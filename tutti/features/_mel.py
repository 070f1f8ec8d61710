"""Mel filter banks (Slaney's scale and area normalisation, as librosa's default), mel spectrograms, their section."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Self

import librosa  # its parts load when used
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from tutti.config import Count, FeatureConfig, Positive
from tutti.errors import ParameterError
from tutti.features._fourier import frame_count, hann, stft

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


class MelConfig(FeatureConfig):
    """What the parameters of all features on a mel spectrogram have in common.

    Attributes:
        n_fft: length of window and transform in samples.
        hop_length: samples from frame to frame.
        n_mels: number of bands.
        fmin_hz: lower edge of the first band.
        fmax_hz: upper edge of the last band, at most half the sample rate.
    """

    n_fft: Annotated[int, Field(ge=16, le=65536)]
    hop_length: Count
    n_mels: Annotated[int, Field(ge=1, le=1024)]
    fmin_hz: Annotated[float, Field(ge=0)]
    fmax_hz: Positive

    @model_validator(mode="after")
    def _check_mel(self) -> Self:
        if self.fmax_hz > self.sample_rate_hz / 2:
            raise ValueError(f"fmax_hz {self.fmax_hz} must be at most half of sample_rate_hz {self.sample_rate_hz}")
        if self.fmin_hz >= self.fmax_hz:
            raise ValueError(f"fmin_hz {self.fmin_hz} must be below fmax_hz {self.fmax_hz}")
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} must be at most n_fft {self.n_fft}, or samples are skipped")
        return self

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second."""
        return self.sample_rate_hz / self.hop_length

    def frames_for(self, n_samples: int) -> int:
        """Return the number of frames of a signal of ``n_samples`` samples."""
        return frame_count(n_samples, self.hop_length)


@dataclass(frozen=True, eq=False)
class MelBank:
    """A mel filter bank.

    Attributes:
        bands: the weights of all bands end to end, the first bin of each band and the bin after its last one.
    """

    bands: tuple[Float32, Int64, Int64]

    def __call__(self, spectrum: Float32) -> Float32:
        """Return the bands ``(time, n_mels)`` of a spectrum ``(time, n_fft // 2 + 1)``."""
        from tutti.features._loops import weigh

        values = np.empty((len(spectrum), len(self.bands[1])), np.float32)
        weigh(np.ascontiguousarray(spectrum, np.float32), *self.bands, values)
        return values


@lru_cache(maxsize=16)
def mel_bank(sample_rate_hz: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float) -> MelBank:
    """Return the filter bank.

    Args:
        sample_rate_hz: of the signal.
        n_fft: length of the transform in samples.
        n_mels: number of bands.
        fmin_hz: lower edge of the first band.
        fmax_hz: upper edge of the last band.

    Raises:
        ParameterError: when a band is so narrow that no bin falls into it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # librosa's words on empty bands; ours follow
        filters = librosa.filters.mel(sr=sample_rate_hz, n_fft=n_fft, n_mels=n_mels, fmin=fmin_hz, fmax=fmax_hz)
    empty = np.flatnonzero(filters.max(axis=1) == 0)
    if len(empty):
        raise ParameterError(
            f"n_mels is {n_mels}, but with n_fft {n_fft} no frequency falls into band {empty[0]}: "
            "lower n_mels, or raise n_fft or the range fmin_hz..fmax_hz"
        )
    first = (filters > 0).argmax(axis=1)
    last = filters.shape[1] - (filters[:, ::-1] > 0).argmax(axis=1)
    weights = np.concatenate([row[begin:end] for row, begin, end in zip(filters, first, last, strict=True)])
    return MelBank((weights, first, last))


def mel_spectrogram(samples: Float32, config: MelConfig, exponent: float) -> Float32:
    """Return the mel spectrogram of magnitudes to an exponent.

    Args:
        samples: mono signal ``(n,)``.
        config: the parameters; powers of 2 are the fastest ``n_fft``.
        exponent: 1 for magnitudes, 2 for powers.

    Returns:
        ``(time, n_mels)``.

    Raises:
        ParameterError: when a band is so narrow that no frequency of the transform falls into it.
    """
    from tutti.features._fast_mel import SHORTEST, fill_mel  # here, not above: numba takes half a second to load

    n_fft, hop_length = config.n_fft, config.hop_length
    bank = mel_bank(config.sample_rate_hz, n_fft, config.n_mels, config.fmin_hz, config.fmax_hz)
    if n_fft < SHORTEST or n_fft & (n_fft - 1):
        magnitude = np.abs(stft(samples, n_fft, hop_length))
        return bank(np.asarray(magnitude**exponent, np.float32))
    bands = np.empty((frame_count(len(samples), hop_length), config.n_mels), np.float32)
    fill_mel(samples, hop_length, hann(n_fft), bank.bands, float(exponent), bands)
    return bands
