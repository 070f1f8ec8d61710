"""``params.yaml`` as typed, immutable sections; a wrong key, type or value is one sentence.

A feature, an architecture and an adapter bring their own section class, named ``Config``, in their own module;
everything else is declared here and in ``scales``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from tutti import registry, taxonomy
from tutti.clips_section import ClipsConfig as ClipsConfig
from tutti.corpus_section import AdapterConfig as AdapterConfig
from tutti.errors import ParameterError, TuttiError
from tutti.scales import Scale
from tutti.sections import AnyCorpus, AnyFeature, AnyModel, EmbeddingConfig, Slug, sentence
from tutti.sections import Count as Count
from tutti.sections import FeatureConfig as FeatureConfig
from tutti.sections import Fraction as Fraction
from tutti.sections import Level as Level
from tutti.sections import ModelConfig as ModelConfig
from tutti.sections import Names as Names
from tutti.sections import NamesOrNone as NamesOrNone
from tutti.sections import Positive as Positive
from tutti.sections import Range as Range
from tutti.sections import SampleRate as SampleRate
from tutti.sections import Section as Section
from tutti.sections import Text as Text
from tutti.sections import TrackingConfig as TrackingConfig
from tutti.sections import read_yaml as read_yaml
from tutti.studies import Studies

PARAMS_FILE = Path("params.yaml")
TRAIN, VALIDATION = "train", "validation"
UNSEEN_RECORDING, UNSEEN_BANK = "unseen_recording", "unseen_bank"
TEST_SETS = (UNSEEN_RECORDING, UNSEEN_BANK)
LEAKED, ENTER_LEAVE = "leaked", "enter_leave"
STUDY_SETS = (LEAKED, ENTER_LEAVE)  # they answer questions of their own and never enter the comparison

_VARIETY = "variety"  # metrics/<task>/variety holds a study, not a model

Policy = Literal["fixed", "validated_global", "validated_per_class"]
POLICIES: tuple[Policy, ...] = ("fixed", "validated_global", "validated_per_class")


class SplitConfig(Section):
    """Which recordings stand on which side."""

    training_banks: Names
    unseen_banks: NamesOrNone
    validation_fraction: Fraction
    test_fraction: Fraction

    @model_validator(mode="after")
    def _check(self) -> Self:
        both = set(self.training_banks) & set(self.unseen_banks)
        if both:
            raise ValueError(f"bank {min(both)!r} stands in training_banks and in unseen_banks: keep it in one of them")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"validation_fraction {self.validation_fraction} and test_fraction {self.test_fraction} must leave a "
                "share for training: their sum must be below 1"
            )
        return self


class EvaluationConfig(Section):
    """How scores become numbers."""

    aggregation: Literal["s1", "s2"]
    fixed_threshold: Fraction
    objective: Literal["micro_f1", "macro_f1"]
    shrinkage: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]
    min_active_seconds: Positive


class TaskConfig(Section):
    """One task: a corpus, its split and clips, the models to compare and how to judge them."""

    corpus: str
    split: SplitConfig
    clips: ClipsConfig
    features: Annotated[dict[Slug, AnyFeature], Field(min_length=1)]
    learned_features: dict[Slug, AnyFeature]
    embedding: EmbeddingConfig
    models: Annotated[dict[Slug, AnyModel], Field(min_length=1)]
    evaluation: EvaluationConfig
    studies: Studies

    @property
    def all_features(self) -> dict[str, Any]:
        """The sections of all features, computed and learned ones."""
        return self.features | self.learned_features


class ReportConfig(Section):
    """What the report shows first."""

    task: str
    worst_mistakes: Annotated[int, Field(ge=0, le=50)]
    confused_pairs: Annotated[int, Field(ge=1, le=100)]
    main_split: Literal["unseen_recording", "unseen_bank"]
    main_policy: Policy


class DetectConfig(Section):
    """The model behind ``tutti detect``."""

    task: str
    model: str
    threshold: Policy


def _taken_up(path: str) -> str:
    taxonomy.use(Path(path))
    return path


class Params(Section):
    """The whole of ``params.yaml``."""

    taxonomy: Annotated[Text, AfterValidator(_taken_up)]  # first: what is checked next may be named in it
    seed: Annotated[int, Field(ge=0)]
    scale: str
    scales: Annotated[dict[Slug, Scale], Field(min_length=1)]
    corpora: Annotated[dict[Slug, AnyCorpus], Field(min_length=1)]
    tasks: Annotated[dict[Slug, TaskConfig], Field(min_length=1)]
    report: ReportConfig
    detect: DetectConfig
    tracking: TrackingConfig

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _known("scale", self.scale, self.scales)
        for task_name, task in self.tasks.items():
            _known(f"tasks.{task_name}.corpus", task.corpus, self.corpora)
            if _VARIETY in task.models:
                raise ValueError(
                    f"tasks.{task_name}.models.{_VARIETY} has the name under which the study of variety writes its "
                    "results: choose another name"
                )
            for name, model in task.models.items():
                _known(f"tasks.{task_name}.models.{name}.feature", model.feature, task.all_features)
            self._check_banks(task_name, task)
        for section in ("report", "detect"):
            _known(f"{section}.task", getattr(self, section).task, self.tasks)
        _known("detect.model", self.detect.model, self.tasks[self.detect.task].models)
        if self.report.main_split == UNSEEN_BANK and not self.tasks[self.report.task].split.unseen_banks:
            raise ValueError(
                f"report.main_split is {UNSEEN_BANK!r}, but tasks.{self.report.task}.split.unseen_banks is empty: "
                f"choose {UNSEEN_RECORDING}"
            )
        return self

    def _check_banks(self, name: str, task: TaskConfig) -> None:
        banks = self.corpora[task.corpus].bank_names
        for side in ("training_banks", "unseen_banks"):
            for bank in getattr(task.split, side):
                _known(f"tasks.{name}.split.{side}", bank, banks)

    @property
    def sizes(self) -> Scale:
        """The sizes of the selected scale."""
        return self.scales[self.scale]

    def task(self, name: str) -> TaskConfig:
        """Return a task by name.

        Raises:
            ParameterError: when ``params.yaml`` has no such task.
        """
        task: TaskConfig = self._item("task", name, self.tasks)
        return task

    def feature(self, task: str, name: str) -> Any:
        """Return a feature's section by the names of its task and itself (ParameterError when there is none)."""
        return self._item("feature", name, self.task(task).all_features)

    def corpus(self, name: str) -> Any:
        """Return a corpus' section by name (ParameterError when there is none)."""
        return self._item("corpus", name, self.corpora)

    def model(self, task: str, name: str) -> Any:
        """Return a model's section by the names of its task and itself (ParameterError when there is none)."""
        return self._item("model", name, self.task(task).models)

    @staticmethod
    def _item(kind: str, name: str, items: Mapping[str, Any]) -> Any:
        if name not in items:
            raise ParameterError(f"{kind} {name!r} is not in {PARAMS_FILE}: {registry.choose(name, items)}")
        return items[name]


def load(path: Path = PARAMS_FILE) -> Params:
    """Read and check all parameters.

    Args:
        path: a ``params.yaml``.

    Raises:
        ParameterError: when the file is missing or not YAML, or a key, type or value is not allowed.
    """
    values = read_yaml(path)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParameterError(f"{path}{sentence(error)}") from None
    except TuttiError as error:
        raise ParameterError(f"{path}: {error}") from None


def main_repository() -> Path:
    """Return the root of the user's repository, also from a copy in which DVC runs an experiment."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def _known(key: str, name: str, items: Mapping[str, Any]) -> None:
    if name not in items:
        raise ValueError(f"{key} is {name!r}: {registry.choose(name, items)}")
