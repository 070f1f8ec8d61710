"""The 52-vector of Meas & Moieni 2025 (sections 3.3.2 to 3.3.8): means and variances that sum up a clip's timbre.

20 MFCCs, spectral bandwidth, roll-off, centroid, zero-crossing rate, RMS energy and the harmonic part of the signal
(harmonic-percussive source separation), each as mean and variance over time: 2 x 26 = 52, in the order of ``COLUMNS``.
All parts are librosa's with its defaults (n_fft 2048, hop 512, 128 mel bands, HPSS with medians of 31) and share one
Fourier transform. The paper does not say what it averages of the harmonic part; we take its samples.
"""

from typing import Annotated, Literal

import librosa
import numpy as np
import numpy.typing as npt
from pydantic import Field

from tutti.config import FeatureConfig
from tutti.features._fourier import frame_count, istft, stft
from tutti.features._mel import mel_bank

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]

N_FFT, HOP_LENGTH, N_MELS, KERNEL = 2048, 512, 128, 31
_TOP_DB = 80.0
_INAUDIBLE = 1e-10  # librosa's: a sample this near to zero has no sign
_TINY = float(np.finfo(np.float32).tiny)


class Config(FeatureConfig):
    """Parameters of the 52-vector.

    Attributes:
        n_mfcc: MFCCs; 20 in the paper.
        rolloff_percent: share of the magnitudes below the roll-off frequency; .85 in the paper.
    """

    extractor: Literal["timbre"]
    n_mfcc: Annotated[int, Field(ge=1, le=N_MELS)]
    rolloff_percent: Annotated[float, Field(gt=0, lt=1)]

    @property
    def frame_rate_hz(self) -> float:
        """Zero: the vector sums up a whole clip."""
        return 0.0

    @property
    def n_bins(self) -> int:
        """Length of the vector."""
        return 2 * (self.n_mfcc + 6)

    def frames_for(self, n_samples: int) -> int:
        """Return 1, whatever the length."""
        del n_samples
        return 1


def columns(n_mfcc: int = 20) -> list[str]:
    """Return the names of the vector's values, in order."""
    parts = [f"mfcc_{number}" for number in range(1, n_mfcc + 1)]
    parts += ["bandwidth_hz", "rolloff_hz", "centroid_hz", "zero_crossing_rate", "rms", "harmonic"]
    return [f"{part}_mean" for part in parts] + [f"{part}_variance" for part in parts]


COLUMNS = tuple(columns())


def extract(samples: Float32, config: Config) -> Float32:
    """Return the vector of a clip.

    Args:
        samples: mono signal ``(n,)`` at ``config.sample_rate_hz``, of any length.
        config: the parameters.

    Returns:
        ``(1, 2 * (n_mfcc + 6))`` float32: all means, then all variances, in the order of ``columns``.
    """
    spectrum = stft(samples, N_FFT, HOP_LENGTH)
    magnitude = np.abs(spectrum)
    centre, width = centroid_and_bandwidth(magnitude, config.sample_rate_hz)
    parts = [
        *mfcc(magnitude, config.sample_rate_hz, config.n_mfcc),
        width,
        rolloff(magnitude, config.sample_rate_hz, config.rolloff_percent),
        centre,
        zero_crossing_rate(samples),
        rms(samples),
        harmonic(spectrum, magnitude, len(samples)),
    ]
    means = [float(np.mean(part, dtype=np.float64)) if part.size else 0.0 for part in parts]
    variances = [float(np.var(part, dtype=np.float64)) if part.size else 0.0 for part in parts]
    return np.array([means + variances], dtype=np.float32)


def mfcc(magnitude: Float32, sample_rate_hz: int, n_mfcc: int) -> Float32:
    """Return the MFCCs ``(n_mfcc, time)`` of a magnitude spectrogram ``(time, bin)``."""
    import scipy.fft  # here, not above: reading params.yaml needs none of it

    bank = mel_bank(sample_rate_hz, N_FFT, N_MELS, 0.0, sample_rate_hz / 2)
    decibels = librosa.power_to_db(bank(magnitude**2).T, top_db=_TOP_DB)
    return np.asarray(scipy.fft.dct(decibels, axis=0, type=2, norm="ortho")[:n_mfcc], np.float32)


