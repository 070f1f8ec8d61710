"""The spectrogram in dB against librosa, on signals whose values are known, and pooled."""

from typing import Any

import librosa
import numpy as np
import pytest
from feature_sounds import STFT_DB, notes

from tutti.errors import TuttiError
from tutti.features import stft_db

RATE = 16000


def section(**changes: Any) -> stft_db.Config:
    return stft_db.Config.model_validate({**STFT_DB, "sample_rate_hz": RATE, **changes})


def sine(frequency_hz: float, amplitude: float = 1.0, n: int = 4 * RATE) -> Any:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(n) / RATE)).astype(np.float32)


def test_the_whole_spectrum_is_librosas() -> None:
    plain = section(pooled_bins=1, pooled_frames=1, normalise="none", floor_db=-100.0)
    sound = notes()
    window = librosa.filters.get_window("hann", 2048)
    expected = librosa.amplitude_to_db(
        np.abs(librosa.stft(sound.astype(np.float64), n_fft=2048, hop_length=512)) / (window.sum() / 2),
        ref=1.0, amin=1e-5, top_db=None,
    )  # fmt: skip
    values = stft_db.extract(sound, plain)
    assert values.shape == (plain.frames_for(len(sound)), 1025) == expected.T.shape
    np.testing.assert_allclose(values, np.maximum(expected.T, -100), atol=2e-3)


def test_a_clip_of_the_paper_has_126_frames_of_1025_bins() -> None:
    plain = section(pooled_bins=1, pooled_frames=1)
    assert (plain.frames_for(4 * RATE), plain.n_bins) == (126, 1025)
    assert plain.frame_rate_hz == 31.25


def test_a_sine_at_full_scale_is_0_db_in_its_bin() -> None:
    plain = section(pooled_bins=1, pooled_frames=1, normalise="none")
    values = stft_db.extract(sine(100 * RATE / 2048), plain)[20]
    assert int(values.argmax()) == 100
    assert values[100] == pytest.approx(0, abs=0.01)
    assert stft_db.extract(sine(100 * RATE / 2048, 0.1), plain)[20, 100] == pytest.approx(-20, abs=0.01)


def test_the_peak_makes_loud_and_soft_alike() -> None:
    loud, soft = (stft_db.extract(sine(440, level), section()) for level in (0.9, 0.001))
    np.testing.assert_allclose(loud, soft, atol=1e-2)
    soft_as_it_is = stft_db.extract(sine(440, 0.001), section(normalise="none"))
    assert soft_as_it_is.max() < loud.max() - 50


def test_silence_is_the_floor() -> None:
    assert (stft_db.extract(np.zeros(RATE, np.float32), section()) == -80).all()


def test_pooling_averages_the_power_of_neighbours() -> None:
    sound = notes()
    fine = stft_db.extract(sound, section(pooled_bins=1, pooled_frames=1, floor_db=-200.0)).astype(np.float64)
    pooled = stft_db.extract(sound, section(pooled_bins=8, pooled_frames=4, floor_db=-200.0))
    power = 10 ** (fine / 10)
    block = power[4:8, 16:24].mean()
    assert pooled[1, 2] == pytest.approx(10 * np.log10(block), abs=1e-3)
    assert pooled.shape == (len(fine) // 4, 128)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hop_length": 4096}, "hop_length 4096 must be at most n_fft 2048"),
        ({"pooled_bins": 2000}, "pooled_bins 2000 must be at most n_fft / 2"),
        ({"floor_db": 1.0}, "less than 0"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises((TuttiError, ValueError), match=words):
        section(**change)
