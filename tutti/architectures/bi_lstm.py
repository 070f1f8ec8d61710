"""A bidirectional LSTM on a sequence of embeddings (after Mukhedkar 2020; Meas & Moieni 2025, section 4.2.1).

The sequence is short (5 x 128 for 5 s of VGGish), so a window is usually the whole clip. The paper prints the drawing
of its Figure 5 but not the sizes: units, layers and dropout are parameters.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tutti.architectures._configs import NetworkConfig
from tutti.config import Count

if TYPE_CHECKING:
    import keras


class Config(NetworkConfig):
    """A bi-LSTM in ``params.yaml``.

    Attributes:
        units: units of each layer in each direction.
        layers: bidirectional layers, one after another.
        dropout: share of the last layer's outputs that is dropped in training, 0..0.95.
    """

    architecture: Literal["bi_lstm"]
    units: Count
    layers: Annotated[int, Field(ge=1, le=8)]
    dropout: Annotated[float, Field(ge=0, le=0.95)]


def build(config: Config, input_shape: tuple[int, int], n_classes: int) -> "keras.Model":
    """Build the untrained network.

    Args:
        config: its parameters.
        input_shape: ``(time, frequency)`` of a window, for example 5 x 128.
        n_classes: number of instruments.

    Returns:
        A model from ``(batch, time, frequency)`` to scores ``(batch, n_classes)`` in 0..1.
    """
    import keras
    from keras import layers

    from tutti.architectures import _blocks as blocks

    inputs, x = blocks.standardised(*input_shape)
    for number in range(1, config.layers + 1):
        whole = number < config.layers
        x = blocks.bidirectional("lstm", config.units, f"recurrent{number}", sequences=whole)(x)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    return keras.Model(inputs, blocks.outputs(x, n_classes), name="bi_lstm")
