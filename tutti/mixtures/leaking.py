"""The test set ``leaked``: what a score looks like when recordings stand on both sides of the split.

Meas & Moieni 2025 used one recording of five instruments for training and for test, and call those scores invalid. Here
the same is done on purpose and beside the honest test: in copies of its mixtures, some instruments are replaced by
recordings that the models were trained on. All else stays: combinations, places, gains and the other sources. Clips
keep their ids, so that each can be compared with its honest self; clips that hold none of the leaking instruments
would be the same and are not mixed again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pandas as pd

from tutti.config import LEAKED, TRAIN, UNSEEN_RECORDING, ClipsConfig
from tutti.errors import DataError
from tutti.mixtures.clip_set import Corpus, recordings_of, write_set
from tutti.mixtures.manifest import RECIPES_FILE
from tutti.mixtures.placement import replace_parts, usable_sources
from tutti.mixtures.recipe import Recipe, SourceRecipe, read_recipes
from tutti.mixtures.sources import Source
from tutti.seeding import generator

LEAK_FILE = "leak.json"


def make_leaked(corpus: Corpus, config: ClipsConfig, honest: Path, instruments: int, seed: int, out: Path) -> None:
    """Mix the honest test clips that hold a leaking instrument again, with what leaks, into a set of clips.

    ``leak.json`` in the manifest lists each leaking instrument, its recording and the number of its clips.

    Args:
        corpus: recordings, their split and their events.
        config: how mixtures are made.
        honest: the manifest of ``unseen_recording``.
        instruments: how many instruments leak; all that can where there are fewer.
        seed: chooses instruments and recordings.
        out: folder of the set.

    Raises:
        DataError: when the honest manifest or a recording is missing or unreadable, or no clip would change.
        SetupError: when MP3 is wanted and ffmpeg is not installed.
    """
    recipes, trained = read_recipes(honest / RECIPES_FILE), recordings_of(corpus, TRAIN)
    names = _leaking(recipes, set(trained["instrument"]), instruments, seed)
    heard = trained[trained["instrument"].isin(names)]

    def draw(sources: Sequence[Source]) -> list[Recipe]:
        candidates = [source for source in sources if source.recording in set(heard["recording"])]
        return leaked_recipes(recipes, choose_leaks(candidates, names, config, seed), config)

    recordings = pd.concat([recordings_of(corpus, UNSEEN_RECORDING), heard])
    write_set(corpus, recordings, draw, config, LEAKED, out, lambda changed: {LEAK_FILE: _listed(changed, heard)})


def choose_leaks(
    trained: Sequence[Source], instruments: Sequence[str], config: ClipsConfig, seed: int
) -> dict[str, Source]:
    """Return one training recording of each leaking instrument, chosen by the seed among those that sound."""
    usable = usable_sources(trained, instruments, config)
    return {
        name: found[int(generator(seed, LEAKED, name).integers(len(found)))] for name, found in sorted(usable.items())
    }


def leaked_recipes(recipes: Sequence[Recipe], leaks: Mapping[str, Source], config: ClipsConfig) -> list[Recipe]:
    """Return the recipes that change when instruments are replaced by the recordings that leak.

    Raises:
        DataError: when none does.
    """
    changed = []
    for recipe in recipes:
        parts: list[SourceRecipe] = []
        for instrument, group in groupby(recipe.sources, lambda part: part.instrument):
            own, leak = list(group), leaks.get(instrument)
            parts += (replace_parts(own, leak, config) if leak else None) or own
        if tuple(parts) != recipe.sources:
            changed.append(replace(recipe, sources=tuple(parts)))
    if not changed:
        raise DataError(
            f"no clip of {UNSEEN_RECORDING} can hold a leaking recording of {', '.join(sorted(leaks))}: "
            "raise studies.leak.instruments or the number of clips"
        )
    return changed


def _leaking(recipes: Sequence[Recipe], trained: set[str], count: int, seed: int) -> list[str]:
    """Draw the leaking instruments among those that the models know and the honest clips hold."""
    names = sorted({part.instrument for recipe in recipes for part in recipe.sources} & trained)
    order = generator(seed, LEAKED, "instruments").permutation(len(names))
    return sorted(names[index] for index in order[:count])


def _listed(recipes: Sequence[Recipe], heard: pd.DataFrame) -> list[dict[str, object]]:
    leaks = set(heard["recording"])
    clips = Counter(
        pair
        for recipe in recipes
        for pair in {(part.instrument, part.recording) for part in recipe.sources if part.recording in leaks}
    )
    return [
        {"instrument": instrument, "recording": recording, "clips": count}
        for (instrument, recording), count in sorted(clips.items())
    ]
