"""VGGish's layers, with a width by which all filters and dense layers are scaled.

At width 1 (Hershey et al. 2017, and the published model), for a patch of 96 x 64:

    conv 64 → pool 48 x 32 → conv 128 → pool 24 x 16 → conv 256, 256 → pool 12 x 8 → conv 512, 512 → pool 6 x 4 x 512
    → dense 4096 → dense 4096 → dense 128, the embedding, linear

All convolutions are 3 x 3 with zeros around and ReLU, all poolings the maximum of 2 x 2. That is .87 thousand million
multiplications a patch and 72 141 184 weights. A classifier on top of the embedding serves the training only.
"""

from tutti.embedding.front_end import N_MELS
from tutti.features.vggish import PATCH, SIZE
from tutti.process import quiet_libraries

with quiet_libraries():
    import keras
    from keras import layers

CONVOLUTIONS = ((64,), (128,), (256, 256), (512, 512))
DENSE = (4096, 4096)
EMBEDDING = "embedding"


def scaled(units: int, width: float) -> int:
    """Return a number of filters or units at a width, at least 4."""
    return max(4, round(units * width))


def build(width: float, n_classes: int) -> keras.Model:
    """Build the untrained network with its classifier.

    Args:
        width: factor on all filters and dense units but the embedding's; 1 as published.
        n_classes: number of instruments.

    Returns:
        A model from log-mel patches ``(batch, 96, 64)`` to the shares of the instruments ``(batch, n_classes)``.
    """
    inputs = keras.Input((PATCH, N_MELS), name="patch")
    x = layers.Reshape((PATCH, N_MELS, 1), name="image")(inputs)
    for number, block in enumerate(CONVOLUTIONS, start=1):
        for place, filters in enumerate(block, start=1):
            x = layers.Conv2D(
                scaled(filters, width), 3, padding="same", activation="relu", kernel_initializer="he_uniform",
                name=f"conv{number}_{place}",
            )(x)  # fmt: skip
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flat")(x)
    for place, units in enumerate(DENSE, start=1):
        x = layers.Dense(scaled(units, width), activation="relu", kernel_initializer="he_uniform", name=f"fc{place}")(x)
    x = layers.Dense(SIZE, name=EMBEDDING)(x)
    x = layers.Activation("relu", name="classifier_act")(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax", name="classifier")(x), name="vggish")


def embedding_of(network: keras.Model) -> keras.Model:
    """Return the part of a network that ends with the embedding ``(batch, 128)``."""
    return keras.Model(network.input, network.get_layer(EMBEDDING).output, name="vggish")
