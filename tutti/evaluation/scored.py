"""A set of clips with what a model says about it and what is true."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.evaluation.aggregation import aggregate
from tutti.evaluation.bootstrap import Clusters, clusters
from tutti.labels import Labels, load_events, load_labels
from tutti.store import read_json


@dataclass(frozen=True, eq=False)
class WindowScores:
    """What a model says about the windows of a set of clips.

    Attributes:
        scores: ``(window, class)`` in 0..1.
        clip: ``(window,)`` number of each window's clip.
        onset_s: ``(window,)`` where in the clip it starts, in seconds.
        window_s: length of a window in seconds; 0 where the model sees a clip at once.
        skipped: clips that are shorter than a window and were not scored, with their length in seconds.
    """

    scores: NDArray[np.floating[Any]]
    clip: NDArray[np.int64]
    onset_s: NDArray[np.float64]
    window_s: float
    skipped: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """One set of clips, judged by one model.

    Attributes:
        name: of the set, such as ``unseen_recording``.
        labels: what is true.
        scores: ``(clip, class)`` in 0..1.
        instrument_of: the instrument of each recording; those of several are not in it.
        windows: what the model says about each window.
    """

    name: str
    labels: Labels
    scores: NDArray[np.floating[Any]]
    instrument_of: dict[str, str]
    windows: WindowScores

    def under(self, aggregation: str) -> "ScoredSet":
        """Return the same set with the scores of clips that another aggregation gives."""
        windows = self.windows
        return replace(self, scores=aggregate(windows.scores, windows.clip, len(self.labels.clips), aggregation))

    @property
    def clusters(self) -> Clusters:
        """Which recordings sound in which clips."""
        return clusters(self.labels.recordings, self.instrument_of)

    def recordings_of(self, instrument: str) -> int:
        """Return the number of an instrument's recordings in the set; of recordings of several, those labelled so."""
        labelled = self.labels.reference[:, self.labels.classes.index(instrument)]
        pairs = [
            (name, bool(is_label))
            for clip, is_label in zip(self.labels.recordings, labelled, strict=True)
            for name in clip
        ]
        return len({name for name, is_label in pairs if self._is_of(name, instrument, is_label)})

    def _is_of(self, recording: str, instrument: str, is_label: bool) -> bool:
        return self.instrument_of[recording] == instrument if recording in self.instrument_of else is_label


def read_scored_set(task_data: Path, model: str, name: str, aggregation: str) -> ScoredSet:
    """Read the labels of a set of clips and a model's scores on it.

    Args:
        task_data: the task's data folder, ``data/<task>``.
        model: name of the model.
        name: of the set.
        aggregation: how the scores of windows become those of clips, ``s1`` or ``s2``.

    Raises:
        DataError: when a file is missing or unreadable, or scores and labels do not fit each other.
    """
    manifest, folder = task_data / "clips" / name / "manifest", task_data / "scores" / model
    labels, events = load_labels(manifest), load_events(manifest)
    if read_json(folder / "classes.json") != list(labels.classes):
        raise DataError(f"{folder} was scored for other classes than {manifest} has: run `dvc repro`")
    windows, labels = _read_windows(folder / f"{name}.npz", labels)
    try:
        by_clip = aggregate(windows.scores, windows.clip, len(labels.clips), aggregation)
    except DataError as error:
        raise DataError(f"{folder / name}.npz: {error}") from None
    if by_clip.shape != labels.reference.shape:
        raise DataError(f"{folder / name}.npz has scores of {by_clip.shape[1]} classes, not {len(labels.classes)}")
    instrument_of = dict(zip(events["recording"], events["instrument"], strict=True))
    return ScoredSet(name, labels, by_clip, instrument_of, windows)


def _read_windows(path: Path, labels: Labels) -> tuple[WindowScores, Labels]:
    """Return the windows of the clips that were scored, and the labels of those clips."""
    if not path.is_file():
        raise DataError(f"{path} is missing: run `dvc repro` to make it")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            window_s, skipped, clip_s = float(arrays["window_s"]), arrays["skipped"], arrays["clip_s"]
            windows = WindowScores(arrays["scores"], arrays["clip"], arrays["onset_s"], window_s)
            lengths = {labels.clips[index]: float(clip_s[index]) for index in skipped.tolist()}
    except (OSError, ValueError, KeyError, EOFError, IndexError) as error:
        raise DataError(f"{path} does not hold scores ({error}): remove it and run `dvc repro`") from None
    if not lengths:
        return windows, labels
    kept = np.setdiff1d(np.arange(len(labels.clips)), skipped)
    return replace(windows, clip=np.searchsorted(kept, windows.clip), skipped=lengths), labels.take(kept)
