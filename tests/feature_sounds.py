"""Sounds and parameters that the tests of features share."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tutti.audio import Samples
from tutti.features import log_mel, mfcc, timbre

RATE = 22050
LOG_MEL: dict[str, Any] = {
    "extractor": "log_mel",
    "sample_rate_hz": RATE,
    "n_fft": 1024,
    "hop_length": 512,
    "n_mels": 128,
    "fmin_hz": 0.0,
    "fmax_hz": 11025.0,
    "normalise": "none",
    "power": 1.0,
    "floor": 1e-5,
}
MFCC: dict[str, Any] = {
    "extractor": "mfcc",
    "sample_rate_hz": RATE,
    "n_fft": 512,
    "hop_length": 160,
    "n_mels": 40,
    "fmin_hz": 0.0,
    "fmax_hz": 11025.0,
    "n_mfcc": 24,
    "range_db": 80.0,
}
TIMBRE: dict[str, Any] = {"extractor": "timbre", "sample_rate_hz": RATE, "n_mfcc": 20, "rolloff_percent": 0.85}
MEL_STATISTICS: dict[str, Any] = {
    "extractor": "mel_statistics", "sample_rate_hz": RATE, "n_fft": 1024, "hop_length": 512, "n_mels": 128,
    "fmin_hz": 0.0, "fmax_hz": 11025.0, "floor": 1e-5,
}  # fmt: skip
STFT_DB: dict[str, Any] = {
    "extractor": "stft_db", "sample_rate_hz": RATE, "n_fft": 2048, "hop_length": 512, "normalise": "peak",
    "floor_db": -80.0, "pooled_bins": 8, "pooled_frames": 8,
}  # fmt: skip
SECTIONS = {
    "log_mel": LOG_MEL, "mfcc": MFCC, "timbre": TIMBRE, "mel_statistics": MEL_STATISTICS, "stft_db": STFT_DB,
}  # fmt: skip


def section_of(extractor: str) -> dict[str, Any]:
    """Return an extractor's parameters; those of VGGish lead to a narrow network with random weights."""
    if extractor == "vggish":
        return {"extractor": "vggish", "sample_rate_hz": 16000, "handle": str(narrow_vggish())}
    return SECTIONS[extractor]


@cache
def narrow_vggish() -> Path:
    """Write an untrained VGGish once and return the folder of its SavedModel."""
    import keras

    from tutti.embedding import saved_model, stack

    keras.utils.set_random_seed(1)
    folder = Path(tempfile.mkdtemp()) / "saved_model"
    saved_model.write_saved_model(stack.embedding_of(stack.build(0.02, 2)), folder)
    return folder


def mel_config(**changes: object) -> log_mel.Config:
    return log_mel.Config(**{**LOG_MEL, **changes})


def mfcc_config(**changes: object) -> mfcc.Config:
    return mfcc.Config(**{**MFCC, **changes})


def vector_config(**changes: object) -> timbre.Config:
    return timbre.Config(**{**TIMBRE, **changes})


def tone(frequency_hz: float, n: int = RATE, amplitude: float = 0.5) -> Samples:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(n) / RATE)).astype(np.float32)


def noise(n: int = RATE) -> Samples:
    return np.random.default_rng(7).normal(0, 0.1, n).astype(np.float32)


def notes(seconds: float = 2.0) -> Samples:
    """Return decaying harmonic notes with strokes between them, rounded to 16 bits as in a file."""
    time_s = np.arange(round(RATE * seconds)) / RATE
    sound = np.zeros(len(time_s))
    for begin, pitch_hz in ((0.0, 220.0), (0.5, 330.0), (0.9, 554.4), (1.4, 83.0)):
        since = np.maximum(time_s - begin, 0)
        sound += (
            (time_s >= begin)
            * np.exp(-3 * since)
            * sum(np.sin(2 * np.pi * pitch_hz * k * since) / k for k in range(1, 9))
        )
    sound[:: RATE // 3] += 2
    return np.asarray(np.rint(sound / 8 * 32767) / 32768, np.float32)


SOUNDS = {"noise": noise(), "tone": tone(440), "notes": notes(), "short": notes()[:700], "odd length": notes()[:12345]}
