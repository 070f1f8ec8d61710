"""Further specimens of a kind: what a voice changes, by construction."""

from dataclasses import replace

import numpy as np
import pytest

from tutti.composition.voicing import Voice, draw_voice, voiced
from tutti.seeding import generator

RATE = 16000
PLAIN = Voice(tuning_cents=0.0, vibrato=0, tilt_db=0.0, bumps=(), attack_s=0.0, decay_db=0.0)


def sine(frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(RATE * seconds)) / RATE).astype(np.float32)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples[RATE // 10 : -RATE // 10], dtype=np.float64).mean()))


def test_a_plain_voice_changes_nothing() -> None:
    sound = generator(1, "noise").normal(0, 0.1, RATE).astype(np.float32)
    np.testing.assert_allclose(voiced(sound, RATE, PLAIN), sound, atol=1e-6)


@pytest.mark.parametrize("octaves", [-2, -1, 1, 2])
def test_a_tilt_is_so_many_db_an_octave_around_800_hz(octaves: int) -> None:
    sound = sine(800.0 * 2**octaves)
    change = level_db(voiced(sound, RATE, replace(PLAIN, tilt_db=3.0))) - level_db(sound)
    assert change == pytest.approx(3.0 * octaves, abs=0.05)


def test_a_bump_is_as_high_as_it_says_and_narrow() -> None:
    voice = replace(PLAIN, bumps=((1000.0, 6.0, 0.3),))
    for frequency_hz, expected in ((1000.0, 6.0), (2000.0, 6.0 * np.exp(-0.5 / 0.09)), (4000.0, 0.0)):
        change = level_db(voiced(sine(frequency_hz), RATE, voice)) - level_db(sine(frequency_hz))
        assert change == pytest.approx(expected, abs=0.1)


def test_attack_and_decay_shape_the_note() -> None:
    flat = np.ones(RATE, np.float32)
    shaped = voiced(flat, RATE, replace(PLAIN, attack_s=0.05, decay_db=6.0))
    assert shaped[0] == 0
    assert shaped[400] == pytest.approx(0.5 * 10 ** (-6 * 0.025 / 20), abs=1e-3)
    assert shaped[-1] == pytest.approx(10 ** (-6 / 20), abs=1e-3)


def test_voices_differ_by_name_and_are_drawn_again_alike() -> None:
    first, again, other = (draw_voice(generator(7, name)) for name in ("a", "a", "b"))
    assert first == again != other
    assert abs(first.tuning_cents) <= 20
    assert 0 <= first.vibrato <= 50
    assert 0 <= first.attack_s <= 0.08
    assert len(first.bumps) == 3


def test_silence_stays_silence() -> None:
    assert not voiced(np.zeros(RATE, np.float32), RATE, draw_voice(generator(7, "a"))).any()
