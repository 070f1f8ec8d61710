"""Log-mel against librosa and on sounds whose bands are known."""

import warnings
from typing import Any

import librosa
import numpy as np
import pytest
from feature_sounds import RATE, SOUNDS, mel_config, noise, notes, tone
from pydantic import ValidationError

from tutti.errors import ParameterError
from tutti.features import log_mel


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"power": 2.0},
        {"power": 1.5},
        {"n_fft": 2048, "hop_length": 256, "n_mels": 64},
        {"n_fft": 512, "hop_length": 160, "n_mels": 40, "fmin_hz": 50.0, "fmax_hz": 8000.0},
        {"n_fft": 1000, "hop_length": 441, "n_mels": 40},
        {"n_fft": 64, "hop_length": 64, "n_mels": 4},
        {"n_fft": 32, "hop_length": 16, "n_mels": 2},
    ],
)
def test_log_mel_is_librosas(name: str, changes: dict[str, Any]) -> None:
    section, sound = mel_config(**changes), SOUNDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # librosa's, on windows longer than the sound
        expected = librosa.feature.melspectrogram(
            y=sound,
            sr=RATE,
            n_fft=section.n_fft,
            hop_length=section.hop_length,
            n_mels=section.n_mels,
            fmin=section.fmin_hz,
            fmax=section.fmax_hz,
            power=section.power,
        ).T
    values = np.exp(log_mel.extract(sound, section).astype(np.float64))
    np.testing.assert_allclose(values, np.maximum(expected, section.floor), rtol=1e-5)


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_normalised_log_mel_is_librosas_of_the_divided_sound(name: str, power: float) -> None:
    section, sound = mel_config(normalise="peak", power=power), SOUNDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # librosa's, on windows longer than the sound
        expected = librosa.feature.melspectrogram(
            y=sound / np.abs(sound).max(), sr=RATE, n_fft=1024, hop_length=512, n_mels=128, fmax=11025, power=power
        ).T
    values = np.exp(log_mel.extract(sound, section).astype(np.float64))
    np.testing.assert_allclose(values, np.maximum(expected, section.floor), rtol=1e-5)


@pytest.mark.parametrize("gain", [2.0, 0.125, -1.0, -4.0])
def test_a_louder_normalised_sound_is_the_same_and_another_one_rises(gain: float) -> None:
    sound = notes()
    peak, none = mel_config(normalise="peak"), mel_config()
    np.testing.assert_array_equal(log_mel.extract(np.float32(gain) * sound, peak), log_mel.extract(sound, peak))
    values, changed = log_mel.extract(sound, none), log_mel.extract(np.float32(gain) * sound, none)
    loud = np.minimum(values, changed) > np.log(1e-5) + 1e-3
    assert loud.mean() > 0.5
    np.testing.assert_allclose((changed - values)[loud], np.log(abs(gain)), atol=1e-4)


def test_normalised_silence_is_the_floor_and_what_is_hardly_there_is_no_more_than_full_scale() -> None:
    peak = mel_config(normalise="peak")
    for sound in (np.zeros(RATE, np.float32), np.zeros(0, np.float32)):
        np.testing.assert_allclose(log_mel.extract(sound, peak), np.log(1e-5), rtol=1e-6)
    loud, faint = (log_mel.extract(np.float32(gain) * notes(), peak) for gain in (1.0, 1e-30))
    np.testing.assert_allclose(faint, loud, atol=1e-3)


def test_extracting_leaves_the_sound_as_it_is() -> None:
    sound = notes()
    log_mel.extract(sound, mel_config(normalise="peak"))
    np.testing.assert_array_equal(sound, notes())


def test_five_seconds_are_216_frames() -> None:
    assert mel_config().frames_for(5 * RATE) == 216
    assert mel_config().frame_rate_hz == pytest.approx(43.07, abs=0.01)


@pytest.mark.parametrize("frequency_hz", [200.0, 1000.0, 5000.0])
def test_a_tone_is_loudest_in_its_band(frequency_hz: float) -> None:
    centres = librosa.mel_frequencies(130, fmin=0, fmax=11025)[1:-1]
    band = log_mel.extract(tone(frequency_hz), mel_config()).mean(axis=0).argmax()
    assert abs(centres[band] - frequency_hz) <= max(RATE / 1024, np.diff(centres)[min(band, 126)])


def test_a_click_is_in_its_frames_only() -> None:
    click = np.zeros(RATE, np.float32)
    click[20 * 512] = 1
    loud = np.flatnonzero((log_mel.extract(click, mel_config()) > np.log(2e-5)).any(axis=1))
    assert loud.tolist() == [20]  # a Hann window is 0 at its ends, where the neighbours have the click


def test_silence_is_the_floor() -> None:
    values = log_mel.extract(np.zeros(RATE, np.float32), mel_config())
    np.testing.assert_allclose(values, np.log(1e-5), rtol=1e-6)


def test_white_noise_is_flat() -> None:
    values = log_mel.extract(noise(10 * RATE), mel_config(power=2.0, n_mels=16))
    means = np.log(np.exp(values.astype(np.float64)).mean(axis=0))[1:-1]
    assert np.ptp(means) < 0.3  # Slaney's bands have equal area


def test_a_shift_by_a_hop_moves_one_frame() -> None:
    sound = notes()
    later = np.concatenate([np.zeros(512, np.float32), sound])
    np.testing.assert_allclose(
        log_mel.extract(later, mel_config())[2:-2], log_mel.extract(sound, mel_config())[1:-2], atol=1e-4
    )


def test_a_long_sound_is_its_parts() -> None:
    sound = np.tile(notes(), 4)
    whole, part = log_mel.extract(sound, mel_config()), log_mel.extract(sound[512 * 30 : 512 * 100], mel_config())
    np.testing.assert_allclose(whole[32:98], part[2:68], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fmax_hz": 12000.0}, "at most half of sample_rate_hz 22050"),
        ({"fmin_hz": 11025.0}, "must be below fmax_hz"),
        ({"hop_length": 2000}, "at most n_fft 1024"),
        ({"floor": 0.0}, "floor"),
        ({"n_mels": 0}, "n_mels"),
        ({"n_mels": "128"}, "n_mels"),
        ({"normalise": "rms"}, "normalise"),
        ({"mels": 3}, "key 'mels' is unknown"),
    ],
)
def test_log_mel_refuses_parameters_out_of_range(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        mel_config(**changes)


def test_log_mel_refuses_bands_without_a_frequency() -> None:
    with pytest.raises(ParameterError, match="n_mels is 512, but with n_fft 512"):
        log_mel.extract(noise(), mel_config(n_fft=512, n_mels=512))
