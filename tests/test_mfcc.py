"""MFCCs against librosa and on sounds whose coefficients are known."""

import warnings
from typing import Any

import librosa
import numpy as np
import pytest
from feature_sounds import RATE, SOUNDS, mfcc_config, noise, notes, tone
from pydantic import ValidationError

from tutti.errors import ParameterError
from tutti.features import mfcc


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_mfcc": 40},
        {"range_db": 30.0},
        {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "n_mfcc": 20},  # librosa's own defaults
        {"n_fft": 1000, "hop_length": 441, "fmin_hz": 50.0, "fmax_hz": 8000.0},
    ],
)
def test_mfcc_is_librosas(name: str, changes: dict[str, Any]) -> None:
    section, sound = mfcc_config(**changes), SOUNDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # librosa's, on windows longer than the sound
        power = librosa.feature.melspectrogram(
            y=sound,
            sr=RATE,
            n_fft=section.n_fft,
            hop_length=section.hop_length,
            n_mels=section.n_mels,
            fmin=section.fmin_hz,
            fmax=section.fmax_hz,
        )
        decibels = librosa.power_to_db(power, top_db=section.range_db)
        expected = librosa.feature.mfcc(S=decibels, n_mfcc=section.n_mfcc).T
    np.testing.assert_allclose(mfcc.extract(sound, section), expected, rtol=1e-4, atol=1e-3)  # dB


def test_the_papers_parameters_are_librosas_defaults_otherwise() -> None:
    expected = librosa.feature.mfcc(y=notes(), sr=RATE, n_mfcc=24, n_fft=512, hop_length=160, n_mels=40).T
    np.testing.assert_allclose(mfcc.extract(notes(), mfcc_config()), expected, rtol=1e-4, atol=1e-3)


def test_five_seconds_are_690_frames_of_24() -> None:
    five = noise(5 * RATE)
    assert mfcc.extract(five, mfcc_config()).shape == (690, 24)
    assert librosa.feature.mfcc(y=five, sr=RATE, n_mfcc=24, n_fft=512, hop_length=160, n_mels=40).shape == (24, 690)
    assert mfcc_config().frame_rate_hz == pytest.approx(137.8, abs=0.1)


def test_silence_has_no_shape_and_the_lowest_level() -> None:
    values = mfcc.extract(np.zeros(RATE, np.float32), mfcc_config())
    np.testing.assert_allclose(values[:, 0], -100 * np.sqrt(40), rtol=1e-6)  # all bands at -100 dB
    np.testing.assert_allclose(values[:, 1:], 0, atol=1e-3)


def test_a_gain_moves_the_first_coefficient_only() -> None:
    quiet, loud = mfcc.extract(notes(), mfcc_config()), mfcc.extract(10 * notes(), mfcc_config())
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], 20 * np.sqrt(40), rtol=1e-4)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=0.01)


def test_the_cosine_transform_can_be_undone() -> None:
    """All 40 coefficients are the decibels themselves, seen along cosines: band by band they come back."""
    values = mfcc.extract(tone(1000, 2 * RATE), mfcc_config(n_mfcc=40)).mean(axis=0)
    angles = np.pi * np.outer(np.arange(40) + 0.5, np.arange(40)) / 40
    decibels = (np.cos(angles) * np.where(np.arange(40), np.sqrt(2 / 40), np.sqrt(1 / 40))) @ values
    centres = librosa.mel_frequencies(42, fmin=0, fmax=11025)[1:-1]
    assert abs(centres[decibels.argmax()] - 1000) < 81
    assert decibels.max() - decibels.min() == pytest.approx(80, abs=0.5)


def test_a_dull_sound_has_more_of_the_first_cosine_than_a_bright_one() -> None:
    dull, bright = (mfcc.extract(tone(hertz), mfcc_config())[:, 1].mean() for hertz in (200, 8000))
    assert dull > 0 > bright


def test_a_shift_by_a_hop_moves_one_frame() -> None:
    later = np.concatenate([np.zeros(160, np.float32), notes()])
    np.testing.assert_allclose(
        mfcc.extract(later, mfcc_config())[4:-4], mfcc.extract(notes(), mfcc_config())[3:-4], atol=1e-2
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_mfcc": 41}, "n_mfcc 41 must be at most n_mels 40"),
        ({"n_mfcc": 0}, "n_mfcc"),
        ({"range_db": 0.0}, "range_db"),
        ({"fmax_hz": 12000.0}, "at most half of sample_rate_hz 22050"),
        ({"hop_length": 600}, "at most n_fft 512"),
        ({"floor": 1.0}, "key 'floor' is unknown"),
    ],
)
def test_mfcc_refuses_parameters_out_of_range(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        mfcc_config(**changes)


def test_mfcc_refuses_bands_without_a_frequency() -> None:
    with pytest.raises(ParameterError, match="n_mels is 400, but with n_fft 512"):
        mfcc.extract(noise(), mfcc_config(n_mels=400))
