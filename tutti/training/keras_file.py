"""Keras' file format, so written that the same network gives the same bytes."""

import json
import zipfile
from pathlib import Path
from typing import Any

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def forget_the_moment(path: Path) -> None:
    """Rewrite a ``.keras`` archive without the time of its making and without addresses of objects in memory."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, Any] = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps({"keras_version": metadata["keras_version"]}).encode()
    members["config.json"] = json.dumps(_renumbered(json.loads(members["config.json"]), {})).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content)


def _renumbered(value: Any, numbers: dict[int, int]) -> Any:
    """Return a configuration whose shared objects are numbered in their order, not by address."""
    if isinstance(value, list):
        return [_renumbered(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: numbers.setdefault(item, len(numbers)) if key == "shared_object_id" else _renumbered(item, numbers)
        for key, item in value.items()
    }
