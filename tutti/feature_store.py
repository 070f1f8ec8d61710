"""Stored features: written once, whole, and read by memory map, so that memory does not grow with the number of clips.

A stored feature is a folder: ``values.npy`` float32, ``(clip, time, frequency)`` when all clips have equally many
frames and ``(total time, frequency)`` otherwise; ``offsets.npy`` int64, the first frame of each clip and the end;
``clips.json``, the ids in order; ``spec.json``, what made it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tutti.config import FeatureConfig
from tutti.errors import DataError, ParameterError
from tutti.store import read_json, whole, write_json

Float32 = npt.NDArray[np.float32]

VALUES, OFFSETS, CLIPS, SPEC = "values.npy", "offsets.npy", "clips.json", "spec.json"
_HEADER = 128  # bytes before the values
_NOT_PARAMETERS = ("name", "frequency", "origin")  # in spec.json, but not in the feature's section of params.yaml


@dataclass(frozen=True, eq=False)
class Feature:
    """A stored feature; ``feature[i]`` is clip i's ``(time, frequency)``, read from disk when used.

    Attributes:
        folder: where it is stored.
        values: memory map, ``(clip, time, frequency)`` or ``(total time, frequency)``.
        offsets: first frame of each clip, and the end, ``(clip + 1,)``.
        clips: ids of the clips in order.
        spec: name, extractor, its parameters, ``frequency``, the length of the frequency axis, and, where parameters
            do not tell all, ``origin``, such as the digest of the network behind the values.
    """

    folder: Path
    values: Float32
    offsets: npt.NDArray[np.int64]
    clips: tuple[str, ...]
    spec: Mapping[str, Any]

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.clips)

    def __getitem__(self, clip: int) -> Float32:
        """Return a view of one clip, ``(time, frequency)``."""
        if not 0 <= clip < len(self.clips):
            raise IndexError(f"clip {clip} of {len(self.clips)}")
        rows: Float32 = (
            self.values[clip] if self.values.ndim == 3 else self.values[self.offsets[clip] : self.offsets[clip + 1]]
        )
        return rows


def spec_of(name: str, config: FeatureConfig, origin: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what identifies a feature: its name, extractor, parameters, length of the frequency axis and origin."""
    spec = {**config.model_dump(mode="json"), "name": name, "frequency": config.n_bins}
    return {**spec, "origin": dict(origin)} if origin else spec


def open_feature(folder: Path) -> Feature:
    """Open a stored feature for reading.

    Raises:
        DataError: when it is missing, or its files do not fit together.
    """
    spec, clips = read_json(folder / SPEC), read_json(folder / CLIPS)
    try:
        values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
        offsets = np.load(folder / OFFSETS, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing: run `dvc repro` to make it") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{folder} holds a damaged feature ({error}): remove it and run `dvc repro`") from None
    _check(folder, values, offsets, clips, spec)
    return Feature(folder, values, offsets, tuple(clips), spec)


def require_spec(feature: Feature, config: FeatureConfig) -> None:
    """Refuse a stored feature that was made with other parameters.

    Args:
        feature: the stored feature.
        config: the parameters that are wanted.

    Raises:
        ParameterError: naming the first parameter that differs, its two values and what to run.
    """
    stored = {key: value for key, value in feature.spec.items() if key not in _NOT_PARAMETERS}
    wanted = config.model_dump(mode="json")
    for key in sorted(stored.keys() | wanted.keys()):
        if stored.get(key) != wanted.get(key):
            raise ParameterError(
                f"{feature.folder} was extracted with {key} {stored.get(key)!r}, but {wanted.get(key)!r} is wanted: "
                "run `dvc repro` to extract it again, or set the parameter back"
            )


def require_same_origin(one: Feature, other: Feature) -> None:
    """Refuse to use two stored features together that different networks made (DataError)."""
    if one.spec.get("origin") != other.spec.get("origin"):
        raise DataError(f"{one.folder} and {other.folder} were made by different networks: run `dvc repro`")


def write_feature(
    folder: Path,
    name: str,
    config: FeatureConfig,
    clips: Sequence[str],
    rows: Iterable[Float32],
    origin: Mapping[str, str] | None = None,
) -> None:
    """Store a feature clip by clip; the folder appears whole, and the same input gives the same bytes.

    Args:
        folder: where to store it.
        name: of the feature.
        config: the parameters that made it.
        clips: ids in order.
        rows: each clip's values ``(time, frequency)``, in the same order.
        origin: what beside the parameters made the values.

    Raises:
        DataError: when a clip comes twice, or its values are of another shape or not finite.
    """
    if len(set(clips)) != len(clips):
        raise DataError(f"{folder} would hold {len(clips)} clips, of which {len(set(clips))} differ: give each once")
    with whole(folder) as partial:
        partial.mkdir()
        counts = _write_values(partial / VALUES, clips, config.n_bins, rows)
        np.save(partial / OFFSETS, np.concatenate(([0], np.cumsum(counts, dtype=np.int64))))
        write_json(partial / CLIPS, list(clips))
        write_json(partial / SPEC, spec_of(name, config, origin))


def _write_values(path: Path, clips: Sequence[str], n_bins: int, rows: Iterable[Float32]) -> list[int]:
    """Write the values as they come, then the header that states their shape; return the frames of each clip."""
    counts = []
    with path.open("wb") as file:
        file.write(bytes(_HEADER))
        for clip, values in zip(clips, rows, strict=True):
            if values.ndim != 2 or values.shape[1] != n_bins or not np.isfinite(values).all():
                raise DataError(f"clip {clip!r} has values {values.shape} that are not finite ones of (time, {n_bins})")
            file.write(np.ascontiguousarray(values, "<f4").tobytes())
            counts.append(len(values))
        equal = len(set(counts)) == 1
        shape = (len(counts), counts[0], n_bins) if equal else (sum(counts), n_bins)
        file.seek(0)
        file.write(_header(shape))
    return counts


def _header(shape: tuple[int, ...]) -> bytes:
    """Return NumPy's header (version 1.0) for float32 values of a shape, filled up with spaces."""
    words = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    magic = np.lib.format.magic(1, 0) + (_HEADER - 10).to_bytes(2, "little")
    return magic + words.ljust(_HEADER - 11).encode("latin1") + b"\n"


def _check(folder: Path, values: Float32, offsets: npt.NDArray[np.int64], clips: Any, spec: Any) -> None:
    fits = (
        isinstance(clips, list)
        and isinstance(spec, dict)
        and values.dtype == np.float32
        and values.ndim in (2, 3)
        and offsets.shape == (len(clips) + 1,)
        and values.shape[-1] == spec.get("frequency")
        and (values.shape[0] == len(clips) if values.ndim == 3 else values.shape[0] == offsets[-1])
    )
    if not fits:
        raise DataError(f"{folder} holds files that do not fit together: remove it and run `dvc repro`")
