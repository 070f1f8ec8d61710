"""A folder of recordings, one sub-folder an instrument: any file name, format, sample rate and number of channels.

Layout: ``<root>/<instrument>/<file>`` or ``<root>/<instrument>/<session>/.../<file>``. An instrument's folder bears a
name or alias in the taxonomy, or the paper's "Country-Instrument" (Meas & Moieni 2025, Table 1). Hidden files and files
that are no audio may stand beside. When something sounds is not known: the mixtures find it by its energy.
"""

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from tutti import taxonomy
from tutti.config import CollectedConfig, Text
from tutti.corpora.recording import Entry
from tutti.errors import DataError, UnknownNameError

LICENCE = "that of the recordings, as `licence` in params.yaml states it"
CITATION = "the owner of the recordings"

AUDIO = frozenset(
    {
        "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "caf", "flac", "m4a", "mka", "mp2", "mp3", "mp4",
        "oga", "ogg", "opus", "rf64", "snd", "tta", "voc", "w64", "wav", "wave", "webm", "wma", "wv",
    }
)  # fmt: skip  # endings of files that are read; what they hold decides how
_DASH = re.compile("[-\N{EN DASH}\N{EM DASH}]")
_EMPTY = "holds no recording: put some into it or remove it"
_log = logging.getLogger("tutti")


def _a_pattern(text: str | None) -> str | None:
    try:
        re.compile(text or "")
    except re.error as error:
        raise ValueError(f"must be a regular expression, or null: {error}") from None
    return text


class Config(CollectedConfig):
    """A folder of recordings."""

    bank: Text
    licence: Text
    country_prefix: bool
    sessions: bool
    group_pattern: Annotated[Text | None, AfterValidator(_a_pattern)]

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks that its recordings may belong to."""
        return (self.bank,)


@dataclass(frozen=True)
class _Found:
    """A file or folder: its path relative to the root, and what is wrong with it (else empty)."""

    path: PurePosixPath
    problem: str = ""


def read(root: Path, config: Config) -> Iterator[Entry]:
    """List the recordings of all instruments, sorted by id.

    What cannot be used is an entry with a ``problem``: an instrument's folder without recordings, a recording in no
    instrument's folder, a name that is not UTF-8, a link that leads out of the root.

    Args:
        root: folder with a sub-folder an instrument.
        config: how to read the names of folders and files.

    Raises:
        DataError: when the root is missing or unreadable, or recordings stand in it but in no folder.
        UnknownNameError: when a folder with recordings is no instrument of the taxonomy.
    """
    found = list(_walk(root, PurePosixPath(), config, frozenset()))
    beside = Counter(each.path.suffix.lower() or each.path.name for each in found if not _is_wanted(each))
    if beside:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(beside.items()))
        _log.info("%s: %d files are no audio by their names and are not read (%s)", root, beside.total(), kinds)
    wanted = [each for each in found if _is_wanted(each)]
    loose = [each for each in wanted if len(each.path.parts) == 1 and not each.problem]
    if loose and len(loose) == len(wanted):
        raise DataError(
            f"{root} holds {len(loose)} recordings, such as {loose[0].path}, but in no folder: move them "
            "into one folder an instrument, named after it"
        )
    instruments = _instruments(root, wanted, config)
    yield from sorted(_entries(wanted, instruments, config), key=lambda entry: entry.recording)


def _walk(root: Path, folder: PurePosixPath, config: Config, above: frozenset[Path]) -> Iterator[_Found]:
    """Yield all visible files below a folder, and sub-folders that hold no recording or cannot be followed."""
    above |= {_real(root / folder)}
    for item in _listing(root / folder):
        path = folder / item.name
        problem = _name_problem(path) or ("" if config.links_outside else _link_problem(root, root / path))
        if problem or not (root / path).is_dir():
            yield _Found(path, problem)
        elif _real(root / path) in above:
            yield _Found(path, "is a link to a folder that it stands in: remove it")
        else:
            yield from _walk_below(root, path, config, above)


def _walk_below(root: Path, folder: PurePosixPath, config: Config, above: frozenset[Path]) -> Iterator[_Found]:
    try:
        found = list(_walk(root, folder, config, above))
    except DataError as error:
        yield _Found(folder, f"cannot be used: {error}")
        return
    yield from found
    if len(folder.parts) == 1 and not any(_is_wanted(each) for each in found):
        yield _Found(folder, _EMPTY)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike Path.resolve, it bears a link that leads to itself


def _listing(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            visible = [item for item in items if not item.name.startswith(".") and item.name != "__MACOSX"]
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"folder {folder} is missing: run `mkdir` and fill it, one folder an instrument, or change corpora.*.root "
            "in params.yaml"
        ) from None
    except OSError as error:
        raise DataError(f"folder {folder} cannot be read: {error.strerror}") from None
    return sorted(visible, key=lambda item: item.name)


def _name_problem(path: PurePosixPath) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8: rename it"
    return ""


def _link_problem(root: Path, path: Path) -> str:
    if _real(path).is_relative_to(_real(root)):
        return ""
    return "is a link that leads out of the corpus' root: copy the file, or set links_outside to true"


def _is_wanted(found: _Found) -> bool:
    return found.path.suffix.lower().removeprefix(".") in AUDIO or (bool(found.problem) and not found.path.suffix)


def _instruments(root: Path, wanted: Iterable[_Found], config: Config) -> dict[str, str]:
    """Return the instrument of each folder at the top that holds recordings or bears an instrument's name."""
    folders = {each.path.parts[0]: False for each in wanted if len(each.path.parts) > 1 or each.problem}
    folders |= {each.path.parts[0]: True for each in wanted if len(each.path.parts) > 1}
    found: dict[str, str] = {}
    unknown = []
    for folder, needed in folders.items():
        try:
            found[folder] = _instrument(folder, config)
        except UnknownNameError:
            if needed:
                unknown.append(folder)
    if unknown:
        raise UnknownNameError(_unknown(root, unknown))
    renamed = [f"{folder} as {name}" for folder, name in sorted(found.items()) if taxonomy.slug(folder) != name]
    if renamed:
        _log.info("%s: folders are read as other names: %s", root, ", ".join(renamed))
    return found


