"""How notes are overlaid, which classes are listened for and how the exam is judged: sections of a task ``overlay``."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tutti import registry
from tutti.sections import Fraction, Level, Names, Range, SampleRate, Section, Text, a_list


class FamilyClass(Section):
    """A class that is a family of the corpus.

    Attributes:
        family: its name there, such as ``flute`` in NSynth.
    """

    family: Text

    def holds(self, family: str, instrument: str) -> bool:
        """Say whether the class holds the notes of an instrument of a family."""
        del instrument
        return family == self.family


def _a_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"must be a regular expression, and is none: {error}") from None
    return value


class InstrumentsClass(Section):
    """A class that is some instruments of the corpus, whatever their families.

    Attributes:
        instruments: regular expression that their whole names match, such as ``reed_acoustic_06[4-7]``.
    """

    instruments: Annotated[Text, AfterValidator(_a_pattern)]

    def holds(self, family: str, instrument: str) -> bool:
        """Say whether the class holds the notes of an instrument of a family."""
        del family
        return re.fullmatch(self.instruments, instrument) is not None


_KINDS: Mapping[str, type[Section]] = {"family": FamilyClass, "instruments": InstrumentsClass}


def _by_key(section: Any) -> Any:
    if isinstance(section, FamilyClass | InstrumentsClass):
        return section
    if not isinstance(section, Mapping) or len(section) != 1:
        raise ValueError("must be one key and its value, such as {family: flute} or {instruments: flute_acoustic_00.}")
    key = next(iter(section))
    if key not in _KINDS:
        raise ValueError(f"key {key!r} is unknown here: {registry.choose(key, _KINDS)}")
    return _KINDS[key].model_validate(section)


AnyClass = Annotated[Any, BeforeValidator(_by_key)]


class OverlayConfig(Section):
    """How notes are overlaid (Chen, Ghobakhlou & Narayanan 2024, section IV-C).

    Attributes:
        families: of which mixtures are made; a class of another family gets mixtures of its own on top of them.
        seconds: length of a clip; shorter notes are followed by silence, longer ones are cut.
        sample_rate_hz: of the clips.
        gain_db: lowest and highest gain drawn for each note of a mixture, after its peak is brought to full scale.
        peak_dbfs: to which the peak of every clip is brought; silence stays silence.
    """

    families: Names
    seconds: Annotated[float, Field(ge=0.5, le=60)]
    sample_rate_hz: SampleRate
    gain_db: Range
    peak_dbfs: Level


class ExamConfig(Section):
    """How scores become the numbers of the exam.

    Attributes:
        fixed_threshold: the threshold of the policy ``fixed``.
        objective: what thresholds maximise on validation mixtures.
        shrinkage: clips that the global threshold counts for in a class' own, 0 or more.
        confidence: of the intervals.
    """

    fixed_threshold: Fraction
    objective: Literal["accuracy_hamming", "accuracy_iou"]
    shrinkage: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]


class OverlayStudies(Section):
    """What a task on overlaid notes asks beside its comparison.

    Attributes:
        regimes: two models, whose exams are compared clip by clip: the first one minus the second one.
    """

    regimes: Annotated[tuple[str, ...], BeforeValidator(a_list)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.regimes) != 2:
            raise ValueError(f"regimes names {len(self.regimes)} models: name the two that are compared")
        return self
