"""What every corpus says about itself: the base of the sections under ``corpora`` in ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from tutti.sections import Section, Text


class AdapterConfig(Section):
    """What every corpus declares; ``tutti/corpora/adapters/<adapter>.py`` extends it as ``Config``."""

    adapter: str
    root: Text

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks that its recordings may belong to."""
        raise NotImplementedError

    @property
    def is_rendered(self) -> bool:
        """Whether no musician was recorded for it: its numbers are never to be taken for those of real music."""
        return False

    @property
    def holds_solos(self) -> bool:
        """Whether each of its recordings is of one instrument, so that they can be mixed."""
        return True

    @property
    def holds_notes(self) -> bool:
        """Whether each of its recordings is one note of one instrument, so that they can be overlaid."""
        return False

    @property
    def skips_bad_files(self) -> bool:
        """Whether a recording that cannot be used is left out and listed, instead of stopping the index."""
        return False

    @property
    def refuses_copies(self) -> bool:
        """Whether a recording that holds the same sound as another one cannot be used."""
        return False

    @property
    def shortest_seconds(self) -> float:
        """The length in seconds below which a recording cannot be used."""
        return 0.0


class CollectedConfig(AdapterConfig):
    """A corpus that others made, with whatever faults it has.

    Attributes:
        min_seconds: shorter recordings cannot be used.
        links_outside: whether links may lead out of the root.
        on_bad_file: leave out what cannot be used and list it, or stop.
    """

    min_seconds: Annotated[float, Field(ge=0, le=60)]
    links_outside: bool
    on_bad_file: Literal["skip", "stop"]

    @property
    def skips_bad_files(self) -> bool:
        """Whether a recording that cannot be used is left out and listed, instead of stopping the index."""
        return self.on_bad_file == "skip"

    @property
    def refuses_copies(self) -> bool:
        """A copy says nothing new, and one on another side would be a leak."""
        return True

    @property
    def shortest_seconds(self) -> float:
        """The length in seconds below which a recording cannot be used."""
        return self.min_seconds
