"""How a network is trained: a group of settings in ``params.yaml``, or the name of a paper whose settings are taken."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tutti import registry
from tutti.config import Count
from tutti.sections import Section

PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    # Meas & Moieni 2025, section 4.2 (text)
    "meas_2025": {
        "loss": "binary_crossentropy",
        "learning_rate": 0.001,
        "schedule": "constant",
        "output_bias": "zero",
        "batch_size": 64,
        "max_epochs": 100,
        "monitor": "training_loss",
        "patience": 5,
    },
    # the same paper's Table 2, which differs from its text
    "meas_2025_table_2": {
        "loss": "binary_crossentropy",
        "learning_rate": 0.005,
        "schedule": "constant",
        "output_bias": "zero",
        "batch_size": 64,
        "max_epochs": 100,
        "monitor": "training_loss",
        "patience": 3,
    },
    # Han, Kim & Lee 2017, section III-D; the number of epochs is left to the stopping
    "han_2017": {
        "loss": "categorical_crossentropy",
        "learning_rate": 0.001,
        "schedule": "constant",
        "output_bias": "zero",
        "batch_size": 128,
        "max_epochs": 100,
        "monitor": "validation_loss",
        "patience": 2,
    },
}


class TrainingConfig(Section):
    """How a network is trained.

    Attributes:
        loss: ``binary_crossentropy`` for multi-label clips, ``categorical_crossentropy`` for single labels.
        learning_rate: peak learning rate of Adam.
        schedule: ``constant`` as in the papers, or ``one_cycle``: a short warm-up, then a cosine to zero.
        output_bias: how the output biases start: at ``zero`` as in the papers, or at each class' share of the clips.
        batch_size: windows a step.
        max_epochs: the most epochs; the scale may allow fewer.
        monitor: what early stopping watches and the best epoch is chosen by: a loss, or the area under the ROC curve on
            validation clips, which asks for the order of the scores only, as thresholds are chosen later.
        patience: epochs without improvement before training stops.
    """

    loss: Literal["binary_crossentropy", "categorical_crossentropy"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Literal["constant", "one_cycle"]
    output_bias: Literal["zero", "prior"]
    batch_size: Count
    max_epochs: Count
    monitor: Literal["validation_loss", "training_loss", "validation_auc"]
    patience: Count


def _by_name(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in PUBLISHED:
        hint = registry.choose(value, PUBLISHED)
        raise ValueError(f"must be a group of keys or the name of published settings: {hint}")
    return dict(PUBLISHED[value])


Training = Annotated[TrainingConfig, BeforeValidator(_by_name)]
