"""Which instruments sound in an audio file: what ``tutti detect`` does.

A file of any length is read in excerpts as long as the clips that the model was trained on, so only one excerpt is in
memory at a time. Each gives the scores of its windows; the windows of the whole file are aggregated, and thresholds
applied, exactly as in ``evaluate``. Silent excerpts are left out: they hold no instrument to be named. Excerpts
louder or softer than any training clip are brought to the nearest level that training clips have.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tutti import registry
from tutti.audio import Samples, is_silent, level_dbfs, read_blocks
from tutti.config import POLICIES, ClipsConfig, CutConfig, OverlayConfig, Params, Policy
from tutti.errors import DataError, ParameterError
from tutti.evaluation.aggregation import aggregate
from tutti.evaluation.arrays import decide
from tutti.evaluation.thresholds import read_thresholds
from tutti.extraction import EMBEDDINGS, extractor, ready

Scores = NDArray[np.float32]
Seconds = NDArray[np.float64]
_MOST_GAIN_DB = 30.0  # beyond it, what is amplified is noise
_SHORTEST_REST = 0.5  # a last excerpt below this share of the length joins the one before


class WindowModel(Protocol):
    """What a detector needs of a fitted model (``tutti.training.model_folder.Model``)."""

    @property
    def spec(self) -> dict[str, Any]:
        """What ``spec.json`` of the model says."""

    @property
    def classes(self) -> list[str]:
        """The instruments in the order of the scores."""

    def predict_windows(self, clip: Scores, /) -> tuple[Scores, Seconds]:
        """Return scores ``(window, class)`` in 0..1 and onsets in seconds of a feature ``(time, frequency)``."""


@dataclass(frozen=True)
class Finding:
    """One instrument in one file.

    Attributes:
        instrument: its name in the taxonomy.
        score: the file's score, 0..1.
        threshold: what the score must reach, 0..1.
        sounding: whether it does.
    """

    instrument: str
    score: float
    threshold: float
    sounding: bool


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one file.

    Attributes:
        file: the file as it was named.
        duration_s: its length in seconds.
        silent: whether nothing sounds in it; then there is no finding and no window.
        findings: every instrument the model knows, highest score first.
        scores: ``(window, class)`` in 0..1, in the order of ``Detector.classes``.
        onset_s: ``(window,)``, where in the file each window starts, in seconds.
    """

    file: Path
    duration_s: float
    silent: bool
    findings: tuple[Finding, ...]
    scores: Scores
    onset_s: Seconds


