"""Convolutions, then recurrence: the C-LSTM and C-GRU of Reghunath & Rajan 2021, as in Meas & Moieni 2025, Figure 6.

Three blocks of two 3 x 3 convolutions with LeakyReLU(0.33), batch normalisation and 2 x 2 max-pooling; two
bidirectional LSTM or GRU layers of 32 units; dense 512, batch normalisation, dropout 0.5; one sigmoid a class.

The figure does not print the filters of the blocks. It prints two flattened lengths of 1 024, which 3 s of 128 bands
give with 64 filters in the last block (16 bands x 64 filters a step, and 16 steps x 64 recurrent outputs); halved from
block to block that makes 16, 32 and 64.

Shapes for 3.0 s of 128 bands, ``(time, frequency, filters)``:

    129 x 128 x 1 → 129 x 128 x 16 → pool 64 x 64 x 16 → 64 x 64 x 32 → pool 32 x 32 x 32
    → 32 x 32 x 64 → pool 16 x 16 x 64 → 16 x 1024 → recurrent 16 x 64 → 1024 → 512 → n_classes
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from tutti.architectures._configs import Activation, NetworkConfig
from tutti.config import Count

if TYPE_CHECKING:
    import keras


def _three(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError("must be a list of three numbers of filters, one a block")
    return tuple(value)


class Config(NetworkConfig):
    """A C-RNN in ``params.yaml``.

    Attributes:
        cell: kind of the recurrent layers.
        units: units of each recurrent layer in each direction.
        filters: filters of the convolutions of the three blocks.
        activation: the activation after each convolution and the dense layer.
        norm_momentum: share of the old in each step of the batch normalisations' moving statistics. Keras' 0.99 takes
            some 500 steps to follow, which is most of a short training.
    """

    architecture: Literal["c_rnn"]
    cell: Literal["lstm", "gru"]
    units: Count
    filters: Annotated[tuple[Count, Count, Count], BeforeValidator(_three)]
    activation: Activation
    norm_momentum: Annotated[float, Field(ge=0, lt=1)]


def build(config: Config, input_shape: tuple[int, int], n_classes: int) -> "keras.Model":
    """Build the untrained network.

    Args:
        config: its parameters.
        input_shape: ``(time, frequency)`` of a window; both at least 8, since three poolings halve them.
        n_classes: number of instruments.

    Returns:
        A model from ``(batch, time, frequency)`` to scores ``(batch, n_classes)`` in 0..1.
    """
    import keras
    from keras import layers

    from tutti.architectures import _blocks as blocks

    inputs, x = blocks.as_image(*input_shape)
    for number, filters in enumerate(config.filters, start=1):
        for half in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", name=f"block{number}_conv{half}")(x)
            x = blocks.activation(config.activation, x, f"block{number}_act{half}")
        x = blocks.FusedBatchNormalization(config.norm_momentum, name=f"block{number}_norm")(x)
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
    _, time, frequency, filters = x.shape
    x = layers.Reshape((time, frequency * filters), name="steps")(x)  # (time, frequency x filters)
    for number in (1, 2):
        x = blocks.bidirectional(config.cell, config.units, f"recurrent{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(512, name="dense")(x)
    x = blocks.activation(config.activation, x, "dense_act")
    x = layers.BatchNormalization(momentum=config.norm_momentum, name="dense_norm")(x)
    x = layers.Dropout(0.5, name="dense_dropout")(x)
    return keras.Model(inputs, blocks.outputs(x, n_classes), name="c_rnn")
