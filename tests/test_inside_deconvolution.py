"""Deconvolution against TensorFlow's gradients, its parts against their definitions, and a network set by hand."""

from typing import Any

import numpy as np
import pytest
from inside_networks import BANDS, FRAMES, han, windows

from tutti.errors import ParameterError
from tutti.inside.activations import BLOCKS
from tutti.inside.deconvolution import Deconvolver, switches_of, unpooled

ACTIVATIONS = ["tanh", "relu", "prelu", "leaky_relu_0.01", "leaky_relu_0.33"]


def full(image: Any, layer: Any) -> Any:
    """A convolution with full padding, from its definition."""
    import tensorflow as tf

    kernel, bias = layer.get_weights()
    return tf.nn.conv2d(image, kernel, 1, [[0, 0], [2, 2], [2, 2], [0, 0]]) + bias


def pooled(image: Any, block: int) -> Any:
    import tensorflow as tf

    return tf.nn.max_pool2d(image, 3, 3, "VALID") if block < 4 else tf.reduce_max(image, axis=(1, 2), keepdims=True)


def activation_and_slope(layer: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    if hasattr(layer, "activation"):
        return {"relu": (tf.nn.relu, 0.0), "tanh": (tf.tanh, 1.0)}[layer.activation.__name__]
    slope = layer.get_weights()[0] if hasattr(layer, "alpha") else layer.slope
    return lambda x: tf.where(x > 0, x, slope * x), slope


def rectified_gradient(network: Any, block: int, window: Any, start: Any) -> Any:
    """Zeiler & Fergus by automatic differentiation: the network's own forward pass, its rectifiers on the gradient."""
    import tensorflow as tf

    def act(image: Any, name: str) -> Any:
        function, slope = activation_and_slope(network.get_layer(name))

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def both(x: Any) -> Any:
            return function(x), lambda signal: tf.where(signal > 0, signal, slope * signal)

        return both(image)

    image = tf.constant(window[None, :, :, None])
    with tf.GradientTape() as tape:
        tape.watch(image)
        x = image
        for number in range(1, block + 1):
            x = act(full(x, network.get_layer(f"block{number}_conv1")), f"block{number}_act1")
            x = full(x, network.get_layer(f"block{number}_conv2"))
            # PReLU may fall, so only it stands before the pooling; where a whole field is 0 behind a ReLU, the order
            # decides which of its places is the largest
            if number == block:
                x = pooled(x, number)
            elif hasattr(network.get_layer(f"block{number}_act2"), "alpha"):
                x = pooled(act(x, f"block{number}_act2"), number)
            else:
                x = act(pooled(x, number), f"block{number}_act2")
        goal = tf.reduce_sum(x * start[None])
    return tape.gradient(goal, image)[0, :, :, 0].numpy()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_the_gradient_through_rectified_signals(activation: str) -> None:
    network = han(activation)
    deconvolver, window = Deconvolver(network), windows(1)[0]
    trace = deconvolver.trace(window)
    for block in BLOCKS:
        for unit in trace.strongest(block, 2):
            found = deconvolver.image(trace, block, unit)
            expected = rectified_gradient(network, block, window, trace.only(block, unit))
            assert found.dtype == np.float32
            assert np.abs(expected).max() > 0
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ["relu", "prelu", "leaky_relu_0.01", "leaky_relu_0.33"])
def test_where_everything_is_positive_it_is_the_networks_own_gradient(activation: str) -> None:
    """Keras' graph itself is differentiated: rectifiers do nothing there, so only pooling and filters remain."""
    import keras
    import tensorflow as tf

    network = han(activation)
    for layer in network.layers:
        if "_conv" in layer.name and layer.get_weights():
            layer.set_weights([np.abs(weight) for weight in layer.get_weights()])
    window = np.abs(windows(1))
    deconvolver = Deconvolver(network)
    trace = deconvolver.trace(window[0])
    for block in BLOCKS:
        unit = trace.strongest(block, 1)[0]
        end = network.get_layer(f"block{block}_dropout" if block < 4 else "dense").input
        part, given = keras.Model(network.input, end), tf.constant(window)
        with tf.GradientTape() as tape:
            tape.watch(given)
            goal = tf.reduce_sum(part(given, training=False)[..., unit])
        expected = tape.gradient(goal, given)[0].numpy()
        ones = (trace.only(block, unit) > 0).astype(np.float32)
        np.testing.assert_allclose(deconvolver.down(trace, block, ones), expected, rtol=1e-3)


