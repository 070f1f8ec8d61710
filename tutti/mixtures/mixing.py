"""From a recipe to samples: an overlay with pydub that cannot clip."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydub import AudioSegment

from tutti.audio import Samples
from tutti.mixtures.recipe import Recipe, SourceRecipe, samples_in

Pcm = npt.NDArray[np.int16]
ReadSource = Callable[[SourceRecipe, int, int], Samples]  # source, first sample, count -> (count,) decoded samples

_WIDTH = 4  # bytes per sample while mixing
_FULL_SCALE = 2.0**31
_MARGIN = 1 + 1e-5  # more than what rounding can add to a sum
_SMALLEST = 1e-9  # stands for silence where a logarithm is taken


def mix(recipe: Recipe, read: ReadSource) -> Pcm:
    """Render a mixture at the attenuation that its recipe holds.

    Args:
        recipe: what to render.
        read: returns decoded mono samples of a source at the recipe's sample rate.

    Returns:
        ``(n,)`` 16-bit samples.
    """
    return _to_pcm(*overlay(recipe, read), recipe.attenuation_db)


def mix_below_peak(recipe: Recipe, read: ReadSource, peak_dbfs: float) -> tuple[Recipe, Pcm]:
    """Render a mixture, turned down as a whole where it exceeds a peak.

    Args:
        recipe: what to render; its attenuation is replaced.
        read: as in ``mix``.
        peak_dbfs: the highest allowed peak level.

    Returns:
        The recipe with the attenuation that was needed, and ``(n,)`` 16-bit samples.
    """
    mixture, unit = overlay(recipe, read)
    excess_db = 20 * math.log10(max(_peak(mixture) * unit, _SMALLEST)) - peak_dbfs
    recipe = replace(recipe, attenuation_db=math.ceil(100 * excess_db) / 100 if excess_db > 0 else 0.0)
    return recipe, _to_pcm(mixture, unit, recipe.attenuation_db)


def overlay(recipe: Recipe, read: ReadSource) -> tuple[npt.NDArray[np.int32], float]:
    """Return the sum of the sources, ``(n,)``, and the amplitude of its unit; full scale is 1, which it may exceed.

    pydub's overlay saturates, so the 32-bit segments get as much headroom as their peaks add up to: overlaying them
    cannot clip.
    """
    parts = [render_source(source, read, recipe.sample_rate_hz) for source in recipe.sources]
    loudest = max(sum(_peak(part) for part in parts), _SMALLEST)
    unit = 2.0 ** max(0, math.ceil(math.log2(loudest * _MARGIN))) / _FULL_SCALE
    mixture = _segment(np.zeros(samples_in(recipe.duration_ms, recipe.sample_rate_hz), np.int32), recipe)
    for source, part in zip(recipe.sources, parts, strict=True):
        mixture = mixture.overlay(_segment(_quantise(part, unit), recipe), position=source.entry_ms)
    return np.frombuffer(mixture.raw_data, np.int32), unit


def render_source(source: SourceRecipe, read: ReadSource, sample_rate_hz: int) -> Samples:
    """Return the part of a source that sounds in its mixture, ``(n,)``, with its gains and fades."""
    begin, count = (samples_in(ms, sample_rate_hz) for ms in (source.start_ms, source.length_ms))
    gain = 10 ** ((source.loudness_gain_db + source.gain_db) / 20)
    samples = read(source, begin, count) * np.float32(gain)
    fade_in, fade_out = (_rise(samples_in(ms, sample_rate_hz)) for ms in (source.fade_in_ms, source.fade_out_ms))
    samples[: len(fade_in)] *= fade_in
    samples[len(samples) - len(fade_out) :] *= fade_out[::-1]
    return samples


def _rise(count: int) -> Samples:
    """Return a raised-cosine fade from 0 towards 1."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(count) / max(1, count))).astype(np.float32)


def _peak(samples: npt.NDArray[np.int32] | Samples) -> float:
    return max(float(samples.max(initial=0)), -float(samples.min(initial=0)))


def _quantise(samples: Samples, unit: float) -> npt.NDArray[np.int32]:
    scaled = samples * np.float32(1 / unit)
    np.rint(scaled, out=scaled)
    return scaled.astype(np.int32)


def _segment(samples: npt.NDArray[np.int32], recipe: Recipe) -> AudioSegment:
    return AudioSegment(samples.tobytes(), sample_width=_WIDTH, frame_rate=recipe.sample_rate_hz, channels=1)


def _to_pcm(mixture: npt.NDArray[np.int32], unit: float, attenuation_db: float) -> Pcm:
    factor = np.float32(10 ** (-attenuation_db / 20) * unit * 32768.0)
    scaled = np.multiply(mixture, factor, dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), -32768, 32767).astype(np.int16)  # +1 itself has no 16-bit value
