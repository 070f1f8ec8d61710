"""A rendered corpus: a folder an instrument, a FLAC and a table of notes a recording.

    bank.json                                  which sound bank, by content
    <instrument>/<instrument>-<nn>.flac        16 bit, mono
    <instrument>/<instrument>-<nn>.csv         onset_s, offset_s, pitch_midi, velocity

Onsets are the times of note-on and exact. An offset is the time of note-off, from which the sound is released, or the
earlier moment at which the recording has faded to ``FADED_DB`` below its peak: what decays by itself (strings, bars,
drums) ends when it can no longer be heard, and at the latest with the recording. Percussion has no pitch (empty).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import butter, sosfilt

from tutti import store
from tutti.composition.composing import compose
from tutti.composition.phrases import Note, Phrase
from tutti.composition.synthesizer import BLOCK, fluidsynth_version, synthesizer
from tutti.errors import DataError, ParameterError
from tutti.parallel import parallel_map
from tutti.seeding import generator
from tutti.taxonomy import Instrument, Rendering

FADED_DB = -60.0
NOTE_COLUMNS = ("onset_s", "offset_s", "pitch_midi", "velocity")
_LOWEST_HZ = 16.0
_FADE_OUT_S = 0.005  # a recording ends without a click
_DIGITS = 7  # of a second: finer than any sample
_ATTEMPTS = 5  # phrases to try before a bank is said not to sound

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What is the same for all recordings of a corpus.

    Attributes:
        bank: name of the sound bank; part of every seed, so that two banks play different phrases.
        bank_path: the SoundFont 2 file.
        sample_rate_hz: of the recordings.
        peak_dbfs: peak level of each recording.
        reverb: whether FluidSynth adds its room.
        recordings: per instrument.
        seconds: length of a recording.
        seed: any integer.
    """

    bank: str
    bank_path: Path
    sample_rate_hz: int
    peak_dbfs: float
    reverb: bool
    recordings: int
    seconds: float
    seed: int


def render_corpus(instruments: Sequence[Instrument], job: RenderJob, out: Path) -> None:
    """Render all recordings of a bank; the folder appears whole.

    Args:
        instruments: each with a rendering.
        job: bank, sizes and seed.
        out: the folder to write.

    Raises:
        ParameterError: when an instrument has no rendering.
        SetupError: when FluidSynth is not installed.
        DataError: when the bank is not a sound bank or does not sound for an instrument.
    """
    for instrument in instruments:
        _rendering(instrument)
    description = {
        "bank": job.bank,
        "file": job.bank_path.name,
        "sha256": store.file_digest(job.bank_path),
        "sample_rate_hz": job.sample_rate_hz,
        "fluidsynth": fluidsynth_version(),
    }
    with store.whole(out) as partial:
        partial.mkdir()
        parallel_map(render_instrument, instruments, f"rendering {job.bank}", job, partial)
        store.write_json(partial / "bank.json", description)


def render_instrument(instrument: Instrument, job: RenderJob, out: Path) -> None:
    """Render one instrument's recordings into ``out/<instrument>``."""
    folder = out / instrument.name
    folder.mkdir()
    for number in range(1, job.recordings + 1):
        samples, phrase = render_recording(instrument, job, number)
        stem = f"{instrument.name}-{number:02d}"
        soundfile.write(folder / f"{stem}.flac", _pcm16(samples), job.sample_rate_hz, subtype="PCM_16")
        _write_notes(folder / f"{stem}.csv", phrase)


def render_recording(instrument: Instrument, job: RenderJob, number: int) -> tuple[Samples, Phrase]:
    """Compose and play one recording.

    Args:
        instrument: with a rendering.
        job: bank, sizes and seed.
        number: of the recording; each has its own phrase.

    Returns:
        the samples ``(n,)`` at the peak level of the job, and the phrase as it was played.

    Raises:
        DataError: when the bank gives silence.
    """
    for attempt in range(_ATTEMPTS):
        rng = generator(job.seed, "phrase", job.bank, instrument.name, number, attempt)
        samples, phrase = _play(_rendering(instrument), job, rng)
        if phrase.notes and np.abs(samples).max() > 0:
            return samples, phrase
    raise DataError(f"sound bank {job.bank_path} gives silence for {instrument.name}: correct its rendering")


def audible(notes: Sequence[Note], samples: Samples, sample_rate_hz: int) -> tuple[Note, ...]:
    """Return notes that end when they can no longer be heard; one that never sounds is left out.

    Args:
        notes: with times on block boundaries.
        samples: ``(n,)``, the recording that they make.
        sample_rate_hz: of the samples.
    """
    block_s = BLOCK / sample_rate_hz
    padded = np.pad(np.abs(samples), (0, -len(samples) % BLOCK))
    envelope = padded.reshape(-1, BLOCK).max(axis=1)  # (block,)
    sounds = envelope > envelope.max() * 10 ** (FADED_DB / 20)
    last_sounding = np.maximum.accumulate(np.where(sounds, np.arange(len(sounds)), -1))  # up to each block
    kept = []
    for note in notes:
        onset, end = round(note.onset_s / block_s), min(round(note.offset_s / block_s), len(sounds))
        last = int(last_sounding[end - 1])
        if last >= onset:
            kept.append(replace(note, offset_s=min(note.offset_s, (last + 1) * block_s)))
    return tuple(kept)


def _play(rendering: Rendering, job: RenderJob, rng: np.random.Generator) -> tuple[Samples, Phrase]:
    phrase = compose(rng, rendering, job.seconds)
    player = synthesizer(job.bank_path, job.sample_rate_hz, job.reverb)
    samples, notes = player.play(phrase, round(job.seconds * job.sample_rate_hz))
    faded = _fade_out(_without_offset(samples, job.sample_rate_hz), job.sample_rate_hz)
    peak = float(np.abs(faded).max())
    if peak > 0:
        faded = faded * np.float32(10 ** (job.peak_dbfs / 20) / peak)
        notes = audible(notes, faded, job.sample_rate_hz)
    return faded, replace(phrase, notes=notes)


def _rendering(instrument: Instrument) -> Rendering:
    if instrument.rendering is None:
        raise ParameterError(f"instrument {instrument.name!r} has no rendering in the taxonomy: record it instead")
    return instrument.rendering


def _without_offset(samples: Samples, sample_rate_hz: int) -> Samples:
    """Remove what lies below hearing: some banks hold samples with an offset, which would give the bank away."""
    sections = butter(2, _LOWEST_HZ, "highpass", fs=sample_rate_hz, output="sos")
    return sosfilt(sections, samples.astype(np.float64)).astype(np.float32)


def _fade_out(samples: Samples, sample_rate_hz: int) -> Samples:
    n_faded = min(len(samples), round(_FADE_OUT_S * sample_rate_hz))
    gains = np.ones(len(samples), np.float32)
    gains[len(samples) - n_faded :] = np.linspace(1, 0, n_faded, dtype=np.float32)
    return samples * gains


def _pcm16(samples: Samples) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def _write_notes(path: Path, phrase: Phrase) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NOTE_COLUMNS)
        for note in phrase.notes:
            pitch = round(note.key + phrase.tuning_cents / 100, 4) if phrase.pitched else ""
            writer.writerow((round(note.onset_s, _DIGITS), round(note.offset_s, _DIGITS), pitch, note.velocity))
