"""The embedded corpus: solo recordings rendered from sound banks by the stage ``render``.

Layout: ``<root>/<bank>/<instrument>/<instrument>-<nn>.flac`` with a table of notes ``.csv`` beside each, and a
``bank.json`` for each bank. Events are exact; percussion has no pitch. Each recording is a group of its own, as each
has its own phrase.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tutti import taxonomy
from tutti.config import AdapterConfig, Level, SampleRate, Section
from tutti.corpora.recording import UNKNOWN_PITCH, Entry, Event
from tutti.errors import DataError, UnknownNameError

LICENCE = "that of the sound bank (FluidR3_GM: MIT; TimGM6mb: GPL-2)"
CITATION = "FluidR3_GM by Frank Wen (2000-2002, 2008); TimGM6mb by Tim Brechbill (2004)"

_LICENCES = {"FluidR3_GM.sf2": "MIT", "TimGM6mb.sf2": "GPL-2.0"}
_COLUMNS = ["onset_s", "offset_s", "pitch_midi", "velocity"]
_AUDIO = ".flac"


class RenderConfig(Section):
    """How the corpus is rendered."""

    banks: Annotated[dict[str, str], Field(min_length=1)]
    sample_rate_hz: SampleRate
    peak_dbfs: Level
    reverb: bool


class Config(AdapterConfig):
    """A rendered corpus."""

    render: RenderConfig

    @property
    def is_rendered(self) -> bool:
        """Whether no musician was recorded for it."""
        return True

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks that its recordings may belong to."""
        return tuple(self.render.banks)


def read(root: Path, config: Config) -> Iterator[Entry]:
    """List the recordings of all banks, sorted by id.

    Args:
        root: folder that the stage ``render`` filled.
        config: names the banks.

    Raises:
        DataError: when a folder or table is missing or unreadable, or a table is malformed.
        UnknownNameError: when a folder is no instrument of the taxonomy.
    """
    for bank in sorted(config.render.banks):
        licence = _LICENCES.get(Path(config.render.banks[bank]).name, "unknown")
        for folder in _listing(root / bank):
            if folder.is_dir():
                instrument = _instrument(folder)
                for path in _listing(folder):
                    if path.suffix == _AUDIO:
                        yield _entry(path, root, instrument, bank, licence)


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"folder {folder} is missing: run `dvc repro render` to render it") from None
    except OSError as error:
        raise DataError(f"folder {folder} cannot be read: {error.strerror}") from None


def _instrument(folder: Path) -> str:
    try:
        return taxonomy.load().get(folder.name).name
    except UnknownNameError as error:
        raise UnknownNameError(f"folder {folder}: {error}") from None


def _entry(path: Path, root: Path, instrument: str, bank: str, licence: str) -> Entry:
    recording = f"{bank}/{path.parent.name}/{path.stem}"
    return Entry(
        recording=recording,
        path=path.relative_to(root).as_posix(),
        instrument=instrument,
        bank=bank,
        group=recording,
        licence=licence,
        events=tuple(_events(path.with_suffix(".csv"), recording, instrument)),
    )


def _events(path: Path, recording: str, instrument: str) -> Iterator[Event]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise DataError(f"table of notes {path} is missing: run `dvc repro render` to render it again") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"table of notes {path} cannot be read: {error}") from None
    if not rows or rows[0] != _COLUMNS:
        raise DataError(f"table of notes {path} must begin with the columns {','.join(_COLUMNS)}")
    for line, row in enumerate(rows[1:], start=2):
        yield _event(row, recording, instrument, f"{path}, line {line}")


def _event(row: list[str], recording: str, instrument: str, where: str) -> Event:
    try:
        onset, offset, pitch, velocity = row
        event = Event(
            recording=recording,
            instrument=instrument,
            onset_s=float(onset),
            offset_s=float(offset),
            pitch_midi=float(pitch) if pitch else UNKNOWN_PITCH,
            velocity=int(velocity),
        )
    except ValueError:
        raise DataError(f"{where} is {','.join(row)!r}: it must hold an onset, offset, pitch and velocity") from None
    if not (0 <= event.onset_s < event.offset_s < math.inf):
        raise DataError(f"{where}: a note goes from {onset} to {offset} s, but it must end after it starts")
    return event