def centroid_and_bandwidth(magnitude: Float32, sample_rate_hz: int) -> tuple[Float64, Float64]:
    """Return the spectral centroid and bandwidth, each ``(time,)`` in Hz, of a magnitude spectrogram ``(time, bin)``.

    They are the mean and the deviation of the frequency, weighted by the magnitude; 0 in a silent frame.
    """
    hertz = _bins_hz(magnitude, sample_rate_hz)
    moments = magnitude.astype(np.float64) @ np.stack([np.ones_like(hertz), hertz, hertz**2], axis=1)
    total = np.where(moments[:, 0] > 0, moments[:, 0], 1)
    mean, square = moments[:, 1] / total, moments[:, 2] / total
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def rolloff(magnitude: Float32, sample_rate_hz: int, percent: float) -> Float64:
    """Return the frequency ``(time,)`` in Hz below which a share of the magnitudes ``(time, bin)`` lies."""
    summed = np.cumsum(magnitude, axis=1, dtype=np.float64)
    bins = (summed < percent * summed[:, -1:]).sum(axis=1)
    return np.asarray(_bins_hz(magnitude, sample_rate_hz)[bins])


def zero_crossing_rate(samples: Float32) -> Float64:
    """Return the share of samples ``(time,)`` at which a signal ``(n,)``, held on at its ends, changes its sign."""
    if not len(samples):
        return np.zeros(frame_count(0, HOP_LENGTH))
    held = np.pad(samples, N_FFT // 2, mode="edge")
    negative = held < -_INAUDIBLE
    crossings = np.concatenate(([0], np.cumsum(negative[1:] != negative[:-1])))
    starts = np.arange(frame_count(len(samples), HOP_LENGTH)) * HOP_LENGTH
    return np.asarray((crossings[starts + N_FFT - 1] - crossings[starts]) / N_FFT, np.float64)


def rms(samples: Float32) -> Float32:
    """Return the root mean square ``(time,)`` of a signal ``(n,)``, frame by frame."""
    return _row(librosa.feature.rms(y=samples, frame_length=N_FFT, hop_length=HOP_LENGTH))


def harmonic(spectrum: Complex64, magnitude: Float32, n_samples: int) -> Float32:
    """Return the harmonic part ``(n_samples,)`` of a signal, from its spectrum ``(time, bin)``.

    Harmonic-percussive separation (Fitzgerald 2010): tones are smooth along time, strokes along frequency. Equal to
    ``librosa.effects.harmonic`` within single precision.
    """
    from tutti.features._median import running_median

    along_time = running_median(magnitude, KERNEL)
    along_frequency = np.ascontiguousarray(running_median(np.ascontiguousarray(magnitude.T), KERNEL).T)
    return istft(spectrum * _soft_mask(along_time, along_frequency), N_FFT, HOP_LENGTH, n_samples)


def _soft_mask(wanted: Float32, other: Float32) -> Float32:
    """Return the share of the wanted energy; one half where there is none at all.

    In NumPy: compiled, ``share + rest`` was contracted with the square or not from one compilation to the next.
    """
    larger = np.maximum(wanted, other)
    silent = larger < _TINY
    larger[silent] = 1.0
    share, rest = (wanted / larger) ** 2, (other / larger) ** 2  # divided first: squares neither vanish nor overflow
    with np.errstate(invalid="ignore"):
        mask = share / (share + rest)
    mask[silent] = 0.5
    return np.asarray(mask, np.float32)


def _bins_hz(magnitude: Float32, sample_rate_hz: int) -> Float64:
    return np.linspace(0, sample_rate_hz / 2, magnitude.shape[1])


def _row(values: npt.NDArray[np.floating]) -> Float32:
    return np.asarray(values[0], np.float32)
