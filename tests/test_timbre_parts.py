"""Each part of the 52-vector by itself: against librosa, and on sounds of which its value is known."""

from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from feature_sounds import RATE, SOUNDS, noise, notes, tone, vector_config

from tutti.audio import Samples
from tutti.features import timbre
from tutti.features._fourier import stft

Part = npt.NDArray[np.floating[Any]]


def magnitude(sound: Samples) -> npt.NDArray[np.float32]:
    return np.abs(stft(sound, timbre.N_FFT, timbre.HOP_LENGTH))


def mfcc(sound: Samples) -> Part:
    return timbre.mfcc(magnitude(sound), RATE, 20)


def centroid_hz(sound: Samples) -> Part:
    return timbre.centroid_and_bandwidth(magnitude(sound), RATE)[0]


def bandwidth_hz(sound: Samples) -> Part:
    return timbre.centroid_and_bandwidth(magnitude(sound), RATE)[1]


def rolloff_hz(sound: Samples) -> Part:
    return timbre.rolloff(magnitude(sound), RATE, 0.85)


def harmonic(sound: Samples) -> Part:
    spectrum = stft(sound, timbre.N_FFT, timbre.HOP_LENGTH)
    return timbre.harmonic(spectrum, np.abs(spectrum), len(sound))


PARTS: dict[str, tuple[Callable[[Samples], Part], Callable[[Samples], Part]]] = {
    "mfcc": (mfcc, lambda sound: librosa.feature.mfcc(y=sound, sr=RATE, n_mfcc=20)),
    "bandwidth_hz": (bandwidth_hz, lambda sound: librosa.feature.spectral_bandwidth(y=sound, sr=RATE)[0]),
    "rolloff_hz": (rolloff_hz, lambda sound: librosa.feature.spectral_rolloff(y=sound, sr=RATE, roll_percent=0.85)[0]),
    "centroid_hz": (centroid_hz, lambda sound: librosa.feature.spectral_centroid(y=sound, sr=RATE)[0]),
    "zero_crossing_rate": (timbre.zero_crossing_rate, lambda sound: librosa.feature.zero_crossing_rate(sound)[0]),
    "rms": (timbre.rms, lambda sound: librosa.feature.rms(y=sound)[0]),
    "harmonic": (harmonic, librosa.effects.harmonic),
}
SCALED = {"mfcc": 1e-3, "harmonic": 1e-5}  # decibels, samples: next to 0 only an absolute difference says something


@pytest.mark.parametrize("name", ["noise", "tone", "notes", "odd length"])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_librosas(part: str, name: str) -> None:
    ours, theirs = PARTS[part]
    values, expected = ours(SOUNDS[name]), theirs(SOUNDS[name])
    assert values.shape == expected.shape
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=SCALED.get(part, 1e-9))


