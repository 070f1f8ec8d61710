"""A training that can be watched in MLflow while it runs."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tutti.config import Params
from tutti.tracking import store
from tutti.tracking.origin import origin
from tutti.tracking.publishing import training_key

if TYPE_CHECKING:
    from mlflow import MlflowClient

_log = logging.getLogger("tutti")


class LiveRun:
    """A training that can be watched; when MLflow fails, it says so once and the training goes on."""

    def __init__(self, spec: Mapping[str, Any], client: "MlflowClient | None" = None, run: str = "") -> None:
        self._spec, self._client, self._run = spec, client, run
        self._history: list[dict[str, float]] = []

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Send one epoch's numbers in one call.

        Args:
            epoch: from 1.
            metrics: the numbers, by name.
        """
        self._history.append(dict(metrics))
        if self._client:
            with self._forgiving():
                self._client.log_batch(self._run, metrics=store.metrics(metrics, epoch))

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        if self._client:
            with self._forgiving():
                if status == "FINISHED":
                    self._client.set_tag(self._run, store.KEY, training_key(self._spec, self._history))
                self._client.set_terminated(self._run, status)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            _warn(error)
            self._client = None


@contextmanager
def live_training(params: Params, spec: Mapping[str, Any]) -> Iterator[LiveRun]:
    """Show a training in MLflow while it runs; the run ends as FAILED or KILLED when the training does.

    Args:
        params: all parameters.
        spec: the content of the model's ``spec.json``.
    """
    run = _start_live(params, spec) if params.tracking.enabled else LiveRun(spec)
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


def _start_live(params: Params, spec: Mapping[str, Any]) -> LiveRun:
    try:
        client = store.connect()
        experiment = store.experiment(client, params.tracking, spec["task"])
        store.close_dead(client, experiment)
        tags = origin() | {store.STATE: store.LIVE, store.PROCESS: store.process_tag()}
        tags |= {name: str(spec[name]) for name in ("task", "model", "corpus")} | {"kind": "training"}
        run = client.create_run(experiment, start_time=store.now(), tags=tags, run_name=str(spec["model"]))
    except Exception as error:  # whatever it is, it is no reason to lose a training
        _warn(error)
        return LiveRun(spec)
    return LiveRun(spec, client, run.info.run_id)


def _warn(error: Exception) -> None:
    _log.warning("warning: the training goes on without MLflow, which failed: %s", store.words(error))


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
