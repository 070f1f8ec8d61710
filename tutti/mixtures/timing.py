"""When a part of a recording sounds in a clip, in whole steps of the grid of the sample rate."""

from dataclasses import dataclass

import numpy as np

from tutti.config import ClipsConfig
from tutti.labels import sounding_seconds
from tutti.mixtures.recipe import grid_ms
from tutti.mixtures.sources import Notes, Source


@dataclass(frozen=True)
class Placement:
    """Which part of a recording sounds when: starts within the recording and the clip, and length, in ms."""

    start_ms: int
    entry_ms: int
    length_ms: int


def clip_ms(config: ClipsConfig) -> int:
    """Return the length of a clip in ms, on the grid of the sample rate."""
    grid = grid_ms(config.sample_rate_hz)
    return max(1, round(config.seconds * 1000 / grid)) * grid


def place_notes(notes: Notes, placement: Placement) -> Notes:
    """Return the events as they sound in the clip: moved there, cut to the part that sounds."""
    shift_s = (placement.entry_ms - placement.start_ms) / 1000
    begin_s, end_s = placement.entry_ms / 1000, (placement.entry_ms + placement.length_ms) / 1000
    onset_s = np.maximum(notes.onset_s + shift_s, begin_s)
    offset_s = np.minimum(notes.offset_s + shift_s, end_s)
    sounds = offset_s > onset_s
    return Notes(onset_s[sounds], offset_s[sounds], notes.pitch_midi[sounds], notes.velocity[sounds])


def on_grid(rng: np.random.Generator, low_ms: int, high_ms: int, grid: int) -> int:
    """Draw a multiple of the grid within low..high; the lowest one where there is none between."""
    lowest, highest = -(-low_ms // grid), high_ms // grid
    return int(rng.integers(lowest, max(lowest, highest) + 1)) * grid


def floor_ms(ms: int, grid: int) -> int:
    """Return the largest multiple of the grid that is not above a time."""
    return ms // grid * grid


def sounding(source: Source, placement: Placement) -> float:
    """Return for how many seconds a recording sounds in a clip."""
    placed = place_notes(source.notes, placement)
    return sounding_seconds(placed.onset_s, placed.offset_s)
