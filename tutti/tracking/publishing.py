"""Copying results to MLflow, each once."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutti.config import TrackingConfig, main_repository
from tutti.errors import SetupError
from tutti.store import digest
from tutti.tracking import store
from tutti.tracking.origin import EXPERIMENT, origin

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_EXPERIMENTS = "dvc.experiments"
_STORE_PACKAGES = ("alembic", "mlflow", "sqlalchemy")  # whose errors mean that the store is unusable
_PARAMS_AT_ONCE = 100  # MLflow refuses more
_LONGEST_TAG = 4000

History = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Record:
    """What one run shall hold.

    Attributes:
        key: hash of the content that makes it the same run.
        name: shown in the list of runs.
        params: flattened parameters under their paths in ``params.yaml``.
        metrics: final numbers.
        history: numbers an epoch, from epoch 1.
        tags: what to group and filter by.
        texts: artifacts, file name to content.
        images: artifacts, file name to a function that draws the PNG; called only when the run is new.
        children: runs nested below this one.
    """

    key: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    history: History = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    children: Sequence["Record"] = ()


def training_key(spec: Mapping[str, Any], history: History) -> str:
    """Return the key of a training: a hash of the model's specification and of its history to six decimals."""
    rows = [{name: f"{value:.6f}" for name, value in row.items()} for row in history]
    return digest({"spec": spec, "history": rows})


def publish(settings: TrackingConfig, task: str, records: Sequence[Record]) -> int:
    """Make sure that every record is in MLflow, once.

    Args:
        settings: whether and where.
        task: its name, part of the MLflow experiment's name.
        records: trainings, with their evaluations as children.

    Returns:
        The number of runs written; 0 when all were there.

    Raises:
        SetupError: when MLflow's store cannot be used.
    """
    if not settings.enabled:
        return 0
    try:
        with store.locked(main_repository() / "mlflow.db.publish.lock"):
            client = store.connect()
            publisher = _Publisher(client, store.experiment(client, settings, task), origin())
            return sum(publisher.ensure(record) for record in records)
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _STORE_PACKAGES:
            raise
        raise SetupError(
            f"MLflow's store {store.tracking_uri()} cannot be used ({store.words(error)}): "
            "set MLFLOW_TRACKING_URI to another one, or tracking.enabled to false in params.yaml"
        ) from None


class _Publisher:
    """One visit to the store, with the tags that say where the results come from."""

    def __init__(self, client: "MlflowClient", experiment: str, tags: Mapping[str, str]) -> None:
        self._client, self._experiment, self._origin = client, experiment, tags
        store.close_dead(client, experiment)

    def ensure(self, record: Record, parent: str = "") -> int:
        """Write a record and its children unless they are there; return how many were written."""
        found = self._client.search_runs(
            [self._experiment], f"tags.`{store.KEY}` = '{record.key}'", order_by=["attributes.start_time"]
        )
        published, live = _in_state(found, store.PUBLISHED), _in_state(found, store.LIVE)
        if published:
            kept = published[0]
            self._note_experiment(kept)
        else:
            kept = live[0] if live else self._create(record, parent)
            self._complete(kept, record)
        for run in found:
            # The same training again, with the same result; or what a killed publisher left unfinished.
            if run.info.run_id != kept.info.run_id:
                self._client.delete_run(run.info.run_id)
        return (not published) + sum(self.ensure(child, kept.info.run_id) for child in record.children)

    def _create(self, record: Record, parent: str) -> "Run":
        tags = {**record.tags, **self._origin, store.KEY: record.key, store.PROCESS: store.process_tag()}
        if parent:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(self._experiment, start_time=store.now(), tags=tags, run_name=record.name)
        for epoch, metrics in enumerate(record.history, start=1):
            self._client.log_batch(run.info.run_id, metrics=store.metrics(metrics, epoch))
        return run

    def _complete(self, run: "Run", record: Record) -> None:
        """Add what a run does not hold yet; the tag that says it is whole comes last."""
        from mlflow.entities import Param, RunTag

        name, params = run.info.run_id, [Param(key, value) for key, value in sorted(record.params.items())]
        for start in range(0, len(params), _PARAMS_AT_ONCE):
            self._client.log_batch(name, params=params[start : start + _PARAMS_AT_ONCE])
        self._log_artifacts(name, record)
        self._client.log_batch(name, metrics=store.metrics(record.metrics, len(record.history)))
        self._client.set_terminated(name, "FINISHED", end_time=run.info.end_time)
        tags = {**record.tags, store.STATE: store.PUBLISHED, _EXPERIMENTS: self._origin[EXPERIMENT]}
        self._client.log_batch(name, tags=[RunTag(key, value) for key, value in sorted(tags.items())])

    def _log_artifacts(self, run: str, record: Record) -> None:
        if not record.texts and not record.images:
            return
        with tempfile.TemporaryDirectory() as folder:
            for file, text in record.texts.items():
                (Path(folder) / file).write_text(text, encoding="utf-8")
            for file, draw in record.images.items():
                (Path(folder) / file).write_bytes(draw())
            self._client.log_artifacts(run, folder)

    def _note_experiment(self, run: "Run") -> None:
        """Add this DVC experiment to those that have this result, so that it is found under each name."""
        known, name = run.data.tags.get(_EXPERIMENTS, ""), self._origin[EXPERIMENT]
        if name not in known.split(", ") and len(known) < _LONGEST_TAG:
            self._client.set_tag(run.info.run_id, _EXPERIMENTS, f"{known}, {name}" if known else name)


def _in_state(runs: "Sequence[Run]", state: str) -> "list[Run]":
    return [run for run in runs if run.data.tags.get(store.STATE) == state]
