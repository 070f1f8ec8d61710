"""Fitting a set of binaries, one a class: what the stage ``train_binaries`` does.

The folder of the set holds ``<class>.keras`` for each class, ``spec.json`` as every model, ``binaries.csv`` with the
epochs of each binary and ``history.csv`` with their means.
"""

import csv
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tutti.config import NOTES_OF, TRAIN, TRAIN_MIXTURES, VALIDATION, VALIDATION_MIXTURES, Params
from tutti.errors import DataError
from tutti.feature_store import Feature, open_feature, require_same_origin, require_spec
from tutti.labels import CLIPS_FILE, load_labels, read_table
from tutti.parallel import parallel_map
from tutti.store import file_digest, read_json, whole, write_json
from tutti.training.model_folder import HISTORY, SPEC
from tutti.training.one_vs_all import binary, kept
from tutti.training.one_vs_all.binary import COLUMNS, Epoch, Job, Part
from tutti.training.one_vs_all.pairs import Material
from tutti.training.windows import window_and_hop

_log = logging.getLogger("tutti")

BINARIES = "binaries.csv"
SETS: Mapping[str, tuple[str, str]] = {
    "notes": (NOTES_OF[TRAIN], NOTES_OF[VALIDATION]),
    "mixtures": (TRAIN_MIXTURES, VALIDATION_MIXTURES),
}


class Fitting:
    """A set of binaries about to be fitted: its configuration, data and specification."""

    def __init__(self, params: Params, task: str, name: str) -> None:
        """Open the features and labels.

        Raises:
            DataError: when one is missing or damaged, they do not fit each other, or a class has no clip to learn from.
            ParameterError: when the features were made with other parameters.
        """
        self.params, self.task, self.name = params, task, name
        self.config, self.section = params.model(task, name), params.overlay_task(task)
        self.data = Path("data") / task
        self.sets = SETS[self.config.trained_on]
        self.start = NOTES_OF[TRAIN]
        self.features = [self._feature(side) for side in (*self.sets, self.start)]
        for feature in self.features[1:]:
            require_same_origin(self.features[0], feature)
        feature = params.feature(task, self.config.feature)
        own = self.config.binary
        self.window, self.hop = window_and_hop(own.window_seconds, own.hop_seconds, feature.frame_rate_hz)
        self.jobs = [self._job(class_name) for class_name in self.section.classes]
        self.fingerprints = {job.name: self._fingerprint(job) for job in self.jobs}

    def spec(self) -> dict[str, Any]:
        """Return what ``spec.json`` will say; known before the fitting starts."""
        feature = self.params.feature(self.task, self.config.feature)
        return {
            "task": self.task,
            "model": self.name,
            "architecture": self.config.architecture,
            "config": self.config.model_dump(mode="json"),
            "feature": self.config.feature,
            "feature_spec": dict(self.features[0].spec),
            "frame_rate_hz": feature.frame_rate_hz,
            "window_frames": self.window,
            "hop_frames": self.hop,
            "classes": list(self.section.classes),
            "binaries": self.fingerprints,
            "seed": self.params.seed,
            "scale": self.params.scale,
            "corpus": self.section.corpus,
            "data": {side: self._data_digest(name) for side, name in zip((TRAIN, VALIDATION), self.sets, strict=True)},
        }

    def fit(self, folder: Path, on_epoch: Callable[[int, Epoch], None]) -> list[Epoch]:
        """Fit the binaries that are not kept, several at a time, and write the folder of the set.

        Args:
            folder: where to write (a temporary sibling of the final place).
            on_epoch: called for each epoch with its number from 1 and the means over the binaries.

        Returns:
            The means over the binaries that had the epoch, one dictionary an epoch.
        """
        store = kept.Kept()
        missing = [job for job in self.jobs if store.find(self.fingerprints[job.name]) is None]
        _log.info("%s: %d of %d binaries to fit, the others are kept", self.name, len(missing), len(self.jobs))
        binary.one_core_each()
        parallel_map(_fit, missing, f"fitting binaries on {self.config.trained_on}", self.fingerprints, store)
        folder.mkdir(parents=True)
        histories = {job.name: self._take(store, job.name, folder) for job in self.jobs}
        write_json(folder / SPEC, self.spec())
        _write_histories(folder / BINARIES, histories)
        history = _means(list(histories.values()))
        _write_history(folder / HISTORY, history)
        for number, epoch in enumerate(history, start=1):
            on_epoch(number, epoch)
        return history

    def _take(self, store: kept.Kept, name: str, folder: Path) -> list[Epoch]:
        found = store.find(self.fingerprints[name])
        if found is None:
            raise DataError(f"binary {name!r} was fitted and is gone from {store.folder}: run `dvc repro` again")
        shutil.copyfile(found / binary.NETWORK, folder / f"{name}.keras")
        history: list[Epoch] = read_json(found / binary.HISTORY)
        return history

    def _feature(self, name: str) -> Feature:
        feature = open_feature(self.data / "features" / self.config.feature / name)
        require_spec(feature, self.params.feature(self.task, self.config.feature))
        return feature

    def _job(self, name: str) -> Job:
        train, validation, start = (
            Part(feature.folder, self._material(feature, side, name))
            for feature, side in zip(self.features, (*self.sets, self.start), strict=True)
        )
        for part in (train, start):
            part.material.check(name)
        seed = binary.seed_of(self.params.seed, self.task, self.name, name, self.config.binary.repeat)
        most = self.params.size(self.task).training
        return Job(name, self.config, self.window, train, start, validation, seed, most.max_epochs, most.max_pairs)

    def _material(self, feature: Feature, side: str, name: str) -> Material:
        """Return the clips of a side for one class: those for all classes, and those of its own block."""
        manifest = self.data / "clips" / side / "manifest"
        labels = load_labels(manifest)
        table = read_table(manifest / CLIPS_FILE, ("clip", "twin", "block"))
        if list(labels.clips) != list(feature.clips) or name not in labels.classes:
            raise DataError(f"{feature.folder} holds other clips or classes than {manifest}: run `dvc repro`")
        rows = np.flatnonzero(table["block"].isin(["", name]).to_numpy()).astype(np.int64)
        place = {labels.clips[row]: index for index, row in enumerate(rows.tolist())}
        return Material(
            rows=rows,
            positive=labels.reference[rows, labels.classes.index(name)].astype(bool),
            size=labels.polyphony[rows],
            twin=np.asarray([place.get(twin, -1) for twin in table["twin"].to_numpy()[rows]], np.int64),
        )

    def _fingerprint(self, job: Job) -> str:
        settings = {
            "class": job.name,
            "config": self.config.model_dump(mode="json"),
            "window": job.window,
            "seed": job.seed,
            "max_epochs": min(job.max_epochs, self.config.binary.training.max_epochs),
            "max_pairs": min(job.max_pairs, self.config.pairs_per_epoch),
            "features": [dict(feature.spec) for feature in self.features],
        }
        parts = zip(self.features, (job.train, job.validation, job.start), strict=True)
        data = [kept.data_digest(feature, part.material) for feature, part in parts]
        return kept.fingerprint(settings, self.config.binary.architecture, data)

    def _data_digest(self, name: str) -> dict[str, str]:
        feature = self.data / "features" / self.config.feature / name
        return {
            "clips": file_digest(self.data / "clips" / name / "manifest" / CLIPS_FILE),
            "feature": file_digest(feature / "values.npy"),
        }


