"""``params.yaml`` as typed, immutable sections; a wrong key, type or value is one sentence.

A feature, an architecture and an adapter bring their own section class, named ``Config``, in their own module;
everything else is declared here and in ``scales``.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from tutti import registry, taxonomy
from tutti.clips_section import ClipsConfig as ClipsConfig
from tutti.clips_section import CutConfig as CutConfig
from tutti.corpus_section import AdapterConfig as AdapterConfig
from tutti.corpus_section import CollectedConfig as CollectedConfig
from tutti.errors import ParameterError, TuttiError
from tutti.overlay_section import ExamConfig as ExamConfig
from tutti.overlay_section import FamilyClass as FamilyClass
from tutti.overlay_section import InstrumentsClass as InstrumentsClass
from tutti.overlay_section import OverlayConfig as OverlayConfig
from tutti.report_section import DetectConfig as DetectConfig
from tutti.report_section import ReportConfig as ReportConfig
from tutti.scales import Scale
from tutti.sections import AnyCorpus, Slug, sentence
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
from tutti.tasks import ENTER_LEAVE as ENTER_LEAVE
from tutti.tasks import LEAKED as LEAKED
from tutti.tasks import MIXED_VALIDATION as MIXED_VALIDATION
from tutti.tasks import NOTES_OF as NOTES_OF
from tutti.tasks import POLICIES as POLICIES
from tutti.tasks import STUDY_SETS as STUDY_SETS
from tutti.tasks import TEST_SETS as TEST_SETS
from tutti.tasks import TRAIN as TRAIN
from tutti.tasks import TRAIN_MIXTURES as TRAIN_MIXTURES
from tutti.tasks import UNSEEN_BANK as UNSEEN_BANK
from tutti.tasks import UNSEEN_RECORDING as UNSEEN_RECORDING
from tutti.tasks import VALIDATION as VALIDATION
from tutti.tasks import VALIDATION_MIXTURES as VALIDATION_MIXTURES
from tutti.tasks import AnyTask as AnyTask
from tutti.tasks import CuttingTask as CuttingTask
from tutti.tasks import EvaluationConfig as EvaluationConfig
from tutti.tasks import MixingTask as MixingTask
from tutti.tasks import OverlayTask as OverlayTask
from tutti.tasks import Policy as Policy
from tutti.tasks import SplitConfig as SplitConfig
from tutti.tasks import SweepConfig as SweepConfig
from tutti.tasks import TaskConfig as TaskConfig
from tutti.tasks import changed

PARAMS_FILE = Path("params.yaml")
T = TypeVar("T", bound=TaskConfig)

_STUDIES = ("variety", "inside", "regimes")  # metrics/<task>/<name> holds one, not a model


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
    tasks: Annotated[dict[Slug, AnyTask], Field(min_length=1)]
    sweeps: dict[Slug, SweepConfig]
    report: ReportConfig
    detect: DetectConfig
    tracking: TrackingConfig

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _known("scale", self.scale, self.scales)
        for name, task in self.tasks.items():
            _known(f"tasks.{name}.corpus", task.corpus, self.corpora)
            self._check_models(name, task)
            self._check_corpus(name, task)
            self._check_studies(name, task)
        self._check_sweeps()
        _known("detect.task", self.detect.task, self.tasks)
        _known("detect.model", self.detect.model, self.tasks[self.detect.task].models)
        _known("report.task", self.report.task, [name for name, task in self.tasks.items() if task.method == "mix"])
        if self.report.main_split == UNSEEN_BANK and not self.tasks[self.report.task].split.unseen_banks:
            raise ValueError(
                f"report.main_split is {UNSEEN_BANK!r}, but tasks.{self.report.task}.split.unseen_banks is empty: "
                f"choose {UNSEEN_RECORDING}"
            )
        return self

    def _check_models(self, task_name: str, task: TaskConfig) -> None:
        for name, model in task.models.items():
            key = f"tasks.{task_name}.models.{name}"
            if name in _STUDIES:
                raise ValueError(f"{key} has the name under which a study writes its results: choose another name")
            _known(f"{key}.feature", model.feature, task.all_features)
            if model.is_one_vs_all != isinstance(task, OverlayTask):
                raise ValueError(
                    f"{key}.architecture is {model.architecture!r}: a task of method overlay takes one_vs_all, and "
                    "only such a task does"
                )

    def _check_corpus(self, name: str, task: TaskConfig) -> None:
        corpus = self.corpora[task.corpus]
        if isinstance(task, MixingTask) and not corpus.holds_solos:
            raise ValueError(
                f"tasks.{name}.corpus is {task.corpus!r}, whose recordings are not of one instrument each: "
                "choose a corpus of solo recordings, or method cut"
            )
        if isinstance(task, OverlayTask) and not corpus.holds_notes:
            raise ValueError(
                f"tasks.{name}.corpus is {task.corpus!r}, whose recordings are not single notes: choose a corpus of "
                "notes, or method mix"
            )
        for side in ("training_banks", "test_banks", "unseen_banks"):
            for bank in getattr(task.split, side):
                _known(f"tasks.{name}.split.{side}", bank, corpus.bank_names)

    @staticmethod
    def _check_studies(name: str, task: TaskConfig) -> None:
        if isinstance(task, OverlayTask):
            for model in task.studies.regimes:
                _known(f"tasks.{name}.studies.regimes", model, task.models)
        if isinstance(task, CuttingTask):
            _known(f"tasks.{name}.studies.settings_of", task.studies.settings_of, task.models)
            networks = [model for model, section in task.models.items() if section.architecture == "han_cnn"]
            _known(f"tasks.{name}.studies.inside.model", task.studies.inside.model, networks)

    def _check_sweeps(self) -> None:
        for name, sweep in self.sweeps.items():
            _known(f"sweeps.{name}.task", sweep.task, self.tasks)
            for path, values in sweep.grid.items():
                for value in values:
                    try:
                        changed(self.tasks[sweep.task], path, value)
                    except ValidationError as error:
                        raise ValueError(f"sweeps.{name}.grid.{path} holds {value!r}{sentence(error)}") from None
                    except ValueError as error:
                        raise ValueError(f"sweeps.{name}.grid: {error}") from None

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

    def mixing_task(self, name: str) -> MixingTask:
        """Return a task whose clips are mixed (ParameterError when there is none of that name)."""
        return self._of_method(name, MixingTask, "mix")

    def cutting_task(self, name: str) -> CuttingTask:
        """Return a task whose clips are cut from excerpts (ParameterError when there is none of that name)."""
        return self._of_method(name, CuttingTask, "cut")

    def overlay_task(self, name: str) -> OverlayTask:
        """Return a task whose clips are overlaid from notes (ParameterError when there is none of that name)."""
        return self._of_method(name, OverlayTask, "overlay")

    def _of_method(self, name: str, kind: type[T], method: str) -> T:
        task = self.task(name)
        if not isinstance(task, kind):
            own = [other for other, each in self.tasks.items() if isinstance(each, kind)]
            raise ParameterError(f"task {name!r} has no method {method!r}: {registry.choose(name, own)}")
        return task

    def size(self, task: str) -> Any:
        """Return the sizes of a task at the selected scale (ParameterError when there are none)."""
        return self._item("size of task", task, dict(self.sizes))

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


def _known(key: str, name: str, items: Collection[str]) -> None:
    if name not in items:
        raise ValueError(f"{key} is {name!r}: {registry.choose(name, items)}")
