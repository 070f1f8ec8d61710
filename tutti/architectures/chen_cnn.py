"""The CNN behind one binary of Chen, Ghobakhlou & Narayanan 2024 (Table IV).

Three blocks of a 3 x 3 convolution (32, 64, 128 filters, *same* padding, ReLU), batch normalisation and 2 x 2
max-pooling, then flatten, dense 128 with ReLU, dropout 0.5 and a sigmoid: one in a binary, or one a class.

Shapes for a clip of 4 s at 16 kHz whose spectrum has 15 frames of 128 bands, ``(time, frequency, filters)``:

    15 x 128 x 1 → 15 x 128 x 32 → pool 7 x 64 x 32 → 7 x 64 x 64 → pool 3 x 32 x 64
    → 3 x 32 x 128 → pool 1 x 16 x 128 → 2048 → 128 → n_classes

The paper does not print the size of its input; at 126 frames of 1025 bins the dense layer alone has 31 million weights.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tutti.architectures._configs import NetworkConfig
from tutti.config import Count

if TYPE_CHECKING:
    import keras

FILTERS = (32, 64, 128)


class Config(NetworkConfig):
    """Chen's CNN in ``params.yaml``.

    Attributes:
        dense_units: units of the dense layer; 128 in the paper.
        dropout: share of them that is dropped in training; 0.5 in the paper.
        norm_momentum: share of the old in each step of batch normalisation's moving statistics; Keras' own is 0.99.
    """

    architecture: Literal["chen_cnn"]
    dense_units: Count
    dropout: Annotated[float, Field(ge=0, le=0.95)]
    norm_momentum: Annotated[float, Field(ge=0, lt=1)]


def build(config: Config, input_shape: tuple[int, int], n_classes: int) -> "keras.Model":
    """Build the untrained network.

    Args:
        config: its parameters.
        input_shape: ``(time, frequency)`` of a window, 8 of each at least.
        n_classes: number of outputs; 1 for a binary.

    Returns:
        A model from ``(batch, time, frequency)`` to scores ``(batch, n_classes)`` in 0..1.
    """
    import keras
    from keras import layers

    from tutti.architectures import _blocks as blocks

    inputs, x = blocks.as_image(*input_shape)
    for number, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{number}_conv")(x)
        x = blocks.FusedBatchNormalization(config.norm_momentum, name=f"block{number}_norm")(x)
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(config.dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(config.dropout, name="dense_dropout")(x)
    return keras.Model(inputs, blocks.outputs(x, n_classes), name="chen_cnn")
