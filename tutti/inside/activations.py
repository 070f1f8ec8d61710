"""The pooled activations of Han's CNN: each unit's maximum over time and frequency (Han, Kim & Lee 2017, section V-G).

A block ends behind its pooling and its activation, whichever of the two comes last.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.architectures.han_cnn import FILTERS
from tutti.errors import ParameterError
from tutti.training.model_folder import Model, NetworkScorer
from tutti.training.windows import WindowTable

Float32 = NDArray[np.float32]

ARCHITECTURE = "han_cnn"
BLOCKS = tuple(range(1, len(FILTERS) + 1))
LAYERS = (*(f"block{number}" for number in BLOCKS), "dense", "scores")
_BATCH = 32  # windows: a block's maps of 3.0 s take 2 MiB a window before the pooling


def float32_network(model: Model) -> Any:
    """Return the network of a fitted model in float32, so that what is seen does not depend on the machine's bfloat16.

    Raises:
        ParameterError: when the model is of another architecture.
    """
    found = model.spec["architecture"]
    if found != ARCHITECTURE or not isinstance(model.scorer, NetworkScorer):
        raise ParameterError(
            f"model {model.spec['model']!r} has the architecture {found!r}, but only {ARCHITECTURE!r} can be looked "
            "into: name a model of that architecture"
        )
    from tutti.architectures import han_cnn
    from tutti.training import network as networks

    fitted = model.scorer.network
    config = han_cnn.Config.model_validate(model.spec["config"])
    with networks.precision("float32"):
        plain = networks.build(config, fitted.input_shape[1:], fitted.output_shape[-1])
    plain.set_weights(fitted.get_weights())
    plain.get_layer("standardise").finalize_state()  # it keeps what it computed from its weights, and would miss these
    return plain


def block_ends(network: Any) -> list[Any]:
    """Return the tensor with which each of the four blocks ends, dropout left out (it does nothing in inference)."""
    following = [f"block{number}_dropout" for number in BLOCKS[:-1]] + ["dense"]
    return [network.get_layer(name).input for name in following]


def pooled_activations(network: Any, windows: WindowTable) -> dict[str, Float32]:
    """Return the pooled activations of all layers, computed a batch at a time and without dropout.

    Args:
        network: a Keras model of the architecture ``han_cnn``, of any window length.
        windows: what it shall see, ``(time, frequency)`` each.

    Returns:
        ``(window, unit)`` float32 for each of ``LAYERS``, in their order; ``dense`` behind its activation.
    """
    pooling = _pooling(network)
    size = min(_BATCH, max(1, len(windows)))
    parts = [_run(pooling, batch, size) for batch in windows.batches(size)]
    if not parts:
        return {name: np.zeros((0, tensor.shape[-1]), np.float32) for name, tensor in pooling.output.items()}
    return {name: np.concatenate([part[name] for part in parts]) for name in LAYERS}


def _pooling(network: Any) -> Any:
    """Return a model from windows to a dictionary of pooled activations."""
    import keras

    *images, last = block_ends(network)
    pooled = [keras.layers.GlobalMaxPooling2D(dtype="float32")(image) for image in images]
    dense = network.get_layer("dense_dropout").input
    return keras.Model(network.input, dict(zip(LAYERS, (*pooled, last, dense, *network.outputs), strict=True)))


def _run(pooling: Any, batch: Float32, size: int) -> dict[str, Float32]:
    """Run a batch, filled up to ``size`` windows: the last one's own shape would be compiled anew."""
    filled = np.pad(batch, ((0, size - len(batch)), (0, 0), (0, 0)))
    found = pooling.predict_on_batch(filled)
    return {name: np.asarray(found[name], np.float32)[: len(batch)] for name in LAYERS}
