"""The overlay itself: levels, sums, headroom, fades."""

from dataclasses import replace

import numpy as np
import pytest

from tutti.audio import Samples
from tutti.mixtures.mixing import ReadSource, mix, mix_below_peak
from tutti.mixtures.recipe import Recipe, SourceRecipe, grid_ms, samples_in

RATE = 22050
TIME_S = np.arange(2 * RATE) / RATE


def _source(name: str, **changes: object) -> SourceRecipe:
    source = SourceRecipe(name, name, f"{name}.flac", name, 0, 0, 2000, 0, 0, 0.0, 0.0)
    return replace(source, **changes)  # type: ignore[arg-type]


def _recipe(*sources: SourceRecipe) -> Recipe:
    return Recipe("clip", "clip.flac", RATE, 2000, 0.0, sources)


def _reader(sounds: dict[str, Samples]) -> ReadSource:
    return lambda source, begin, count: sounds[source.recording][begin : begin + count].astype(np.float32)


def _sine(frequency_hz: float, amplitude: float) -> Samples:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * TIME_S)).astype(np.float32)


def test_gains_in_db_are_those_of_the_two_sines() -> None:
    recipe = _recipe(_source("low", loudness_gain_db=-6.0, gain_db=2.0), _source("high", gain_db=-12.0))
    mixture = mix(recipe, _reader({"low": _sine(500, 0.5), "high": _sine(3000, 0.5)})) / 32768
    spectrum = np.abs(np.fft.rfft(mixture)) / RATE  # 2 s: a sine of amplitude a is a peak of a
    measured_db = 20 * np.log10(spectrum[[1000, 6000]] / 0.5)
    np.testing.assert_allclose(measured_db, [-4.0, -12.0], atol=0.01)


def test_mixture_is_the_sum_of_its_stems() -> None:
    rng = np.random.default_rng(0)
    sounds = {str(index): rng.uniform(-0.5, 0.5, 2 * RATE).astype(np.float32) for index in range(5)}
    sources = [
        _source(name, gain_db=float(index), entry_ms=100 * index, length_ms=1000, fade_in_ms=20, fade_out_ms=20)
        for index, name in enumerate(sounds)
    ]
    recipe = replace(_recipe(*sources), attenuation_db=12.0)
    stems = [mix(replace(recipe, sources=(source,)), _reader(sounds)).astype(int) for source in sources]
    assert np.abs(sum(stems) - mix(recipe, _reader(sounds))).max() <= 3  # half a step for each of six roundings


def test_five_loud_full_scale_sources_do_not_clip() -> None:
    sounds = {str(index): np.sign(_sine(100.0 * 3**index, 1.0)) for index in range(5)}
    recipe = _recipe(*(_source(name, loudness_gain_db=40.0, gain_db=6.0) for name in sounds))
    found, mixture = mix_below_peak(recipe, _reader(sounds), peak_dbfs=-1.0)
    exact = sum(sounds.values()) * 10 ** ((46 - found.attenuation_db) / 20) * 32768
    np.testing.assert_allclose(mixture, exact, atol=1)  # the waveform itself, not a flattened one
    assert -1.02 < 20 * np.log10(np.abs(mixture.astype(int)).max() / 32768) <= -1.0


def test_a_quiet_mixture_is_left_as_it_is() -> None:
    found, mixture = mix_below_peak(_recipe(_source("low")), _reader({"low": _sine(500, 0.25)}), peak_dbfs=-1.0)
    assert found.attenuation_db == 0
    np.testing.assert_allclose(mixture / 32768, _sine(500, 0.25), atol=1e-4)


def test_full_scale_without_limit_stays_within_16_bits() -> None:
    _, mixture = mix_below_peak(_recipe(_source("one")), _reader({"one": np.ones(2 * RATE, np.float32)}), 0.0)
    assert mixture.min() == mixture.max() == 32767


def test_what_enters_late_and_leaves_early_is_silent_elsewhere_and_does_not_click() -> None:
    source = _source("one", start_ms=200, entry_ms=500, length_ms=600, fade_in_ms=10, fade_out_ms=10)
    mixture = mix(_recipe(source), _reader({"one": np.full(2 * RATE, 0.9, np.float32)}))
    begin, end = samples_in(500, RATE), samples_in(1100, RATE)
    assert not mixture[:begin].any()
    assert not mixture[end:].any()
    assert (mixture[begin + RATE // 50 : end - RATE // 50] == round(0.9 * 32768)).all()
    assert np.abs(np.diff(mixture.astype(int))).max() < 0.01 * 32768


def test_the_part_of_the_recording_is_the_one_asked_for() -> None:
    ramp = (np.arange(2 * RATE) / (4 * RATE)).astype(np.float32)
    source = _source("ramp", start_ms=400, entry_ms=200, length_ms=1000)
    mixture = mix(_recipe(source), _reader({"ramp": ramp}))[samples_in(200, RATE) : samples_in(1200, RATE)]
    np.testing.assert_allclose(mixture / 32768, ramp[samples_in(400, RATE) : samples_in(1400, RATE)], atol=2e-5)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000])
def test_grid_is_exact_in_milliseconds_and_samples(rate: int) -> None:
    step = grid_ms(rate)
    assert all(ms * rate % 1000 == 0 for ms in range(0, 1000, step))


def test_an_odd_rate_falls_back_to_milliseconds() -> None:
    assert grid_ms(22051) == 1
