"""Where MLflow keeps its runs: found from any copy of the repository, made once, by one process."""

import logging
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutti.config import TrackingConfig, main_repository
from tutti.store import alive

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

SQLITE = "sqlite:///"
KEY, STATE, PROCESS = "tutti.key", "tutti.state", "tutti.process"
LIVE, PUBLISHED = "live", "published"


def tracking_uri() -> str:
    """Return where runs go: ``MLFLOW_TRACKING_URI``, or ``mlflow.db`` in the user's repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{main_repository() / 'mlflow.db'}"


def connect() -> "MlflowClient":
    """Return a client of the store, which is made first where there is none."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = tracking_uri()
    if uri.startswith(SQLITE):
        _make_database(Path(uri.removeprefix(SQLITE)))
    return MlflowClient(uri)


def _make_database(path: Path) -> None:
    """Make an SQLite store unless it is there; whole or not at all, and by one process only.

    Processes that create its tables at the same time leave it broken for good.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(main_repository() / "mlflow.db.lock"):
        if path.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        for left in path.parent.glob(f"{path.name}.new-*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.new-") as folder:
            partial = Path(folder) / path.name
            made: Any = SqlAlchemyStore
            made(f"{SQLITE}{partial}", _artifact_root()).engine.dispose()
            partial.rename(path)


def _artifact_root() -> str:
    return (main_repository() / "mlruns").as_uri()


def experiment(client: "MlflowClient", settings: TrackingConfig, task: str) -> str:
    """Return the id of the task's experiment, which is made first where there is none."""
    name = f"{settings.experiment_prefix}/{task}"
    with locked(main_repository() / "mlflow.db.lock"):
        found = client.get_experiment_by_name(name)
        if found is None:
            served = not tracking_uri().startswith((SQLITE, "postgresql", "mysql"))
            return client.create_experiment(name, None if served else f"{_artifact_root()}/{name}")
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def close_dead(client: "MlflowClient", experiment: str) -> None:
    """Mark trainings of this machine as KILLED whose process is gone (no process survives SIGKILL to say so)."""
    host = socket.gethostname()
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        owner, _, number = run.data.tags.get(PROCESS, "").rpartition(":")
        if owner == host and number.isdecimal() and not alive(int(number)):
            client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system releases it when the process ends, however it ends."""
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def metrics(values: Mapping[str, float], step: int) -> "list[Metric]":
    """Return numbers as MLflow's metrics.

    Args:
        values: by name.
        step: the epoch, from 1.
    """
    from mlflow.entities import Metric

    return [Metric(name, float(value), now(), step) for name, value in sorted(values.items())]


def now() -> int:
    """Return the time as MLflow counts it, in milliseconds."""
    return int(time.time() * 1000)


def words(error: Exception) -> str:
    """Return the first line of an error, which is what MLflow's say before they quote SQL."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def process_tag() -> str:
    """Return the tag by which ``close_dead`` finds the process that writes a run."""
    return f"{socket.gethostname()}:{os.getpid()}"
