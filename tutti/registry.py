"""Registered things are files: a module's name is the name users write in ``params.yaml``.

``load("features", "log_mel")`` imports only ``tutti.features.log_mel``, so a Random Forest never imports Keras.
"""

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from tutti.errors import UnknownNameError

_PACKAGE = Path(__file__).parent

KINDS = {"features": "extractor", "architectures": "architecture", "corpora/adapters": "adapter"}


def names(kind: str) -> list[str]:
    """Return the sorted names registered under a kind.

    Args:
        kind: a folder of the package that holds one module a name, such as ``features``.
    """
    return sorted(path.stem for path in (_PACKAGE / kind).glob("*.py") if path.stem[0] != "_")


def load(kind: str, name: str) -> ModuleType:
    """Import the module that is registered under a name.

    Raises:
        UnknownNameError: when no module of that kind has the name.
    """
    known = names(kind)
    if name not in known:
        raise UnknownNameError(f"{KINDS.get(kind, kind)} {name!r} is unknown: {choose(name, known)}")
    return importlib.import_module(f"tutti.{kind.replace('/', '.')}.{name}")


def choose(name: object, known: Iterable[str]) -> str:
    """Return the half-sentence that lists what is allowed and suggests the nearest name."""
    allowed = sorted(known)
    near = difflib.get_close_matches(str(name), allowed, n=1)
    suggestion = f"; did you mean {near[0]!r}?" if near else ""
    return f"choose one of {', '.join(allowed)}{suggestion}"