@dataclass(frozen=True, eq=False)
class Detector:
    """A fitted model with its thresholds.

    Attributes:
        model: gives the scores of windows.
        thresholds: one ``(class,)`` a policy, 0..1.
        aggregation: how windows become a file's scores, as in ``evaluate``.
        excerpt_seconds: how much is looked at in one piece.
        levels_dbfs: the lowest and the highest level of the clips that the model was trained on.
        embedding: the folder of the task's own embedding, for models on a feature by it.
    """

    model: WindowModel
    thresholds: dict[Policy, Seconds]
    aggregation: str
    excerpt_seconds: float
    levels_dbfs: tuple[float, float]
    embedding: Path = EMBEDDINGS

    @classmethod
    def load(
        cls, model_folder: Path, metrics_folder: Path, clips: ClipsConfig | CutConfig | OverlayConfig
    ) -> "Detector":
        """Read a fitted model and the thresholds that its evaluation chose.

        Args:
            model_folder: ``models/<task>/<model>``.
            metrics_folder: ``metrics/<task>/<model>``.
            clips: how the clips were made that the model was trained on.

        Raises:
            DataError: when there is no trained model, or it was not evaluated, or for other classes.
        """
        from tutti.training.model_folder import load_model

        model, chosen = load_model(model_folder), read_thresholds(metrics_folder)
        if list(chosen.classes) != model.classes:
            raise DataError(f"{metrics_folder} is about other instruments than {model_folder}: run `dvc repro`")
        embedding = model_folder.parents[1] / EMBEDDINGS.name / model_folder.parent.name
        seconds = clips.excerpt_seconds if isinstance(clips, CutConfig) else clips.seconds
        any_level = (-math.inf, math.inf)  # the features of excerpts and of overlaid notes do not depend on it
        levels = clip_levels(clips) if isinstance(clips, ClipsConfig) else any_level
        return cls(model, chosen.thresholds, chosen.aggregation, seconds, levels, embedding)

    @property
    def classes(self) -> list[str]:
        """The instruments the model knows, in the order of its scores."""
        return self.model.classes

    def detect(self, path: Path, threshold: Policy | float) -> Detection:
        """Find the instruments in one file.

        Args:
            path: any file that libsndfile or ffmpeg reads, of any length, rate and number of channels.
            threshold: a policy, or one threshold for all instruments, 0..1.

        Raises:
            DataError: when the file is missing, unreadable, empty, truncated, not audio or holds NaN; or when the model
                gives a score that is no number in 0..1.
            ParameterError: when the threshold is none of the policies or beyond 0..1.
        """
        limits = self._limits(threshold)
        config, extract = self._feature()
        rate = int(config.sample_rate_hz)
        n_samples, scores, onsets = 0, [], []
        for excerpt in _excerpts(path, rate, self.excerpt_seconds):
            if not is_silent(excerpt):
                feature = extract(self._levelled(excerpt, rate), config)
                window_scores, window_onsets = self.model.predict_windows(feature)
                scores.append(window_scores)
                onsets.append(window_onsets + n_samples / rate)
            n_samples += len(excerpt)
        duration_s = n_samples / rate
        if not scores:
            return Detection(path, duration_s, True, (), np.zeros((0, len(self.classes)), np.float32), np.zeros(0))
        windows = np.concatenate(scores)
        return Detection(path, duration_s, False, self._findings(windows, limits), windows, np.concatenate(onsets))

    def _feature(self) -> tuple[Any, Callable[[Samples, Any], Scores]]:
        config = ready(self.model.spec["feature_spec"], self.embedding)
        return config, extractor(config).extract

    def _levelled(self, excerpt: Samples, sample_rate_hz: int) -> Samples:
        """Return an excerpt whose level is one that training clips have; one that has it stays as it is."""
        level, (lowest, highest) = level_dbfs(excerpt, sample_rate_hz), self.levels_dbfs
        gain_db = min(max(level, lowest), highest) - level
        if gain_db == 0 or not math.isfinite(gain_db):
            return excerpt
        return np.asarray(excerpt * 10 ** (min(gain_db, _MOST_GAIN_DB) / 20), np.float32)

    def _limits(self, threshold: Policy | float) -> Seconds:
        if not isinstance(threshold, str):
            if not 0 <= threshold <= 1:
                raise ParameterError(f"threshold {threshold:g} is not within 0..1: a score never leaves that range")
            return np.full(len(self.classes), float(threshold))
        if threshold not in self.thresholds:
            raise ParameterError(f"threshold {threshold!r} is unknown: {registry.choose(threshold, POLICIES)}")
        return self.thresholds[threshold]

    def _findings(self, windows: Scores, limits: Seconds) -> tuple[Finding, ...]:
        file_scores = aggregate(windows, np.zeros(len(windows), np.int64), 1, self.aggregation)[0]
        said, names = decide(file_scores, limits), self.classes
        return tuple(
            Finding(names[index], float(file_scores[index]), float(limits[index]), bool(said[index]))
            for index in np.argsort(-file_scores, kind="stable")
        )


def load_detector(params: Params, task: str, name: str) -> Detector:
    """Read the detector of a model that ``params.yaml`` names, from where the pipeline puts it.

    Raises:
        ParameterError: when ``params.yaml`` has no such task or model.
        DataError: when the model is not trained and evaluated yet.
    """
    params.model(task, name)
    folder = Path(task) / name
    return Detector.load(Path("models") / folder, Path("metrics") / folder, params.task(task).clips)


def clip_levels(clips: ClipsConfig) -> tuple[float, float]:
    """Return the lowest and highest level in dBFS of a task's clips: its softest source alone, all at their loudest."""
    low, high = clips.gain_db
    together_db = 10 * math.log10(clips.max_polyphony)
    return clips.loudness_dbfs + low, max(clips.loudness_dbfs + high + together_db, clips.loudness_dbfs + low)


def _excerpts(path: Path, sample_rate_hz: int, seconds: float) -> Iterator[Samples]:
    """Yield a file in excerpts; a short rest is joined to the last one, so that no window sees mostly padding."""
    size, held = round(seconds * sample_rate_hz), None
    for block in read_blocks(path, sample_rate_hz, seconds):
        if held is not None and len(block) < _SHORTEST_REST * size:
            block, held = np.concatenate((held, block)), None
        if held is not None:
            yield held
        held = block
    if held is not None:
        yield held
