"""What every extractor promises."""

import hashlib
from typing import Any

import numpy as np
import pytest
from feature_sounds import RATE, noise, notes, section_of, tone

from tutti import config, registry
from tutti.audio import resample, to_mono


@pytest.fixture(params=registry.names("features"))
def extractor(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    module = registry.load("features", request.param)
    return module, module.Config(**section_of(request.param))


def test_every_extractor_stands_in_params(extractor: tuple[Any, Any]) -> None:
    module, section = extractor
    tasks = config.load().tasks.values()
    declared = [each for task in tasks for each in task.all_features.values()]
    declared += [task.studies.variety.feature for task in tasks if isinstance(task, config.MixingTask)]
    assert any(isinstance(each, module.Config) for each in declared)
    assert isinstance(section, config.FeatureConfig)


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 1535, 1536])
def test_frames_for_is_what_extract_returns(extractor: tuple[Any, Any], n: int) -> None:
    module, section = extractor
    values = module.extract(noise(2000)[:n], section)
    assert (values.shape, values.dtype) == ((section.frames_for(n), section.n_bins), np.float32)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-5, 1.0])
def test_any_level_gives_finite_values(extractor: tuple[Any, Any], level: float) -> None:
    module, section = extractor
    assert np.isfinite(module.extract(np.float32(level) * notes(), section)).all()
    assert np.isfinite(module.extract(np.full(RATE, level, np.float32), section)).all()


def test_the_same_sound_gives_the_same_bytes(extractor: tuple[Any, Any]) -> None:
    module, section = extractor
    first, second = (hashlib.sha256(module.extract(notes(), section).tobytes()).hexdigest() for _ in range(2))
    assert first == second


def test_input_is_left_alone(extractor: tuple[Any, Any]) -> None:
    module, section = extractor
    sound = notes()
    module.extract(sound, section)
    np.testing.assert_array_equal(sound, notes())


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44100, 2), (96000, 6)])
def test_any_rate_and_channels_end_near_the_same_values(
    extractor: tuple[Any, Any], rate_hz: int, channels: int
) -> None:
    module, section = extractor
    chord = (tone(440, 2 * RATE) + tone(1234, 2 * RATE)) * np.hanning(2 * RATE).astype(np.float32)
    sound = np.stack([resample(chord, RATE, rate_hz)] * channels, axis=1)
    values, expected = (module.extract(each, section) for each in (resample(to_mono(sound), rate_hz, RATE), chord))
    assert values.shape == expected.shape
    audible = expected > np.quantile(expected, 0.9)
    np.testing.assert_allclose(values[audible], expected[audible], rtol=0.02, atol=0.02)
