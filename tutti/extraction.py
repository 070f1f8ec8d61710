"""Extracting one feature of all clips of a task, in parallel: what the extract stage does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti import registry
from tutti.audio import read_mono
from tutti.config import FeatureConfig
from tutti.errors import DataError
from tutti.feature_store import write_feature
from tutti.parallel import parallel_iterate
from tutti.store import whole

Float32 = NDArray[np.float32]

EMBEDDINGS = Path("models/embedding")  # one folder a task: its own network, written by the stage `embedding`


def extract_sets(
    clips: Path, config: FeatureConfig, name: str, out: Path, sets: Sequence[str], trained: Path = EMBEDDINGS
) -> None:
    """Extract a feature of some sets of clips.

    Args:
        clips: the task's folder of clips, a sub-folder a set.
        config: the feature's parameters.
        name: the feature's name, for the progress line.
        out: where a sub-folder a set is written; all of them appear, or none.
        sets: names of the sets.
        trained: the folder of the task's own embedding.

    Raises:
        DataError: when a manifest or a clip is missing or unreadable, or its feature is not finite.
        ParameterError, SetupError: when a learned feature's handle leads to no network.
    """
    with ExitStack() as stack:
        for side, folder in [(side, stack.enter_context(whole(out / side))) for side in sets]:
            extract_set(clips / side, config, name, folder, trained)


def extract_set(clips: Path, config: FeatureConfig, name: str, out: Path, trained: Path = EMBEDDINGS) -> None:
    """Extract a feature of the clips of one set into a new folder, in memory that does not grow with their number.

    Raises:
        DataError: when a clip is missing or unreadable, or its feature is not finite.
    """
    table = _table(clips / "manifest" / "clips.parquet")
    paths = [clips / "audio" / file for file in table["file"]]
    located = config.located(trained)
    rows = _rows(paths, located, f"extracting {name} of {clips.name}")
    write_feature(out, name, config, table["clip"].tolist(), rows, located.origin())


def ready(spec: Mapping[str, Any], trained: Path) -> FeatureConfig:
    """Return the section, ready for ``extract``, of a stored feature.

    Args:
        spec: the stored feature's specification.
        trained: the folder of the task's own embedding.

    Raises:
        DataError: when the network behind the stored feature is not the one that is there now.
        ParameterError, SetupError: when a learned feature's handle leads to no network.
    """
    section = registry.load("features", spec["extractor"]).Config
    config: FeatureConfig = section.model_validate({key: spec[key] for key in section.model_fields})
    located = config.located(trained)
    if located.origin() != spec.get("origin", {}):
        raise DataError(
            f"feature {spec['name']!r} was made by another network than the one there is now: run `dvc repro`, so that "
            "the model is trained on embeddings by the present one"
        )
    return located


def extractor(config: FeatureConfig) -> ModuleType:
    """Return the module that computes a feature."""
    return registry.load("features", config.extractor)


def _rows(paths: Sequence[Path], config: FeatureConfig, phase: str) -> Iterator[Float32]:
    """Yield the features of all clips; the first here, so that workers find inner loops compiled and networks loaded.

    Processes that compile the same loops for the first time at the same moment can crash in numba's cache.
    """
    for path in paths[:1]:
        yield _extract(path, config)
    if len(paths) > 1:
        yield from parallel_iterate(_extract, paths[1:], phase, config, in_processes=config.in_processes)


def _extract(path: Path, config: FeatureConfig) -> Float32:
    values: Float32 = extractor(config).extract(read_mono(path, config.sample_rate_hz), config)
    if not np.isfinite(values).all():
        raise DataError(f"{path}: feature {config.extractor!r} gives NaN or infinity, which is never stored")
    return values


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=["clip", "file"])
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `dvc repro` to mix the clips") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is no table of clips ({error}): remove it and run `dvc repro`") from None
