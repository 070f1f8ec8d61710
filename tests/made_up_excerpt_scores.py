"""A made-up task on excerpts after ``predict``: labels and window scores of clips of one to three instruments."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti.config import MIXED_VALIDATION, TEST_SETS

CLASSES = ["cello", "flute", "piano", "violin"]
SETS = (MIXED_VALIDATION, *TEST_SETS)
N_CLIPS = 40
_EVENTS = {"clip": "str", "recording": "str", "instrument": "str", "onset_s": "float64", "offset_s": "float64",
           "pitch_midi": "float64", "velocity": "int64"}  # fmt: skip


def write_manifest(
    manifest: Path, clips: Sequence[str], labels: Sequence[Sequence[str]], songs: Sequence[str], seconds: Any
) -> None:
    """Write what the stage ``cut`` does."""
    manifest.mkdir(parents=True)
    (manifest / "classes.json").write_text(json.dumps(CLASSES))
    pd.DataFrame({
        "clip": list(clips), "file": [f"{clip}.flac" for clip in clips], "duration_s": np.asarray(seconds, float),
        "polyphony": [len(names) for names in labels], "instruments": [list(names) for names in labels],
        "recordings": [[song] for song in songs],
    }).to_parquet(manifest / "clips.parquet")  # fmt: skip
    pd.DataFrame({name: [] for name in _EVENTS}).astype(_EVENTS).to_parquet(manifest / "events.parquet")


def write_set(data: Path, name: str, seed: int, *, skipped: Sequence[int] = (), without: Sequence[int] = ()) -> None:
    """Write clips of 2 to 9 windows of 1 s and scores that are somewhat right, more so in some windows than in others.

    Args:
        data: ``data/<task>``.
        name: of the set.
        seed: another one gives other clips.
        skipped: numbers of clips that were not scored.
        without: numbers of clips that are not there at all.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 10, N_CLIPS)
    chosen = [np.sort(random.choice(4, random.integers(1, 4), replace=False)) for _ in range(N_CLIPS)]
    reference = np.zeros((N_CLIPS, 4))
    for row, names in zip(reference, chosen, strict=True):
        row[names] = 1
    clip = np.repeat(np.arange(N_CLIPS), lengths)
    sure = random.random((len(clip), 1)) ** 2
    scores = np.clip(0.6 * sure * reference[clip] + 0.4 * random.random((len(clip), 4)), 0, 1).astype(np.float32)
    there = np.setdiff1d(np.arange(N_CLIPS), np.asarray(without, int))
    ids = [f"{name}-{number:05d}" for number in range(N_CLIPS)]
    seconds = np.where(np.isin(np.arange(N_CLIPS), skipped), 0.75, lengths / 2 + 0.5)
    labels = [[CLASSES[index] for index in chosen[number]] for number in there]
    songs = [f"{name}/song {number // 2}" for number in there]
    manifest = data / "clips" / name / "manifest"
    write_manifest(manifest, [ids[number] for number in there], labels, songs, seconds[there])
    folder = data / "scores" / "han_cnn"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classes.json").write_text(json.dumps(CLASSES))
    kept = np.isin(clip, np.setdiff1d(there, skipped))
    onset_s = np.concatenate([np.arange(length) / 2 for length in lengths])
    np.savez(
        folder / f"{name}.npz", scores=scores[kept], clip=np.searchsorted(there, clip[kept]), onset_s=onset_s[kept],
        window_s=1.0, skipped=np.searchsorted(there, np.asarray(skipped, np.int64)), clip_s=seconds[there],
    )  # fmt: skip


def read_set(data: Path, name: str) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """Return the truth ``(clip, class)`` and each clip's scores ``(window, class)`` as they stand in the files."""
    table = pd.read_parquet(data / "clips" / name / "manifest" / "clips.parquet")
    truth = np.array([[int(each in names) for each in CLASSES] for names in table["instruments"]])
    with np.load(data / "scores" / "han_cnn" / f"{name}.npz") as arrays:
        windows = [arrays["scores"][arrays["clip"] == clip].astype(np.float64) for clip in range(len(table))]
    return truth, windows
