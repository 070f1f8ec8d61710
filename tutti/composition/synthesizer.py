"""FluidSynth as an offline instrument: a phrase in, samples and exact times out.

FluidSynth computes blocks of 64 samples and lets events take effect at the start of a block. Every event is therefore
moved to the nearest block, and the times that are returned are those that were rendered. Samples are taken as floats:
FluidSynth's own 16-bit output adds dither whose state would make a recording depend on those before it.
"""

import ctypes
import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tutti.composition.phrases import Note, Phrase
from tutti.errors import DataError, SetupError

BLOCK = 64  # samples
BEND_RANGE_CENTS = 200.0  # of the pitch wheel, FluidSynth's default
_DRUM_BANK = 128  # where SoundFonts keep drum kits
_DRUM_CHANNEL = 9
_GAIN = 0.5
_WHEEL_STEPS = 8192
_QUIET = 4  # log levels of FluidSynth that are silenced: panic, error, warning, information
_INSTALL = (
    "`apt-get install libfluidsynth3` (Debian, Ubuntu), `brew install fluid-synth` or "
    "`conda install -c conda-forge fluidsynth`"
)

Samples = npt.NDArray[np.float32]
Action = tuple[int, int, Callable[[], object]]  # block, order within it, what to do


@lru_cache(maxsize=4)
def synthesizer(bank: Path, sample_rate_hz: int, reverb: bool) -> "Synthesizer":
    """Return this process' synthesizer for a bank: loading a large one takes a second."""
    return Synthesizer(bank, sample_rate_hz, reverb)


def fluidsynth_version() -> str:
    """Return the version of the FluidSynth library (SetupError when it is not installed)."""
    numbers = [ctypes.c_int() for _ in range(3)]
    _library().fluid_version(*(ctypes.byref(number) for number in numbers))
    return ".".join(str(number.value) for number in numbers)


