"""The C-RNN and the bi-LSTM: the figures' shapes, parameter counts by formula, their layers against Keras' own."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tutti import registry
from tutti.architectures._training import PUBLISHED, TrainingConfig
from tutti.config import read_yaml
from tutti.errors import ParameterError

C_RNN_FIGURE_6 = [
    ("image", (129, 128, 1)),
    ("block1_conv1", (129, 128, 16)),
    ("block1_conv2", (129, 128, 16)),
    ("block1_norm", (129, 128, 16)),
    ("block1_pool", (64, 64, 16)),
    ("block2_conv2", (64, 64, 32)),
    ("block2_pool", (32, 32, 32)),
    ("block3_conv2", (32, 32, 64)),
    ("block3_pool", (16, 16, 64)),
    ("steps", (16, 1024)),
    ("recurrent1", (16, 64)),
    ("recurrent2", (16, 64)),
    ("flatten", (1024,)),
    ("dense", (512,)),
    ("dense_norm", (512,)),
    ("dense_dropout", (512,)),
    ("scores", (11,)),
]


def model_config(name: str, **changes: Any) -> Any:
    section = read_yaml(Path("params.yaml"))["tasks"]["cultural"]["models"][name]
    return registry.load("architectures", section["architecture"]).Config.model_validate(section | changes)


def convolution(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + outputs


def recurrent(cell: str, inputs: int, units: int) -> int:
    gates, biases = {"lstm": (4, 1), "gru": (3, 2)}[cell]  # Keras' GRU keeps the recurrent bias apart
    return 2 * gates * units * (inputs + units + biases)


def trainable(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def test_c_rnn_walks_figure_6() -> None:
    from tutti.training import network

    model = network.build(model_config("c_lstm_log_mel"), (129, 128), 11)
    assert [(name, tuple(model.get_layer(name).output.shape[1:])) for name, _ in C_RNN_FIGURE_6] == C_RNN_FIGURE_6
    order = [layer.name for layer in model.layers]
    positions = [order.index(name) for name, _ in C_RNN_FIGURE_6]
    assert positions == sorted(positions)


@pytest.mark.parametrize(("name", "shape"), [("c_lstm_log_mel", (2, 128)), ("c_gru_mfcc", (129, 7))])
def test_a_window_of_which_pooling_leaves_nothing_is_one_sentence(name: str, shape: tuple[int, int]) -> None:
    from tutti.training import network

    with pytest.raises(ParameterError) as caught:
        network.build(model_config(name), shape, 11)
    assert str(caught.value) == (
        f"a window of {shape[0]} frames of {shape[1]} bands is too small for c_rnn, whose pooling leaves nothing of "
        "it: raise window_seconds, or take a feature of more frames or bands"
    )


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_c_rnn_has_as_many_weights_as_its_layers_ask_for(cell: str) -> None:
    from tutti.training import network

    filters = [1, 16, 16, 32, 32, 64, 64]
    expected = sum(convolution(a, b) for a, b in itertools.pairwise(filters))
    expected += 2 * (16 + 32 + 64 + 512)  # scale and offset of the batch normalisations
    expected += recurrent(cell, 16 * 64, 32) + recurrent(cell, 64, 32)
    expected += 16 * 64 * 512 + 512 + 512 * 11 + 11
    assert trainable(network.build(model_config(f"c_{cell}_log_mel"), (129, 128), 11)) == expected


def test_bi_lstm_reads_five_embeddings() -> None:
    from tutti.training import network

    model = network.build(model_config("bi_lstm"), (5, 128), 63)
    assert tuple(model.get_layer("recurrent1").output.shape[1:]) == (5, 256)
    assert tuple(model.get_layer("recurrent2").output.shape[1:]) == (256,)
    expected = recurrent("lstm", 128, 128) + recurrent("lstm", 256, 128) + 256 * 63 + 63
    assert trainable(model) == expected


@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_normalisation_is_that_of_keras(training: bool) -> None:
    import keras

    from tutti.architectures._blocks import FusedBatchNormalization

    random = np.random.default_rng(3)
    ours, oracle = FusedBatchNormalization(), keras.layers.BatchNormalization()
    for _ in range(3):  # the moving statistics follow
        image = random.normal(2, 3, size=(8, 5, 7, 4)).astype(np.float32)
        found, expected = ours(image, training=training), oracle(image, training=training)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.asarray(ours.moving_mean), np.asarray(oracle.moving_mean), rtol=1e-5, atol=1e-6)
    # the fused kernel takes the unbiased variance of a batch (n - 1), Keras the biased one
    np.testing.assert_allclose(np.asarray(ours.moving_variance), np.asarray(oracle.moving_variance), rtol=5e-3)


@pytest.mark.parametrize("slope", [0.01, 0.33])
def test_leaky_relu_is_that_of_keras(slope: float) -> None:
    import keras

    from tutti.architectures._blocks import LeakyRelu

    values = np.linspace(-3, 3, 101, dtype=np.float32)
    np.testing.assert_array_equal(
        np.asarray(LeakyRelu(slope)(values)), np.asarray(keras.layers.LeakyReLU(negative_slope=slope)(values))
    )


@pytest.mark.parametrize("slope", [0.01, 0.33])
def test_leaky_relu_has_the_gradient_of_keras_behind_a_convolution(slope: float) -> None:
    """Compiled, so that TensorFlow fuses what it can: Keras' own is computed step by step."""
    import keras
    import tensorflow as tf

    from tutti.architectures._blocks import LeakyRelu

    random = np.random.default_rng(2)
    image, pull = (random.normal(size=(2, 6, 6, 3)).astype(np.float32) for _ in range(2))
    kernel, bias = tf.Variable(random.normal(size=(3, 3, 3, 3)).astype(np.float32)), tf.Variable(np.ones(3, np.float32))

    def gradients(layer: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(tf.nn.bias_add(tf.nn.conv2d(image, kernel, 1, "SAME"), bias)) * pull)
        return list(tape.gradient(loss, [kernel, bias]))

    found = tf.function(lambda: gradients(LeakyRelu(slope)))()
    expected = gradients(keras.layers.LeakyReLU(negative_slope=slope))
    for ours, keras_own in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), keras_own.numpy(), rtol=1e-4, atol=1e-4)


