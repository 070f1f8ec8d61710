"""IRMAS: excerpts of music with their predominant instruments (Bosch, Janer, Fuhrmann & Herrera 2012).

Layout, as the archives unpack (and as ``mirdata`` downloads them)::

    IRMAS-TrainingData/<code>/[<code>][<drums>][<genre>]<song>__<n>.wav    3 s, one label: the folder
    IRMAS-TestingData-Part<k>/.../<song>-<n>.wav and .txt                  5 to 20 s, one label a line

A song is the group that stands on one side: the number before ``__`` in training, the name without its last number in
the test. Banks are ``training``, ``part1``, ``part2`` and ``part3``. Files that begin with a dot or ``._`` and what is
no WAV are not read.

``mirdata`` fits for fetching the data and comparing checksums, and what it leaves on disk is read here. Its loader does
not fit for reading, as ``docs/predominant.md`` tells. Labels that both can read are the same.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tutti.clips_section import Shares
from tutti.config import CollectedConfig, Fraction, Level, Range, SampleRate, Section, Text
from tutti.corpora.recording import Entry
from tutti.errors import DataError

LICENCE = "CC BY-NC-SA 3.0 (IRMAS); of a rendered stand-in that of its sound banks"
CITATION = "Bosch, Janer, Fuhrmann and Herrera, A comparison of sound segregation techniques ..., ISMIR 2012"

INSTRUMENTS = {
    "cel": "cello",
    "cla": "clarinet",
    "flu": "flute",
    "gac": "acoustic_guitar",
    "gel": "electric_guitar",
    "org": "pipe_organ",
    "pia": "piano",
    "sax": "saxophone",
    "tru": "trumpet",
    "vio": "violin",
    "voi": "voice",
}  # the taxonomy has one organ, which its aliases call so
TRAINING = "training"
PARTS = ("part1", "part2", "part3")

TRAINING_FOLDER = "IRMAS-TrainingData"
STAND_IN = Path("data/corpora/irmas")  # where the stage `render_excerpts` writes

_TEST_FOLDER = re.compile(r"(?:(?:IRMAS-|IR)?TestingData[-_ ]?)?Part[-_ ]?([123])", re.IGNORECASE)
_SONG = re.compile(r"(\d+)__\d+$")
_PIECE = re.compile(r"[-_ ]\d+$")
_CODES = ", ".join(INSTRUMENTS)
_ADVICE = (
    "unpack IRMAS there, run `dvc repro render_excerpts` for the stand-in, or change corpora.*.root in params.yaml"
)


def _whole_range(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2 or list(value) != sorted(value):
        raise ValueError("must be a list of two whole numbers, the lower one first")
    return tuple(value)


_FromNone = Annotated[int, Field(ge=0, le=8)]
_FromOne = Annotated[int, Field(ge=1, le=8)]


def _training_and_test(banks: dict[Any, str]) -> dict[Any, str]:
    if TRAINING not in banks or len(banks) < 2:
        raise ValueError("must name a sound bank for training and one for a part of the test at least")
    return banks


class StandInConfig(Section):
    """How a stand-in of IRMAS is rendered.

    Attributes:
        banks: sound bank of the training excerpts and of each part of the test.
        sample_rate_hz: of the excerpts.
        peak_dbfs: peak level of each excerpt.
        training_seconds: length of a training excerpt.
        excerpts_per_song: fewest and most training excerpts of a song.
        test_seconds: shortest and longest test clip.
        label_shares: share of the test clips in which one instrument leads, two do, and so on.
        accompaniment: fewest and most instruments that accompany.
        accompaniment_db: lowest and highest level of each of them, below the leading one.
        drums_probability: share of the songs with drums.
    """

    banks: Annotated[dict[Literal["training", "part1", "part2", "part3"], Text], AfterValidator(_training_and_test)]
    sample_rate_hz: SampleRate
    peak_dbfs: Level
    training_seconds: Annotated[float, Field(ge=1, le=30)]
    excerpts_per_song: Annotated[tuple[_FromOne, _FromOne], BeforeValidator(_whole_range)]
    test_seconds: Range
    label_shares: Shares
    accompaniment: Annotated[tuple[_FromNone, _FromNone], BeforeValidator(_whole_range)]
    accompaniment_db: Range
    drums_probability: Fraction

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 1 <= self.test_seconds[0] <= self.test_seconds[1] <= 120:
            raise ValueError(f"test_seconds {list(self.test_seconds)} must lie within 1..120")
        return self


class Config(CollectedConfig):
    """IRMAS, or a stand-in of it."""

    render: StandInConfig

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks that its recordings may belong to."""
        return (TRAINING, *PARTS)

    @property
    def holds_solos(self) -> bool:
        """An excerpt is of all that plays in it, whatever leads."""
        return False

    @property
    def is_rendered(self) -> bool:
        """Whether no musician was recorded for it."""
        return Path(self.root).resolve() == STAND_IN.resolve()