class Synthesizer:
    """A sound bank in FluidSynth, mono, without chorus.

    The bank is loaded once. Each recording gets a FluidSynth of its own to which the bank is lent, because a reset
    one still holds the filters of the voices that it played, and the last bits of a recording would tell.
    """

    def __init__(self, bank: Path, sample_rate_hz: int, reverb: bool) -> None:
        """Load a bank.

        Args:
            bank: a SoundFont 2 file.
            sample_rate_hz: of the samples to return, 8000..96000.
            reverb: whether FluidSynth adds its room.

        Raises:
            SetupError: when FluidSynth is not installed.
            DataError: when the file is not a sound bank.
        """
        self.bank, self.sample_rate_hz, self._reverb = bank, sample_rate_hz, reverb
        self._library = _library()
        self._functions = _functions()
        self._owner = self._new_synth()
        font = self._owner.sfload(str(bank))
        if font < 0:
            raise DataError(f"sound bank {bank} cannot be loaded by FluidSynth: install it again or name another one")
        self._font = self._library.fluid_synth_get_sfont_by_id(self._owner.synth, font)

    def play(self, phrase: Phrase, n_samples: int) -> tuple[Samples, tuple[Note, ...]]:
        """Render a phrase.

        Args:
            phrase: what to play.
            n_samples: length of the recording.

        Returns:
            the samples ``(n_samples,)``, and the notes with the onsets and offsets that were rendered, in seconds.

        Raises:
            DataError: when the bank lacks the phrase's program.
        """
        n_blocks = -(-n_samples // BLOCK)
        notes = tuple(self._on_blocks(note, n_blocks) for note in phrase.notes)
        with self._player() as synth:
            channel = self._select(synth, phrase)
            actions = self._actions(synth, phrase, notes, channel)
            samples = self._perform(synth, actions, n_blocks)[:n_samples]
        end = n_samples / self.sample_rate_hz
        return samples, tuple(replace(note, offset_s=min(note.offset_s, end)) for note in notes if note.onset_s < end)

    def _new_synth(self) -> Any:
        settings = {"synth.reverb.active": int(self._reverb), "synth.chorus.active": 0}
        rate = float(self.sample_rate_hz)
        return self._library.Synth(gain=_GAIN, samplerate=rate, channels=16, **settings)

    @contextmanager
    def _player(self) -> Iterator[Any]:
        """Yield a fresh FluidSynth with the bank in it; it gives the bank back before it is deleted."""
        synth = self._new_synth()
        self._functions.add_sfont(synth.synth, self._font)
        try:
            yield synth
        finally:
            self._functions.remove_sfont(synth.synth, self._font)
            synth.delete()

    def _select(self, synth: Any, phrase: Phrase) -> int:
        """Select the phrase's program and tuning; return the channel."""
        channel = _DRUM_CHANNEL if phrase.kit else 0
        preset_bank = _DRUM_BANK if phrase.kit else 0
        if not self._library.fluid_sfont_get_preset(self._font, preset_bank, phrase.program):
            kind = "drum kit" if phrase.kit else "program"
            raise DataError(f"sound bank {self.bank} has no {kind} {phrase.program}: name a General MIDI bank")
        synth.program_select(channel, synth.program_info(channel)[0], preset_bank, phrase.program)
        _bend(synth, channel, phrase.tuning_cents)
        return channel

    def _perform(self, synth: Any, actions: Iterable[Action], n_blocks: int) -> Samples:
        """Do the actions in time; return the samples ``(64 * n_blocks,)``."""
        stereo = np.zeros((2, n_blocks * BLOCK), np.float32)
        left, right = (stereo[side].ctypes.data for side in (0, 1))
        done = 0
        for block, _, act in sorted(actions, key=lambda action: action[:2]):
            if block >= n_blocks:
                break
            self._render(synth, left, right, done, block)
            done = block
            act()
        self._render(synth, left, right, done, n_blocks)
        mono: Samples = stereo.mean(axis=0, dtype=np.float32)
        return mono

    def _render(self, synth: Any, left: int, right: int, start: int, end: int) -> None:
        if end > start:
            first = start * BLOCK
            self._functions.write_float(synth.synth, (end - start) * BLOCK, left, first, 1, right, first, 1)

    def _on_blocks(self, note: Note, n_blocks: int) -> Note:
        block_s = BLOCK / self.sample_rate_hz
        onset = min(round(note.onset_s / block_s), n_blocks - 1)
        offset = max(round(note.offset_s / block_s), onset + 1)
        return replace(note, onset_s=onset * block_s, offset_s=offset * block_s)

    def _actions(self, synth: Any, phrase: Phrase, notes: Sequence[Note], channel: int) -> list[Action]:
        """List all events; within a block releases come first, then controllers, then attacks."""

        def at(time_s: float) -> int:
            return round(time_s * self.sample_rate_hz / BLOCK)

        end = at(max((note.offset_s for note in notes), default=0.0))
        actions: list[Action] = []
        for note in notes:
            actions.append((at(note.onset_s), 2, partial(synth.noteon, channel, note.key, note.velocity)))
            actions.append((at(note.offset_s), 0, partial(synth.noteoff, channel, note.key)))
        for control in phrase.controls:
            actions.append((at(control.time_s), 1, partial(synth.cc, channel, control.number, control.value)))
        for bend in phrase.bends:
            actions.append((at(bend.time_s), 1, partial(_bend, synth, channel, phrase.tuning_cents + bend.cents)))
        return [action for action in actions if action[0] < end or action[1] == 0]


def _bend(synth: Any, channel: int, cents: float) -> None:
    wheel = round(cents / BEND_RANGE_CENTS * _WHEEL_STEPS)
    synth.pitch_bend(channel, max(-_WHEEL_STEPS, min(_WHEEL_STEPS - 1, wheel)))


@lru_cache(maxsize=1)
def _library() -> ModuleType:
    try:
        fluidsynth = importlib.import_module("fluidsynth")
    except (ImportError, OSError, AttributeError):  # the binding looks for the library when it is imported
        raise SetupError(f"the library FluidSynth is missing: install it with {_INSTALL}") from None
    silence = fluidsynth.cfunc(
        "fluid_set_log_function", ctypes.c_void_p, ("level", ctypes.c_int, 1), ("function", ctypes.c_void_p, 1),
        ("data", ctypes.c_void_p, 1),
    )  # fmt: skip
    for level in range(_QUIET):
        silence(level, None, None)
    return fluidsynth


class _Functions(NamedTuple):
    """Functions of FluidSynth that the binding leaves out."""

    write_float: Callable[..., int]
    add_sfont: Callable[..., int]
    remove_sfont: Callable[..., int]


@lru_cache(maxsize=1)
def _functions() -> _Functions:
    declare, pointer, number = _library().cfunc, ctypes.c_void_p, ctypes.c_int
    lend = (("synth", pointer, 1), ("sfont", pointer, 1))
    return _Functions(
        declare(
            "fluid_synth_write_float", number, ("synth", pointer, 1), ("len", number, 1),
            ("lout", pointer, 1), ("loff", number, 1), ("lincr", number, 1),
            ("rout", pointer, 1), ("roff", number, 1), ("rincr", number, 1),
        ),
        declare("fluid_synth_add_sfont", number, *lend),
        declare("fluid_synth_remove_sfont", number, *lend),
    )  # fmt: skip
