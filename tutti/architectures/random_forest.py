"""One Random Forest an instrument: 100 trees of depth 6 in MultiOutputClassifier (Meas & Moieni 2025, 4.1.1)."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tutti.architectures._configs import EstimatorConfig
from tutti.architectures._forest import Forest
from tutti.config import Count

if TYPE_CHECKING:
    from sklearn.multioutput import MultiOutputClassifier

FILE = "forest.npz"


class Config(EstimatorConfig):
    """A Random Forest in ``params.yaml``.

    Attributes:
        trees: trees an instrument.
        max_depth: largest depth of a tree.
    """

    architecture: Literal["random_forest"]
    trees: Count
    max_depth: Count


def build(config: Config, seed: int, workers: int) -> "MultiOutputClassifier":
    """Build the unfitted estimator.

    Args:
        config: its parameters.
        seed: seed of the trees.
        workers: instruments fitted at the same time.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    forest = RandomForestClassifier(n_estimators=config.trees, max_depth=config.max_depth, random_state=seed)
    return MultiOutputClassifier(forest, n_jobs=workers)


def fit(
    config: Config, vectors: NDArray[np.float32], reference: NDArray[np.uint8], *, seed: int, workers: int
) -> Forest:
    """Fit the forests of all instruments.

    Args:
        config: the parameters.
        vectors: ``(clip, n)``.
        reference: ``(clip, class)``, 0 or 1.
        seed: seed of the trees.
        workers: instruments fitted at the same time.
    """
    return Forest.of(build(config, seed, workers).fit(vectors, reference))


def save(fitted: Forest, folder: Path) -> None:
    """Write the fitted forests to a model's folder."""
    fitted.save(folder / FILE)


def load(folder: Path) -> Forest:
    """Read the fitted forests from a model's folder."""
    return Forest.load(folder / FILE)
