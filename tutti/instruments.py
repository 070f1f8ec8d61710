"""What an entry of a taxonomy file says about an instrument, and the sentences about a wrong one."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from tutti import registry
from tutti.errors import ParameterError

HornbostelSachs = Literal["aerophone", "chordophone", "idiophone", "membranophone"]
Family = Literal[
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "vocal", "percussion", "other"
]
MacroCategory = Literal[
    "acoustic guitars", "bass", "brass", "drums", "electric guitars", "electronic fx", "electronic keys",
    "folk guitars", "free reed", "harps", "percussion", "piano", "pitched percussion", "strings", "system", "voice",
    "woodwinds",
]  # fmt: skip
Style = Literal["sustained", "plucked", "struck", "percussion"]

CLASSES: tuple[HornbostelSachs, ...] = get_args(HornbostelSachs)
FAMILIES: tuple[Family, ...] = get_args(Family)
MACRO_CATEGORIES: tuple[MacroCategory, ...] = get_args(MacroCategory)
STYLES: tuple[Style, ...] = get_args(Style)

# What an entry that names neither gets: the nearest that its class allows to say.
_OF_CLASS: Mapping[str, Mapping[str, str]] = {
    "aerophone": {"family": "other", "macro_category": "woodwinds"},
    "chordophone": {"family": "other", "macro_category": "strings"},
    "idiophone": {"family": "percussion", "macro_category": "percussion"},
    "membranophone": {"family": "percussion", "macro_category": "drums"},
}

_HIGHEST = 127  # of MIDI's programs, kits and keys


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a General MIDI sound bank plays an instrument.

    Attributes:
        programs: melodic programs, 0..127; a recording uses one of them.
        kits: drum kits, 0..127, where the instrument is part of one; then ``programs`` is empty.
        keys: MIDI keys that are struck like drums; empty for a melodic instrument.
        register: lowest and highest MIDI note of a melodic instrument, else ``None``.
        style: how its phrases are composed.
        polyphonic: whether it plays several notes at a time.
    """

    programs: tuple[int, ...]
    kits: tuple[int, ...]
    keys: tuple[int, ...]
    register: tuple[int, int] | None
    style: Style
    polyphonic: bool


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument.

    Attributes:
        name: the slug, ``[a-z0-9_]``, that files and tables use.
        title: the name to show.
        hornbostel_sachs: its class in Hornbostel & Sachs 1914.
        family: its family as in NSynth (Engel et al. 2017), or ``percussion`` or ``other``.
        macro_category: one of the 17 of the Milan report on MedleyDB.
        aliases: other names that folders and files use.
        rendering: how a sound bank plays it; ``None`` for an instrument known from recordings only.
    """

    name: str
    title: str
    hornbostel_sachs: HornbostelSachs
    family: Family
    macro_category: MacroCategory
    aliases: tuple[str, ...] = ()
    rendering: Rendering | None = None


def slug(text: str) -> str:
    """Return a spelling without case, accents, spaces and signs: letters and digits joined by ``_``."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("ß", "ss"))
    plain = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    return "_".join(re.findall(r"[^\W_]+", plain))


def instrument(name: str, entry: Any, where: str) -> Instrument:
    """Return the instrument that an entry of a taxonomy file describes.

    An entry that names no family or macro-category gets what its Hornbostel-Sachs class allows to say.

    Args:
        name: the entry's key.
        entry: its value.
        where: the file and the key, for what is said about a wrong entry.

    Raises:
        ParameterError: when the name, a key or a value is not allowed.
    """
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
        raise ParameterError(f"{where}: a name holds only a-z, 0-9 and single _ between them, such as {slug(name)!r}")
    _check_keys(entry, ("title", "hornbostel_sachs"), ("family", "macro_category", "aliases", "rendering"), where)
    entry = {**_OF_CLASS.get(str(entry["hornbostel_sachs"]), {}), **entry}
    aliases = entry.get("aliases", [])
    if not isinstance(aliases, list):
        raise ParameterError(f"{where}.aliases is {aliases!r}: it must be a list, such as [a, b]")
    found = Instrument(
        name=name,
        title=str(entry["title"]),
        hornbostel_sachs=_one_of(entry, "hornbostel_sachs", CLASSES, where),
        family=_one_of(entry, "family", FAMILIES, where),
        macro_category=_one_of(entry, "macro_category", MACRO_CATEGORIES, where),
        aliases=tuple(str(alias) for alias in aliases),
    )
    rendering = entry.get("rendering")
    return found if rendering is None else replace(found, rendering=_rendering(rendering, f"{where}.rendering"))


def _rendering(entry: Any, where: str) -> Rendering:
    _check_keys(entry, ("style", "polyphonic"), ("programs", "kits", "keys", "register"), where)
    rendering = Rendering(
        programs=_numbers(entry, "programs", where),
        kits=_numbers(entry, "kits", where),
        keys=_numbers(entry, "keys", where),
        register=_register(entry, where),
        style=_one_of(entry, "style", STYLES, where),
        polyphonic=_one_of(entry, "polyphonic", (True, False), where),
    )
    if bool(rendering.programs) == bool(rendering.kits):
        raise ParameterError(f"{where} must have programs or kits, and not both")
    if rendering.style == "percussion" and not rendering.keys:
        raise ParameterError(f"{where} has style percussion and must list the keys to strike")
    if rendering.style != "percussion" and not (rendering.register and rendering.programs):
        raise ParameterError(f"{where} has style {rendering.style} and must have programs and a register")
    return rendering


def _check_keys(entry: Any, required: Iterable[str], optional: Iterable[str], where: str) -> None:
    required, optional = tuple(required), tuple(optional)
    if not isinstance(entry, Mapping):
        raise ParameterError(f"{where} is {entry!r}: it must map {', '.join(required)} to values")
    for key in entry:
        if key not in required + optional:
            raise ParameterError(f"{where}: key {key!r} is unknown: {registry.choose(key, required + optional)}")
    for key in required:
        if key not in entry:
            raise ParameterError(f"{where}.{key} is missing")


def _one_of(entry: Mapping[str, Any], key: str, allowed: tuple[Any, ...], where: str) -> Any:
    if entry[key] not in allowed:
        raise ParameterError(f"{where}.{key} is {entry[key]!r}: choose one of {', '.join(map(str, allowed))}")
    return entry[key]


def _numbers(entry: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value <= _HIGHEST for value in values):
        raise ParameterError(f"{where}.{key} is {values!r}: it must be a list of integers from 0 to {_HIGHEST}")
    return tuple(values)


def _register(entry: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    values = _numbers(entry, "register", where)
    if not values:
        return None
    if len(values) != 2 or values[1] - values[0] < 7:
        raise ParameterError(f"{where}.register is {list(values)}: it must be [lowest, highest], at least 7 apart")
    return values[0], values[1]
