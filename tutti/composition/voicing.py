"""Further specimens of a kind of instrument: a bank's samples in another voice.

A General MIDI bank has one trumpet; NSynth has many. A *specimen* plays the same samples with its own tuning, vibrato,
body (a smooth equaliser), attack and decay. So specimens of one kind differ about as two makes of an instrument do, and
share their recordings: what knows one of them is not new to the others. Another bank asks that question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from tutti.audio import Samples

_TUNING_CENTS = 20.0  # at most, up or down
_VIBRATO = 50  # at most, of MIDI's 127
_TILT_DB = 1.5  # deviation of the body's slope an octave
_BUMPS, _BUMP_DB, _BUMP_OCTAVES = 3, 5.0, (0.3, 1.2)  # of the body: how many, deviation, narrowest and widest
_RANGE_HZ = (60.0, 8000.0)  # where bumps lie
_ATTACK_S = 0.08  # at most
_DECAY_DB = 6.0  # a second, at most
_MIDDLE_HZ = 800.0  # where the slope is 0 dB


@dataclass(frozen=True)
class Voice:
    """How one specimen differs from the bank's own sound.

    Attributes:
        tuning_cents: above or below.
        vibrato: MIDI's modulation, 0..127.
        tilt_db: slope of the body in dB an octave.
        bumps: centre in Hz, height in dB and width in octaves of each.
        attack_s: over which a note fades in.
        decay_db: by which it fades a second, beside its own decay.
    """

    tuning_cents: float
    vibrato: int
    tilt_db: float
    bumps: Sequence[tuple[float, float, float]]
    attack_s: float
    decay_db: float


def draw_voice(rng: np.random.Generator) -> Voice:
    """Return a random voice."""
    low, high = np.log2(_RANGE_HZ)
    return Voice(
        tuning_cents=float(rng.uniform(-_TUNING_CENTS, _TUNING_CENTS)),
        vibrato=int(rng.integers(_VIBRATO + 1)),
        tilt_db=float(rng.normal(0, _TILT_DB)),
        bumps=tuple(
            (float(2 ** rng.uniform(low, high)), float(rng.normal(0, _BUMP_DB)), float(rng.uniform(*_BUMP_OCTAVES)))
            for _ in range(_BUMPS)
        ),
        attack_s=float(rng.uniform(0, _ATTACK_S)),
        decay_db=float(rng.uniform(0, _DECAY_DB)),
    )


def voiced(samples: Samples, sample_rate_hz: int, voice: Voice) -> Samples:
    """Return a note in another voice; tuning and vibrato are the player's, not done here.

    Args:
        samples: ``(n,)``, from the note's start on.
        sample_rate_hz: of the samples.
        voice: the voice.
    """
    spectrum = scipy.fft.rfft(samples.astype(np.float64))
    frequency_hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / sample_rate_hz), _RANGE_HZ[0])
    gain_db = voice.tilt_db * np.log2(frequency_hz / _MIDDLE_HZ)
    for centre_hz, height_db, octaves in voice.bumps:
        gain_db = gain_db + height_db * np.exp(-0.5 * (np.log2(frequency_hz / centre_hz) / octaves) ** 2)
    shaped = scipy.fft.irfft(spectrum * 10 ** (gain_db / 20), n=len(samples))
    time_s = np.arange(len(samples)) / sample_rate_hz
    envelope = np.minimum(1.0, time_s / voice.attack_s if voice.attack_s else 1.0) * 10 ** (
        -voice.decay_db * time_s / 20
    )
    return np.asarray(shaped * envelope, np.float32)
