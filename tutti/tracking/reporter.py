"""The process that shows a training in MLflow while it runs: ``python -m tutti.tracking.reporter``.

MLflow takes seconds to be imported; here it does so beside the training. What to show comes in lines of JSON on stdin,
from ``live``. When MLflow fails, it says so once, and the training goes on.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tutti.config import TrackingConfig
from tutti.process import die_with_parent, start_logging
from tutti.tracking import store
from tutti.tracking.origin import origin

if TYPE_CHECKING:
    from mlflow import MlflowClient

_log = logging.getLogger("tutti")


def report(lines: Iterable[str]) -> None:
    """Show one training.

    Args:
        lines: JSON objects: first ``settings`` (of ``tracking``), ``process`` and ``spec`` (the content of the model's
            ``spec.json``); then ``epoch`` and ``metrics`` after each epoch; last ``status`` and ``key``.
    """
    messages = (json.loads(line) for line in lines)
    first = next(messages, None)
    if first is None:
        return
    try:
        client = store.connect()
        run = _start(client, first)
        for message in messages:
            if "epoch" in message:
                client.log_batch(run, metrics=store.metrics(message["metrics"], message["epoch"]))
            else:
                _end(client, run, message)
    except Exception as error:  # whatever it is, it is no reason to lose a training
        _log.warning("warning: the training goes on without MLflow, which failed: %s", store.words(error))


def _start(client: "MlflowClient", first: Mapping[str, Any]) -> str:
    spec = first["spec"]
    experiment = store.experiment(client, TrackingConfig(**first["settings"]), spec["task"])
    store.close_dead(client, experiment)
    tags = origin() | {store.STATE: store.LIVE, store.PROCESS: first["process"]}
    tags |= {name: str(spec[name]) for name in ("task", "model", "corpus")} | {"kind": "training"}
    run = client.create_run(experiment, start_time=store.now(), tags=tags, run_name=str(spec["model"]))
    return str(run.info.run_id)


def _end(client: "MlflowClient", run: str, message: Mapping[str, Any]) -> None:
    if message["status"] == "FINISHED":
        client.set_tag(run, store.KEY, message["key"])
    client.set_terminated(run, message["status"])


def main() -> None:
    """Show the training of the parent, until it says how it ended or is gone."""
    parent = int(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they come to the training as well, which then says how it ended
    start_logging()
    die_with_parent()
    if os.getppid() == parent:
        report(sys.stdin)


if __name__ == "__main__":
    main()
