"""What a task asks beside its comparison: the section ``tasks.<task>.studies`` of ``params.yaml``."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

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
