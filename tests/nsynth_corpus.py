"""Tiny folders in the layout in which the archives of NSynth unpack."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tutti.config import read_yaml
from tutti.corpora.adapters import nsynth
from tutti.seeding import generator

ROOT = Path(__file__).parents[1]
RATE = 8000


@lru_cache(maxsize=1)
def _section() -> dict[str, Any]:
    return dict(read_yaml(ROOT / "params.yaml")["corpora"]["nsynth"])


def nsynth_config(root: Path, **changes: Any) -> nsynth.Config:
    """Return the corpus' section of params.yaml for another root and notes of half a second, with changes."""
    return nsynth.Config.model_validate({**_section(), "root": str(root), "min_seconds": 0.5, **changes})


def fields_of(name: str, **changes: Any) -> dict[str, Any]:
    """Return what NSynth says about a note such as ``flute_acoustic_002-060-100``, with changes."""
    instrument, pitch, velocity = name.split("-")
    family, source, number = instrument.rsplit("_", 2)
    return {
        "note": 7, "note_str": name, "instrument": int(number), "instrument_str": instrument, "pitch": int(pitch),
        "velocity": int(velocity), "sample_rate": RATE, "qualities": [0] * 10, "qualities_str": [],
        "instrument_family": 2, "instrument_family_str": family, "instrument_source": 0,
        "instrument_source_str": source, **changes,
    }  # fmt: skip


def write_sound(path: Path, seconds: float = 0.6) -> Path:
    """Write noise of 16 bit that fades; no two names sound alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = generator(0, path.stem).uniform(-0.9, 0.9, round(seconds * RATE))
    soundfile.write(path, noise * np.linspace(1, 0, len(noise)), RATE, subtype="PCM_16")
    return path


def write_part(folder: Path, names: Iterable[str], **described: Any) -> Path:
    """Write a part: a sound a name, and ``examples.json``, which describes notes otherwise or also others."""
    names = list(names)
    for name in names:
        write_sound(folder / "audio" / f"{name}.wav")
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    examples = {name: fields_of(name) for name in names} | described
    (folder / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    return folder


def redescribe(folder: Path, **described: Any) -> None:
    """Describe notes of a part otherwise, or others, too."""
    path = folder / "examples.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | described), encoding="utf-8")
