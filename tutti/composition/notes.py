"""A stand-in of NSynth: single notes of a sound bank's instruments in that data set's own layout on disk.

    nsynth-<part>/examples.json                                what each note is, by name
    nsynth-<part>/audio/<family>_<source>_<n>-<p>-<v>.wav      instrument, MIDI pitch, velocity; 16 bit, mono
    stand_in.json                                              which sound banks, by content

A note is held, then released; its file's length is that of both, and its peak ``PEAK`` of full scale, as in NSynth.
The number of an instrument is its General MIDI program, plus 128 for each sound bank before its own: instruments of
two banks are different instruments, and a bank that plays two parts has the same instruments in both. Further
specimens of a kind (``tutti.composition.voicing``) are instruments of their own, with 128 more for each bank. Notes
that a bank is silent for, and those that it plays exactly as another one, are replaced by others of the instrument.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from tutti import store
from tutti.audio import Samples, pcm16, resample
from tutti.composition.banks import find_bank
from tutti.composition.note_programs import LEFT_OUT, Family
from tutti.composition.phrases import VIBRATO, Control, Note, Phrase
from tutti.composition.qualities import QUALITIES, qualities
from tutti.composition.synthesizer import fluidsynth_version, synthesizer
from tutti.composition.voicing import Voice, draw_voice, voiced
from tutti.errors import DataError
from tutti.parallel import parallel_map
from tutti.seeding import generator

PEAK = 0.99  # of full scale
SILENT_PEAK = 1e-4  # of full scale, as FluidSynth plays it
PROGRAMS = 128  # of a General MIDI bank
_FAMILY_NUMBERS = {
    name: number
    for number, name in enumerate(
        ("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal")
    )
}  # NSynth's, as are those of sources
_SOURCE_NUMBERS = {"acoustic": 0, "electronic": 1, "synthetic": 2}
_BANDWIDTH_HZ = 44100  # least rate at which a bank is played: FluidSynth does not filter what lies beyond half its rate
_LOWEST_HZ = 16.0


@dataclass(frozen=True)
class NoteJob:
    """What is the same for all notes.

    Attributes:
        config: the corpus' section ``render``.
        families: the instruments of each family.
        notes_per_instrument: of the grid of its register and the velocities; fewer where the bank has fewer.
        seed: any integer.
        specimens: instruments made of each program: its own sound, and further voices.
    """

    config: Any
    families: Mapping[str, Family]
    notes_per_instrument: int | Literal["all"]
    seed: int
    specimens: int = 1


@dataclass(frozen=True)
class _Instrument:
    """An instrument of one part: what plays it, and its number in NSynth's sense."""

    part: str
    bank: Path
    family: str
    source: str
    program: int
    register: tuple[int, int]
    number: int
    specimen: int = 0

    @property
    def name(self) -> str:
        return f"{self.family}_{self.source}_{self.number:03d}"


def render_notes(job: NoteJob, out: Path) -> None:
    """Render all notes; the folder appears whole.

    Args:
        job: what to render.
        out: the folder to write.

    Raises:
        SetupError: when FluidSynth or a sound bank is not installed.
        DataError: when a bank is not a sound bank, lacks a program or does not sound for an instrument.
    """
    banks = {part: find_bank(file) for part, file in job.config.banks.items()}
    instruments = _instruments(job, banks)
    with store.whole(out) as partial:
        for part in banks:
            (_part_folder(partial, part) / "audio").mkdir(parents=True)
        rendered = parallel_map(_render, instruments, "rendering notes", job, partial)
        for part in banks:
            pairs = zip(instruments, rendered, strict=True)
            examples = {note: fields for each, notes in pairs if each.part == part for note, fields in notes.items()}
            store.write_json(_part_folder(partial, part) / "examples.json", examples)
        description = {
            "banks": {part: {"file": path.name, "sha256": store.file_digest(path)} for part, path in banks.items()},
            "fluidsynth": fluidsynth_version(),
        }
        store.write_json(partial / "stand_in.json", description)


