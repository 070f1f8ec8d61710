"""Training the embedding's network: what the stage ``embedding`` does."""

import csv
import logging
from pathlib import Path

import numpy as np

from tutti.config import TRAIN
from tutti.embedding import stack
from tutti.embedding.saved_model import write_saved_model
from tutti.embedding.solos import Patches, read_solos, recordings_of
from tutti.features.vggish import FOLDER
from tutti.process import quiet_libraries
from tutti.progress import track
from tutti.sections import EmbeddingConfig
from tutti.seeding import child
from tutti.store import write_json

with quiet_libraries():
    import keras
    import tensorflow as tf

_log = logging.getLogger("tutti")
SPEC, HISTORY = "spec.json", "history.csv"
_STEPS_A_ROW = 50  # of the history


def fit_embedding(
    split: Path, index: Path, root: Path, config: EmbeddingConfig, *, n_patches: int, seed: int, out: Path
) -> None:
    """Train a network on the training side's recordings and write it as a SavedModel.

    Args:
        split: folder of the split; recordings of other sides are never read.
        index: folder of the corpus' index.
        root: folder of the corpus.
        config: the network and its training.
        n_patches: how many patches it sees.
        seed: of weights and patches; the same seed gives the same bytes.
        out: a new folder: ``saved_model``, ``spec.json`` and ``history.csv``.

    Raises:
        DataError: when a recording is missing or unreadable, or fewer than two instruments sound.
    """
    keras.utils.set_random_seed(child(seed, "network"))
    tf.config.experimental.enable_op_determinism()
    solos, names = read_solos(recordings_of(split, index, TRAIN), root, config)
    network = stack.build(config.width, len(names))
    losses = _train(network, Patches(solos, len(names), config, seed), config, n_patches // config.batch_size)
    out.mkdir(parents=True)
    write_saved_model(stack.embedding_of(network), out / FOLDER)
    write_json(out / SPEC, {"config": config.model_dump(mode="json"), "classes": names, "seed": seed, "side": TRAIN})
    _write_history(out / HISTORY, losses)


def _train(network: keras.Model, patches: Patches, config: EmbeddingConfig, steps: int) -> list[float]:
    """Train with Adam, a short warm-up and a cosine to zero; return the loss of each step."""
    steps = max(1, steps)
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 25, max(1, steps - steps // 10), warmup_target=config.learning_rate,
        warmup_steps=max(1, steps // 10),
    )  # fmt: skip
    network.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", jit_compile=False)
    losses = [
        float(network.train_on_batch(*patches.batch(number)))
        for number in track(range(steps), "training the embedding")
    ]
    _log.info("embedding: loss %.3f at the end", np.mean(losses[-_STEPS_A_ROW:]))
    return losses


def _write_history(path: Path, losses: list[float]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss"])
        for last in range(min(_STEPS_A_ROW, len(losses)), len(losses) + 1, _STEPS_A_ROW):
            writer.writerow([last, f"{np.mean(losses[max(0, last - _STEPS_A_ROW) : last]):.6f}"])
