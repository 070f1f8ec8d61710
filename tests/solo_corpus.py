"""A tiny corpus of tone bursts, written as FLAC and listed as the stages index and split list theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from tutti.audio import Samples, read_audio
from tutti.config import ClipsConfig
from tutti.corpora.index import audio_digest
from tutti.mixtures.clip_set import Corpus

RATE = 16000
CLASS_OF = {
    "bongos": "membranophone", "flute": "aerophone", "kalimba": "idiophone", "oboe": "aerophone",
    "sitar": "chordophone", "taiko": "membranophone", "triangle": "idiophone", "violin": "chordophone",
}  # fmt: skip
BURSTS_S = ((0.25, 0.75), (1.0, 1.75), (2.25, 2.5))


def clips_config(**changes: Any) -> ClipsConfig:
    """Return parameters of mixtures of 2 s at 16 kHz, with changes."""
    values: dict[str, Any] = {
        "seconds": 2.0, "sample_rate_hz": RATE, "min_polyphony": 2, "max_polyphony": 5, "draw": "all",
        "loudness_dbfs": -26.0, "gain_db": [-6.0, 6.0], "peak_dbfs": -1.0, "late_entry_probability": 0.0,
        "early_exit_probability": 0.0, "min_sounding_seconds": 0.25, "repeat_combinations": False,
        "string_below_seconds": 0.0, "string_gap_seconds": [-0.05, 0.3], "string_fade_seconds": 0.05,
        "format": "flac", "mp3_kbps": 128,
        "naming": "number", "label_files": False,
    }  # fmt: skip
    return ClipsConfig.model_validate({**values, **changes})


def bursts(frequency_hz: float, seconds: float, sample_rate_hz: int = RATE, amplitude: float = 0.3) -> Samples:
    """Return a sine that sounds during ``BURSTS_S`` and is exactly 0 elsewhere, ``(n,)``."""
    time_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    sounds = np.any([(time_s >= begin) & (time_s < end) for begin, end in BURSTS_S], axis=0)
    return np.asarray(amplitude * sounds * np.sin(2 * np.pi * frequency_hz * time_s), np.float32)


def write_corpus(
    root: Path, sounds: Mapping[str, Samples], side: str = "train", sample_rate_hz: int = RATE, with_events: bool = True
) -> Corpus:
    """Write recordings, named ``<instrument>/<take>``, and return the corpus that lists them."""
    rows, events = [], []
    for recording, samples in sounds.items():
        path = root / f"{recording}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, sample_rate_hz)
        rows.append((recording, recording.partition("/")[0], f"{recording}.flac", audio_digest(read_audio(path)), side))
        events += [(recording, begin, end, 69.0, 90) for begin, end in BURSTS_S if with_events]
    recordings = pd.DataFrame(rows, columns=["recording", "instrument", "path", "audio_sha256", "side"])
    notes = pd.DataFrame(events, columns=["recording", "onset_s", "offset_s", "pitch_midi", "velocity"])
    return Corpus(recordings.drop(columns="path"), recordings[["recording", "path"]], notes, root, CLASS_OF)


def eight_instruments(root: Path, takes: int = 2, seconds: float = 3.0) -> Corpus:
    """Write recordings of eight instruments, two of each class; no two sound alike."""
    names = [f"{name}/{take}" for name in CLASS_OF for take in range(takes)]
    return write_corpus(root, {name: bursts(200 + 50 * index, seconds) for index, name in enumerate(names)})


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