def _instrument(folder: str, config: Config) -> str:
    """Return the instrument that a folder's name means: all of it or, after a country, the rest of it."""
    known = taxonomy.load()
    for dash in _DASH.finditer(folder) if config.country_prefix and folder not in known else ():
        country, rest = folder[: dash.start()], folder[dash.end() :]
        if rest in known and not known.has_word_of(country):  # a "Bass-Clarinet" comes from no country
            return known.get(rest).name
    return known.get(folder).name


def _unknown(root: Path, folders: list[str]) -> str:
    """Return what to do about folders that are no instruments."""
    first, *others = folders
    near = taxonomy.load().nearest(first)
    name = taxonomy.slug(first) or "my_instrument"
    return (
        f"folder {root / first} is no instrument of the taxonomy{f' (did you mean {near!r}?)' if near else ''}: rename "
        "it, or add it to a YAML file of your own that `taxonomy` in params.yaml names, with its Hornbostel-Sachs "
        f"class ({' | '.join(taxonomy.CLASSES)}), such as `{name}: {{title: {first}, hornbostel_sachs: chordophone}}`"
        + (f"; as unknown are {len(others)} more: {', '.join(others)}" if others else "")
    )


def _entries(wanted: Iterable[_Found], instruments: dict[str, str], config: Config) -> Iterator[Entry]:
    wanted = list(wanted)
    exact = {str(each.path) for each in wanted}
    for each in wanted:
        path, problem = str(each.path).encode(errors="backslashreplace").decode(), each.problem
        plain = unicodedata.normalize("NFC", path)  # the same id where a system spells names in another form
        recording = f"{config.bank}/{path if plain in exact else plain}"
        instrument = instruments.get(each.path.parts[0], "")
        if problem == _EMPTY and not instrument:
            continue
        if not instrument and not problem:
            problem = "stands in no instrument's folder: move it into one"
        group = f"{config.bank}/{_group(PurePosixPath(plain), config)}"
        yield Entry(recording, path, instrument, config.bank, group, config.licence, problem=problem)


def _group(path: PurePosixPath, config: Config) -> str:
    """Return what must stand on one side: a session's folder, what the pattern finds in a name, else the recording."""
    folder, *within = path.parts
    if config.sessions and len(within) > 1:
        return f"{folder}/{within[0]}"
    match = re.search(config.group_pattern, path.stem) if config.group_pattern else None
    if match and (found := match[1] if match.re.groups else match[0]):
        return "/".join((folder, *within[:-1], found))
    return str(path)
