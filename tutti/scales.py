"""The sizes at which the whole pipeline runs: the section ``scales`` of ``params.yaml``."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tutti import taxonomy
from tutti.errors import UnknownNameError
from tutti.sections import Count, Names, Section, a_list


def _rendered(value: Any) -> Any:
    """Refuse instruments that the taxonomy does not know or no sound bank plays."""
    if value == "all":
        return value
    if isinstance(value, str):
        raise ValueError("must be `all` or a list of instruments")
    for name in a_list(value):
        try:
            known = taxonomy.load().get(str(name))
        except UnknownNameError as error:
            raise ValueError(str(error)) from None
        if known.rendering is None:
            raise ValueError(f"instrument {name!r} is played by no sound bank: leave it out")
    return value


class CorpusScale(Section):
    """How large a rendered corpus is."""

    instruments: Annotated[Literal["all"] | Names, BeforeValidator(_rendered)]
    recordings_per_instrument: Annotated[int, Field(ge=3)]
    recording_seconds: Annotated[float, Field(ge=1, le=120)]


class TrainingScale(Section):
    """How long networks train."""

    max_epochs: Count


class ClipCounts(Section):
    """Mixtures per set."""

    train: Count
    validation: Count
    unseen_recording: Count
    unseen_bank: Count
    enter_leave: Count


class VarietyScale(Section):
    """How thorough the study of variety is: mixtures of each condition, and the most epochs of a network."""

    train: Count
    validation: Count
    test: Count
    max_epochs: Count


class EmbeddingScale(Section):
    """How long a task's embedding trains."""

    patches: Count


class TaskScale(Section):
    """How large one task is."""

    clips: ClipCounts
    training: TrainingScale
    embedding: EmbeddingScale
    variety: VarietyScale


class ExcerptScale(Section):
    """How large a rendered stand-in of IRMAS is.

    Attributes:
        songs_per_instrument: songs for training that each instrument leads.
        test_clips: clips of each of the three parts of the test.
    """

    songs_per_instrument: Annotated[int, Field(ge=3)]
    test_clips: Annotated[int, Field(ge=4)]


class ExcerptTaskScale(Section):
    """How large a task on excerpts is."""

    corpus: ExcerptScale
    mixed_validation: Count
    training: TrainingScale


class BinaryScale(TrainingScale):
    """How long binaries train: the most epochs, and the most pairs in each."""

    max_pairs: Count


def _all_or_some(value: Any) -> Any:
    if value != "all" and (type(value) is not int or value < 1):
        raise ValueError("must be `all` or a whole number from 1 on")
    return value


class NotesScale(Section):
    """How large a rendered stand-in of NSynth is.

    Attributes:
        specimens: instruments made of each program of a sound bank, that differ in voice.
        notes_per_instrument: of the grid of pitches and velocities; all where it is `all`.
    """

    specimens: Annotated[int, Field(ge=1, le=16)]
    notes_per_instrument: Annotated[Literal["all"] | int, BeforeValidator(_all_or_some)]


class OverlayTaskScale(Section):
    """How large a task on overlaid notes is.

    Attributes:
        corpus: the stand-in.
        train_mixtures: mixtures to train on.
        validation_per_size: validation mixtures of each number of families.
        exam_per_size: clips of each number of families in each of the two exams; 100 in the paper.
        training: the most epochs of a binary, and the most pairs of clips in each.
    """

    corpus: NotesScale
    train_mixtures: Annotated[int, Field(ge=40)]
    validation_per_size: Annotated[int, Field(ge=2)]
    exam_per_size: Annotated[int, Field(ge=2)]
    training: BinaryScale


class EvaluationScale(Section):
    """How thorough the intervals are."""

    bootstrap_replicates: Annotated[int, Field(ge=20)]


class Scale(Section):
    """One of the sizes at which the whole pipeline runs."""

    corpus: CorpusScale
    cultural: TaskScale
    predominant: ExcerptTaskScale
    families: OverlayTaskScale
    evaluation: EvaluationScale
