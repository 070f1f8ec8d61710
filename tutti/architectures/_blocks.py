"""Keras layers that several architectures share."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers


class LeakyRelu(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """``x`` where it is positive, ``slope x`` elsewhere; its gradient is told from its *output*, which has x's sign.

    Keras' LeakyReLU asks for its input again: TensorFlow, which fuses convolution, bias and activation, then fails
    on the gradient with a line on stderr. This one is fused, so what stands between the two is never stored.
    """

    def __init__(self, slope: float, **options: Any) -> None:
        super().__init__(**options)
        self.slope = slope

    def call(self, tensor: Any) -> Any:
        """Apply the activation to a tensor of any shape."""

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def leaky(x: Any) -> tuple[Any, Any]:
            y = tf.nn.leaky_relu(x, self.slope)
            return y, lambda upstream: tf.raw_ops.LeakyReluGrad(gradients=upstream, features=y, alpha=self.slope)

        return leaky(tensor)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape of the input."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "slope": self.slope}


class FusedBatchNormalization(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Batch normalisation of images ``(batch, time, frequency, filters)`` by TensorFlow's fused kernel.

    The same as ``keras.layers.BatchNormalization``, which on a processor takes several passes over the image and, in
    bfloat16, several casts. Statistics and parameters are float32 in any precision.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape: Any) -> None:
        """Make scale, offset and the moving statistics of each filter."""
        filters = (shape[-1],)
        self.gamma = self.add_weight(shape=filters, initializer="ones", name="gamma", dtype="float32")
        self.beta = self.add_weight(shape=filters, initializer="zeros", name="beta", dtype="float32")
        self.moving_mean = self._statistic("moving_mean", "zeros", filters)
        self.moving_variance = self._statistic("moving_variance", "ones", filters)

    def _statistic(self, name: str, start: str, shape: Any) -> Any:
        return self.add_weight(
            shape=shape, initializer=start, name=name, dtype="float32", trainable=False, autocast=False
        )

    def call(self, tensor: Any, training: bool = False) -> Any:
        """Normalise with the batch's statistics in training and with the moving ones otherwise."""
        gamma, beta = (tf.cast(weight, tf.float32) for weight in (self.gamma, self.beta))
        statistics = (None, None) if training else (self.moving_mean.value, self.moving_variance.value)
        normal, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            tensor, gamma, beta, *statistics, epsilon=self.epsilon, is_training=training
        )
        if training:
            for weight, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                weight.assign(weight * self.momentum + value * (1 - self.momentum))
        return normal

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape of the input."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


def activation(kind: str, tensor: Any, name: str) -> Any:
    """Apply one of the activations that Han et al. 2017, section V-A compare.

    Args:
        kind: ``tanh``, ``relu``, ``prelu``, ``leaky_relu_0.01`` or ``leaky_relu_0.33``.
        tensor: any Keras tensor.
        name: name of the layer.
    """
    if kind.startswith("leaky_relu_"):
        return LeakyRelu(float(kind.removeprefix("leaky_relu_")), name=name)(tensor)
    if kind == "prelu":
        shared = tuple(range(1, len(tensor.shape) - 1)) or None
        return layers.PReLU(shared_axes=shared, name=name)(tensor)
    return layers.Activation(kind, name=name)(tensor)


def is_monotone(kind: str) -> bool:
    """Say whether an activation never falls, so that it may be swapped with a max-pooling."""
    return kind != "prelu"


def full_convolution(tensor: Any, filters: int, name: str) -> Any:
    """Apply a 3 x 3 convolution with *full* padding: ``(time, frequency)`` grows by 2 in both directions.

    Weights are Glorot-uniform, biases zero (Han et al. 2017, section III-C).
    """
    padded = layers.ZeroPadding2D(1, name=f"{name}_pad")(tensor)
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="glorot_uniform", name=name)(padded)


def outputs(tensor: Any, n_classes: int) -> Any:
    """Add the output layer: one sigmoid a class, computed in float32 whatever the network's precision."""
    return layers.Dense(n_classes, activation="sigmoid", dtype="float32", name="scores")(tensor)


def bidirectional(cell: str, units: int, name: str, sequences: bool = True) -> Any:
    """Return a recurrent layer that reads ``(time, frequency)`` in both directions.

    Args:
        cell: ``lstm`` or ``gru``.
        units: units in each direction.
        name: name of the layer.
        sequences: return ``(time, 2 x units)`` instead of the last step's ``(2 x units,)``.
    """
    kind = {"lstm": layers.LSTM, "gru": layers.GRU}[cell]
    return layers.Bidirectional(kind(units, return_sequences=sequences, name=f"{name}_{cell}"), name=name)


def standardised(time: int | None, frequency: int) -> tuple[Any, Any]:
    """Return an input ``(time, frequency)`` and its standardised values.

    The mean and deviation of each frequency bin are set from training data by the layer's ``adapt``.
    """
    inputs = keras.Input((time, frequency), name="feature")
    return inputs, layers.Normalization(axis=-1, name="standardise")(inputs)


def as_image(time: int | None, frequency: int) -> tuple[Any, Any]:
    """Return an input ``(time, frequency)`` and its standardised image ``(time, frequency, 1)``."""
    inputs, standard = standardised(time, frequency)
    return inputs, layers.Reshape((time or -1, frequency, 1), name="image")(standard)
