"""Tiny folders in the layout in which the archives of IRMAS unpack."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tutti.config import read_yaml
from tutti.corpora.adapters import irmas

ROOT = Path(__file__).parents[1]
RATE = 8000
PART_FOLDERS = {
    "Part1": "IRMAS-TestingData-Part1/Part1",
    "Part2": "IRMAS-TestingData-Part2/IRTestingData-Part2",
    "Part3": "IRMAS-TestingData-Part3/Part3",
}  # the second archive differs


def irmas_config(root: Path, **changes: Any) -> irmas.Config:
    """Return the corpus' section of params.yaml for another root, with changes."""
    section = read_yaml(ROOT / "params.yaml")["corpora"]["irmas"]
    return irmas.Config.model_validate({**section, "root": str(root), **changes})


def write_stereo(path: Path, number: int, seconds: float = 0.6) -> Path:
    """Write two sines of 16 bit, one a channel; no two numbers sound alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(seconds * RATE)) / RATE
    pitches_hz = np.array([200 + 7 * number, 400 + 7 * number])
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * time_s[:, None] * pitches_hz), RATE, subtype="PCM_16")
    return path


def write_excerpt(root: Path, name: str, number: int, seconds: float = 0.6) -> Path:
    """Write a training excerpt, such as ``cel/[cel][cla]0001__1.wav``."""
    return write_stereo(root / irmas.TRAINING_FOLDER / name, number, seconds)


def write_clip(root: Path, name: str, number: int, labels: str | bytes | None, seconds: float = 0.8) -> Path:
    """Write a test clip, such as ``Part1/01 A song-1``, and its label file as it is given, or none."""
    part, _, stem = name.partition("/")
    folder = root / PART_FOLDERS[part]
    path = write_stereo(folder / f"{stem}.wav", number, seconds)
    if labels is not None:
        (folder / f"{stem}.txt").write_bytes(labels.encode() if isinstance(labels, str) else labels)
    return path
