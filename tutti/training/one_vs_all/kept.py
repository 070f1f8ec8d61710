"""Binaries that were fitted before, kept by what they were fitted from.

A stage writes its output anew, and DVC clears it before. What would give the same binary is not fitted again: it is
copied from ``.tutti/binaries`` in the user's repository, where it lies under the digest of all that went into it: its
parameters and seed, its clips and labels, the code and the packages that fitted it. So a class that is added costs one
training, and a stage that was killed goes on with the binary at which it was killed.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.config import main_repository
from tutti.feature_store import open_feature
from tutti.store import digest, file_digest, whole
from tutti.training.one_vs_all.pairs import Material

FOLDER = Path(".tutti/binaries")
_MOST = 600  # binaries kept; those used longest ago make room
_PACKAGE = Path(__file__).parents[2]
_CODE = ("training/one_vs_all/binary.py", "training/one_vs_all/pairs.py", "training/network.py",
         "training/keras_file.py", "training/windows.py", "architectures/_blocks.py", "seeding.py")  # fmt: skip


class Kept:
    """The binaries that are kept in the user's repository."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = main_repository() / FOLDER if folder is None else folder

    def find(self, fingerprint: str) -> Path | None:
        """Return the folder of a binary, None where it is not kept."""
        folder = self.folder / fingerprint
        if not folder.is_dir():
            return None
        folder.touch()
        return folder

    @contextmanager
    def adding(self, fingerprint: str) -> Iterator[Path]:
        """Yield the folder to write a binary to, which is kept when the block succeeds; others make room for it.

        Args:
            fingerprint: of the binary.
        """
        with whole(self.folder / fingerprint) as partial:
            yield partial
        used = sorted(self.folder.glob("[!.]*"), key=_last_used)
        for old in used[:-_MOST]:
            shutil.rmtree(old, ignore_errors=True)


def _last_used(folder: Path) -> float:
    """Return when a binary was used; one that another process has removed meanwhile comes first."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def fingerprint(settings: dict[str, Any], architecture: str, data: Iterable[str]) -> str:
    """Return the digest of all that goes into a binary.

    Args:
        settings: parameters and seed.
        architecture: name of its network's module.
        data: digests of its clips and labels.
    """
    made_by = {"code": _code_digest(architecture), "packages": _packages()}
    return digest({"settings": settings, "data": list(data), **made_by})


def data_digest(feature: Path, material: Material) -> str:
    """Return the digest of the clips and labels of a binary.

    Args:
        feature: folder of the stored feature.
        material: which of its clips, and what they hold.
    """
    found = hashlib.sha256(_rows_digest(feature.resolve(), material.rows.tobytes()).encode())
    for values in (material.positive, material.size, material.twin):
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


@cache
def _rows_digest(folder: Path, rows: bytes) -> str:
    """Return the digest of some clips of a feature: most binaries have the same ones."""
    feature, found = open_feature(folder), hashlib.sha256()
    chosen: NDArray[np.int64] = np.frombuffer(rows, np.int64)
    for row in chosen.tolist():
        found.update(np.ascontiguousarray(feature[row]).tobytes())
    return found.hexdigest()


@cache
def _code_digest(architecture: str) -> str:
    return digest([file_digest(_PACKAGE / name) for name in (*_CODE, f"architectures/{architecture}.py")])


@cache
def _packages() -> tuple[str, ...]:
    return tuple(f"{name} {version(name)}" for name in ("keras", "numpy", "tensorflow"))
