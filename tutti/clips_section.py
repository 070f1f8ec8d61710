"""How mixtures are made: the section ``clips`` of a task in ``params.yaml``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