@pytest.mark.parametrize("part", PARTS)
def test_the_vector_holds_a_parts_mean_and_variance(part: str) -> None:
    values = dict(zip(timbre.COLUMNS, timbre.extract(notes(), vector_config())[0], strict=True))
    found = PARTS[part][0](notes()).astype(np.float64)
    named = {f"mfcc_{i + 1}": row for i, row in enumerate(found)} if part == "mfcc" else {part: found}
    for name, row in named.items():
        assert values[f"{name}_mean"] == pytest.approx(row.mean(), rel=1e-5, abs=1e-7)
        assert values[f"{name}_variance"] == pytest.approx(row.var(), rel=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_silence_is_one_finite_value(part: str) -> None:
    values = PARTS[part][0](np.zeros(RATE, np.float32))
    assert np.isfinite(values).all()
    assert np.ptp(values, axis=-1).max() < 1e-3
    if part != "mfcc":
        assert np.abs(values).max() == 0


def inner(values: Part) -> Part:
    """Return the frames that lie within the sound as a whole."""
    return values[..., 3:-3]


def test_mfcc_a_gain_is_in_the_first_coefficient_only() -> None:
    quiet, loud = mfcc(notes()), mfcc(10 * notes())
    np.testing.assert_allclose(loud[0] - quiet[0], 20 * np.sqrt(128), rtol=1e-4)
    np.testing.assert_allclose(loud[1:], quiet[1:], atol=0.01)


def test_mfcc_a_steady_sound_does_not_vary() -> None:
    steady = tone(16 * RATE / 512, 2 * RATE)  # the same phase in each frame
    assert inner(mfcc(steady)).var(axis=1).max() < 1e-3
    assert inner(mfcc(notes())).var(axis=1).min() > 1


def test_mfcc_a_dull_sound_has_more_of_the_first_cosine() -> None:
    assert inner(mfcc(tone(200)))[1].mean() > 0 > inner(mfcc(tone(9000)))[1].mean()


@pytest.mark.parametrize(("low_hz", "high_hz"), [(1000, 2000), (500, 6500)])
def test_centroid_and_bandwidth_of_two_equal_tones(low_hz: float, high_hz: float) -> None:
    both = tone(low_hz, amplitude=0.3) + tone(high_hz, amplitude=0.3)
    assert inner(centroid_hz(both)).mean() == pytest.approx((low_hz + high_hz) / 2, rel=0.02)
    assert inner(bandwidth_hz(both)).mean() == pytest.approx((high_hz - low_hz) / 2, rel=0.05)


def test_centroid_leans_to_the_louder_tone() -> None:
    both = tone(1000, amplitude=0.3) + tone(4000, amplitude=0.1)
    assert inner(centroid_hz(both)).mean() == pytest.approx(0.75 * 1000 + 0.25 * 4000, rel=0.03)


def test_centroid_and_bandwidth_of_white_noise_are_those_of_an_even_spread() -> None:
    assert centroid_hz(noise(4 * RATE)).mean() == pytest.approx(RATE / 4, rel=0.02)
    assert bandwidth_hz(noise(4 * RATE)).mean() == pytest.approx(RATE / 2 / np.sqrt(12), rel=0.02)


@pytest.mark.parametrize("hertz", [300.0, 2000.0, 9000.0])
def test_rolloff_of_a_tone_is_the_tone(hertz: float) -> None:
    np.testing.assert_allclose(inner(rolloff_hz(tone(hertz))), hertz, atol=3 * RATE / timbre.N_FFT)


def test_rolloff_of_white_noise_is_its_share_of_the_range() -> None:
    spectrum = magnitude(noise(4 * RATE))
    for share in (0.1, 0.5, 0.85):
        assert timbre.rolloff(spectrum, RATE, share).mean() == pytest.approx(share * RATE / 2, rel=0.02)


@pytest.mark.parametrize("hertz", [100.0, 1000.0, 5000.0])
def test_zero_crossing_rate_of_a_tone_is_twice_its_frequency(hertz: float) -> None:
    assert inner(timbre.zero_crossing_rate(tone(hertz))).mean() == pytest.approx(2 * hertz / RATE, rel=0.02)


def test_zero_crossing_rate_at_its_ends() -> None:
    turns = np.resize(np.array([1, -1], np.float32), RATE)
    np.testing.assert_allclose(inner(timbre.zero_crossing_rate(turns)), 1, atol=1e-3)
    np.testing.assert_array_equal(timbre.zero_crossing_rate(np.ones(RATE, np.float32)), 0)


def test_rms_of_a_tone_a_square_and_a_louder_sound() -> None:
    np.testing.assert_allclose(inner(timbre.rms(tone(1000, amplitude=0.4))), 0.4 / np.sqrt(2), rtol=1e-3)
    square = np.resize(np.repeat(np.array([0.2, -0.2], np.float32), 50), RATE)
    np.testing.assert_allclose(inner(timbre.rms(square)), 0.2, rtol=1e-5)
    np.testing.assert_allclose(timbre.rms(3 * notes()), 3 * timbre.rms(notes()), rtol=1e-5)


def test_harmonic_keeps_tones_and_drops_strokes() -> None:
    steady = tone(440, 2 * RATE) + tone(1320, 2 * RATE)
    strokes = np.zeros(2 * RATE, np.float32)
    strokes[RATE // 8 :: RATE // 4] = 1
    middle = slice(RATE // 4, -RATE // 4)
    kept = harmonic(steady + strokes)[middle]
    assert np.sqrt(np.mean(np.square(kept - steady[middle]))) < 0.05 * steady.std()
    assert harmonic(strokes).var() < 0.02 * strokes.var()
    assert harmonic(steady)[middle].var() == pytest.approx(steady[middle].var(), rel=0.01)
