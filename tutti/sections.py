"""What sections of ``params.yaml`` are made of: their base class, types of values, reading, and sentences about errors.

The file is read as YAML 1.2 (``1e-05`` is a number, ``on`` is a word), which is what DVC writes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tutti import registry
from tutti.errors import ParameterError

_LONGEST_VALUE = 60  # characters of a value that a sentence quotes


def _a_pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("must be a list of two numbers, the lower one first")
    return tuple(value)


def a_list(value: Any) -> tuple[Any, ...]:
    """Return a list of different things as a tuple (ValueError when it is none)."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of at least one name, such as [a, b]")
    return a_list_or_none(value)


def a_list_or_none(value: Any) -> tuple[Any, ...]:
    """Return a list of different things, or an empty one, as a tuple (ValueError when it is none)."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of names, such as [a, b], or [] for none")
    twice = [item for index, item in enumerate(value) if item in value[:index]]
    if twice:
        raise ValueError(f"must be a list without repetitions: {twice[0]!r} stands twice")
    return tuple(value)


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("must go from the lower to the higher value")
    return pair


def _a_slug(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError("must be made of a to z, 0 to 9 and _, because folders and stages are named after it")
    return name


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
SampleRate = Annotated[int, Field(ge=8000, le=96000)]
Level = Annotated[float, Field(ge=-60, le=0)]
Range = Annotated[tuple[float, float], BeforeValidator(_a_pair), AfterValidator(_ascending)]
Text = Annotated[str, Field(min_length=1)]
Slug = Annotated[str, AfterValidator(_a_slug)]
Names = Annotated[tuple[Text, ...], BeforeValidator(a_list)]
NamesOrNone = Annotated[tuple[Text, ...], BeforeValidator(a_list_or_none)]


class Section(BaseModel):
    """A group of parameters: immutable, strict about types, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            raise ValueError(f"must be a group of keys ({', '.join(sorted(cls.model_fields))})")
        for key in values:
            if key not in cls.model_fields:
                raise ValueError(f"key {key!r} is unknown here: {registry.choose(key, cls.model_fields)}")
        return values


def _resolve(kind: str, section: Any) -> Any:
    key, known = registry.KINDS[kind], registry.names(kind)
    if not isinstance(section, Mapping):
        raise ValueError(f"must be a group of keys, with {key!r} among them")
    if key not in section:
        raise ValueError(f"key {key!r} is missing: {registry.choose(None, known)}")
    if section[key] not in known:
        raise ValueError(f"{key} is {section[key]!r}: {registry.choose(section[key], known)}")
    return registry.load(kind, section[key]).Config.model_validate(section)


AnyFeature = Annotated[Any, BeforeValidator(lambda section: _resolve("features", section))]
AnyModel = Annotated[Any, BeforeValidator(lambda section: _resolve("architectures", section))]
AnyCorpus = Annotated[Any, BeforeValidator(lambda section: _resolve("corpora/adapters", section))]


class FeatureConfig(Section):
    """What every feature declares; ``tutti/features/<extractor>.py`` extends it as ``Config``.

    Attributes:
        in_processes: whether clips are spread over processes; else over threads, where one network serves all clips.
    """

    in_processes: ClassVar[bool] = True

    extractor: str
    sample_rate_hz: SampleRate

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second; 0 where one vector sums up a clip."""
        raise NotImplementedError

    @property
    def n_bins(self) -> int:
        """Length of the frequency axis."""
        raise NotImplementedError

    def frames_for(self, n_samples: int) -> int:
        """Return the number of frames of a signal of ``n_samples`` samples."""
        raise NotImplementedError

    def located(self, trained: Path) -> Self:
        """Return the section as ``extract`` needs it, given the folder of the task's own embedding."""
        del trained
        return self

    def origin(self) -> dict[str, str]:
        """Return what beside the parameters made the values, such as the digest of a network."""
        return {}


class EmbeddingConfig(Section):
    """The network that a task trains for its embeddings, on the solo recordings of the training side.

    Attributes:
        width: factor on VGGish's filters and dense layers; 1 as published.
        loudness_dbfs: level to which each recording is brought before its gain.
        gain_db: lowest and highest gain drawn per patch.
        max_mixed: instruments that are mixed in a patch at most.
        min_sounding_seconds: an instrument must sound for so long in a patch of 0.96 s.
        learning_rate: peak learning rate of Adam.
        batch_size: patches a step.
    """

    width: Annotated[float, Field(gt=0, le=1)]
    loudness_dbfs: Level
    gain_db: Range
    max_mixed: Annotated[int, Field(ge=1, le=5)]
    min_sounding_seconds: Annotated[float, Field(gt=0, le=0.96)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    batch_size: Count


class ModelConfig(Section):
    """What every model declares; ``tutti/architectures/<architecture>.py`` extends it as ``Config``."""

    is_one_vs_all: ClassVar[bool] = False  # whether it is a set of binaries, one a class

    architecture: str
    feature: str


class TrackingConfig(Section):
    """Whether and where runs go to MLflow."""

    enabled: bool
    experiment_prefix: Text


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file.

    Raises:
        ParameterError: when the file is missing, unreadable, not YAML, or holds a key twice.
    """
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"{path} is missing: run this command at the root of the repository") from None
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not text in UTF-8 (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror}") from None
    except YAMLError as error:
        raise ParameterError(f"{path} is not valid YAML: {_yaml_problem(error)}") from None


def _yaml_problem(error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem is None:
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    problem = f"{error.context}, {error.problem}" if error.problem.startswith("but ") else str(error.problem)
    return problem + (f" (line {mark.line + 1}, column {mark.column + 1})" if mark else "")


# What pydantic's error types ask for, in words; the names in braces are those of its context.
_ASKED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "dict_type": "a group of keys",
    "tuple_type": "a list",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "above {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
    "finite_number": "a finite number",
    "string_too_short": "at least {min_length} character long",
    "too_short": "a group with at least {min_length} entry",
}


def sentence(error: ValidationError) -> str:
    """Turn the first of pydantic's findings into what follows a file's name: key, value and what is allowed."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not _is_type_tag(part))
    return (f": {key}" if key else "") + _said(first)


def _said(found: ErrorDetails) -> str:
    if found["type"] == "missing":
        return " is missing: add it, with a value as in the repository's params.yaml"
    value = f" is {_quoted(found['input'])}, and"
    if found["type"] == "value_error":
        message = str(found["ctx"]["error"])
        return f"{value} {message}" if message.startswith("must ") else f": {message}"
    if found["type"] in _ASKED:
        return f"{value} must be {_ASKED[found['type']].format(**found.get('ctx', {}))}"
    return f"{value} must be valid: {found['msg']}"


def _quoted(value: Any) -> str:
    words = {None: "empty", True: "true", False: "false"}.get(value, "") if isinstance(value, bool | None) else ""
    text = words or repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _is_type_tag(part: Any) -> bool:
    return isinstance(part, str) and (part in ("", "[key]") or part.startswith(("tuple[", "literal[", "function-")))