def play_note(bank: Path, program: int, key: int, velocity: int, config: Any, voice: Voice | None = None) -> Samples:
    """Return one note as a bank plays it, ``(n,)`` at the rate of the section ``render``, not yet at its peak.

    Args:
        bank: the SoundFont 2 file.
        program: General MIDI program, from 0.
        key: MIDI key.
        velocity: 1..127.
        config: the section ``render``.
        voice: that of a further specimen; None for the bank's own sound.
    """
    rate = config.sample_rate_hz * -(-_BANDWIDTH_HZ // config.sample_rate_hz)
    seconds = config.held_seconds + config.decay_seconds
    notes = (Note(0.0, config.held_seconds, key, velocity),)
    phrase = Phrase(program, kit=False, pitched=True, notes=notes)
    if voice:
        controls = (Control(0.0, VIBRATO, voice.vibrato),)
        phrase = replace(phrase, controls=controls, tuning_cents=voice.tuning_cents)
    samples, _ = synthesizer(bank, rate, False).play(phrase, round(seconds * rate))
    # Some banks hold samples with an offset, which would give the bank away.
    above = sosfilt(butter(2, _LOWEST_HZ, "highpass", fs=rate, output="sos"), samples.astype(np.float64))
    n_samples = round(seconds * config.sample_rate_hz)
    lower = resample(np.asarray(above, np.float32), rate, config.sample_rate_hz)[:n_samples]
    note = np.pad(lower, (0, n_samples - len(lower)))
    return voiced(note, config.sample_rate_hz, voice) if voice else note


def _instruments(job: NoteJob, banks: Mapping[str, Path]) -> list[_Instrument]:
    order = list(dict.fromkeys(banks.values()))
    return [
        _Instrument(part, bank, name, family.source, program, register, program + PROGRAMS * place, specimen)
        for part, bank in banks.items()
        for specimen in range(job.specimens)
        for place in (order.index(bank) + len(order) * specimen,)
        for name, family in sorted(job.families.items())
        for program, register in sorted(family.registers.items())
        if program not in LEFT_OUT.get(bank.name, ())
    ]


def _render(instrument: _Instrument, job: NoteJob, out: Path) -> dict[str, dict[str, Any]]:
    """Write the notes of one instrument; return their fields in ``examples.json`` by name."""
    wanted = None if job.notes_per_instrument == "all" else job.notes_per_instrument
    config, folder = job.config, _part_folder(out, instrument.part) / "audio"
    written = {}
    for key, velocity, samples in islice(_sounding(instrument, job), wanted):
        name = f"{instrument.name}-{key:03d}-{velocity:03d}"
        soundfile.write(folder / f"{name}.wav", pcm16(samples), config.sample_rate_hz, subtype="PCM_16")
        present = qualities(samples, config.sample_rate_hz, config.held_seconds)
        written[name] = _fields(instrument, key, velocity, config.sample_rate_hz, present)
    if not written:
        raise DataError(
            f"sound bank {instrument.bank} gives silence for program {instrument.program} ({instrument.family}): "
            "name another bank in corpora.*.render.banks"
        )
    return written


def _sounding(instrument: _Instrument, job: NoteJob) -> Iterator[tuple[int, int, Samples]]:
    """Yield the instrument's notes in the order in which they are drawn, those that sound, each sound once."""
    lowest, highest = instrument.register
    grid = list(product(range(lowest, highest + 1), sorted(job.config.velocities)))
    heard: set[bytes] = set()
    voice = draw_voice(generator(job.seed, "nsynth", "voice", instrument.name)) if instrument.specimen else None
    for index in generator(job.seed, "nsynth", instrument.part, instrument.name).permutation(len(grid)):
        key, velocity = grid[index]
        samples = play_note(instrument.bank, instrument.program, key, velocity, job.config, voice)
        peak = float(np.abs(samples).max())
        if peak < SILENT_PEAK:
            continue
        samples = samples * np.float32(PEAK / peak)
        sound = pcm16(samples).tobytes()
        if sound not in heard:
            heard.add(sound)
            yield key, velocity, samples


def _fields(
    instrument: _Instrument, key: int, velocity: int, sample_rate_hz: int, present: Sequence[int]
) -> dict[str, Any]:
    """Return what ``examples.json`` says about a note."""
    return {
        "note": (instrument.number * 128 + key) * 128 + velocity,  # unique, whatever else is rendered
        "note_str": f"{instrument.name}-{key:03d}-{velocity:03d}",
        "instrument": instrument.number,
        "instrument_str": instrument.name,
        "pitch": key,
        "velocity": velocity,
        "sample_rate": sample_rate_hz,
        "qualities": list(present),
        "qualities_str": [name for name, is_present in zip(QUALITIES, present, strict=True) if is_present],
        "instrument_family": _FAMILY_NUMBERS[instrument.family],
        "instrument_family_str": instrument.family,
        "instrument_source": _SOURCE_NUMBERS[instrument.source],
        "instrument_source_str": instrument.source,
    }


def _part_folder(out: Path, part: str) -> Path:
    return out / f"nsynth-{part}"
