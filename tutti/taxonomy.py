"""The instruments that tutti knows: names, classes, other spellings and how a sound bank plays them.

The truth is ``taxonomy.yaml`` beside this module; a user's own file of the same form adds instruments or replaces
entries. Which file that is, ``taxonomy`` in ``params.yaml`` says: ``tutti.config`` takes it up for the whole process
when it reads the parameters (worker processes are given what they need). Names are sorted everywhere, so that the
order of labels depends on the names alone.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from tutti.errors import ParameterError, UnknownNameError
from tutti.instruments import CLASSES as CLASSES
from tutti.instruments import HornbostelSachs as HornbostelSachs
from tutti.instruments import Instrument as Instrument
from tutti.instruments import Rendering as Rendering
from tutti.instruments import Style as Style
from tutti.instruments import instrument
from tutti.instruments import slug as slug
from tutti.sections import read_yaml

TAXONOMY_FILE = Path(__file__).with_suffix(".yaml")
BUILT_IN = Path("tutti/taxonomy.yaml")  # what params.yaml calls it

_in_use: list[Path] = []  # the user's file, where there is one
_NEAR = 0.75  # likeness, 0..1, from which a misspelling is worth a suggestion


class Taxonomy:
    """Instruments by name; iteration is in the order of their names."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        """Sort the instruments and index their spellings.

        Raises:
            ParameterError: when two instruments share a spelling.
        """
        self._instruments = {each.name: each for each in sorted(instruments, key=lambda each: each.name)}
        self._spellings = {name: name for name in self._instruments}
        for each in self._instruments.values():
            for alias in (each.title, *each.aliases):
                self._add_spelling(alias, each.name)

    def __iter__(self) -> Iterator[Instrument]:
        """Iterate over the instruments, sorted by name."""
        return iter(self._instruments.values())

    def __len__(self) -> int:
        """Return the number of instruments."""
        return len(self._instruments)

    @property
    def names(self) -> list[str]:
        """The sorted names."""
        return list(self._instruments)

    def get(self, spelling: str) -> Instrument:
        """Return the instrument that a name or alias means; case, accents, spaces and signs do not matter.

        Raises:
            UnknownNameError: when nothing is spelt so.
        """
        name = self._spellings.get(slug(spelling))
        if name is None:
            near = self.nearest(spelling)
            hint = f"did you mean {near!r}?" if near else f"choose one of {', '.join(self._instruments)}"
            raise UnknownNameError(
                f"instrument {spelling!r} is not in the taxonomy: {hint}, or add it to a YAML file of your own that "
                "`taxonomy` in params.yaml names"
            )
        return self._instruments[name]

    def nearest(self, spelling: str) -> str | None:
        """Return the name of the instrument that a misspelling may mean; None where nothing is near."""
        near = difflib.get_close_matches(slug(spelling), self._spellings, n=1, cutoff=_NEAR)
        return self._spellings[near[0]] if near else None

    def __contains__(self, spelling: object) -> bool:
        """Tell whether a name or alias means an instrument."""
        return isinstance(spelling, str) and slug(spelling) in self._spellings

    def has_word_of(self, text: str) -> bool:
        """Tell whether a word of a text is part of any spelling: "bass" is, of "double bass"."""
        words = set(slug(text).split("_"))
        return any(words & set(spelling.split("_")) for spelling in self._spellings)

    def select(self, names: Iterable[str]) -> list[Instrument]:
        """Return the named instruments, each once, sorted by name (UnknownNameError for an unknown one)."""
        found = {self.get(name).name for name in names}
        return [each for each in self if each.name in found]

    def renderable(self) -> list[Instrument]:
        """Return the instruments that a sound bank can play, sorted by name."""
        return [each for each in self if each.rendering]

    def _add_spelling(self, alias: str, name: str) -> None:
        key = slug(alias)
        owner = self._spellings.setdefault(key, name)
        if owner != name:
            raise ParameterError(f"taxonomy: {alias!r} names both {owner} and {name}: keep it in one of them")


def use(path: Path) -> None:
    """Make ``load`` read a file, from now on in this process.

    Args:
        path: ``tutti/taxonomy.yaml``, or a YAML file of the same form whose instruments come on top of it.

    Raises:
        ParameterError: as ``load``.
    """
    _in_use.clear()
    if path != BUILT_IN:
        load(path)
        _in_use.append(path)


def load(extra: Path | None = None) -> Taxonomy:
    """Read the taxonomy, with a user's own instruments on top.

    Args:
        extra: a YAML file of the same form; an entry with a known name replaces that instrument. By default the one
            that ``use`` named last.

    Raises:
        ParameterError: when a file is unreadable, or a key or value in it is not allowed.
    """
    path = extra or (_in_use[0] if _in_use else None)
    return _load(path.resolve() if path else None)


@cache
def _load(extra: Path | None) -> Taxonomy:
    instruments = _read(TAXONOMY_FILE)
    if extra is not None:
        instruments = instruments | _read(extra)
    return Taxonomy(instruments.values())


def _read(path: Path) -> dict[str, Instrument]:
    entries = read_yaml(path)
    if not isinstance(entries, Mapping):
        raise ParameterError(f"{path} must map instrument names to their entries, as {TAXONOMY_FILE.name} does")
    return {str(name): instrument(str(name), entry, f"{path}: {name}") for name, entry in entries.items()}
