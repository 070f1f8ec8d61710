"""A multi-layer perceptron on one vector a clip: one hidden layer, one sigmoid an instrument, fitted in seconds.

No published system; it is here for studies that fit many models. scikit-learn fits it; what is stored is its weights.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tutti.architectures._configs import EstimatorConfig
from tutti.config import Count
from tutti.errors import DataError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "perceptron.npz"
_ARRAYS = ("mean", "scale", "hidden", "hidden_bias", "output", "output_bias")


class Config(EstimatorConfig):
    """A perceptron in ``params.yaml``.

    Attributes:
        hidden_units: units of the hidden layer, ReLU.
        l2: weight of the squared weights in the loss.
        learning_rate: of Adam.
        epochs: passes over the clips; there is no early stopping.
        batch_size: clips a step.
    """

    architecture: Literal["perceptron"]
    hidden_units: Count
    l2: Annotated[float, Field(ge=0)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    batch_size: Count


class Perceptron:
    """A fitted perceptron as plain arrays.

    Attributes:
        arrays: ``mean`` and ``scale`` of the vector's values ``(n,)``, ``hidden`` ``(n, unit)``, ``output``
            ``(unit, class)`` and their biases.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores ``(vector, class)`` in 0..1 for vectors ``(vector, n)``."""
        own = self.arrays
        standard = (vectors.astype(np.float64) - own["mean"]) / own["scale"]
        hidden = np.maximum(standard @ own["hidden"] + own["hidden_bias"], 0)
        logits = hidden @ own["output"] + own["output_bias"]
        return np.asarray(0.5 * (1 + np.tanh(logits / 2)), np.float32)


def build(config: Config, seed: int, workers: int) -> "Pipeline":
    """Build the unfitted estimator.

    Args:
        config: its parameters.
        seed: seed of the weights and of the order of the clips.
        workers: not used; it takes seconds on one core.
    """
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del workers
    network = MLPClassifier(
        (config.hidden_units,),
        alpha=config.l2,
        batch_size=config.batch_size,
        learning_rate_init=config.learning_rate,
        max_iter=config.epochs,
        n_iter_no_change=config.epochs,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), network)


def fit(
    config: Config, vectors: NDArray[np.float32], reference: NDArray[np.uint8], *, seed: int, workers: int
) -> Perceptron:
    """Fit the perceptron, on one core: the same bytes whatever the machine's number of them.

    Args:
        config: the parameters.
        vectors: ``(clip, n)``.
        reference: ``(clip, class)``, 0 or 1.
        seed: seed of the weights and of the order of the clips.
        workers: not used.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if len(vectors) < config.batch_size:
        config = config.model_copy(update={"batch_size": len(vectors)})
    pipeline = build(config, seed, workers)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is a parameter
        pipeline.fit(vectors, reference)
    scaler, network = pipeline[0], pipeline[-1]
    weights = dict(zip(_ARRAYS[2::2], network.coefs_, strict=True))
    biases = dict(zip(_ARRAYS[3::2], network.intercepts_, strict=True))
    return Perceptron({"mean": scaler.mean_, "scale": scaler.scale_, **weights, **biases})


def save(fitted: Perceptron, folder: Path) -> None:
    """Write the fitted weights to a model's folder."""
    with (folder / FILE).open("wb") as file:
        np.savez(
            file,
            mean=fitted.arrays["mean"],
            scale=fitted.arrays["scale"],
            hidden=fitted.arrays["hidden"],
            hidden_bias=fitted.arrays["hidden_bias"],
            output=fitted.arrays["output"],
            output_bias=fitted.arrays["output_bias"],
        )


def load(folder: Path) -> Perceptron:
    """Read the fitted weights from a model's folder (DataError when the file is damaged)."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Perceptron({name: stored[name] for name in _ARRAYS})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise DataError(f"{path} is no perceptron ({error}): run `dvc repro` to train it again") from None
