"""Fitting a set of binaries, one a class.

The folder of the set holds ``<class>.keras`` for each class, ``spec.json`` as every model, ``binaries.csv`` with the
epochs of each binary and ``history.csv`` with their means.
"""

import csv
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tutti.config import NOTES_OF, TRAIN, TRAIN_MIXTURES, VALIDATION, VALIDATION_MIXTURES, Params
from tutti.errors import DataError
from tutti.feature_store import Feature, require_same_origin
from tutti.labels import CLIPS_FILE, Labels, read_table
from tutti.parallel import parallel_map
from tutti.store import read_json, write_json
from tutti.training.fitting import Epoch, Fitting, OnEpoch, write_history
from tutti.training.model_folder import HISTORY, SPEC
from tutti.training.one_vs_all import binary
from tutti.training.one_vs_all.binary import COLUMNS, Job, Part
from tutti.training.one_vs_all.kept import Kept, data_digest, fingerprint
from tutti.training.one_vs_all.pairs import Material
from tutti.training.windows import window_and_hop

_log = logging.getLogger("tutti")

BINARIES = "binaries.csv"
SETS: Mapping[str, tuple[str, str]] = {
    "notes": (NOTES_OF[TRAIN], NOTES_OF[VALIDATION]),
    "mixtures": (TRAIN_MIXTURES, VALIDATION_MIXTURES),
}


class BinariesFitting(Fitting):
    """A set of binaries about to be fitted.

    Attributes:
        jobs: what each binary is fitted from, in label order.
        fingerprints: under which each is kept, by class.
    """

    def __init__(self, params: Params, task: str, name: str) -> None:
        """Open the features and labels.

        Raises:
            DataError: when one is missing or damaged, they do not fit each other, or a class has no clip to learn from.
            ParameterError: when the features were made with other parameters.
        """
        super().__init__(params, task, name)
        sides = {"train": self.train, "validation": self.validation}
        if self.config.notes_epochs:
            sides["start"] = self._side(NOTES_OF[TRAIN])
            require_same_origin(self.train[0], sides["start"][0])
        found = {which: _Clips(*side, self.data / "clips") for which, side in sides.items()}
        self.jobs = [self._job(name, found) for name in params.overlay_task(task).classes]
        self.fingerprints = {job.name: self._fingerprint(job) for job in self.jobs}

    @property
    def sets(self) -> tuple[str, str]:
        """Names of the sets of clips that the binaries are fitted to and validated on."""
        return SETS[self.config.trained_on]

    @property
    def frames(self) -> tuple[int, int]:
        """Frames of a window and between two of them."""
        own, rate = self.config.binary, self.params.feature(self.task, self.config.feature).frame_rate_hz
        return window_and_hop(own.window_seconds, own.hop_seconds, rate)

    def spec(self) -> dict[str, Any]:
        """Return what ``spec.json`` will say; known before the fitting starts."""
        classes = [job.name for job in self.jobs]
        return super().spec() | {"classes": classes, "binaries": self.fingerprints}

    def fit(self, folder: Path, on_epoch: OnEpoch) -> list[Epoch]:
        """Fit the binaries that are not kept, several at a time, and write the folder of the set.

        Args:
            folder: where to write (a temporary sibling of the final place).
            on_epoch: called for each epoch, once all binaries are fitted, with its number from 1 and the means.

        Returns:
            The means over the binaries that had the epoch, one dictionary an epoch.
        """
        kept = Kept()
        missing = [job for job in self.jobs if kept.find(self.fingerprints[job.name]) is None]
        _log.info("%s: %d of %d binaries to fit, the others are kept", self.name, len(missing), len(self.jobs))
        with binary.one_core_each():
            said = parallel_map(_fit, missing, f"fitting binaries on {self.config.trained_on}", self.fingerprints, kept)
        for line in said:
            _log.info("%s", line)
        folder.mkdir(parents=True)
        histories = {job.name: self._take(kept, job.name, folder) for job in self.jobs}
        write_json(folder / SPEC, self.spec())
        _write_histories(folder / BINARIES, histories)
        history = _means(list(histories.values()))
        write_history(folder / HISTORY, history)
        for number, epoch in enumerate(history, start=1):
            on_epoch(number, epoch)
        return history

    def _take(self, kept: Kept, name: str, folder: Path) -> list[Epoch]:
        found = kept.find(self.fingerprints[name])
        if found is None:
            raise DataError(f"binary {name!r} was fitted and is gone from {kept.folder}: run `dvc repro` again")
        shutil.copyfile(found / binary.NETWORK, folder / f"{name}.keras")
        history: list[Epoch] = read_json(found / binary.HISTORY)
        return history

    def _job(self, name: str, sides: "Mapping[str, _Clips]") -> Job:
        parts = {which: Part(clips.feature.folder, clips.material(name)) for which, clips in sides.items()}
        for which, part in parts.items():
            if which != "validation":
                part.material.check(name)
        seed = binary.seed_of(self.params.seed, self.task, self.name, name, self.config.binary.repeat)
        most = self.params.size(self.task).training
        return Job(
            name=name,
            config=self.config,
            window=self.frames[0],
            train=parts["train"],
            validation=parts["validation"],
            start=parts.get("start"),
            seed=seed,
            max_epochs=most.max_epochs,
            max_pairs=most.max_pairs,
        )

    def _fingerprint(self, job: Job) -> str:
        settings = {
            "class": job.name,
            "config": self.config.model_dump(mode="json"),
            "window": job.window,
            "seed": job.seed,
            "max_epochs": min(job.max_epochs, self.config.binary.training.max_epochs),
            "max_pairs": min(job.max_pairs, self.config.pairs_per_epoch),
            "feature": dict(self.train[0].spec),
        }
        data = [data_digest(part.feature, part.material) for part in (job.train, job.validation, job.start) if part]
        return fingerprint(settings, self.config.binary.architecture, data)


