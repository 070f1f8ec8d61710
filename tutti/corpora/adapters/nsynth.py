"""NSynth: single notes of instruments of eleven families (Engel et al. 2017).

Layout, as the archives unpack (and as the stage ``render_notes`` writes its stand-in)::

    nsynth-train/examples.json         what each note is: instrument, family, source, pitch, velocity
    nsynth-train/audio/<note>.wav      held for 3 s, then released for 1 s
    nsynth-valid/, nsynth-test/        likewise

Banks are ``train``, ``valid`` and ``test``; folders without the prefix are read, too, and a root that itself holds
``examples.json`` is the bank ``train``. An instrument is the group that stands on one side, whatever its bank: NSynth
numbers them throughout, and its parts ``valid`` and ``test`` share some. The label is the family.

Notes of other families, or of another source than the section ``families`` asks for, are left out, and so are files
that ``examples.json`` does not name: neither is a fault.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tutti.config import CollectedConfig, SampleRate, Section, Text
from tutti.corpora.note_fields import EXAMPLES_FILE, FAMILY, INSTRUMENT, SOURCE, field_problem, is_text, name_problem
from tutti.corpora.recording import Entry, Event
from tutti.errors import DataError

LICENCE = "CC BY 4.0 (NSynth); of a rendered stand-in that of its sound banks"
CITATION = "Engel et al., Neural audio synthesis of musical notes with WaveNet autoencoders, ICML 2017"

BANKS = ("train", "valid", "test")
STAND_IN = Path("data/corpora/nsynth")  # where the stage `render_notes` writes
HELD_SECONDS = 3.0  # of every note

_AUDIO, _PREFIX, _ENDING = "audio", "nsynth-", ".wav"
_ADVICE = "unpack NSynth there, run `dvc repro render_notes` for the stand-in, or change corpora.*.root in params.yaml"
_log = logging.getLogger("tutti")


def _velocities(value: Any) -> Any:
    if not isinstance(value, list | tuple) or not value or len(set(map(repr, value))) < len(value):
        raise ValueError("must be a list of different whole numbers within 1..127, such as [25, 50, 75, 100, 127]")
    return tuple(value)


_Velocity = Annotated[int, Field(ge=1, le=127)]


class StandInConfig(Section):
    """How a stand-in of NSynth is rendered.

    Attributes:
        banks: sound bank of each part.
        sample_rate_hz: of the notes.
        held_seconds: from the start of a note to its release.
        decay_seconds: from its release to the end of the file.
        velocities: how hard notes are struck, 1..127.
    """

    banks: Annotated[dict[Literal["train", "valid", "test"], Text], Field(min_length=1)]
    sample_rate_hz: SampleRate
    held_seconds: Annotated[float, Field(ge=0.1, le=30)]
    decay_seconds: Annotated[float, Field(ge=0, le=30)]
    velocities: Annotated[tuple[_Velocity, ...], BeforeValidator(_velocities)]


class Config(CollectedConfig):
    """NSynth, or a stand-in of it.

    Attributes:
        families: from which source each family is taken; notes of another family or source are left out.
    """

    families: Annotated[dict[Text, Literal["acoustic", "electronic", "synthetic"]], Field(min_length=1)]
    render: StandInConfig

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks that its recordings may belong to."""
        return BANKS

    @property
    def holds_notes(self) -> bool:
        """Each recording is one note of one instrument."""
        return True

    @property
    def is_rendered(self) -> bool:
        """Whether no musician was recorded for it."""
        return Path(self.root).resolve() == STAND_IN.resolve()


@dataclass(frozen=True)
class _Part:
    """A part of NSynth.

    Attributes:
        bank: its name.
        folder: path relative to the root, with ``/`` at its end; empty where the root is the part.
        files: the WAV files in its folder ``audio``, and whether each lies behind a link that leads out of the root.
    """

    bank: str
    folder: str
    files: Mapping[str, bool]


def read(root: Path, config: Config) -> Iterator[Entry]:
    """List the notes of the families that are asked for, sorted by id.

    A note is an entry with a ``problem`` where its file is missing or behind a link that leads out of the root, where
    its name is no plain file name in UTF-8, and where its fields are missing or wrong.

    Args:
        root: folder with the parts of NSynth, or one of them.
        config: how to read it.

    Raises:
        DataError: when no part is there, or one cannot be read.
    """
    found: list[Entry] = []
    n_left_out = n_unnamed = 0
    for bank, folder in _folders(root).items():
        examples = _examples(folder / EXAMPLES_FILE)
        within = "" if folder == root else f"{folder.name}/"
        part = _Part(bank, within, _files(folder, None if config.links_outside else root))
        wanted = {name: fields for name, fields in examples.items() if not _is_left_out(fields, config.families)}
        found += (_entry(part, name, fields, config) for name, fields in wanted.items())
        n_left_out += len(examples) - len(wanted)
        n_unnamed += sum(name.removesuffix(_ENDING) not in examples for name in part.files)
    if n_left_out:
        _log.info("%s: %d notes of other families or sources are left out", root, n_left_out)
    if n_unnamed:
        _log.warning("%s: %d WAV files that no %s names are not read", root, n_unnamed, EXAMPLES_FILE)
    yield from sorted(found, key=lambda entry: entry.recording)


