"""Short recordings strung into phrases, so that a mixture of single notes is not mostly silence.

A phrase holds recordings of one instrument on one side of the split, one after another from the clip's beginning (or a
late entry) to its end (or an early exit), with a drawn pause or overlap between them; each keeps the gain that brings
it to the common loudness. No recording follows itself where there is another one. Only the part from a recording's
first to its last sounding moment is played, and strong labels follow the stretches within, so pauses are no labels.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from tutti.config import ClipsConfig
from tutti.labels import sounding_seconds
from tutti.mixtures.recipe import grid_ms
from tutti.mixtures.sources import Source
from tutti.mixtures.timing import Placement, clip_ms, floor_ms, on_grid, place_notes

Part = tuple[Source, Placement]
_ATTEMPTS = 20
_SHORTEST_MS = 100  # less than this at the end of a phrase is left free


def is_short(source: Source, config: ClipsConfig) -> bool:
    """Tell whether a recording is strung: what is worth playing is shorter than the limit and than the clip."""
    return source.end_ms - source.begin_ms < min(round(config.string_below_seconds * 1000), clip_ms(config))


def draw_phrase(first: Source, short: Sequence[Source], config: ClipsConfig, rng: np.random.Generator) -> list[Part]:
    """Draw a phrase that sounds for at least ``min_sounding_seconds``.

    Args:
        first: what it begins with.
        short: all short recordings of the same instrument and side, ``first`` among them.
        config: ranges and probabilities.
        rng: source of all randomness.

    Returns:
        The recordings in order, and where each sounds.
    """
    late = rng.random() < config.late_entry_probability
    early = rng.random() < config.early_exit_probability
    for _ in range(_ATTEMPTS):
        parts = _string(first, short, _window(config, late, early, rng), config, rng)
        if phrase_seconds(parts) >= config.min_sounding_seconds:
            return parts
    return _repeated(first, config)


def repeated_seconds(source: Source, config: ClipsConfig) -> float:
    """Return for how long a phrase sounds that repeats one recording, with the longest pauses."""
    return phrase_seconds(_repeated(source, config))


def _repeated(source: Source, config: ClipsConfig) -> list[Part]:
    longest = config.model_copy(update={"string_gap_seconds": (config.string_gap_seconds[1],) * 2})
    return _string(source, [source], (0, clip_ms(config)), longest, np.random.default_rng(0))


def _window(config: ClipsConfig, late: bool, early: bool, rng: np.random.Generator) -> tuple[int, int]:
    """Draw where a phrase begins and ends within the clip, in ms."""
    grid, total = grid_ms(config.sample_rate_hz), clip_ms(config)
    shortest = round(config.min_sounding_seconds * 1000)
    begin = on_grid(rng, grid, total - shortest, grid) if late else 0
    end = on_grid(rng, min(begin + shortest, total - grid), total - grid, grid) if early else total
    return begin, end


def _string(
    first: Source, short: Sequence[Source], window: tuple[int, int], config: ClipsConfig, rng: np.random.Generator
) -> list[Part]:
    grid, (at, end) = grid_ms(config.sample_rate_hz), window
    low, high = (round(seconds * 1000) for seconds in config.string_gap_seconds)
    parts: list[Part] = []
    for source in _order(first, short, rng):
        placement = phrase_placement(source, at, end, config)
        parts.append((source, placement))
        at = max(at + grid, at + placement.length_ms + floor_ms(int(rng.integers(low, high + 1)), grid))
        if end - at < max(grid, _SHORTEST_MS):
            break
    return parts


def phrase_placement(source: Source, entry_ms: int, end_ms: int, config: ClipsConfig) -> Placement:
    """Return where a recording sounds that enters a phrase: what is worth playing, and behind it room for the fade.

    Args:
        source: the recording.
        entry_ms: where it enters in the clip.
        end_ms: where it is cut at the latest.
        config: length of the fade.
    """
    grid = grid_ms(config.sample_rate_hz)
    start = floor_ms(source.begin_ms, grid)
    whole = min(source.end_ms + round(config.string_fade_seconds * 1000), source.duration_ms) - start
    return Placement(start, entry_ms, max(grid, floor_ms(min(whole, end_ms - entry_ms), grid)))


def _order(first: Source, short: Sequence[Source], rng: np.random.Generator) -> Iterator[Source]:
    """Yield recordings without end, the first one first: all in random order, then all again in another."""
    last = first
    yield first
    while True:
        order = [short[index] for index in rng.permutation(len(short)).tolist()]
        if order[0] is last:
            order.append(order.pop(0))
        yield from order
        last = order[-1]


def phrase_seconds(parts: Sequence[Part]) -> float:
    """Return for how long at least one recording of a phrase sounds."""
    placed = [place_notes(source.notes, placement) for source, placement in parts]
    return sounding_seconds(
        np.concatenate([notes.onset_s for notes in placed]), np.concatenate([notes.offset_s for notes in placed])
    )
