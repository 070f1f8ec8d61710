"""The audio and the labels of overlaid clips: what the stage ``overlay`` writes."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from tutti.audio import Samples, pcm16, read_mono
from tutti.config import OverlayConfig
from tutti.corpora.index import EVENTS_FILE as INDEX_EVENTS
from tutti.labels import CLASSES_FILE, CLIPS_FILE, EVENTS_FILE, read_table
from tutti.overlays.drawing import Overlay
from tutti.overlays.notes import is_of
from tutti.parallel import parallel_map
from tutti.store import whole, write_json

_EMPTY = "empty.txt"  # what an audio folder without clips holds, since DVC warns of empty folders
_NOTES_KEPT = 1024  # decoded, in each process: 0.26 MB each at 4 s and 16 kHz
_EVENT = ("onset_s", "offset_s", "pitch_midi", "velocity")
_EVENT_TYPES = {"clip": "str", "recording": "str", "instrument": "str", "onset_s": "float64", "offset_s": "float64",
                "pitch_midi": "float64", "velocity": "int64"}  # fmt: skip


def make_overlays(
    overlays: Sequence[Overlay], name: str, classes: Mapping[str, Any], config: OverlayConfig, index: Path, root: Path,
    out: Path,
) -> None:  # fmt: skip
    """Write a set of clips: ``out/audio``, one file a clip, and ``out/manifest`` with labels; both appear whole.

    Args:
        overlays: the clips.
        name: of the set, for the progress line.
        classes: the sections of all classes; their order is the label order.
        config: how notes are overlaid.
        index: folder of the index, for the notes' events.
        root: folder of the corpus.
        out: folder of the set.

    Raises:
        DataError: when a table or a note is missing, unreadable or damaged.
    """
    with whole(out / "audio") as audio, whole(out / "manifest") as manifest:
        audio.mkdir()
        manifest.mkdir()
        parallel_map(_write, overlays, f"overlaying {name}", root, config, audio)
        if not overlays:
            (audio / _EMPTY).write_text(f"The corpus has no notes for {name}.\n", encoding="utf-8")
        write_json(manifest / CLASSES_FILE, list(classes))
        _clips(overlays, classes, config).to_parquet(manifest / CLIPS_FILE, index=False)
        _events(overlays, index, config.seconds).to_parquet(manifest / EVENTS_FILE, index=False)


def overlay(notes: Sequence[Samples], gains_db: Sequence[float], n_samples: int, peak_dbfs: float) -> Samples:
    """Return notes, each brought to full scale and its gain, added up and brought to a peak; none are silence.

    Args:
        notes: ``(n,)`` each; shorter ones end early, longer ones are cut.
        gains_db: one a note.
        n_samples: length of the clip.
        peak_dbfs: peak of the clip.

    Returns:
        ``(n_samples,)`` float32.
    """
    total = np.zeros(n_samples)
    for samples, gain_db in zip(notes, gains_db, strict=True):
        peak = float(np.abs(samples).max(initial=0))
        if peak > 0:
            part = samples[:n_samples]
            total[: len(part)] += part * (10 ** (gain_db / 20) / peak)
    peak = float(np.abs(total).max(initial=0))
    return np.asarray(total * (10 ** (peak_dbfs / 20) / peak if peak > 0 else 1.0), np.float32)


def _write(spec: Overlay, root: Path, config: OverlayConfig, audio: Path) -> None:
    rate = config.sample_rate_hz
    notes = [_note(root / note.path, rate) for note in spec.notes]
    samples = overlay(notes, spec.gains_db, round(config.seconds * rate), config.peak_dbfs)
    soundfile.write(audio / f"{spec.clip}.flac", pcm16(samples), rate, subtype="PCM_16")  # the folder appears whole


@lru_cache(maxsize=_NOTES_KEPT)
def _note(path: Path, sample_rate_hz: int) -> Samples:
    return read_mono(path, sample_rate_hz)


def _clips(overlays: Sequence[Overlay], classes: Mapping[str, Any], config: OverlayConfig) -> pd.DataFrame:
    return pd.DataFrame({
        "clip": pd.Series([each.clip for each in overlays], dtype="str"),
        "file": pd.Series([f"{each.clip}.flac" for each in overlays], dtype="str"),
        "duration_s": np.full(len(overlays), config.seconds),
        "polyphony": np.asarray([len(each.notes) for each in overlays], np.int64),
        "instruments": [
            [name for name, section in classes.items() if any(is_of(note, section) for note in each.notes)]
            for each in overlays
        ],
        "recordings": [[note.recording for note in each.notes] for each in overlays],
        "players": [[note.group for note in each.notes] for each in overlays],
        "gains_db": [list(each.gains_db) for each in overlays],
        "twin": pd.Series([each.twin for each in overlays], dtype="str"),
        "block": pd.Series([each.block for each in overlays], dtype="str"),
    })  # fmt: skip


def _events(overlays: Sequence[Overlay], index: Path, seconds: float) -> pd.DataFrame:
    """Return the strong labels: the events of every note, from the start of its clip on, cut where the clip is."""
    table = read_table(index / INDEX_EVENTS, ("recording", *_EVENT))
    table = table[table["onset_s"] < seconds].assign(offset_s=table["offset_s"].clip(upper=seconds))
    known = {row[0]: row[1:] for row in table[["recording", *_EVENT]].itertuples(index=False, name=None)}
    rows = [
        (each.clip, note.recording, note.instrument, *known[note.recording])
        for each in overlays
        for note in each.notes
        if note.recording in known
    ]
    return pd.DataFrame(rows, columns=list(_EVENT_TYPES)).astype(_EVENT_TYPES)
