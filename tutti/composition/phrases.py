"""A phrase: what one player does in one recording, as notes, controllers and bends on a time line in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

VIBRATO, EXPRESSION = 1, 11  # MIDI controllers
SHORTEST_NOTE_S = 0.04


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note or stroke.

    Attributes:
        onset_s: when it is struck, in seconds from the start of the recording.
        offset_s: when it is released.
        key: MIDI key, 0..127.
        velocity: how hard, 1..127.
    """

    onset_s: float
    offset_s: float
    key: int
    velocity: int


@dataclass(frozen=True, slots=True, order=True)
class Control:
    """A MIDI controller's value, 0..127, from a time in seconds on."""

    time_s: float
    number: int
    value: int


@dataclass(frozen=True, slots=True, order=True)
class Bend:
    """A deviation in cents, -200..200, of all that sounds from a time in seconds on."""

    time_s: float
    cents: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """All that a synthesizer needs to play one recording.

    Attributes:
        program: melodic program or drum kit, 0..127.
        kit: whether ``program`` is a drum kit.
        pitched: whether keys are pitches; not so for percussion.
        notes: sorted by onset; none starts while its key sounds.
        controls: sorted by time.
        bends: sorted by time.
        tuning_cents: how far the player is tuned from A = 440 Hz; part of every pitch.
    """

    program: int
    kit: bool
    pitched: bool
    notes: tuple[Note, ...]
    controls: tuple[Control, ...] = ()
    bends: tuple[Bend, ...] = ()
    tuning_cents: float = 0.0


def tidy(notes: Iterable[Note], seconds: float, *, polyphonic: bool) -> tuple[Note, ...]:
    """Return notes as one player can play them within a recording.

    Sorted; cut at the end of the recording; each key (or, unless polyphonic, every note) released when struck anew.

    Args:
        notes: in any order.
        seconds: length of the recording.
        polyphonic: whether different keys may sound together.
    """
    kept: list[Note] = []
    sounding: dict[int, int] = {}  # voice to index in kept
    for note in sorted(notes):
        voice = note.key if polyphonic else 0
        last = kept[sounding[voice]] if voice in sounding else None
        if note.onset_s > seconds - SHORTEST_NOTE_S or (last and note.onset_s - last.onset_s < SHORTEST_NOTE_S):
            continue
        if last and last.offset_s > note.onset_s:
            kept[sounding[voice]] = replace(last, offset_s=note.onset_s)
        sounding[voice] = len(kept)
        kept.append(replace(note, offset_s=min(max(note.offset_s, note.onset_s + SHORTEST_NOTE_S), seconds)))
    return tuple(kept)
