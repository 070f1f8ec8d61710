"""How a stage runs: logging, one-sentence errors, and death with its parent.

A stage that outlives a killed ``dvc`` would write beside the next run of itself, so a stage (and each of its
workers) asks the kernel to be killed together with its parent.
"""

import argparse
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tutti import STARTED_BY
from tutti.errors import TuttiError

_PR_SET_PDEATHSIG = 1


def run_stage(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Run a stage's main with the parsed command line; end with status 1 and one sentence on a user's error."""
    start_logging()
    die_with_parent()
    if os.getppid() != STARTED_BY:
        sys.exit(1)  # the parent died before it could take us along
    arguments = parser.parse_args()
    try:
        main(arguments)
    except TuttiError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def start_logging(level: int = logging.INFO) -> None:
    """Log to stderr, one line a phase."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("tutti").setLevel(level)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what native libraries write to stderr, unless ``TUTTI_VERBOSE`` is set; exceptions still come."""
    if os.environ.get("TUTTI_VERBOSE"):
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let a library that is imported here do without packages that it would only take along (ImportError for it).

    What is imported already stays; afterwards each of them can be imported as ever.
    """
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is what makes an import fail
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux; elsewhere it does nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
