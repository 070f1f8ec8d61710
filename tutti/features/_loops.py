"""Compiled loops around the transforms, in a file of their own: numba loads with it, once a feature is computed."""

import numpy as np
import numpy.typing as npt

from tutti.features._jit import compiled

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@compiled
def fill_frames(samples: Float32, start: int, hop_length: int, window: Float64, frames: Float64) -> None:
    n_fft = len(window)
    for i in range(len(frames)):
        first = (start + i) * hop_length - n_fft // 2
        for j in range(n_fft):
            frames[i, j] = samples[first + j] * window[j] if 0 <= first + j < len(samples) else 0.0


@compiled
def overlap_add(frames: Float32, window: Float64, start: int, hop_length: int, summed: Float64) -> None:
    n_fft = len(window)
    for i in range(len(frames)):
        first = (start + i) * hop_length - n_fft // 2
        for j in range(max(0, -first), min(n_fft, summed.shape[1] - first)):
            summed[0, first + j] += frames[i, j] * window[j]
            summed[1, first + j] += window[j] * window[j]


@compiled
def weigh(spectrum: Float32, weights: Float32, first: Int64, last: Int64, values: Float32) -> None:
    for frame in range(len(spectrum)):
        used = 0
        for band in range(len(first)):
            total = np.float32(0)
            for k in range(first[band], last[band]):
                total += weights[used] * spectrum[frame, k]
                used += 1
            values[frame, band] = total
