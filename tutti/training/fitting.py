"""Fitting one named model of a task on its stored feature: what the train stage does.

A set of binaries is fitted by ``tutti.training.one_vs_all.fitting``, which extends the class here.
"""

import csv
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tutti import parallel, registry
from tutti.architectures._configs import EstimatorConfig, NetworkConfig
from tutti.config import TRAIN, VALIDATION, ModelConfig, Params
from tutti.errors import DataError
from tutti.feature_store import Feature, open_feature, require_same_origin, require_spec
from tutti.labels import Labels, load_labels
from tutti.seeding import child
from tutti.store import file_digest, write_json
from tutti.training.model_folder import HISTORY, NETWORK, SPEC
from tutti.training.windows import window_and_hop

_log = logging.getLogger("tutti")

Epoch = dict[str, float]
OnEpoch = Callable[[int, Epoch], None]


class Fitting:
    """A model about to be fitted: its configuration, data and specification."""

    def __init__(self, params: Params, task: str, name: str) -> None:
        self.params, self.task, self.name = params, task, name
        self.config = params.model(task, name)
        self.data = Path("data") / task
        self.train, self.validation = (self._side(name) for name in self.sets)
        require_same_origin(self.train[0], self.validation[0])
        self.seed = child(params.seed, task, name, *_repeat(self.config))

    @property
    def sets(self) -> tuple[str, str]:
        """Names of the sets of clips that the model is fitted to and validated on."""
        return TRAIN, VALIDATION

    def _side(self, side: str) -> tuple[Feature, Labels]:
        feature = open_feature(self.data / "features" / self.config.feature / side)
        require_spec(feature, self.params.feature(self.task, self.config.feature))
        labels = load_labels(self.data / "clips" / side / "manifest")
        if list(labels.clips) != list(feature.clips):
            raise DataError(
                f"feature {self.config.feature!r} of {self.task}/{side} holds other clips than the "
                "manifest: run `dvc repro`"
            )
        return feature, labels

    @property
    def frames(self) -> tuple[int, int]:
        """Frames of a window and between two of them."""
        if isinstance(self.config, EstimatorConfig):
            return 1, 1
        rate = self.params.feature(self.task, self.config.feature).frame_rate_hz
        return window_and_hop(self.config.window_seconds, self.config.hop_seconds, rate)

    def spec(self) -> dict[str, Any]:
        """Return what ``spec.json`` will say; known before the fitting starts."""
        feature = self.params.feature(self.task, self.config.feature)
        estimator = isinstance(self.config, EstimatorConfig)
        return {
            "task": self.task,
            "model": self.name,
            "architecture": self.config.architecture,
            "config": self.config.model_dump(mode="json"),
            "feature": self.config.feature,
            "feature_spec": self.train[0].spec,
            "frame_rate_hz": 0.0 if estimator else feature.frame_rate_hz,
            "window_frames": self.frames[0],
            "hop_frames": self.frames[1],
            "classes": list(self.train[1].classes),
            "seed": self.params.seed,
            "scale": self.params.scale,
            "corpus": self.params.task(self.task).corpus,
            "data": {side: self._data_digest(name) for side, name in zip((TRAIN, VALIDATION), self.sets, strict=True)},
        }

    def _data_digest(self, side: str) -> dict[str, str]:
        feature = self.data / "features" / self.config.feature / side
        return {
            "clips": file_digest(self.data / "clips" / side / "manifest" / "clips.parquet"),
            "feature": file_digest(feature / "values.npy"),
        }

    def fit(self, folder: Path, on_epoch: OnEpoch) -> list[Epoch]:
        """Fit the model and write its folder.

        Args:
            folder: where to write (a temporary sibling of the final place).
            on_epoch: called after each epoch of a network.

        Returns:
            One dictionary of losses an epoch; empty for an estimator.
        """
        folder.mkdir(parents=True)
        write_json(folder / SPEC, self.spec())
        if isinstance(self.config, NetworkConfig):
            history = self._fit_network(folder, on_epoch)
        else:
            history = self._fit_estimator(folder)
        write_history(folder / HISTORY, history)
        return history

    def _fit_network(self, folder: Path, on_epoch: OnEpoch) -> list[Epoch]:
        from tutti.training import network

        sizes = self.params.size(self.task)
        fitted, history = network.fit(
            self.config,
            self.frames[0],
            (self.train[0], self.train[1].reference),
            (self.validation[0], self.validation[1].reference),
            seed=self.seed,
            max_epochs=sizes.training.max_epochs,
            on_epoch=on_epoch,
        )
        network.save(fitted, self.config, folder / NETWORK)
        return history

    def _fit_estimator(self, folder: Path) -> list[Epoch]:
        feature, labels = self.train
        module = registry.load("architectures", self.config.architecture)
        _log.info("fitting %s on %d clips", self.name, len(feature))
        fitted = module.fit(
            self.config, feature.values[:, 0, :], labels.reference, seed=self.seed, workers=parallel.workers()
        )
        module.save(fitted, folder)
        return []


def _repeat(config: ModelConfig) -> tuple[int, ...]:
    """Return what tells a further training from the first one; an estimator has one only."""
    return (config.repeat,) if isinstance(config, NetworkConfig) and config.repeat > 1 else ()


def fitting_of(params: Params, task: str, name: str) -> Fitting:
    """Return the fitting of a model: of one for all classes, or of a set of binaries."""
    if not params.model(task, name).is_one_vs_all:
        return Fitting(params, task, name)
    from tutti.training.one_vs_all.fitting import BinariesFitting

    return BinariesFitting(params, task, name)


def write_history(path: Path, history: list[Epoch]) -> None:
    """Write ``history.csv``, a row an epoch, with six decimals."""
    columns = ["epoch", *(history[0] if history else ("loss", "validation_loss"))]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for number, row in enumerate(history, start=1):
            writer.writerow([number, *(f"{row[column]:.6f}" for column in columns[1:])])