def read(root: Path, config: Config) -> Iterator[Entry]:
    """List the excerpts of training and test, sorted by id.

    A test clip without its ``.txt``, with an empty one or with an unknown label is an entry with a ``problem``, as is a
    training excerpt in a folder of an unknown code.

    Args:
        root: folder with ``IRMAS-TrainingData`` and the parts of the test.
        config: how to read it.

    Raises:
        DataError: when the root or the training folder is missing or unreadable.
    """
    folders = {path.name: path for path in _listing(root) if path.is_dir()}
    if TRAINING_FOLDER not in folders:
        raise DataError(f"folder {root / TRAINING_FOLDER} is missing: {_ADVICE}")
    found = list(_training(root, folders[TRAINING_FOLDER]))
    for name, folder in folders.items():
        if part := _TEST_FOLDER.fullmatch(name):
            found += _test(root, folder, f"part{part[1]}")
    if not config.links_outside:
        found = [_within(root, entry) for entry in found]
    yield from sorted(found, key=lambda entry: entry.recording)


def _within(root: Path, entry: Entry) -> Entry:
    """Return an entry, with a problem where its file is reached by a link that leads out of the root."""
    if entry.problem or (root / entry.path).resolve().is_relative_to(root.resolve()):
        return entry
    return replace(entry, problem="is behind a link that leads out of the corpus' root: set links_outside to true")


def _training(root: Path, folder: Path) -> Iterator[Entry]:
    for path in _audio(folder):
        within = path.relative_to(folder)
        code = within.parts[0] if len(within.parts) > 1 else ""
        song = _SONG.search(path.stem)
        instrument = INSTRUMENTS.get(code.lower(), "")
        problem = "" if instrument else f"stands in no folder of a label code: it must be one of {_CODES}"
        yield _entry(root, path, TRAINING, song[1] if song else path.stem, (instrument,) * bool(instrument), problem)


def _test(root: Path, folder: Path, bank: str) -> Iterator[Entry]:
    for path in _audio(folder):
        labels, problem = _labels(path)
        yield _entry(root, path, bank, _PIECE.sub("", path.stem), labels, problem)


def _labels(audio: Path) -> tuple[tuple[str, ...], str]:
    """Return the instruments in the label file of a test clip, and what is wrong with it (else empty)."""
    path = next((each for each in (audio.with_suffix(".txt"), audio.with_suffix(".TXT")) if each.is_file()), None)
    if path is None:
        return (), f"has no label file: put {audio.with_suffix('.txt').name!r} beside it, one label a line"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return (), f"has a label file that cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}"
    codes = [(number, word.lower()) for number, line in enumerate(lines, 1) for word in line.split()]
    for number, code in codes:
        if code not in INSTRUMENTS:
            return (), f"has the unknown label {code!r} in line {number} of its label file: allowed are {_CODES}"
    if not codes:
        return (), f"has an empty label file: write at least one of {_CODES} into it, one a line"
    return tuple(sorted({INSTRUMENTS[code] for _, code in codes})), ""


def _entry(root: Path, path: Path, bank: str, song: str, instruments: tuple[str, ...], problem: str) -> Entry:
    name = path.relative_to(root).as_posix()
    plain = name.encode(errors="backslashreplace").decode()
    if plain != name:
        problem = problem or "has a name that is not UTF-8: rename it"
    return Entry(
        recording=f"{bank}/{plain.removesuffix('.wav')}",  # of a.WAV beside a.wav all
        path=plain,
        instrument=instruments[0] if len(instruments) == 1 else "",
        bank=bank,
        group=f"{bank}/{song.encode(errors='backslashreplace').decode()}",
        licence=LICENCE,
        problem=problem,
        instruments=instruments,
    )


def _audio(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield the visible WAV files below a folder, in order; links to folders are followed, but not in a circle."""
    entered = above | {folder.resolve()}
    for path in _listing(folder):
        if path.is_dir():
            if path.resolve() not in entered:
                yield from _audio(path, entered)
        elif path.suffix.lower() == ".wav":
            yield path


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"folder {folder} is missing: {_ADVICE}") from None
    except OSError as error:
        raise DataError(f"folder {folder} cannot be read: {error.strerror}") from None
