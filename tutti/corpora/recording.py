"""What a corpus consists of: recordings, and the events in them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

UNKNOWN_PITCH = math.nan


@dataclass(frozen=True, slots=True)
class Event:
    """One note or stroke.

    Attributes:
        recording: id of the recording.
        instrument: name in the taxonomy.
        onset_s: start, in seconds.
        offset_s: end, in seconds.
        pitch_midi: MIDI pitch, fractions being tuning; NaN where unknown or where there is none.
        velocity: 1..127; 0 where unknown.
    """

    recording: str
    instrument: str
    onset_s: float
    offset_s: float
    pitch_midi: float
    velocity: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording as an adapter finds it, before any audio is read.

    Attributes:
        recording: unique id, such as ``<bank>/<instrument>/<stem>``.
        path: of the file, relative to the root of the corpus, with ``/``.
        instrument: name in the taxonomy; empty where the recording is of several.
        bank: the collection it belongs to; the unit of the test on unseen banks.
        group: what must stand on one side of a split (a player, a song; else the recording itself).
        licence: of the recording.
        events: what sounds when; empty where unknown.
        problem: why it cannot be used, where an adapter sees that before any audio is read; else empty.
        instruments: where it is of several: those that its annotation names, sorted.
    """

    recording: str
    path: str
    instrument: str
    bank: str
    group: str
    licence: str
    events: tuple[Event, ...] = ()
    problem: str = ""
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in the index.

    The fields of :class:`Entry` without its events, and:

    Attributes:
        audio_sha256: of channels, sample rate and 16-bit samples: the same sound in another file has the same.
        file_sha256: of the file's bytes.
        sample_rate_hz: samples per second and channel.
        channels: number of channels.
        duration_s: length in seconds.
        instruments: all that its annotation names, sorted; of a solo recording its instrument.
    """

    recording: str
    path: str
    instrument: str
    bank: str
    group: str
    audio_sha256: str
    file_sha256: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    licence: str
    instruments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.instruments:
            object.__setattr__(self, "instruments", (self.instrument,))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder of a corpus that was left out of its index.

    Attributes:
        path: relative to the root of the corpus, with ``/``.
        instrument: name in the taxonomy; empty where it has none.
        reason: what is wrong with it.
    """

    path: str
    instrument: str
    reason: str


class Adapter(Protocol):
    """What a module in ``tutti/corpora/adapters`` offers."""

    LICENCE: str
    CITATION: str

    def read(self, root: Path, config: Any) -> Iterator[Entry]:
        """List the recordings under a root, sorted by id, without decoding audio.

        Raises:
            DataError: when the root or a part of it is missing or unreadable; it names the path and what to run.
            UnknownNameError: when a label is not in the taxonomy.
        """
        ...
