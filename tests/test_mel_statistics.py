"""The statistics of a log-mel spectrogram, against the spectrogram itself and against signals that are understood."""

import numpy as np
import pytest
from feature_sounds import LOG_MEL, MEL_STATISTICS, RATE, SOUNDS, noise, tone

from tutti.features import log_mel, mel_statistics

CONFIG = mel_statistics.Config(**MEL_STATISTICS)


@pytest.mark.parametrize("name", SOUNDS)
def test_they_are_those_of_the_log_mel_spectrogram(name: str) -> None:
    bands = log_mel.extract(SOUNDS[name], log_mel.Config(**LOG_MEL)).astype(np.float64)
    expected = [bands.mean(axis=0), bands.std(axis=0), np.abs(np.diff(bands, axis=0)).mean(axis=0)]
    np.testing.assert_allclose(mel_statistics.extract(SOUNDS[name], CONFIG)[0], np.concatenate(expected), atol=1e-5)


def test_silence_is_the_floor_and_does_not_move() -> None:
    mean, deviation, change = np.split(mel_statistics.extract(np.zeros(RATE, np.float32), CONFIG)[0], 3)
    np.testing.assert_allclose(mean, np.log(1e-5), rtol=1e-6)
    assert deviation.max() < 1e-9
    assert not change.any()


def test_a_louder_sound_raises_the_means_and_nothing_else() -> None:
    quiet, loud = (mel_statistics.extract(np.float32(gain) * noise(), CONFIG)[0] for gain in (1.0, 2.0))
    np.testing.assert_allclose(loud[:128] - quiet[:128], np.log(2), atol=1e-4)
    np.testing.assert_allclose(loud[128:], quiet[128:], atol=1e-4)


def test_a_tone_that_beats_moves_more_than_one_that_holds() -> None:
    hold = tone(440, 2 * RATE)
    beat = hold * (np.arange(2 * RATE) // 4410 % 2).astype(np.float32)
    band = int(np.argmax(mel_statistics.extract(hold, CONFIG)[0][:128]))
    moving, still = (mel_statistics.extract(each, CONFIG)[0] for each in (beat, hold))
    assert moving[128 + band] > still[128 + band] + 1
    assert moving[256 + band] > still[256 + band] + 0.1