def _folders(root: Path) -> dict[str, Path]:
    """Return the folder of each bank that is there."""
    names = sorted(name for name in _listing(root) if name[0] != ".")
    if EXAMPLES_FILE in names:
        return {BANKS[0]: root}
    folders: dict[str, Path] = {}
    for name in (each for each in names if os.access(root / each / EXAMPLES_FILE, os.F_OK)):
        bank = name.removeprefix(_PREFIX)
        if bank not in BANKS:
            _log.warning("folder %s is not read: it is none of nsynth-train, nsynth-valid and nsynth-test", root / name)
        elif bank in folders:
            raise DataError(f"folders {folders[bank]} and {root / name} are both the part {bank!r}: remove one of them")
        else:
            folders[bank] = root / name
    if not folders:
        raise DataError(f"{root / (_PREFIX + BANKS[0]) / EXAMPLES_FILE} is missing: {_ADVICE}")
    return folders


def _listing(folder: Path) -> dict[str, os.DirEntry[str]]:
    """Return what a folder holds, by name, in one pass: NSynth's largest one holds 289 205 files."""
    try:
        with os.scandir(folder) as items:
            return {item.name: item for item in items}
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"folder {folder} is missing: {_ADVICE}") from None
    except OSError as error:
        raise DataError(f"folder {folder} cannot be read: {error.strerror}") from None


def _files(folder: Path, root: Path | None) -> dict[str, bool]:
    """Return the WAV files of a part, and whether each leads out of the root (never, where there is none)."""
    around = os.path.realpath(root) if root else ""
    audio = folder / _AUDIO

    def leads_out(path: Path) -> bool:
        return bool(root) and not Path(os.path.realpath(path)).is_relative_to(around)

    all_out = any(leads_out(path) for path in (audio, folder / EXAMPLES_FILE))
    return {
        name: all_out or (item.is_symlink() and leads_out(audio / name))
        for name, item in _listing(audio).items()
        if name.endswith(_ENDING) and _is_file(item)
    }


def _is_file(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_file()
    except OSError:  # a link that leads nowhere
        return False


def _examples(path: Path) -> dict[str, Any]:
    try:
        examples = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, json.JSONDecodeError) else "it is not text, or nested too deeply"
        raise DataError(f"{path} is not JSON ({problem}): {_ADVICE}") from None
    if not isinstance(examples, dict):
        raise DataError(f"{path} holds no group of notes by name: {_ADVICE}")
    return examples


def _is_left_out(fields: Any, families: Mapping[str, str]) -> bool:
    """Tell whether a note is of another family, or of another source, than what is asked for."""
    if not isinstance(fields, dict):
        return False
    family, source = fields.get(FAMILY), fields.get(SOURCE)
    return isinstance(family, str) and isinstance(source, str) and families.get(family) != source


def _entry(part: _Part, name: str, fields: Any, config: Config) -> Entry:
    problem = _problem(part, name, fields)
    known = fields if isinstance(fields, dict) else {}
    family, instrument = (str(known[key]) if is_text(known.get(key)) else "" for key in (FAMILY, INSTRUMENT))
    path, plain = f"{part.folder}{_AUDIO}/{name}{_ENDING}", name
    if name_problem(name):
        path, plain = part.folder + EXAMPLES_FILE, json.dumps(name)[1:-1]  # ASCII, and no two names alike
    recording = f"{part.bank}/{plain}"
    seconds = min(HELD_SECONDS, config.min_seconds)  # so that no note ends after its file
    events: tuple[Event, ...] = ()
    if seconds > 0 and not problem:
        events = (Event(recording, family, 0.0, seconds, float(known["pitch"]), known["velocity"]),)
    return Entry(
        recording=recording,
        path=path,
        instrument=family,
        bank=part.bank,
        group=instrument or recording,
        licence=LICENCE,
        events=events,
        problem=problem,
    )


def _problem(part: _Part, name: str, fields: Any) -> str:
    """Return what is wrong with a note, as what follows its path in a sentence; else empty."""
    if problem := name_problem(name):
        return problem
    leads_out = part.files.get(name + _ENDING)
    if leads_out is None:
        return f"is missing, though {EXAMPLES_FILE} names it: unpack NSynth again, or remove it there"
    if leads_out:
        return "is behind a link that leads out of the corpus' root: set links_outside to true"
    return field_problem(name, fields)
