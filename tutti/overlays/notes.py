"""The notes of one side of the split, by family and instrument, and the classes that they belong to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tutti.corpora.index import read_recordings
from tutti.corpora.recording import Recording
from tutti.corpora.splitting import SPLIT_FILE
from tutti.errors import DataError
from tutti.labels import read_table


@dataclass(frozen=True)
class Notes:
    """The notes of one side.

    Attributes:
        families: notes by family and, within it, by instrument; both sorted by name.
    """

    families: Mapping[str, Mapping[str, Sequence[Recording]]]

    def draw(self, family: str, rng: np.random.Generator) -> Recording:
        """Return a random note of a family: first its instrument, so that each is as frequent as every other one."""
        instruments = list(self.families[family].values())
        notes = instruments[int(rng.integers(len(instruments)))]
        return notes[int(rng.integers(len(notes)))]

    def of(self, families: Sequence[str]) -> list[Recording]:
        """Return all notes of some families, sorted by family, instrument and id."""
        return [note for family in families for notes in self.families.get(family, {}).values() for note in notes]


def read_notes(split: Path, index: Path, side: str) -> Notes:
    """Return the notes of a side of the split.

    Args:
        split: folder of ``split.parquet``.
        index: folder of the index.
        side: name of the side.

    Raises:
        DataError: when a table is missing or damaged, or names a note that the index lacks.
    """
    table = read_table(split / SPLIT_FILE, ("recording", "side"))
    known = {each.recording: each for each in read_recordings(index)}
    found: dict[str, dict[str, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in sorted(table["recording"][table["side"] == side]):
        if recording not in known:
            raise DataError(f"note {recording!r} is in the split but not in the index: run `dvc repro`")
        note = known[recording]
        found[note.instrument][note.group].append(note)
    return Notes({family: dict(sorted(found[family].items())) for family in sorted(found)})


def is_of(note: Recording, section: Any) -> bool:
    """Say whether a note belongs to a class.

    Args:
        note: with the family as its instrument, and the instrument as its group.
        section: the class' section in ``params.yaml``.
    """
    return bool(section.holds(note.instrument, note.group))


def own_families(notes: Notes, classes: Mapping[str, Any], base: Sequence[str]) -> dict[str, list[Recording]]:
    """Return, by class, its notes of families that mixtures are not made of; classes without any are left out.

    Args:
        notes: of a side.
        classes: the sections of all classes.
        base: the families that mixtures are made of.
    """
    others = notes.of([family for family in notes.families if family not in base])
    own = {name: [note for note in others if is_of(note, section)] for name, section in classes.items()}
    return {name: found for name, found in own.items() if found}
