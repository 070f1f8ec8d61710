"""The 52-vector against librosa and on sounds whose timbre is known."""

from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import scipy.ndimage
from feature_sounds import RATE, SOUNDS, noise, notes, tone, vector_config
from pydantic import ValidationError

from tutti.audio import Samples
from tutti.features import timbre
from tutti.features._fourier import istft, stft
from tutti.features._median import running_median


def by_librosa(sound: Samples) -> dict[str, Any]:
    feature = librosa.feature
    coefficients = feature.mfcc(y=sound, sr=RATE, n_mfcc=20)
    return {
        **{f"mfcc_{i + 1}": row for i, row in enumerate(coefficients)},
        "bandwidth_hz": feature.spectral_bandwidth(y=sound, sr=RATE)[0],
        "rolloff_hz": feature.spectral_rolloff(y=sound, sr=RATE, roll_percent=0.85)[0],
        "centroid_hz": feature.spectral_centroid(y=sound, sr=RATE)[0],
        "zero_crossing_rate": feature.zero_crossing_rate(sound)[0],
        "rms": feature.rms(y=sound)[0],
        "harmonic": librosa.effects.harmonic(sound),
    }


@pytest.mark.parametrize("name", ["noise", "tone", "notes", "odd length"])
def test_the_vector_is_librosas(name: str) -> None:
    values = dict(zip(timbre.COLUMNS, timbre.extract(SOUNDS[name], vector_config())[0], strict=True))
    for part, expected in by_librosa(SOUNDS[name]).items():
        # Means may be next to 0 (MFCCs, a waveform), so they are compared on the scale of what they average. A constant
        # part has a variance of rounding errors only, hence the share of the squared values.
        scale, square = (
            np.sqrt(np.mean(np.square(expected, dtype=np.float64))),
            np.mean(np.square(expected, dtype=np.float64)),
        )
        assert values[f"{part}_mean"] == pytest.approx(np.mean(expected, dtype=np.float64), rel=1e-4, abs=1e-5 * scale)
        assert values[f"{part}_variance"] == pytest.approx(
            np.var(expected, dtype=np.float64), rel=1e-4, abs=1e-8 * square
        )


def test_the_parts_are_librosas_frame_by_frame() -> None:
    sound = SOUNDS["notes"]
    spectrum = stft(sound, timbre.N_FFT, timbre.HOP_LENGTH)
    magnitude, expected = np.abs(spectrum), by_librosa(sound)
    centre, width = timbre.centroid_and_bandwidth(magnitude, RATE)
    parts: dict[str, npt.NDArray[np.floating]] = {
        "bandwidth_hz": width,
        "rolloff_hz": timbre.rolloff(magnitude, RATE, 0.85),
        "centroid_hz": centre,
        "zero_crossing_rate": timbre.zero_crossing_rate(sound),
        "rms": timbre.rms(sound),
    }
    for name, part in parts.items():
        np.testing.assert_allclose(part, expected[name], rtol=1e-4, err_msg=name)
    coefficients = np.stack([expected[f"mfcc_{i}"] for i in range(1, 21)])
    np.testing.assert_allclose(timbre.mfcc(magnitude, RATE, 20), coefficients, rtol=1e-4, atol=1e-3)  # dB
    np.testing.assert_allclose(timbre.harmonic(spectrum, magnitude, len(sound)), expected["harmonic"], atol=1e-5)


def test_the_vector_has_52_named_values() -> None:
    assert (len(timbre.COLUMNS), len(set(timbre.COLUMNS)), vector_config().n_bins) == (52, 52, 52)
    assert timbre.COLUMNS[0] == "mfcc_1_mean"
    assert timbre.COLUMNS[-1] == "harmonic_variance"
    assert len(timbre.columns(13)) == vector_config(n_mfcc=13).n_bins
    assert timbre.extract(notes(), vector_config(n_mfcc=13)).shape == (1, 38)


def vector(sound: Samples) -> dict[str, float]:
    return dict(zip(timbre.COLUMNS, timbre.extract(sound, vector_config())[0].tolist(), strict=True))


def test_the_vector_of_a_tone() -> None:
    values = vector(tone(1000, 4 * RATE))
    assert values["centroid_hz_mean"] == pytest.approx(1000, rel=0.03)
    assert values["bandwidth_hz_mean"] < 200 < vector(noise())["bandwidth_hz_mean"]
    assert values["zero_crossing_rate_mean"] == pytest.approx(2 * 1000 / RATE, rel=0.02)
    assert values["rms_mean"] == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert values["harmonic_variance"] == pytest.approx(0.125, rel=0.03)


def test_the_harmonic_part_leaves_strokes_out() -> None:
    strokes = np.zeros(2 * RATE, np.float32)
    strokes[:: RATE // 4] = 1
    assert vector(strokes)["harmonic_variance"] < 0.02 * strokes.var()
    both = vector(tone(440, 2 * RATE) + strokes)
    assert both["harmonic_variance"] == pytest.approx(0.125, rel=0.03)


def test_the_vector_of_silence() -> None:
    values = vector(np.zeros(RATE, np.float32))
    assert values.pop("mfcc_1_mean") == pytest.approx(-100 * np.sqrt(128), rel=1e-4)  # all bands at -100 dB
    assert max(abs(value) for value in values.values()) < 1e-3


@pytest.mark.parametrize("shape", [(60, 100), (100, 60), (1, 20), (3, 17), (31, 16), (40, 5), (16, 33)])
@pytest.mark.parametrize("size", [31, 5, 1])
def test_the_running_median_is_scipys_to_the_bit(shape: tuple[int, int], size: int) -> None:
    values = np.random.default_rng(1).random(shape).astype(np.float32)
    values[values < 0.3] = 0  # many equal values
    values[-1] = values[0]
    expected = scipy.ndimage.median_filter(values, (size, 1), mode="reflect")
    np.testing.assert_array_equal(running_median(values, size), expected)


@pytest.mark.parametrize("n", [100, 512, 5000, 2 * RATE])
def test_the_transform_can_be_undone(n: int) -> None:
    sound = notes()[:n]
    np.testing.assert_allclose(istft(stft(sound, 2048, 512), 2048, 512, n), sound, atol=1e-6)


@pytest.mark.parametrize("changes", [{"n_mfcc": 0}, {"n_mfcc": 129}, {"rolloff_percent": 1.0}, {"rolloff_percent": 85}])
def test_the_vector_refuses_parameters_out_of_range(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        vector_config(**changes)
