"""Outputs appear whole or not at all; JSON and tables are written byte for byte the same each time."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tutti.errors import DataError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling to write a file or a folder to; rename it to ``path`` when the block succeeds.

    A killed process leaves at most the temporary sibling, which the next call for the same path removes.

    Args:
        path: the file or folder that should appear. What stands there is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.partial-*"):
        if not alive(int(stale.name.rpartition("-")[2])):
            _remove(stale)
    partial = path.parent / f".{path.name}.partial-{os.getpid()}"
    _remove(partial)
    try:
        yield partial
        if not partial.exists():
            raise DataError(f"nothing was written for {path}")
        _remove(path)
        partial.rename(path)
    finally:
        _remove(partial)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON with sorted keys; the file appears whole."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `dvc repro` to make it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not JSON ({error}): remove it and run `dvc repro`") from None


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON-able value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def alive(pid: int) -> bool:
    """Return whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
