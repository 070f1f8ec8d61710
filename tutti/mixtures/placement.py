"""From the specification of a set of mixtures to the recipe of each: which part of which recording sounds when.

A recording too short for that is strung with others of its instrument (``tutti.mixtures.phrases``).

Every instrument of a combination sounds for at least ``min_sounding_seconds`` in its clip, so that the combination,
the weak labels and the polyphony say the same.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tutti.config import ClipsConfig
from tutti.errors import DataError
from tutti.mixtures.phrases import draw_phrase, is_short, phrase_placement, phrase_seconds, repeated_seconds
from tutti.mixtures.recipe import Recipe, SourceRecipe, grid_ms
from tutti.mixtures.sources import Source, by_instrument
from tutti.mixtures.timing import Placement, clip_ms, floor_ms, on_grid, sounding

_ATTEMPTS = 20
_FADE_MS = 10  # long enough for no click, short against any note


def usable_sources(
    sources: Sequence[Source], instruments: Sequence[str], config: ClipsConfig
) -> dict[str, list[Source]]:
    """Return the sources of each instrument that can sound long enough in a clip.

    Raises:
        DataError: when an instrument has recordings, but none that can.
    """
    groups = by_instrument(sources)
    usable = {name: [source for source in groups.get(name, []) if _is_usable(source, config)] for name in instruments}
    for name, found in usable.items():
        if not found:
            raise DataError(
                f"no recording of {name!r} sounds for {config.min_sounding_seconds} s within {config.seconds} s: "
                "lower min_sounding_seconds, or replace or remove its recordings"
            )
    return usable


def draw_recipe(
    clip: str,
    file: str,
    instruments: Sequence[str],
    usable: Mapping[str, Sequence[Source]],
    config: ClipsConfig,
    rng: np.random.Generator,
) -> Recipe:
    """Draw a recording, its place and its gain for each instrument of a clip; the attenuation is found when mixing.

    Args:
        clip: id of the clip.
        file: its file name.
        instruments: the combination to mix.
        usable: sources of each instrument, as ``usable_sources`` returns them.
        config: ranges and probabilities.
        rng: source of all randomness.
    """
    parts = [part for name in instruments for part in _draw_source(usable[name], config, rng)]
    return Recipe(clip, file, config.sample_rate_hz, clip_ms(config), 0.0, tuple(parts))


def best_placement(source: Source, config: ClipsConfig) -> Placement:
    """Return the placement from the clip's beginning in which the source sounds longest; the earliest of equals."""
    grid = grid_ms(config.sample_rate_hz)
    length = clip_ms(config)
    last = max(0, (source.duration_ms - length) // grid * grid)
    onsets_ms = source.notes.onset_s * 1000 // grid * grid
    starts = np.unique(np.clip(onsets_ms, 0, last)).astype(int).tolist() or [0]
    placements = [Placement(start, 0, floor_ms(min(length, source.duration_ms - start), grid)) for start in starts]
    return max(placements, key=lambda placement: sounding(source, placement))


def replace_parts(parts: Sequence[SourceRecipe], source: Source, config: ClipsConfig) -> list[SourceRecipe] | None:
    """Return another recording in the place of all that an instrument plays; None where it cannot sound long enough.

    In a phrase the recording takes the place of each part.

    Args:
        parts: the sources of one instrument in a mixture.
        source: the recording to put in their place.
        config: decides what is long enough.
    """
    if len(parts) == 1 and not is_short(source, config):
        replaced = replace_source(parts[0], source, config)
        return [replaced] if replaced else None
    fade_out_ms = round(config.string_fade_seconds * 1000)
    placements = [phrase_placement(source, part.entry_ms, part.entry_ms + part.length_ms, config) for part in parts]
    if phrase_seconds([(source, placement) for placement in placements]) < config.min_sounding_seconds:
        return None
    gains_db = [part.gain_db for part in parts]
    pairs = zip(placements, gains_db, strict=True)
    return [_recipe_of(source, placement, gain_db, fade_out_ms, config) for placement, gain_db in pairs]


def replace_source(part: SourceRecipe, source: Source, config: ClipsConfig) -> SourceRecipe | None:
    """Return another recording in the place of a source, with its gain; None where it cannot sound long enough there.

    It enters when the other did and lasts as long; within the recording it begins where the other did, or, where too
    little would sound, at the note from which most does.

    Args:
        part: the source to replace.
        source: the recording to put in its place.
        config: decides what is long enough.
    """
    grid = grid_ms(config.sample_rate_hz)
    length = floor_ms(min(part.length_ms, source.duration_ms), grid)
    last = floor_ms(source.duration_ms - length, grid)
    onsets = np.clip(source.notes.onset_s * 1000 // grid * grid, 0, last).astype(int).tolist()
    wanted, *others = [Placement(start, part.entry_ms, length) for start in (min(part.start_ms, last), *onsets)]
    if not _is_long_enough(source, wanted, config):
        wanted = max([wanted, *others], key=lambda placement: sounding(source, placement))
    return (
        _recipe_of(source, wanted, part.gain_db, _FADE_MS, config) if _is_long_enough(source, wanted, config) else None
    )


def _draw_source(sources: Sequence[Source], config: ClipsConfig, rng: np.random.Generator) -> list[SourceRecipe]:
    source = sources[int(rng.integers(len(sources)))]
    if is_short(source, config):
        parts = draw_phrase(source, [each for each in sources if is_short(each, config)], config, rng)
        fade_out_ms = round(config.string_fade_seconds * 1000)
    else:
        parts, fade_out_ms = [(source, _draw_placement(source, config, rng))], _FADE_MS
    gain_db = round(float(rng.uniform(*config.gain_db)), 2)
    return [_recipe_of(source, placement, gain_db, fade_out_ms, config) for source, placement in parts]


def _recipe_of(
    source: Source, placement: Placement, gain_db: float, fade_out_ms: int, config: ClipsConfig
) -> SourceRecipe:
    start_fades = placement.start_ms > 0 and placement.entry_ms > 0
    end_fades = placement.entry_ms + placement.length_ms < clip_ms(config)
    half_ms = placement.length_ms // 2
    return SourceRecipe(
        recording=source.recording,
        instrument=source.instrument,
        path=source.path,
        audio_sha256=source.audio_sha256,
        start_ms=placement.start_ms,
        entry_ms=placement.entry_ms,
        length_ms=placement.length_ms,
        fade_in_ms=min(_FADE_MS, half_ms) if start_fades else 0,
        fade_out_ms=min(fade_out_ms, half_ms) if end_fades else 0,
        loudness_gain_db=source.loudness_gain_db,
        gain_db=gain_db,
    )


def _draw_placement(source: Source, config: ClipsConfig, rng: np.random.Generator) -> Placement:
    """Draw placements until the source sounds long enough in one; after some attempts, take the best one."""
    late = rng.random() < config.late_entry_probability
    early = rng.random() < config.early_exit_probability
    for _ in range(_ATTEMPTS):
        placement = _try_placement(source, config, late, early, rng)
        if _is_long_enough(source, placement, config):
            return placement
    return best_placement(source, config)


def _try_placement(source: Source, config: ClipsConfig, late: bool, early: bool, rng: np.random.Generator) -> Placement:
    """Draw one placement: from the recording's beginning, or from anywhere where it is longer than the clip."""
    grid, total = grid_ms(config.sample_rate_hz), clip_ms(config)
    shortest = round(config.min_sounding_seconds * 1000)
    start = on_grid(rng, 0, source.duration_ms - total, grid)
    entry = on_grid(rng, grid, total - shortest, grid) if late else 0
    longest = floor_ms(min(total - entry, source.duration_ms - start), grid)
    length = on_grid(rng, shortest, longest - grid, grid) if early and longest - grid > shortest else longest
    return Placement(start, entry, length)


def _is_long_enough(source: Source, placement: Placement, config: ClipsConfig) -> bool:
    return sounding(source, placement) >= config.min_sounding_seconds


def _is_usable(source: Source, config: ClipsConfig) -> bool:
    if is_short(source, config):
        return repeated_seconds(source, config) >= config.min_sounding_seconds
    return _is_long_enough(source, best_placement(source, config), config)