@pytest.mark.parametrize("frames", [21, 43, 64, 129])
def test_images_have_the_windows_shape(frames: int) -> None:
    deconvolver, window = Deconvolver(han("leaky_relu_0.33", frames, 128)), windows(1, frames, 128)[0]
    trace = deconvolver.trace(window)
    height, width = frames, 128
    for block, units in zip(BLOCKS, (32, 64, 128, 256), strict=True):
        assert trace.sizes[block - 1] == (height + 4, width + 4)
        height, width = ((height + 4) // 3, (width + 4) // 3) if block < 4 else (1, 1)
        assert trace.maps[block - 1].shape == trace.switches[block - 1].shape == (height, width, units)
        image = deconvolver.image(trace, block, trace.strongest(block, 1)[0])
        assert image.shape == (frames, 128)
        assert np.isfinite(image).all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu_0.33"])
def test_a_map_of_the_network_itself_is_not_rectified_again(activation: str) -> None:
    network = han(activation)
    deconvolver, window = Deconvolver(network), windows(1)[0]
    trace = deconvolver.trace(window)
    start = -trace.maps[1]
    expected = rectified_gradient(network, 2, window, start)
    found = deconvolver.down(trace, 2, start)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_unpooling_fills_exactly_one_place_of_each_field() -> None:
    image = windows(5, 14, 11).transpose(1, 2, 0)  # (14, 11, 5): two frames and two bins belong to no field
    switches = switches_of(image, (3, 3))
    back = unpooled(np.ones((4, 3, 5), np.float32), switches, (14, 11))
    fields = back[:12, :9].reshape(4, 3, 3, 3, 5)
    assert (fields.sum(axis=(1, 3)) == 1).all()
    assert back.sum() == 4 * 3 * 5
    maxima = (image[:12, :9].reshape(4, 3, 3, 3, 5)).max(axis=(1, 3))
    flat = np.take_along_axis(image.reshape(-1, 5), switches.reshape(-1, 5), axis=0)
    np.testing.assert_array_equal(flat.reshape(4, 3, 5), maxima)


def test_switches_are_tensorflows() -> None:
    import tensorflow as tf

    image = windows(4, 13, 17).transpose(1, 2, 0)
    _, places = tf.nn.max_pool_with_argmax(image[None], 3, 3, "VALID")
    np.testing.assert_array_equal(switches_of(image, (3, 3)), places.numpy()[0] // 4)
    np.testing.assert_array_equal(switches_of(image, (13, 17))[0, 0], image.reshape(-1, 4).argmax(axis=0))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_twice_the_signal_gives_twice_the_image(activation: str) -> None:
    deconvolver = Deconvolver(han(activation))
    trace = deconvolver.trace(windows(1)[0])
    once = deconvolver.down(trace, 3, trace.maps[2])
    np.testing.assert_allclose(deconvolver.down(trace, 3, 2 * trace.maps[2]), 2 * once, rtol=1e-5, atol=1e-7)


def test_a_unit_that_looks_for_horizontal_lines_lights_up_where_one_is() -> None:
    network = han("relu")
    for layer in network.layers:
        if "_conv" in layer.name and layer.get_weights():
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    line = np.zeros((3, 3, 1, 32), np.float32)
    line[:, :, 0, 0] = np.array([-1, 2, -1]) / 6  # across frequency, and the same in three frames
    passing = np.zeros((3, 3, 32, 32), np.float32)
    passing[1, 1, 0, 0] = 1
    network.get_layer("block1_conv1").set_weights([line, np.zeros(32)])
    network.get_layer("block1_conv2").set_weights([passing, np.zeros(32)])
    window = np.zeros((FRAMES, BANDS), np.float32)
    window[:, 12] = 1.0  # a partial that sounds throughout
    window[9, 20:] = 1.0  # a click, whose edge is vertical
    deconvolver = Deconvolver(network)
    trace = deconvolver.trace(window)
    assert trace.strongest(1, 1) == [0]
    image = deconvolver.image(trace, 1, 0)
    by_band = image[3:-3, :18].sum(axis=0)
    assert by_band.argmax() == 12
    np.testing.assert_allclose(by_band[[11, 13]], -by_band[12] / 2, rtol=1e-5)
    assert np.abs(by_band[:10]).max() == np.abs(by_band[15:]).max() == 0
    assert (image[3:-3, 12] > 0).all()
    assert np.abs(image[:, 24:30]).max() == 0  # inside the click nothing is horizontal


def test_the_strongest_units_have_the_highest_maxima() -> None:
    trace = Deconvolver(han("relu")).trace(windows(1)[0])
    for block in BLOCKS:
        peaks = trace.maps[block - 1].max(axis=(0, 1))
        chosen = trace.strongest(block, 3)
        assert peaks[chosen].tolist() == sorted(peaks, reverse=True)[:3]
    assert sorted(trace.strongest(1, 1000)) == list(range(32))


def test_all_other_units_are_nothing() -> None:
    trace = Deconvolver(han("tanh")).trace(windows(1)[0])
    alone = trace.only(2, 7)
    np.testing.assert_array_equal(alone[..., 7], trace.maps[1][..., 7])
    assert not np.delete(alone, 7, axis=-1).any()


def test_unknown_blocks_and_units_are_refused() -> None:
    deconvolver = Deconvolver(han("relu"))
    trace = deconvolver.trace(windows(1)[0])
    with pytest.raises(ParameterError, match=r"block 5 does not exist: choose one of 1, 2, 3, 4"):
        deconvolver.image(trace, 5, 0)
    with pytest.raises(ParameterError, match="unit 32 is not in block 1: choose one of 0 to 31"):
        deconvolver.image(trace, 1, 32)
