"""Short-time Fourier transform of a mono signal and its inverse, with librosa's framing and precision.

Frame t is centred on sample ``t * hop_length``; outside the signal there are zeros. So ``n`` samples have
``1 + n // hop_length`` frames, and 5 s at 22 050 Hz with a hop of 512 have 216.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]

_BLOCK = 256  # frames at a time


def frame_count(n_samples: int, hop_length: int) -> int:
    """Return the number of frames of ``n_samples`` samples."""
    return 1 + n_samples // hop_length


def stft(samples: Float32, n_fft: int, hop_length: int) -> Complex64:
    """Return the complex spectrum (periodic Hann window).

    Args:
        samples: mono signal ``(n,)``.
        n_fft: length of window and transform in samples.
        hop_length: samples from frame to frame.

    Returns:
        ``(time, n_fft // 2 + 1)``, computed in double precision.
    """
    import scipy.fft  # here, not above: reading params.yaml needs none of it, in any stage

    n_frames = frame_count(len(samples), hop_length)
    spectrum = np.empty((n_frames, n_fft // 2 + 1), np.complex64)
    for start in range(0, n_frames, _BLOCK):
        count = min(_BLOCK, n_frames - start)
        frames = _windowed(samples, start, count, n_fft, hop_length)
        spectrum[start : start + count] = scipy.fft.rfft(frames, axis=-1, overwrite_x=True)
    return spectrum


def istft(spectrum: Complex64, n_fft: int, hop_length: int, n_samples: int) -> Float32:
    """Return the ``n_samples`` samples whose spectrum is nearest to ``spectrum`` (inverse of :func:`stft`)."""
    import scipy.fft

    from tutti.features._loops import overlap_add

    window = hann(n_fft)
    summed = np.zeros((2, n_samples))
    for start in range(0, len(spectrum), _BLOCK):
        frames: Float32 = scipy.fft.irfft(spectrum[start : start + _BLOCK], n=n_fft, axis=-1)
        overlap_add(frames, window, start, hop_length, summed)
    signal, weight = summed
    np.divide(signal, weight, out=signal, where=weight > np.finfo(np.float32).tiny)
    return signal.astype(np.float32)


@lru_cache(maxsize=16)
def hann(n: int) -> Float64:
    """Return the periodic Hann window of ``n`` samples."""
    from scipy.signal import get_window  # takes a second, which reading params.yaml should not

    return np.asarray(get_window("hann", n, fftbins=True), np.float64)


def _windowed(samples: Float32, start: int, count: int, n_fft: int, hop_length: int) -> Float64:
    from tutti.features._loops import fill_frames

    frames = np.empty((count, n_fft))
    fill_frames(samples, start, hop_length, hann(n_fft), frames)
    return frames
