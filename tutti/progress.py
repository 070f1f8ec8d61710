"""Progress of long work: a bar on a terminal, one log line a phase elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

_log = logging.getLogger("tutti")
T = TypeVar("T")


def track(items: Iterable[T], phase: str, total: int | None = None) -> Iterator[T]:
    """Yield the items while showing how far the phase has come.

    Args:
        items: what to iterate over.
        phase: what is being done, in the user's words ("mixing train").
        total: the number of items, when ``items`` has no length.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, desc=phase, total=total, unit="", dynamic_ncols=True)
        return
    started, count = time.monotonic(), 0
    for item in items:
        yield item
        count += 1
    _log.info("%s: %d done in %.1f s", phase, count, time.monotonic() - started)
