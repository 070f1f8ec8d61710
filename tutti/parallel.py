"""Parallel work over many items, in processes or threads, with progress.

joblib does the work, so that the same code runs on one machine or, under ``joblib.parallel_config``, on a cluster.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed

from tutti.process import die_with_parent
from tutti.progress import track

T = TypeVar("T")
R = TypeVar("R")


def workers() -> int:
    """Return the number of processes: all cores, or ``TUTTI_WORKERS`` where it is set."""
    return int(os.environ.get("TUTTI_WORKERS", "0")) or cpu_count()


def parallel_map(function: Callable[..., R], items: Sequence[T], phase: str, *shared: Any) -> list[R]:
    """Return ``[function(item, *shared) for item in items]``, computed in parallel and in order.

    Args:
        function: a module-level function.
        items: what to work on; they are sent to the workers in batches.
        phase: what is being done, for the progress line.
        shared: further arguments, the same for every item (paths and configurations, not large arrays).
    """
    return list(parallel_iterate(function, items, phase, *shared))


def parallel_iterate(
    function: Callable[..., R], items: Sequence[T], phase: str, *shared: Any, in_processes: bool = True
) -> Iterator[R]:
    """Yield what ``parallel_map`` returns, one result at a time.

    With ``in_processes`` false, threads do the work: for functions that leave Python's lock alone most of the time and
    share something large.
    """
    count = min(workers(), len(items))
    if count <= 1:
        results: Iterator[R] = (function(item, *shared) for item in items)
    elif in_processes:
        here = Path.cwd()
        tasks = (delayed(_guarded)(here, function, item, *shared) for item in items)
        results = Parallel(n_jobs=count, return_as="generator")(tasks)
    else:
        tasks = (delayed(function)(item, *shared) for item in items)
        results = Parallel(n_jobs=count, return_as="generator", prefer="threads")(tasks)
    yield from track(results, phase, total=len(items))


def _guarded(here: Path, function: Callable[..., R], item: Any, *shared: Any) -> R:
    """Call the function where the caller is now: joblib's processes may have been started in another folder."""
    die_with_parent()
    if Path.cwd() != here:
        os.chdir(here)
    return function(item, *shared)
