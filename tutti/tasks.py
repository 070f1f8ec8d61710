"""The tasks: the sections under ``tasks`` in ``params.yaml``.

A task's clips are mixed from solo recordings (``method: mix``), cut from annotated excerpts (``method: cut``) or
overlaid from single notes (``method: overlay``); features, models and scores are made alike.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tutti import registry
from tutti.clips_section import ClipsConfig, CutConfig
from tutti.overlay_section import AnyClass, ExamConfig, OverlayConfig, OverlayStudies
from tutti.sections import (
    AnyFeature,
    AnyModel,
    EmbeddingConfig,
    Fraction,
    Names,
    NamesOrNone,
    Positive,
    Section,
    Slug,
    a_list,
)
from tutti.studies import ExcerptStudies, Studies

TRAIN, VALIDATION, MIXED_VALIDATION = "train", "validation", "mixed_validation"
UNSEEN_RECORDING, UNSEEN_BANK = "unseen_recording", "unseen_bank"
TEST_SETS = (UNSEEN_RECORDING, UNSEEN_BANK)
LEAKED, ENTER_LEAVE = "leaked", "enter_leave"
TRAIN_MIXTURES, VALIDATION_MIXTURES = "train_mixtures", "validation_mixtures"
NOTES_OF = {side: f"{side}_notes" for side in (TRAIN, VALIDATION, *TEST_SETS)}  # single notes of a side, a clip each
STUDY_SETS = (LEAKED, ENTER_LEAVE)  # they answer questions of their own and never enter the comparison

Policy = Literal["fixed", "validated_global", "validated_per_class"]
POLICIES: tuple[Policy, ...] = ("fixed", "validated_global", "validated_per_class")


class SplitConfig(Section):
    """Which recordings stand on which side.

    Attributes:
        training_banks: banks whose recordings are split.
        test_banks: banks that are the test ``unseen_recording`` as a whole, as their corpus says; where it says
            nothing, a fraction of the training banks is.
        unseen_banks: banks that no model hears before the test.
        validation_fraction: of an instrument's recordings in the training banks.
        test_fraction: likewise, the side ``unseen_recording``; 0 where there are test banks.
    """

    training_banks: Names
    test_banks: NamesOrNone
    unseen_banks: NamesOrNone
    validation_fraction: Fraction
    test_fraction: Fraction

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = [(key, bank) for key in ("training_banks", "test_banks", "unseen_banks") for bank in getattr(self, key)]
        first: dict[str, str] = {}
        for key, bank in named:
            if first.setdefault(bank, key) != key:
                raise ValueError(f"bank {bank!r} stands in {first[bank]} and in {key}: keep it in one of them")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"validation_fraction {self.validation_fraction} and test_fraction {self.test_fraction} must leave a "
                "share for training: their sum must be below 1"
            )
        if self.test_banks and self.test_fraction:
            raise ValueError(
                f"test_fraction {self.test_fraction} and test_banks both name the test: set test_fraction to 0, or "
                "test_banks to []"
            )
        return self

    @property
    def banks(self) -> tuple[str, ...]:
        """All banks that the task uses."""
        return (*self.training_banks, *self.test_banks, *self.unseen_banks)


class EvaluationConfig(Section):
    """How scores become numbers."""

    aggregation: Literal["s1", "s2", "adaptive"]
    fixed_threshold: Fraction
    objective: Literal["micro_f1", "macro_f1"]
    shrinkage: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]
    min_active_seconds: Positive


class TaskConfig(Section):
    """One task: a corpus, its split and clips, the models to compare and how to judge them.

    Attributes:
        sets: names of all sets of clips that models are trained and judged on.
        scored_sets: those that fitted models score, also the sets of studies.
        threshold_set: the set on which thresholds are chosen.
        of_instruments: whether its classes are instruments of the taxonomy.
    """

    of_instruments: ClassVar[bool] = True
    sets: ClassVar[tuple[str, ...]]
    scored_sets: ClassVar[tuple[str, ...]]
    threshold_set: ClassVar[str]

    method: str
    corpus: str
    split: SplitConfig
    clips: ClipsConfig | CutConfig | OverlayConfig
    features: Annotated[dict[Slug, AnyFeature], Field(min_length=1)]
    models: Annotated[dict[Slug, AnyModel], Field(min_length=1)]
    evaluation: EvaluationConfig | ExamConfig

    @property
    def all_features(self) -> dict[str, Any]:
        """The sections of all features."""
        return dict(self.features)


class MixingTask(TaskConfig):
    """A task whose clips are mixed from solo recordings."""

    sets: ClassVar[tuple[str, ...]] = (TRAIN, VALIDATION, *TEST_SETS)
    scored_sets: ClassVar[tuple[str, ...]] = (VALIDATION, *TEST_SETS, *STUDY_SETS)
    threshold_set: ClassVar[str] = VALIDATION

    method: Literal["mix"]
    clips: ClipsConfig
    evaluation: EvaluationConfig
    learned_features: dict[Slug, AnyFeature]
    embedding: EmbeddingConfig
    studies: Studies

    @property
    def all_features(self) -> dict[str, Any]:
        """The sections of all features, computed and learned ones."""
        return self.features | self.learned_features


class CuttingTask(TaskConfig):
    """A task whose clips are excerpts, each with what its corpus says about it."""

    sets: ClassVar[tuple[str, ...]] = (TRAIN, VALIDATION, MIXED_VALIDATION, *TEST_SETS)
    scored_sets: ClassVar[tuple[str, ...]] = (MIXED_VALIDATION, *TEST_SETS)
    threshold_set: ClassVar[str] = MIXED_VALIDATION

    method: Literal["cut"]
    clips: CutConfig
    evaluation: EvaluationConfig
    studies: ExcerptStudies


class OverlayTask(TaskConfig):
    """A task whose clips are overlaid from single notes, with one binary a class (Chen et al. 2024).

    Attributes:
        classes: what is listened for, by name, in label order; a class that is added leaves the others as they are.
    """

    of_instruments: ClassVar[bool] = False
    sets: ClassVar[tuple[str, ...]] = (*NOTES_OF.values(), TRAIN_MIXTURES, VALIDATION_MIXTURES, *TEST_SETS)
    scored_sets: ClassVar[tuple[str, ...]] = (
        VALIDATION_MIXTURES, *TEST_SETS, *(NOTES_OF[side] for side in (VALIDATION, *TEST_SETS)),
    )  # fmt: skip
    threshold_set: ClassVar[str] = VALIDATION_MIXTURES

    method: Literal["overlay"]
    classes: Annotated[dict[Slug, AnyClass], Field(min_length=1)]
    clips: OverlayConfig
    evaluation: ExamConfig
    studies: OverlayStudies


METHODS: Mapping[str, type[TaskConfig]] = {"mix": MixingTask, "cut": CuttingTask, "overlay": OverlayTask}


def _by_method(section: Any) -> Any:
    if not isinstance(section, Mapping):
        raise ValueError("must be a group of keys, with 'method' among them")
    if "method" not in section:
        raise ValueError(f"key 'method' is missing: {registry.choose(None, METHODS)}")
    if section["method"] not in list(METHODS):  # it may be something that no group can be asked for
        raise ValueError(f"method is {section['method']!r}: {registry.choose(section['method'], METHODS)}")
    return METHODS[section["method"]].model_validate(section)


AnyTask = Annotated[Any, BeforeValidator(_by_method)]

Value = str | int | float | bool


class SweepConfig(Section):
    """Settings of a task that are tried out as experiments of DVC, one for each combination.

    Attributes:
        task: name of the task.
        grid: values by their path below the task, such as ``models.han_cnn.activation``.
    """

    task: str
    grid: Annotated[dict[str, Annotated[tuple[Value, ...], BeforeValidator(a_list)]], Field(min_length=1)]


def changed(task: TaskConfig, path: str, value: Value) -> TaskConfig:
    """Return a task with one parameter changed.

    Args:
        task: its section.
        path: of the parameter, below the task.
        value: its new value.

    Raises:
        ValueError: when the task has no such parameter, or it cannot have the value.
    """
    values = task.model_dump(mode="python")
    *groups, key = path.split(".")
    place: Any = values
    for group in groups:
        place = place.get(group) if isinstance(place, dict) else None
    if not isinstance(place, dict) or key not in place or isinstance(place[key], dict):
        raise ValueError(f"path {path!r} is no parameter of the task")
    place[key] = value
    return METHODS[task.method].model_validate(values)
