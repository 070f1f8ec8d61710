"""Models that are fitted, asked and forgotten: nothing is stored, for studies that fit many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti import parallel, registry
from tutti.architectures._configs import NetworkConfig
from tutti.config import FeatureConfig, ModelConfig
from tutti.feature_store import Feature
from tutti.training.model_folder import EstimatorScorer, NetworkScorer, Scorer, Scores
from tutti.training.windows import prediction_windows, window_and_hop

Part = tuple[Feature, NDArray[np.uint8]]  # a feature and its reference (clip, class)


@dataclass(frozen=True)
class Passing:
    """A fitted model in memory.

    Attributes:
        scorer: what computes its scores.
        window: frames of a window.
        hop: frames between two windows.
    """

    scorer: Scorer
    window: int
    hop: int

    def predict(self, feature: Feature) -> tuple[Scores, NDArray[np.int64]]:
        """Return scores ``(window, class)`` in 0..1 and the clip number of each window."""
        windows = prediction_windows(feature, self.window, self.hop)
        return self.scorer.score(windows), windows.clip


def is_network(config: ModelConfig) -> bool:
    """Say whether a model is a Keras network, which uses all cores by itself."""
    return isinstance(config, NetworkConfig)


def fit(
    config: ModelConfig, feature: FeatureConfig, train: Part, validation: Part, *, seed: int, max_epochs: int
) -> Passing:
    """Fit a model in memory.

    Args:
        config: the model.
        feature: the parameters of its feature.
        train: what it is fitted on.
        validation: what stops the training of a network.
        seed: of the model.
        max_epochs: the most epochs of a network.
    """
    if isinstance(config, NetworkConfig):
        from tutti.training import network

        window, hop = window_and_hop(config.window_seconds, config.hop_seconds, feature.frame_rate_hz)
        fitted, _ = network.fit(
            config, window, train, validation, seed=seed, max_epochs=max_epochs, on_epoch=lambda *_: None
        )
        return Passing(NetworkScorer(fitted), window, hop)
    module = registry.load("architectures", config.architecture)
    vectors = np.asarray(train[0].values[:, 0, :])
    return Passing(EstimatorScorer(module.fit(config, vectors, train[1], seed=seed, workers=parallel.workers())), 1, 1)
