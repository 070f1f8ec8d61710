"""Recipes: the numbers drawn for one mixture; with the recordings they are all it takes to render it again."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from math import gcd
from pathlib import Path
from typing import Any, TypeVar

from tutti.errors import DataError

_COARSEST_GRID_MS = 40
R = TypeVar("R", "Recipe", "SourceRecipe")


@dataclass(frozen=True)
class SourceRecipe:
    """One recording within a mixture; a phrase that is strung from several is several of these, one after another.

    Attributes:
        recording: id of the recording.
        instrument: its taxonomy name.
        path: its file, relative to the root of the corpus.
        audio_sha256: hash of its decoded audio.
        start_ms: where the part that sounds begins within the recording.
        entry_ms: where it begins within the clip.
        length_ms: how long it lasts.
        fade_in_ms: length of the fade at its beginning.
        fade_out_ms: length of the fade at its end.
        loudness_gain_db: brings the recording to the common loudness.
        gain_db: the gain drawn for this mixture.
    """

    recording: str
    instrument: str
    path: str
    audio_sha256: str
    start_ms: int
    entry_ms: int
    length_ms: int
    fade_in_ms: int
    fade_out_ms: int
    loudness_gain_db: float
    gain_db: float


@dataclass(frozen=True)
class Recipe:
    """One mixture.

    Attributes:
        clip: id of the clip.
        file: its file name.
        sample_rate_hz: samples per second.
        duration_ms: length of the clip.
        attenuation_db: by how much the sum of the sources is turned down, 0 or more.
        sources: what sounds in it.
    """

    clip: str
    file: str
    sample_rate_hz: int
    duration_ms: int
    attenuation_db: float
    sources: tuple[SourceRecipe, ...]


def grid_ms(sample_rate_hz: int) -> int:
    """Return the step, in ms, at which whole milliseconds fall on whole samples.

    Positions on this grid are exact in milliseconds and in samples, so labels need no rounding: 1 ms at 48 kHz,
    10 ms at 44.1 kHz, 20 ms at 22.05 kHz. At odd rates, where the step would be above 40 ms, it is 1 ms, and positions
    are exact within a sample.
    """
    step = 1000 // gcd(sample_rate_hz, 1000)
    return step if step <= _COARSEST_GRID_MS else 1


def samples_in(ms: int, sample_rate_hz: int) -> int:
    """Return the number of whole samples in a number of milliseconds."""
    return ms * sample_rate_hz // 1000


def write_recipes(path: Path, recipes: Iterable[Recipe]) -> None:
    """Write recipes as JSON, one a line."""
    lines = [json.dumps(asdict(recipe), sort_keys=True, ensure_ascii=False) + "\n" for recipe in recipes]
    path.write_text("".join(lines), encoding="utf-8")


def read_recipes(path: Path) -> list[Recipe]:
    """Read recipes.

    Raises:
        DataError: when the file is missing, or a line is no recipe.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): run `dvc repro` to make it") from None
    return [_parse(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _parse(line: str, where: str) -> Recipe:
    try:
        values = json.loads(line)
        sources = tuple(_build(SourceRecipe, source) for source in values.pop("sources"))
        return _build(Recipe, {**values, "sources": sources})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where} is no recipe ({error}): remove the file and run `dvc repro`") from None


def _build(kind: type[R], values: dict[str, Any]) -> R:
    """Build a recipe from JSON; JSON keeps whole numbers and fractions apart, so types are compared as they are."""
    for field in fields(kind):
        if field.type is int and type(values[field.name]) is not int:
            raise ValueError(f"{field.name} is {values[field.name]!r}, but it must be a whole number")
        if field.type is float and type(values[field.name]) not in (int, float):
            raise ValueError(f"{field.name} is {values[field.name]!r}, but it must be a number")
    return kind(**values)
