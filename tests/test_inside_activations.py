"""Pooled activations against the layers they come from, and the float32 copy of a network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inside_networks import BANDS, FRAMES, han, windows, write_model

from tutti.errors import ParameterError
from tutti.inside.activations import LAYERS, float32_network, pooled_activations
from tutti.training.model_folder import load_model
from tutti.training.windows import WindowTable

ACTIVATIONS = ["tanh", "relu", "prelu", "leaky_relu_0.01", "leaky_relu_0.33"]


def table(values: Any) -> WindowTable:
    count = len(values)
    return WindowTable(values, np.arange(count), np.zeros(count, np.int64), values.shape[1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_they_are_the_maxima_of_what_each_block_hands_on(activation: str) -> None:
    import keras

    network, given = han(activation), windows(5)
    last = "pool" if activation == "prelu" else "act2"
    ends = {f"block{number}": f"block{number}_{last}" for number in (1, 2, 3, 4)} | {"dense": "dense_act"}
    found = pooled_activations(network, table(given))
    assert tuple(found) == LAYERS
    for name, layer in ends.items():
        image = np.asarray(keras.Model(network.input, network.get_layer(layer).output)(given, training=False))
        assert found[name].dtype == np.float32
        expected = image.max(axis=(1, 2)) if image.ndim == 4 else image
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["scores"], np.asarray(network(given, training=False)), rtol=1e-4, atol=1e-6)
    assert [values.shape[1] for values in found.values()] == [32, 64, 128, 256, 1024, 3]


def test_batches_leave_no_trace() -> None:
    network, given = han("relu"), windows(35)
    together = pooled_activations(network, table(given))
    for row in (0, 31, 32, 34):
        alone = pooled_activations(network, table(given[row : row + 1]))
        for name in LAYERS:
            np.testing.assert_allclose(together[name][row], alone[name][0], rtol=1e-4, atol=1e-5)


def test_nothing_in_nothing_out() -> None:
    found = pooled_activations(han("relu"), table(np.zeros((0, FRAMES, 32), np.float32)))
    assert {name: values.shape for name, values in found.items()}["block2"] == (0, 64)


@pytest.mark.parametrize("frames", [43, 129])
def test_any_window_length(frames: int) -> None:
    found = pooled_activations(han("leaky_relu_0.33", frames, 40), table(windows(2, frames, 40)))
    assert found["block4"].shape == (2, 256)


def test_a_network_in_bfloat16_is_looked_at_in_float32(tmp_path: Path) -> None:
    model: Any = load_model(write_model(tmp_path / "model", precision="mixed_bfloat16"))
    network = float32_network(model)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    for ours, given in zip(network.get_weights(), model.scorer.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, given)


def test_the_float32_network_scores_as_the_model_does(tmp_path: Path) -> None:
    model: Any = load_model(write_model(tmp_path / "model", precision="float32"))
    seen = np.random.default_rng(1).normal(-3, 2, (3, FRAMES, BANDS)).astype(np.float32)
    given = model.scorer.network.predict_on_batch(seen)
    np.testing.assert_allclose(float32_network(model).predict_on_batch(seen), given, atol=1e-6)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", name="c_gru_log_mel")
    with pytest.raises(ParameterError, match=r"'c_gru_log_mel' has the architecture 'c_rnn', but only 'han_cnn'"):
        float32_network(load_model(folder))
