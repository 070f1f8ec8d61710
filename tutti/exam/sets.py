"""A set of the exam: its labels, a model's scores, and the instruments that play in each clip."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.config import TEST_SETS, VALIDATION_MIXTURES
from tutti.errors import DataError
from tutti.evaluation.aggregation import S1
from tutti.evaluation.arrays import Floats, ManyHot
from tutti.evaluation.scored import ScoredSet, read_scored_set
from tutti.exam import intervals
from tutti.labels import CLIPS_FILE, read_table
from tutti.seeding import generator

ALL = "all"  # the size that stands for clips of all sizes


@dataclass(frozen=True, eq=False)
class ExamSet:
    """One set of clips, judged by one model.

    Attributes:
        scored: labels and scores.
        players: the instruments that play in each clip, one a note, in the order of ``scored.labels.recordings``.
        family_of: the family of each of them.
    """

    scored: ScoredSet
    players: tuple[tuple[str, ...], ...]
    family_of: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the set, such as ``unseen_recording``."""
        return self.scored.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes in label order."""
        return self.scored.labels.classes

    @property
    def reference(self) -> ManyHot:
        """What is true, ``(clip, class)`` many-hot."""
        return self.scored.labels.reference

    @property
    def sizes(self) -> dict[str, NDArray[np.bool_]]:
        """Which clips have each number of families, ``(clip,)``, from the smallest on; ``all`` comes last."""
        polyphony = self.scored.labels.polyphony
        own = {str(size): polyphony == size for size in np.unique(polyphony).tolist()}
        return own | {ALL: np.ones(len(polyphony), np.bool_)}

    def weights(self, seed: int, replicates: int) -> Floats:
        """Return the weights of clips for a score and its interval, as ``intervals.judged`` takes them.

        They depend on the seed and the set alone, so that models and policies meet the same ones.

        Args:
            seed: of the bootstrap.
            replicates: of the bootstrap.
        """
        random = generator(seed, "bootstrap", self.name)
        return intervals.draw(self.players, self.family_of, self.scored.labels.polyphony, replicates, random)


def read_exam_set(task_data: Path, model: str, name: str) -> ExamSet:
    """Read the labels of a set of clips and a model's scores on it.

    Args:
        task_data: the task's data folder, ``data/<task>``.
        model: name of the model.
        name: of the set.

    Raises:
        DataError: when a file is missing or unreadable, or scores and labels do not fit each other.
    """
    scored = read_scored_set(task_data, model, name, S1)
    path = task_data / "clips" / name / "manifest" / CLIPS_FILE
    table = read_table(path, ("clip", "players"))
    by_clip = {clip: _names(names, path) for clip, names in zip(table["clip"], table["players"], strict=True)}
    players = tuple(by_clip[clip] for clip in scored.labels.clips)
    family_of: dict[str, str] = {}
    for clip, notes, own in zip(scored.labels.clips, scored.labels.recordings, players, strict=True):
        if len(own) != len(notes):
            raise DataError(f"{path} names {len(own)} players for the {len(notes)} notes of {clip}: run `dvc repro`")
        for note, player in zip(notes, own, strict=True):
            family_of[player] = scored.instrument_of.get(note, _family(player))
    return ExamSet(scored, players, family_of)


def read_exam(task_data: Path, model: str) -> tuple[ExamSet, list[ExamSet]]:
    """Return the validation mixtures of a task and the exams that have clips, one a test side.

    Args:
        task_data: the task's data folder, ``data/<task>``.
        model: name of the model.

    Raises:
        DataError: when a file is missing or unreadable, scores and labels do not fit each other, or no exam has clips.
    """
    validation, *exams = (read_exam_set(task_data, model, name) for name in (VALIDATION_MIXTURES, *TEST_SETS))
    exams = [exam for exam in exams if exam.players]  # a corpus may have no bank to hold back
    if not exams:
        raise DataError(
            f"none of {', '.join(TEST_SETS)} in {task_data / 'clips'} has a clip, so that there is no exam: give the "
            "corpus more instruments, or the task a test bank"
        )
    return validation, exams


def _names(value: Any, path: Path) -> tuple[str, ...]:
    try:
        return tuple(str(name) for name in value)
    except TypeError:
        raise DataError(f"{path} must list the players of each clip, and holds {value!r}: run `dvc repro`") from None


def _family(player: str) -> str:
    """Return the family in an instrument's name in NSynth, ``<family>_<source>_<number>``; other names stay whole."""
    parts = player.rsplit("_", 2)
    return parts[0] if len(parts) == 3 and parts[2].isdigit() else player
