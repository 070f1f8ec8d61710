"""Writing the embedding as a SavedModel: a callable from a waveform to embeddings, byte for byte the same each time."""

import re
from pathlib import Path

from google.protobuf import text_format

from tutti.embedding.front_end import patches
from tutti.process import quiet_libraries

with quiet_libraries():
    import keras
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

# TensorFlow counts all that a process has traced: the number is part of functions' names, and the name of what they
# take from outside.
_NUMBERED = re.compile(r'(__inference_\w*?_|\bs: ")(\d+)(?!\w)')


class _VGGish(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """What is saved: a waveform ``(n,)`` at 16 kHz within -1..1 to ``(n_patches, 128)``."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__(name="vggish")
        self.weights = [variable.value for variable in network.variables]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")])  # type: ignore[untyped-decorator]
        def embed(waveform: tf.Tensor) -> tf.Tensor:
            return network(patches(waveform), training=False)

        self.__call__ = embed


def write_saved_model(network: keras.Model, folder: Path) -> None:
    """Write a network from patches ``(batch, 96, 64)`` to embeddings ``(batch, 128)`` as a SavedModel on waveforms."""
    with quiet_libraries():
        tf.saved_model.save(_VGGish(network), str(folder))
    (folder / "fingerprint.pb").unlink(missing_ok=True)  # it holds a random number
    _renumber(folder / "saved_model.pb")


def _renumber(path: Path) -> None:
    """Number what a SavedModel holds from 0, in the order of its tracing, and sort its functions by name.

    TensorFlow numbers them by all that the process has traced before, which depends on threads.
    """
    text = text_format.MessageToString(SavedModel.FromString(path.read_bytes()))
    numbers = sorted({int(number) for _, number in _NUMBERED.findall(text)})
    place = {number: index for index, number in enumerate(numbers)}
    text = _NUMBERED.sub(lambda found: f"{found[1]}{place[int(found[2])]}", text)
    model = text_format.Parse(text, SavedModel())
    for graph in model.meta_graphs:
        functions = sorted(graph.graph_def.library.function, key=lambda each: each.signature.name)
        del graph.graph_def.library.function[:]
        graph.graph_def.library.function.extend(functions)
    path.write_bytes(model.SerializeToString(deterministic=True))
