"""The qualities by which NSynth describes its notes, those of them that a signal tells by itself.

People and a codec described the notes of NSynth; here thresholds do, which are stated below. What an effect or the
recording adds (distortion, reverb, a tempo) and what takes an ear is never said to be present.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft

from tutti.audio import Samples

QUALITIES = (
    "bright", "dark", "distortion", "fast_decay", "long_release", "multiphonic", "nonlinear_env", "percussive",
    "reverb", "tempo-synced",
)  # fmt: skip

BRIGHT_HZ = 2000.0  # least spectral centroid, in power, of a bright note
DARK_HZ = 400.0  # largest one of a dark note
DECAYED_DB = -20.0  # level that is reached 1 s after the onset (fast_decay) or 0.5 s after the release (long_release)
FADED_DB = -60.0  # below the loudest moment, what is released was over before
FRAME_S = 0.025  # in which levels are measured
_FAST_S, _RELEASE_S, _STRUCK_S = 1.0, 0.5, 0.05


def qualities(samples: Samples, sample_rate_hz: int, held_seconds: float) -> list[int]:
    """Return 1 or 0 for each of ``QUALITIES``.

    - bright, dark: by the centroid of the power spectrum until the release;
    - fast_decay: 1 s after the onset (or at the release, if that is earlier) 20 dB or more below the loudest frame;
    - long_release: 0.5 s after the release within 20 dB of the level at the release, and not over before it;
    - percussive: fast_decay, and loudest within the first 50 ms.

    Args:
        samples: ``(n,)``, a note that starts with the first sample.
        sample_rate_hz: of the samples.
        held_seconds: from the start to the release.
    """
    if not samples.any():
        return [0] * len(QUALITIES)
    levels = _levels_db(samples, sample_rate_hz)  # (frame,)
    released = max(1, min(round(held_seconds / FRAME_S), len(levels)))
    centroid_hz = _centroid_hz(samples[: round(held_seconds * sample_rate_hz)], sample_rate_hz)
    at_release, later = levels[released - 1], released - 1 + round(_RELEASE_S / FRAME_S)
    decays = levels[min(round(_FAST_S / FRAME_S), released - 1)] <= DECAYED_DB
    found = {
        "bright": centroid_hz >= BRIGHT_HZ,
        "dark": 0 < centroid_hz <= DARK_HZ,
        "fast_decay": decays,
        "long_release": later < len(levels) and at_release > FADED_DB and levels[later] >= at_release + DECAYED_DB,
        "percussive": decays and int(np.argmax(levels)) * FRAME_S < _STRUCK_S,
    }
    return [int(found.get(name, False)) for name in QUALITIES]


def _levels_db(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """Return the level of each frame relative to the loudest one, ``(frame,)``; -inf where nothing sounds."""
    size = max(1, round(FRAME_S * sample_rate_hz))
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % size))
    power = np.square(padded).reshape(-1, size).mean(axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power / power.max()))


def _centroid_hz(samples: Samples, sample_rate_hz: int) -> float:
    """Return the mean frequency, weighted by power; 0 where nothing sounds."""
    spectrum = scipy.fft.rfft(samples.astype(np.float64))
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    total = float(power.sum())
    bins_hz = np.arange(len(power)) * (sample_rate_hz / len(samples))
    return float((bins_hz * power).sum() / total) if total > 0 else 0.0
