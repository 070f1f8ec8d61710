"""Which notes are overlaid in each clip of a set (Chen, Ghobakhlou & Narayanan 2024, section IV-C).

A mixture holds notes of distinct families, 0 to all of them. Training mixtures of a size come in *twins*: two clips
that share all notes but one, whose family differs. What tells one twin from the other is a single timbre, not how many
families sound, nor which.

A class of a family that mixtures are not made of gets a *block*: clips of its own after all others, in which it sounds
together with those families. So a class that is added changes no clip that was there before, and no other class learns
from its block.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tutti.config import NOTES_OF, TRAIN_MIXTURES, VALIDATION_MIXTURES, OverlayConfig
from tutti.corpora.recording import Recording
from tutti.errors import DataError
from tutti.overlays.notes import Notes, own_families
from tutti.seeding import generator

_SHARE_OF_A_BLOCK = 4  # a block's pairs for training, as a share of the mixtures: a class has about as many positives
_SIDE_OF = {notes: side for side, notes in NOTES_OF.items()}


@dataclass(frozen=True)
class Overlay:
    """One clip to be made.

    Attributes:
        clip: its id.
        notes: what sounds in it, from its start on.
        gains_db: one a note.
        twin: id of the clip that differs from it in one note; empty where there is none.
        block: the class that alone learns from it; empty for all classes.
    """

    clip: str
    notes: tuple[Recording, ...]
    gains_db: tuple[float, ...]
    twin: str = ""
    block: str = ""


@dataclass(frozen=True)
class Drawing:
    """What is needed to draw a set.

    Attributes:
        notes: of the set's side.
        config: how notes are overlaid.
        classes: the sections of all classes.
        seed: any integer.
        mixtures: training mixtures.
        per_size: mixtures of each size in the other sets.
    """

    notes: Notes
    config: OverlayConfig
    classes: Mapping[str, Any]
    seed: int
    mixtures: int = 0
    per_size: int = 0
    blocks: Mapping[str, Sequence[Recording]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", own_families(self.notes, self.classes, self.config.families))

    def overlays(self, name: str) -> list[Overlay]:
        """Return the clips of a set, sorted: those for all classes first, then the blocks in the order of the classes.

        Raises:
            DataError: when the side has no note of a family that mixtures are made of.
        """
        if not self.notes.families and name not in (TRAIN_MIXTURES, VALIDATION_MIXTURES):
            return []  # a corpus may have no bank to hold back
        if name in _SIDE_OF:
            return list(self._singles())
        absent = [family for family in self.config.families if family not in self.notes.families]
        if absent:
            raise DataError(
                f"no note of family {absent[0]!r} stands on the side of {name}: take it out of clips.families, or give "
                "the corpus more of its instruments"
            )
        return list(self._twins(name) if name == TRAIN_MIXTURES else self._exam(name))

    def _singles(self) -> Iterator[Overlay]:
        for note in self.notes.of(self.config.families):
            yield _single(note)
        for name, notes in self.blocks.items():
            yield from (_single(note, name) for note in notes)

    def _twins(self, name: str) -> Iterator[Overlay]:
        families = self.config.families
        for number in range(-(-self.mixtures // 2)):
            rng = generator(self.seed, name, number)
            size = number % (len(families) + 1)
            names = (_named(name, 2 * number), _named(name, 2 * number + 1))
            if size in (0, len(families)):
                for clip in names:
                    yield self._mixture(clip, [self.notes.draw(family, rng) for family in families[:size]], rng)
                continue
            drawn = [self.notes.draw(families[index], rng) for index in _some(rng, len(families), size + 1)]
            yield from self._pair(names, drawn[:-2], (drawn[-2], drawn[-1]), rng)
        for block, own in self.blocks.items():
            yield from self._twins_of(name, block, own)

    def _twins_of(self, name: str, block: str, own: Sequence[Recording]) -> Iterator[Overlay]:
        families = self.config.families
        for number in range(max(1, self.mixtures // _SHARE_OF_A_BLOCK)):
            rng = generator(self.seed, name, block, number)
            size = number % len(families) + 1
            drawn = [self.notes.draw(families[index], rng) for index in _some(rng, len(families), size)]
            names = (_named(f"{name}-{block}", 2 * number), _named(f"{name}-{block}", 2 * number + 1))
            yield from self._pair(names, drawn[:-1], (_one_of(own, rng), drawn[-1]), rng, block)

    def _exam(self, name: str) -> Iterator[Overlay]:
        families = self.config.families
        for size in range(len(families) + 1):
            for number in range(self.per_size):
                rng = generator(self.seed, name, size, number)
                drawn = [self.notes.draw(families[index], rng) for index in _some(rng, len(families), size)]
                yield self._mixture(f"{name}-{size:02d}-{number + 1:05d}", drawn, rng)
        for block, own in self.blocks.items():
            for size in range(len(families) + 1):
                for number in range(self.per_size):
                    rng = generator(self.seed, name, block, size, number)
                    drawn = [self.notes.draw(families[index], rng) for index in _some(rng, len(families), size)]
                    clip = f"{name}-{block}-{size + 1:02d}-{number + 1:05d}"
                    yield self._mixture(clip, [*drawn, _one_of(own, rng)], rng, block=block)

    def _pair(
        self,
        names: tuple[str, str],
        shared: Sequence[Recording],
        parts: tuple[Recording, Recording],
        rng: np.random.Generator,
        block: str = "",
    ) -> Iterator[Overlay]:
        """Yield twins, whose shared notes have the same gains."""
        gains = self._gains(len(shared) + 1, rng)
        for clip, twin, part in zip(names, names[::-1], parts, strict=True):
            yield Overlay(clip, (*shared, part), gains, twin, block)

    def _mixture(self, clip: str, notes: Sequence[Recording], rng: np.random.Generator, block: str = "") -> Overlay:
        return Overlay(clip, tuple(notes), self._gains(len(notes), rng), block=block)

    def _gains(self, count: int, rng: np.random.Generator) -> tuple[float, ...]:
        return tuple(round(float(gain), 2) for gain in rng.uniform(*self.config.gain_db, size=count))


def _single(note: Recording, block: str = "") -> Overlay:
    clip = note.recording.replace("/", "-")
    return Overlay(f"{block}-{clip}" if block else clip, (note,), (0.0,), block=block)  # two blocks may share a note


def _named(prefix: str, number: int) -> str:
    return f"{prefix}-{number + 1:06d}"


def _some(rng: np.random.Generator, count: int, size: int) -> list[int]:
    """Return so many different numbers below ``count``, in random order."""
    return [int(index) for index in rng.permutation(count)[:size]]


def _one_of(notes: Sequence[Recording], rng: np.random.Generator) -> Recording:
    """Return a random note, first its instrument."""
    groups = sorted({note.group for note in notes})
    group = groups[rng.integers(len(groups))]
    own = [note for note in notes if note.group == group]
    return own[rng.integers(len(own))]
