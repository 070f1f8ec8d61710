"""A small folder of recordings, such as a user may have, with tones in place of instruments."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tutti.audio import Samples
from tutti.corpora.adapters import folder

RATE = 16000


def folder_config(root: Path, **changes: Any) -> folder.Config:
    """Return the parameters of a folder, with changes."""
    values: dict[str, Any] = {
        "adapter": "folder", "root": str(root), "bank": "folder", "licence": "CC0", "country_prefix": True,
        "sessions": True, "group_pattern": None, "min_seconds": 0.1, "links_outside": False, "on_bad_file": "skip",
    }  # fmt: skip
    return folder.Config.model_validate({**values, **changes})


def tone(frequency_hz: float, seconds: float, amplitude: float = 0.3) -> Samples:
    """Return a sine, ``(n,)``."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(amplitude * np.sin(2 * np.pi * frequency_hz * time_s), np.float32)


def write_tone(path: Path, frequency_hz: float, seconds: float = 0.5, silence_s: float = 0.0) -> Path:
    """Write a sine after and before some silence; no two frequencies give the same sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quiet = np.zeros(round(silence_s * RATE), np.float32)
    soundfile.write(path, np.concatenate([quiet, tone(frequency_hz, seconds), quiet]), RATE)
    return path
