"""A set of binaries as one model, which reads each window once and asks all of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutti.training.model_folder import load_network

if TYPE_CHECKING:
    import keras


def load(folder: Path, config: Any, spec: dict[str, Any]) -> "keras.Model":
    """Read all binaries of a set as one network ``(batch, time, frequency)`` to scores ``(batch, class)``.

    Args:
        folder: ``models/<task>/<model>``.
        config: the section of the set.
        spec: the content of its ``spec.json``.

    Raises:
        DataError: when a binary is missing or is another network than the specification describes.
    """
    return together([load_network(folder / f"{name}.keras", config.binary, spec, 1) for name in spec["classes"]])


def together(binaries: "list[keras.Model]") -> "keras.Model":
    """Return one network of several binaries with the same input; each keeps its own weights and scores.

    Args:
        binaries: networks ``(batch, time, frequency)`` to ``(batch, 1)``.
    """
    import keras

    inputs = keras.Input(binaries[0].input_shape[1:], name="feature")
    named = [
        keras.Model(each.inputs[0], each.outputs[0], name=f"binary_{number}")
        for number, each in enumerate(binaries, start=1)
    ]
    scores = [each(inputs) for each in named]
    joined = scores[0] if len(scores) == 1 else keras.layers.Concatenate(dtype="float32", name="scores")(scores)
    return keras.Model(inputs, joined, name="one_vs_all")