class _Clips:
    """The clips of one set, read once for all binaries."""

    def __init__(self, feature: Feature, labels: Labels, clips: Path) -> None:
        self.feature, self._labels = feature, labels
        table = read_table(clips / feature.folder.name / "manifest" / CLIPS_FILE, ("twin", "block"))
        self._twin, self._block = (table[name].to_numpy(object) for name in ("twin", "block"))

    def material(self, name: str) -> Material:
        """Return the clips for one class: those for all classes, and those of its own block.

        Raises:
            DataError: when the clips were labelled without the class.
        """
        labels = self._labels
        if name not in labels.classes:
            raise DataError(f"the clips of {self.feature.folder.name} do not know class {name!r}: run `dvc repro`")
        rows = np.flatnonzero(np.isin(self._block.astype(str), ("", name))).astype(np.int64)
        place = {labels.clips[row]: index for index, row in enumerate(rows.tolist())}
        return Material(
            rows=rows,
            positive=labels.reference[rows, labels.classes.index(name)].astype(bool),
            size=labels.polyphony[rows],
            twin=np.asarray([place.get(twin, -1) for twin in self._twin[rows]], np.int64),
        )


def _fit(job: Job, fingerprints: Mapping[str, str], kept: Kept) -> str:
    """Fit one binary, which is kept at once, so that a killed stage does not begin anew; return how it went."""
    with kept.adding(fingerprints[job.name]) as folder:
        last = binary.fit(job, folder)[-1]
    told = ", ".join(f"{name.replace('_', ' ')} {last[name]:.2f}" for name in COLUMNS)
    return f"{job.name}: in the last epoch {told}"


def _means(histories: list[list[Epoch]]) -> list[Epoch]:
    longest = max(len(history) for history in histories)
    return [
        {
            column: float(np.mean([history[number][column] for history in histories if number < len(history)]))
            for column in COLUMNS
        }
        for number in range(longest)
    ]


def _write_histories(path: Path, histories: Mapping[str, list[Epoch]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "epoch", *COLUMNS])
        for name, history in histories.items():
            for number, epoch in enumerate(history, 1):
                writer.writerow([name, number, *(f"{epoch[column]:.6f}" for column in COLUMNS)])
