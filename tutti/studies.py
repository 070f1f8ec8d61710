"""What a task asks beside its comparison: the section ``tasks.<task>.studies`` of ``params.yaml``."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tutti.inside_section import InsideConfig
from tutti.sections import AnyFeature, AnyModel, Count, Fraction, Section, a_list


def _rising(counts: tuple[Any, ...]) -> tuple[Any, ...]:
    if list(counts) != sorted(counts):
        raise ValueError("must be a list of rising numbers, such as [1, 2, 4]")
    return counts


Counts = Annotated[tuple[Count, ...], BeforeValidator(a_list), AfterValidator(_rising)]


class LeakStudy(Section):
    """What a score is worth when recordings stand on both sides.

    Attributes:
        instruments: how many instruments leak, one recording each; all where the corpus has fewer.
    """

    instruments: Count


class EnterLeaveStudy(Section):
    """Mixtures whose instruments enter and leave.

    Attributes:
        late_entry_probability: share of the sources that enter late.
        early_exit_probability: share of the sources that stop early.
    """

    late_entry_probability: Fraction
    early_exit_probability: Fraction


class VarietyStudy(Section):
    """How many recordings an instrument needs.

    Attributes:
        recordings: training recordings an instrument, one condition each.
        feature: the feature that the study extracts itself.
        model: the model that it fits for each condition.
    """

    recordings: Annotated[Counts, Field(min_length=1)]
    feature: AnyFeature
    model: AnyModel

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model.feature != self.feature.extractor:
            raise ValueError(
                f"model.feature is {self.model.feature!r}, but the study extracts {self.feature.extractor!r}: "
                "make them the same"
            )
        return self


class Studies(Section):
    """All studies of a task."""

    leak: LeakStudy
    enter_leave: EnterLeaveStudy
    variety: VarietyStudy


def _all_rising(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if list(values) != sorted(values):
        raise ValueError("must be a list of rising thresholds in 0..1, such as [0.2, 0.4]")
    return values


Grid = Annotated[tuple[Fraction, ...], BeforeValidator(a_list), AfterValidator(_all_rising)]


class AggregationStudy(Section):
    """The thresholds at which each aggregation is looked at (Han, Kim & Lee 2017, Table III).

    Attributes:
        s1: thresholds on means.
        s2: thresholds on sums over the largest one.
    """

    s1: Grid
    s2: Grid


class ExcerptStudies(Section):
    """All studies of a task on excerpts.

    Attributes:
        settings_of: the model whose experiments with other settings the report compares.
        aggregation: the grids of thresholds.
        inside: what is looked at inside a network.
    """

    settings_of: str
    aggregation: AggregationStudy
    inside: InsideConfig
