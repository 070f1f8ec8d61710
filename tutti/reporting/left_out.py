"""Instruments that are no classes of a task, because too few of their recordings can be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tutti.errors import DataError
from tutti.reporting.words import instrument_title
from tutti.store import read_json

Item = dict[str, Any]


def read_left_out(task_data: Path) -> list[Item]:
    """Return what the stage ``split`` wrote about the instruments that it left out; nothing where it did not run.

    Args:
        task_data: the task's data folder, ``data/<task>``.

    Returns:
        items with at least ``instrument`` and ``reason``, sorted by instrument.

    Raises:
        DataError: when the list is damaged.
    """
    path = task_data / "split" / "not_evaluable.json"
    if not path.is_file():
        return []
    found = read_json(path)
    try:
        return [
            {"instrument": str(item["instrument"]), "reason": str(item["reason"])} for item in found if item["left_out"]
        ]
    except (KeyError, TypeError):
        raise DataError(f"{path} is no list of instruments: remove it and run `dvc repro`") from None


def sentence(items: Sequence[Item]) -> str:
    """Return which instruments were left out and why; empty when none was."""
    if not items:
        return ""
    told = "; ".join(f"{instrument_title(item['instrument'])} ({item['reason']})" for item in items)
    return (
        f"{len(items)} instrument{'s have' if len(items) > 1 else ' has'} too few recordings to be trained, validated "
        f"and tested, and {'are' if len(items) > 1 else 'is'} in no clip and no score: {told}."
    )
