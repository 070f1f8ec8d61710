"""A training that can be watched in MLflow while it runs."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tutti.config import Params
from tutti.tracking import store
from tutti.tracking.publishing import training_key

_log = logging.getLogger("tutti")

_PATIENCE_S = 120.0  # for the reporter to finish; MLflow tries an unreachable server three times, 20 s each


class LiveRun:
    """A training that can be watched; a process of its own tells MLflow, so that no epoch waits for it."""

    def __init__(self, spec: Mapping[str, Any], to_reporter: IO[str] | None = None) -> None:
        self._spec, self._to_reporter = spec, to_reporter
        self._history: list[dict[str, float]] = []

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Send one epoch's numbers.

        Args:
            epoch: from 1.
            metrics: the numbers, by name.
        """
        self._history.append(dict(metrics))
        self.tell({"epoch": epoch, "metrics": dict(metrics)})

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        self.tell({"status": status, "key": training_key(self._spec, self._history)})
        self._hang_up()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send the reporter a message; when it is gone, it has said why."""
        if self._to_reporter is None:
            return
        try:
            self._to_reporter.write(json.dumps(message) + "\n")
            self._to_reporter.flush()
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._to_reporter:
            with suppress(OSError):  # it tries again to send what is left
                self._to_reporter.close()
        self._to_reporter = None


@contextmanager
def live_training(params: Params, spec: Mapping[str, Any]) -> Iterator[LiveRun]:
    """Show a training in MLflow while it runs; the run ends as FAILED or KILLED when the training does.

    Args:
        params: all parameters.
        spec: the content of the model's ``spec.json``.
    """
    if not params.tracking.enabled:
        yield LiveRun(spec)
        return
    command = [sys.executable, "-m", "tutti.tracking.reporter", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8", env=_environment()) as reporter:
        run = LiveRun(spec, reporter.stdin)
        settings = params.tracking.model_dump(mode="json")
        run.tell({"settings": settings, "process": store.process_tag(), "spec": spec})
        status = "FAILED"
        try:
            with _terminated_by_exception():
                yield run
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        finally:
            run.end(status)
            _wait_for(reporter)  # also after Ctrl-C, when leaving the context would not


def _wait_for(reporter: "subprocess.Popen[str]") -> None:
    """Let the reporter finish, but not for ever: a store that never answers must not hold the training."""
    try:
        reporter.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        reporter.kill()
        _log.warning("warning: the training ends without MLflow, which did not answer within %g s", _PATIENCE_S)


def _environment() -> dict[str, str]:
    """Return this process' environment, in which Python finds the same package."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that what is open is closed and half-written outputs are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