def _fit(job: Job, fingerprints: Mapping[str, str], store: kept.Kept) -> None:
    """Fit one binary and keep it at once, so that a killed stage does not begin anew."""
    name = fingerprints[job.name]
    with whole(store.folder / f".fitting-{name}") as folder:
        history = binary.fit(job, folder)
        store.add(name, folder)
    shutil.rmtree(store.folder / f".fitting-{name}")
    last = history[-1]
    _log.info(
        "%s: %d epochs, validation loss %.3f, precision %.2f, recall %.2f",
        job.name, len(history), last["validation_loss"], last["validation_precision"], last["validation_recall"],
    )  # fmt: skip


def _means(histories: list[list[Epoch]]) -> list[Epoch]:
    longest = max(len(history) for history in histories)
    return [
        {
            column: float(np.mean([history[number][column] for history in histories if number < len(history)]))
            for column in COLUMNS
        }
        for number in range(longest)
    ]


def _write_history(path: Path, history: list[Epoch]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", *COLUMNS])
        for number, epoch in enumerate(history, 1):
            writer.writerow([number, *(f"{epoch[column]:.6f}" for column in COLUMNS)])


def _write_histories(path: Path, histories: Mapping[str, list[Epoch]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "epoch", *COLUMNS])
        for name, history in histories.items():
            for number, epoch in enumerate(history, 1):
                writer.writerow([name, number, *(f"{epoch[column]:.6f}" for column in COLUMNS)])