def test_published_settings_are_the_papers() -> None:
    text, table, han = (TrainingConfig(**PUBLISHED[name]) for name in ("meas_2025", "meas_2025_table_2", "han_2017"))
    assert (text.batch_size, text.learning_rate, text.patience, text.max_epochs) == (64, 0.001, 5, 100)
    assert (table.batch_size, table.learning_rate, table.patience, table.max_epochs) == (64, 0.005, 3, 100)
    assert text.monitor == table.monitor == "training_loss"
    assert (han.batch_size, han.learning_rate, han.patience, han.monitor) == (128, 0.001, 2, "validation_loss")
    assert {each.schedule for each in (text, table, han)} == {"constant"}
    assert {each.output_bias for each in (text, table, han)} == {"zero"}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_name_stands_for_published_settings(name: str) -> None:
    assert model_config("han_cnn", training=name).training == TrainingConfig(**PUBLISHED[name])
    assert type(model_config("han_cnn", training=name)).model_validate(
        model_config("han_cnn", training=name).model_dump(mode="json")
    ) == model_config("han_cnn", training=name)


def test_an_unknown_name_of_settings_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"published settings.*han_2017"):
        model_config("han_cnn", training="han_2018")


def test_filters_are_three() -> None:
    with pytest.raises(ValidationError, match="three numbers of filters"):
        model_config("c_lstm_log_mel", filters=[16, 32])


def test_our_own_settings_stop_on_validation() -> None:
    models = read_yaml(Path("params.yaml"))["tasks"]["cultural"]["models"].values()
    groups = [model["training"] for model in models if "training" in model]
    assert groups
    assert {group["monitor"] for group in groups} == {"validation_loss"}
