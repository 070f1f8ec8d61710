"""What networks and estimators declare in ``params.yaml``, whatever their architecture."""

from typing import Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from tutti.architectures._training import Training
from tutti.config import Count, ModelConfig

Activation = Literal["tanh", "relu", "prelu", "leaky_relu_0.01", "leaky_relu_0.33"]


def _half_window_or_positive(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "half_window" and not (is_number and 0 < value < float("inf")):
        raise ValueError("must be half_window or a number above 0")
    return value


class EstimatorConfig(ModelConfig):
    """A model that sees one vector a clip, ``(1, n)``, and is fitted in one go."""


class Estimator(Protocol):
    """What an estimator's module returns from ``fit`` and ``load``."""

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores ``(vector, class)`` in 0..1 for vectors ``(vector, n)``."""


class NetworkConfig(ModelConfig):
    """A Keras network on windows ``(time, frequency)`` of a feature.

    Attributes:
        window_seconds: length of a window in seconds.
        hop_seconds: distance between windows in seconds when predicting; ``half_window`` as in Han 2017.
        windows_per_clip: windows drawn from each clip in an epoch; 0 takes all that fit without overlap (Han 2017).
        precision: ``auto`` takes bfloat16 where the processor multiplies in it, float32 elsewhere.
        repeat: which of several trainings that differ in their random start and order only.
        training: how it is trained, or the name of published settings.
    """

    window_seconds: Annotated[float, Field(gt=0, le=60)]
    hop_seconds: Annotated[float | Literal["half_window"], BeforeValidator(_half_window_or_positive)]
    windows_per_clip: Annotated[int, Field(ge=0)]
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    repeat: Count
    training: Training
