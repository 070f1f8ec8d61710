"""Sweeps: one experiment of DVC for each combination of settings, queued and run.

``tutti sweep`` queues one for each combination of a grid in ``params.yaml``. Each trains and judges in a copy of its
own, from what is cached; MLflow gets its runs.
"""

import itertools
import logging
import re
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from tutti.config import SweepConfig
from tutti.errors import SetupError

WAITING = ("Queued", "Running")  # what DVC says of an experiment that has no result yet
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 15.0  # seconds between two looks at the queue
RESTART, PATIENCE = 4, 8  # looks without a worker, until one is started again or a running experiment is given up
_log = logging.getLogger("tutti")


@dataclass(frozen=True)
class Experiment:
    """One combination of a sweep.

    Attributes:
        name: of the experiment.
        settings: values by their path in ``params.yaml``.
    """

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class _Status:
    """State by name of the experiments that have no result yet, and how many workers there are."""

    waiting: Mapping[str, str]
    workers: int


def experiments(name: str, sweep: SweepConfig) -> list[Experiment]:
    """Return the experiments of a sweep, one for each combination of its grid, in the grid's order.

    Args:
        name: of the sweep; experiments are named after it and their values.
        sweep: its section.
    """
    paths = [f"tasks.{sweep.task}.{path}" for path in sweep.grid]
    return [
        Experiment("-".join([name, *(str(value) for value in values)]), dict(zip(paths, values, strict=True)))
        for values in itertools.product(*sweep.grid.values())
    ]


def run_sweep(name: str, sweep: SweepConfig, jobs: int) -> int:
    """Queue what of a sweep has no result yet, run the queue, and return how many experiments that were.

    Args:
        name: of the sweep.
        sweep: its section.
        jobs: experiments that run at the same time.

    Raises:
        SetupError: when DVC cannot queue or run them, or an experiment failed; DVC has said why.
    """
    wanted = {each.name: each for each in experiments(name, sweep)}
    for known in _with_results():
        wanted.pop(known, None)
    waiting = _status(wanted).waiting if wanted else {}
    for each in wanted.values():
        if each.name in waiting:  # an earlier call queued it and was stopped
            continue
        changes = [word for path, value in each.settings.items() for word in ("-S", f"{path}={value}")]
        _dvc("exp", "run", "--queue", "--name", each.name, *changes, f"publish_{sweep.task}")
        _log.info("queued %s", each.name)
    if wanted:
        _run_queue(list(wanted), jobs)
    return len(wanted)


def _run_queue(names: Collection[str], jobs: int) -> None:
    """Run the queue until all of these have ended.

    ``dvc exp run --run-all`` is not used: a worker of DVC's that hears nothing for a second, as on a busy machine,
    takes the queue for empty and leaves, and ``--run-all`` then waits for ever for what is still queued. Here workers
    are started again for as long as something is queued.
    """
    states: dict[str, str] = {}
    pause, idle = SHORTEST_PAUSE, 0
    _start_workers(jobs)
    while True:
        status = _status(names)
        # What a worker is just taking up is for a moment neither queued nor running.
        if not (now := status.waiting) and not (now := _status(names).waiting):
            break
        _tell(states, now, names)
        idle = 0 if status.workers else idle + 1
        running = [name for name, state in now.items() if state == "Running"]
        if running and idle > PATIENCE:
            lost = f"experiment {', '.join(running)} has lost its worker"
            raise SetupError(f"{lost}: `dvc queue kill {' '.join(running)}`, then sweep again")
        if idle and idle % RESTART == 0 and not running:
            _start_workers(jobs)
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, 1.5 * pause)
    _tell(states, {}, names)
    if failed := sorted(set(names) - _with_results()):
        raise SetupError(f"experiments failed: {', '.join(failed)}; `dvc queue logs {failed[0]}` shows why")


def _tell(states: dict[str, str], now: Mapping[str, str], names: Collection[str]) -> None:
    """Say which experiments changed their state, and keep the new one."""
    for name in names:
        if (state := now.get(name, "Ended")) != states.get(name, "Queued"):
            _log.info("%s: %s (%d of %d have ended)", name, state.lower(), len(names) - len(now), len(names))
        states[name] = state


def _with_results() -> set[str]:
    """Return the names of the experiments of this commit that came to their end."""
    return set(_dvc("exp", "list", "--names-only").split())


def _status(names: Collection[str]) -> _Status:
    """Return how it stands with these experiments."""
    said = _dvc("queue", "status")
    rows = re.findall(rf"^[0-9a-f]+\s+(\S+)\s.*\s({'|'.join(WAITING)})\s*$", said, re.MULTILINE)
    workers = re.search(r"^Worker status: (\d+) active, (\d+) idle", said, re.MULTILINE)
    count = sum(map(int, workers.groups())) if workers else 0
    return _Status({name: state for name, state in rows if name in names}, count)


def _start_workers(jobs: int) -> None:
    """Start as many workers of DVC as are missing.

    They outlive the command that starts them and keep its output open: a pipe would never end, nor would that of
    whoever called us.
    """
    with TemporaryFile() as said:
        try:
            _dvc("queue", "start", "--jobs", str(jobs), output=said)
        except SetupError:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            raise


def _dvc(*words: str, output: IO[bytes] | None = None) -> str:
    """Run a command of DVC and return what it printed; ``output`` takes that and its errors instead."""
    try:
        streams: dict[str, Any] = (
            {"stdout": output, "stderr": subprocess.STDOUT} if output else {"stdout": subprocess.PIPE}
        )
        done = subprocess.run(["dvc", *words], **streams, text=True, check=True)
    except FileNotFoundError:
        raise SetupError("the command dvc is missing: run `bash setup.sh`, then `source .venv/bin/activate`") from None
    except subprocess.CalledProcessError as error:
        raise SetupError(f"`dvc {' '.join(words)}` failed with status {error.returncode}: see above") from None
    return str(done.stdout or "")
