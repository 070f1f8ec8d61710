"""The manifest of a set of mixtures: strong labels, the weak labels derived from them, recipes and combinations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tutti.config import ClipsConfig
from tutti.labels import CLASSES_FILE, CLIPS_FILE, EVENTS_FILE, weak_labels
from tutti.mixtures.combinations import combinations_table
from tutti.mixtures.recipe import Recipe, samples_in, write_recipes
from tutti.mixtures.sources import NO_NOTES, Notes, Source
from tutti.mixtures.timing import Placement, place_notes
from tutti.store import write_json

RECIPES_FILE, COMBINATIONS_FILE, LABELS_FOLDER = "recipes.jsonl", "combinations.csv", "labels"


def write_manifest(
    manifest: Path, recipes: Sequence[Recipe], sources: Sequence[Source], classes: Sequence[str], config: ClipsConfig
) -> None:
    """Write the manifest of a set into a new folder.

    Args:
        manifest: the folder to make.
        recipes: the mixtures, in the order of the clips.
        sources: the recordings that they use.
        classes: all class names of the task, in label order.
        config: decides what counts as a label, and whether each clip gets a label file.
    """
    manifest.mkdir()
    events = strong_labels(recipes, sources)
    weak = weak_labels(events, [recipe.clip for recipe in recipes], classes, config.min_sounding_seconds)
    write_json(manifest / CLASSES_FILE, list(classes))
    events.to_parquet(manifest / EVENTS_FILE, index=False)
    _clips_table(recipes, weak).to_parquet(manifest / CLIPS_FILE, index=False)
    write_recipes(manifest / RECIPES_FILE, recipes)
    combinations = [tuple(dict.fromkeys(source.instrument for source in recipe.sources)) for recipe in recipes]
    combinations_table(combinations).to_csv(manifest / COMBINATIONS_FILE, index=False, lineterminator="\n")
    if config.label_files:
        _write_label_files(manifest / LABELS_FOLDER, recipes, weak)


def strong_labels(recipes: Sequence[Recipe], sources: Sequence[Source]) -> pd.DataFrame:
    """Return the events of all mixtures as they sound there.

    Returns:
        One row an event: clip, recording, instrument, onset_s, offset_s, pitch_midi, velocity; times in the clip.
    """
    notes_of = {source.recording: source.notes for source in sources}
    owners, placed = [], []
    for recipe in recipes:
        for part in recipe.sources:
            owners.append((recipe.clip, part.recording, part.instrument))
            placement = Placement(part.start_ms, part.entry_ms, part.length_ms)
            placed.append(place_notes(notes_of[part.recording], placement))
    counts = [len(notes) for notes in placed]
    columns = zip(
        ("clip", "recording", "instrument"), zip(*owners, strict=True) if owners else ((), (), ()), strict=True
    )
    names = {column: np.repeat(np.array(values, object), counts) for column, values in columns}
    return pd.DataFrame({**names, **_joined(placed)}).astype(dict.fromkeys(names, "str"))


def _joined(placed: Sequence[Notes]) -> dict[str, npt.NDArray[Any]]:
    columns = ("onset_s", "offset_s", "pitch_midi", "velocity")
    placed = placed or [NO_NOTES]
    return {column: np.concatenate([getattr(notes, column) for notes in placed]) for column in columns}


def _clips_table(recipes: Sequence[Recipe], weak: Sequence[list[str]]) -> pd.DataFrame:
    lengths = [samples_in(recipe.duration_ms, recipe.sample_rate_hz) / recipe.sample_rate_hz for recipe in recipes]
    return pd.DataFrame(
        {
            "clip": [recipe.clip for recipe in recipes],
            "file": [recipe.file for recipe in recipes],
            "duration_s": lengths,
            "polyphony": [len(names) for names in weak],
            "instruments": list(weak),
            "recordings": [list(dict.fromkeys(source.recording for source in recipe.sources)) for recipe in recipes],
        }
    )


def _write_label_files(folder: Path, recipes: Sequence[Recipe], weak: Sequence[list[str]]) -> None:
    """Write one text file a clip, one instrument a line (Meas & Moieni 2025, Fig. 4, after OpenMIC-2018)."""
    folder.mkdir()
    for recipe, names in zip(recipes, weak, strict=True):
        text = "".join(f"{name}\n" for name in names)
        (folder / f"{recipe.clip}.txt").write_text(text, encoding="utf-8")
