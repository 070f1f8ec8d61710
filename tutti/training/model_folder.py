"""The folder of a fitted model: ``spec.json`` says all that a user of the scores must know; the rest are weights.

``spec.json`` holds task, model, architecture and its ``config``, the ``feature`` with its specification, the
``classes`` in order, window and hop in frames, seed, scale, corpus and the digests of the data it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tutti import registry
from tutti.architectures._configs import Estimator, NetworkConfig
from tutti.errors import DataError
from tutti.feature_store import Feature
from tutti.store import read_json
from tutti.training.windows import WindowTable, cut, prediction_windows, starts_in

if TYPE_CHECKING:
    import keras

SPEC, NETWORK, HISTORY = "spec.json", "model.keras", "history.csv"

Scores = NDArray[np.float32]
Seconds = NDArray[np.float64]


class Scorer(Protocol):
    """What turns windows of a feature into scores."""

    def score(self, windows: WindowTable) -> Scores:
        """Return the scores ``(window, class)`` in 0..1."""


@dataclass(frozen=True, slots=True)
class NetworkScorer:
    """A Keras network."""

    network: "keras.Model"

    def score(self, windows: WindowTable) -> Scores:
        """Return the scores ``(window, class)`` in 0..1."""
        from tutti.training import network

        return network.predict(self.network, windows)


@dataclass(frozen=True, slots=True)
class EstimatorScorer:
    """An estimator that sees a clip's only vector."""

    estimator: Estimator

    def score(self, windows: WindowTable) -> Scores:
        """Return the scores ``(window, class)`` in 0..1."""
        return self.estimator.scores(windows.gather(range(len(windows)))[:, 0, :])


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        spec: the content of ``spec.json``.
        scorer: what computes its scores.
    """

    spec: dict[str, Any]
    scorer: Scorer

    @property
    def classes(self) -> list[str]:
        """The instruments in the order of the scores."""
        return list(self.spec["classes"])

    @property
    def seconds_per_frame(self) -> float:
        """Seconds between two frames of the model's feature; 0 for features that sum up a clip."""
        rate = float(self.spec["frame_rate_hz"])
        return 1 / rate if rate else 0.0

    @property
    def window_seconds(self) -> float:
        """Length of a window; 0 for features that sum up a clip."""
        return float(self.spec["window_frames"]) * self.seconds_per_frame

    def seconds(self, frames: NDArray[np.int64]) -> Seconds:
        """Return how long so many frames last."""
        return np.asarray(frames * self.seconds_per_frame, np.float64)

    def predict(
        self, feature: Feature, skipped: Sequence[int] | NDArray[np.int64] = ()
    ) -> tuple[Scores, NDArray[np.int64], Seconds]:
        """Score the clips of a feature.

        Args:
            feature: the stored feature.
            skipped: numbers of clips to leave out.

        Returns:
            Scores ``(window, class)``, the clip number of each window, and the second at which each window starts.
        """
        if not len(feature):
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.int64), np.zeros(0)
        windows = prediction_windows(feature, self.spec["window_frames"], self.spec["hop_frames"], skipped)
        return self.scorer.score(windows), windows.clip, self.seconds(windows.start)

    def predict_windows(self, clip: NDArray[np.float32]) -> tuple[Scores, Seconds]:
        """Score one clip's feature ``(time, frequency)``.

        Returns:
            Scores ``(window, class)`` and the second at which each window starts.
        """
        starts = starts_in(len(clip), self.spec["window_frames"], self.spec["hop_frames"])
        windows = _OneClip(clip, starts, self.spec["window_frames"])
        return self.scorer.score(windows), self.seconds(starts)


class _OneClip(WindowTable):
    """The windows of a clip that stands in memory."""

    def __init__(self, clip: NDArray[np.float32], start: NDArray[np.int64], window: int) -> None:
        self._clip_values = clip
        self.clip, self.start, self.window = np.zeros(len(start), np.int64), start, window

    def gather(self, rows: Any) -> NDArray[np.float32]:
        return np.stack([cut(self._clip_values, int(self.start[row]), self.window) for row in rows]).astype(np.float32)


def load_model(folder: Path) -> Model:
    """Read a fitted model.

    Raises:
        DataError: when the folder or a part of it is missing or damaged.
    """
    if not folder.is_dir():
        raise DataError(f"there is no trained model in {folder}: run `make repro` or `dvc repro` to train it")
    spec = read_json(folder / SPEC)
    module = registry.load("architectures", spec["architecture"])
    config = module.Config.model_validate(spec["config"])
    if isinstance(config, NetworkConfig):
        return Model(spec, NetworkScorer(load_network(folder / NETWORK, config, spec, len(spec["classes"]))))
    if config.is_one_vs_all:
        from tutti.training.one_vs_all import ensemble

        return Model(spec, NetworkScorer(ensemble.load(folder, config, spec)))
    return Model(spec, EstimatorScorer(module.load(folder)))


def load_network(path: Path, config: NetworkConfig, spec: dict[str, Any], n_outputs: int) -> "keras.Model":
    """Read a network of a model's folder.

    Args:
        path: its file.
        config: the section of its architecture.
        spec: the content of the model's ``spec.json``.
        n_outputs: how many scores it gives.

    Raises:
        DataError: when the file is missing, damaged, or holds another network.
    """
    from tutti.training import network

    shape = (int(spec["window_frames"]), int(spec["feature_spec"]["frequency"]))
    try:
        return network.load(path, config, shape, n_outputs)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        words = " ".join(str(error).split())
        raise DataError(f"{path} does not hold the network that {SPEC} describes ({words}): run `dvc repro`") from None
