"""How clips are made: the section ``clips`` of a task in ``params.yaml``."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tutti.sections import Fraction, Level, Positive, Range, SampleRate, Section

_MP3_RATES_HZ = (16000, 22050, 24000, 32000, 44100, 48000)


class ClipsConfig(Section):
    """How mixtures are made (Meas & Moieni 2025, sections 3.1 and 3.2)."""

    seconds: Annotated[float, Field(ge=0.5, le=600)]
    sample_rate_hz: SampleRate
    min_polyphony: Annotated[int, Field(ge=1, le=5)]
    max_polyphony: Annotated[int, Field(ge=1, le=5)]
    draw: Literal["all", "class"]
    loudness_dbfs: Level
    gain_db: Range
    peak_dbfs: Level
    late_entry_probability: Fraction
    early_exit_probability: Fraction
    min_sounding_seconds: Positive
    repeat_combinations: bool
    string_below_seconds: Annotated[float, Field(ge=0)]
    string_gap_seconds: Range
    string_fade_seconds: Annotated[float, Field(ge=0, le=1)]
    format: Literal["flac", "mp3"]
    mp3_kbps: Literal[32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    naming: Literal["number", "instruments"]
    label_files: bool

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_polyphony > self.max_polyphony:
            raise ValueError(f"min_polyphony {self.min_polyphony} is above max_polyphony {self.max_polyphony}")
        if self.format == "mp3" and self.sample_rate_hz not in _MP3_RATES_HZ:
            rates = ", ".join(map(str, _MP3_RATES_HZ))
            raise ValueError(f"sample_rate_hz {self.sample_rate_hz} is none of MP3's: {rates}")
        if self.format == "mp3" and self.sample_rate_hz < 32000 and self.mp3_kbps > 160:
            raise ValueError(f"mp3_kbps {self.mp3_kbps} is above 160, MP3's highest below 32000 Hz: lower it")
        if not -1 <= self.string_gap_seconds[0] <= self.string_gap_seconds[1] <= 10:
            raise ValueError(f"string_gap_seconds {list(self.string_gap_seconds)} must lie within -1..10")
        if self.min_sounding_seconds > self.seconds:
            raise ValueError(f"min_sounding_seconds {self.min_sounding_seconds} is above seconds {self.seconds}")
        return self


def _a_distribution(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of shares that add up to 1, such as [0.5, 0.5]")
    return tuple(value)


def _adds_up(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise ValueError(f"must add up to 1, and adds up to {sum(shares):g}")
    return shares


Shares = Annotated[tuple[Fraction, ...], BeforeValidator(_a_distribution), AfterValidator(_adds_up)]


class MixedValidationConfig(Section):
    """Clips with several labels, made from excerpts of the validation side; thresholds are chosen on them.

    Excerpts for training have one label each and are short, those of the test have several and are long: a threshold
    that fits the former would not fit the latter.

    Attributes:
        seconds: shortest and longest clip.
        label_shares: share of the clips with one label, with two, and so on.
        gain_db: lowest and highest gain drawn for each label's excerpts.
        fade_seconds: by which one excerpt of a label fades into the next.
    """

    seconds: Range
    label_shares: Shares
    gain_db: Range
    fade_seconds: Annotated[float, Field(ge=0, le=0.5)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0.5 <= self.seconds[0] <= self.seconds[1] <= 600:
            raise ValueError(f"seconds {list(self.seconds)} must lie within 0.5..600")
        return self


class CutConfig(Section):
    """How excerpts become clips: mono, at one rate, each as long as it is.

    Attributes:
        sample_rate_hz: of the clips.
        excerpt_seconds: what ``tutti detect`` looks at in one piece; the longest test clips in the paper.
        mixed_validation: how the clips are made on which thresholds are chosen.
    """

    sample_rate_hz: SampleRate
    excerpt_seconds: Annotated[float, Field(ge=0.5, le=600)]
    mixed_validation: MixedValidationConfig
