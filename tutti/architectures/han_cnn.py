"""Han's CNN for predominant instruments (Han, Kim & Lee 2017, Table I).

Four blocks of two 3 x 3 convolutions with *full* padding (32, 64, 128, 256 filters), 3 x 3 max-pooling and dropout
0.25 after the first three, global max-pooling after the fourth, dense 1024 with dropout 0.5, one sigmoid a class.

Shapes for a window of 1.0 s, ``(time, frequency, filters)``:

    43 x 128 x 1 → 45 x 130 x 32 → 47 x 132 x 32 → pool 15 x 44 x 32
    → 17 x 46 x 64 → 19 x 48 x 64 → pool 6 x 16 x 64
    → 8 x 18 x 128 → 10 x 20 x 128 → pool 3 x 6 x 128
    → 5 x 8 x 256 → 7 x 10 x 256 → global max 256 → 1024 → n_classes

The activation after a block's second convolution stands behind the pooling where it never falls (all but PReLU):
the values and gradients are the same, and a ninth of them are computed.
"""

from typing import TYPE_CHECKING, Literal

from tutti.architectures._configs import Activation, NetworkConfig

if TYPE_CHECKING:
    import keras

FILTERS = (32, 64, 128, 256)


class Config(NetworkConfig):
    """Han's CNN in ``params.yaml``.

    Attributes:
        activation: the activation after each convolution and the dense layer; the paper's best is leaky_relu_0.33.
    """

    architecture: Literal["han_cnn"]
    activation: Activation


def build(config: Config, input_shape: tuple[int, int], n_classes: int) -> "keras.Model":
    """Build the untrained network.

    Args:
        config: its parameters.
        input_shape: ``(time, frequency)`` of a window.
        n_classes: number of instruments.

    Returns:
        A model from ``(batch, time, frequency)`` to scores ``(batch, n_classes)`` in 0..1.
    """
    import keras
    from keras import layers

    from tutti.architectures import _blocks as blocks

    late = blocks.is_monotone(config.activation)
    inputs, x = blocks.as_image(*input_shape)
    for number, filters in enumerate(FILTERS, start=1):
        x = blocks.full_convolution(x, filters, f"block{number}_conv1")
        x = blocks.activation(config.activation, x, f"block{number}_act1")
        x = blocks.full_convolution(x, filters, f"block{number}_conv2")
        if not late:
            x = blocks.activation(config.activation, x, f"block{number}_act2")
        if number < len(FILTERS):
            x = layers.MaxPooling2D(3, name=f"block{number}_pool")(x)
        else:
            x = layers.GlobalMaxPooling2D(name=f"block{number}_pool")(x)
        if late:
            x = blocks.activation(config.activation, x, f"block{number}_act2")
        if number < len(FILTERS):
            x = layers.Dropout(0.25, name=f"block{number}_dropout")(x)
    x = layers.Dense(1024, name="dense")(x)
    x = blocks.activation(config.activation, x, "dense_act")
    x = layers.Dropout(0.5, name="dense_dropout")(x)
    return keras.Model(inputs, blocks.outputs(x, n_classes), name="han_cnn")
