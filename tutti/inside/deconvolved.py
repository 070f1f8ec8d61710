"""Deconvolved windows as they are kept: ``deconvolution.json`` says what they are, ``deconvolution.npz`` holds them.

The archive has ``windows`` float32 ``(clip, time, frequency)``, the model's input before it is standardised, and
``images`` float16 ``(clip, image, time, frequency)``, each divided by its largest magnitude, which the JSON names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.store import read_json, write_json

Float32 = NDArray[np.float32]

ARRAYS, ABOUT = "deconvolution.npz", "deconvolution.json"


@dataclass(frozen=True, eq=False)
class UnitImage:
    """What one unit saw.

    Attributes:
        block: 1 to 4.
        unit: its number in the block, from 0.
        activation: the maximum of its map.
        peak: the largest magnitude of the image before it was divided by it, in deviations of the training clips.
        image: ``(time, frequency)`` in -1..1, or 0 everywhere.
    """

    block: int
    unit: int
    activation: float
    peak: float
    image: Float32


@dataclass(frozen=True, eq=False)
class Deconvolved:
    """One window with what the most active units of each block saw in it.

    Attributes:
        clip: id of the clip, or the name of a file.
        instrument: the only one in the clip; empty where it is not known.
        start_s: where in the clip the window starts, in seconds.
        seconds_per_frame: between two frames.
        mel_hz: lowest and highest frequency of the mel bands; None where the feature has no such bands.
        window: ``(time, frequency)``, the model's input before it is standardised.
        images: by block, within a block by falling activation.
    """

    clip: str
    instrument: str
    start_s: float
    seconds_per_frame: float
    mel_hz: tuple[float, float] | None
    window: Float32
    images: tuple[UnitImage, ...]

    def about(self) -> dict[str, Any]:
        """Return all but the arrays."""
        units = [
            {"block": each.block, "unit": each.unit, "activation": _rounded(each.activation), "peak": each.peak}
            for each in self.images
        ]
        return {
            "clip": self.clip,
            "instrument": self.instrument,
            "start_s": round(self.start_s, 6),
            "seconds_per_frame": self.seconds_per_frame,
            "mel_hz": list(self.mel_hz) if self.mel_hz else None,
            "units": units,
        }


def mel_range(feature_spec: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the lowest and highest frequency in Hz where each bin of a feature is a mel band, else None."""
    if feature_spec.get("n_mels") != feature_spec["frequency"]:
        return None
    return float(feature_spec["fmin_hz"]), float(feature_spec["fmax_hz"])


def unit_image(block: int, unit: int, activation: float, image: Float32) -> UnitImage:
    """Return a unit's image ``(time, frequency)`` divided by its largest magnitude."""
    peak = float(np.abs(image).max(initial=0))
    normal = image / np.float32(peak) if peak else np.zeros_like(image)
    return UnitImage(block, unit, activation, _rounded(peak), normal)


def write_deconvolved(folder: Path, clips: Sequence[Deconvolved]) -> None:
    """Write deconvolved windows of one model into a folder; the same ones give the same bytes."""
    write_json(folder / ABOUT, [clip.about() for clip in clips])
    images = np.array([[each.image for each in clip.images] for clip in clips], np.float16)
    with (folder / ARRAYS).open("wb") as file:
        np.savez_compressed(file, windows=np.array([clip.window for clip in clips], np.float32), images=images)


def read_deconvolved(folder: Path) -> list[Deconvolved]:
    """Read what ``write_deconvolved`` wrote.

    Raises:
        DataError: when a file is missing or broken, or the two do not fit each other.
    """
    about, path = read_json(folder / ABOUT), folder / ARRAYS
    try:
        with np.load(path, allow_pickle=False) as archive:
            windows, images = archive["windows"], archive["images"].astype(np.float32)
        return [_clip(*each) for each in zip(about, windows, images, strict=True)]
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `dvc repro` to make it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not hold what {ABOUT} says ({error}): remove it and run `dvc repro`") from None


def _clip(about: Mapping[str, Any], window: Float32, images: Float32) -> Deconvolved:
    units = tuple(UnitImage(**said, image=image) for said, image in zip(about["units"], images, strict=True))
    low_high = about["mel_hz"]
    return Deconvolved(
        clip=about["clip"],
        instrument=about["instrument"],
        start_s=about["start_s"],
        seconds_per_frame=about["seconds_per_frame"],
        mel_hz=(low_high[0], low_high[1]) if low_high else None,
        window=window,
        images=units,
    )


def _rounded(value: float) -> float:
    """Return a value with six digits."""
    return float(f"{value:.6g}")
