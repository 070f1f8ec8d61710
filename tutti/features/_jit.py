"""Compilation of the inner loops."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

_FASTMATH = {"contract"}


def compiled(function: F) -> F:
    """Compile a function with numba, keeping the machine code beside the module (or in the user's cache folder).

    A compiled function may call compiled functions of its own file only: of a change in another file the kept machine
    code would not know. Multiplications and additions may be contracted; nothing is reordered, so results do not depend
    on the machine's vector width.
    """
    try:
        return cast(F, numba.njit(function, cache=True, nogil=True, fastmath=_FASTMATH, error_model="numpy"))
    except RuntimeError:  # no writable folder for the cache: compile anew in each process
        return cast(F, numba.njit(function, nogil=True, fastmath=_FASTMATH, error_model="numpy"))
