"""Fitting one binary: is this class in the clip, or not?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tutti.feature_store import Feature, open_feature
from tutti.seeding import child, generator
from tutti.store import write_json
from tutti.training.one_vs_all.pairs import Material, Pairs
from tutti.training.windows import WindowTable

if TYPE_CHECKING:
    import keras

Epoch = dict[str, float]
NETWORK, HISTORY = "network.keras", "history.json"
COLUMNS = ("loss", "validation_loss", "validation_auc", "validation_precision", "validation_recall")
_NAMED = 0.5  # score from which a class counts as named where precision and recall stop a training
_STANDARD_SAMPLE = 256
_LEAST_DEVIATION = 0.1  # of a band, as a share of that of all values
_LEAST = 1e-7  # what a score is away from 0 and 1 in a loss


@dataclass(frozen=True)
class Part:
    """The clips of one side for one binary.

    Attributes:
        feature: folder of the stored feature.
        material: which of its clips, and what they hold.
    """

    feature: Path
    material: Material


@dataclass(frozen=True)
class Job:
    """One binary to be fitted.

    Attributes:
        name: of the class.
        config: the section of the set of binaries.
        window: frames of a window.
        train: what it learns from.
        validation: what chooses its epoch and may stop it.
        start: the single notes that it learns from in its first epochs, where there are such epochs.
        seed: of the weights, the pairs, the windows and the dropout.
        max_epochs: the most epochs that the scale allows.
        max_pairs: the most pairs in an epoch that it allows.
    """

    name: str
    config: Any
    window: int
    train: Part
    validation: Part
    start: Part | None
    seed: int
    max_epochs: int
    max_pairs: int


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let TensorFlow use one core a process, where it or the process begins in the block.

    Binaries are small, and several are fitted at a time: two trainings of a core each are faster than one after the
    other on both, and the same number of threads gives the same bits, however many processes there are.
    """
    own = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def fit(job: Job, folder: Path) -> list[Epoch]:
    """Fit one binary and write it into a new folder, ``network.keras`` and ``history.json``.

    Args:
        job: what to fit.
        folder: where to write.

    Returns:
        One dictionary of ``COLUMNS`` an epoch.
    """
    with one_core_each():
        from tutti.training import network

        with network.precision(job.config.binary.precision):
            fitted, history = _fitted(job)
        folder.mkdir(parents=True)
        network.save(fitted, job.config.binary, folder / NETWORK)
    write_json(folder / HISTORY, history)
    return history


def _fitted(job: Job) -> tuple["keras.Model", list[Epoch]]:
    """Return the network with the weights of its best epoch, and its history."""
    from tutti.training import network

    config, training = job.config, job.config.binary.training
    feature, validation = open_feature(job.train.feature), open_feature(job.validation.feature)
    first = config.notes_epochs
    epochs, count = min(training.max_epochs, job.max_epochs), min(config.pairs_per_epoch, job.max_pairs)
    network.be_deterministic(job.seed)
    model = network.build(config.binary, (job.window, feature.values.shape[-1]), 1)
    model.get_layer("standardise").adapt(_sample(feature, job.train.material, job.seed))
    steps = epochs * -(-2 * count // training.batch_size)
    step = _step(model, network.optimiser(config.binary, steps))
    lessons = [_Lesson(part, config.confusable_share, job.seed) for part in (job.start or job.train, job.train)]
    history: list[Epoch] = []
    best, kept, since = float("inf"), model.get_weights(), 0
    for number in range(epochs):
        lesson, later = lessons[number >= first], number - first
        same_size = later < config.same_size_share * (epochs - first)
        batches = lesson.pairs.epoch(
            number if later < 0 else later + 1, count, training.batch_size, same_size=same_size
        )
        losses = [lesson.learn(step, places, job.window) for places in batches]
        history.append({"loss": float(np.mean(losses)), **_judged(model, validation, job)})
        watched = _watched(history[-1], training.monitor)
        if watched < best:
            best, kept, since = watched, model.get_weights(), 0
        else:
            since += 1
        if _reached(history[-1], config) or since >= training.patience:
            break
    model.set_weights(kept)
    return model, history


def _step(model: "keras.Model", optimiser: Any) -> Any:
    """Return the function that learns from one batch and returns its loss and its scores."""
    import tensorflow as tf

    optimiser.build(model.trainable_variables)

    @tf.function(jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(clips: Any, reference: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            scores = model(clips, training=True)
            bounded = tf.clip_by_value(scores, _LEAST, 1 - _LEAST)
            loss = -tf.reduce_mean(reference * tf.math.log(bounded) + (1 - reference) * tf.math.log(1 - bounded))
        optimiser.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss, scores

    return step


class _Lesson:
    """What a binary learns from for some epochs."""

    def __init__(self, part: Part, confusable_share: float, seed: int) -> None:
        self.feature, self.material = open_feature(part.feature), part.material
        self.pairs = Pairs(part.material, confusable_share, seed)

    def learn(self, step: Any, places: NDArray[np.int64], window: int) -> float:
        """Learn from one batch and return its loss."""
        reference = self.material.positive[places, None].astype(np.float32)
        loss, scores = step(_clips(self.feature, self.material.rows[places], window), reference)
        self.pairs.remember(places, np.asarray(scores)[:, 0])
        return float(loss)


def _judged(model: "keras.Model", feature: Feature, job: Job) -> Epoch:
    """Return loss, precision and recall on the validation clips; positives and negatives count alike in the loss."""
    from tutti.training import network

    material = job.validation.material
    table = WindowTable(feature, material.rows, np.zeros(len(material.rows), np.int64), job.window)
    scores = np.clip(network.predict(model, table)[:, 0].astype(np.float64), _LEAST, 1 - _LEAST)
    positive, named = material.positive, scores >= _NAMED
    losses = -np.log(np.where(positive, scores, 1 - scores))
    hits = int((positive & named).sum())
    return {
        "validation_loss": float(np.mean([losses[which].mean() for which in (positive, ~positive) if which.any()])),
        "validation_auc": area_under_roc(positive, scores),
        "validation_precision": hits / max(1, int(named.sum())),
        "validation_recall": hits / max(1, int(positive.sum())),
    }


def area_under_roc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the share of pairs of a positive and a negative in which the positive scores higher; ties count half.

    Args:
        positive: ``(clip,)``.
        scores: ``(clip,)``.
    """
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return 0.5
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    least = int(positive.sum()) * (int(positive.sum()) + 1) / 2
    return float((ranks[positive].sum() - least) / pairs)


def _watched(epoch: Epoch, monitor: str) -> float:
    """Return what the best epoch has the least of."""
    if monitor == "validation_auc":
        return -epoch["validation_auc"]
    return epoch["validation_loss" if monitor == "validation_loss" else "loss"]


def _reached(epoch: Epoch, config: Any) -> bool:
    """Say whether a binary is as good as asked for."""
    precise = epoch["validation_precision"] >= config.stop_at_precision
    return bool(precise and epoch["validation_recall"] >= config.stop_at_recall)


def _clips(feature: Feature, rows: NDArray[np.int64], window: int) -> NDArray[np.float32]:
    """Read the first window of clips from the memory map, ``(clip, time, frequency)``."""
    return WindowTable(feature, rows, np.zeros(len(rows), np.int64), window).gather(range(len(rows)))


def _sample(feature: Feature, material: Material, seed: int) -> NDArray[np.float32]:
    """Return clips whose mean and deviation stand for all, ``(1, time, frequency)``.

    A little noise is added: a band that is silent in nearly all clips would else be divided by nearly nothing, and
    count a thousandfold in the clip in which it is not.
    """
    count = min(len(material.rows), _STANDARD_SAMPLE)
    random = generator(seed, "standardise")
    chosen = np.sort(random.choice(len(material.rows), count, replace=False))
    sample = np.concatenate([feature[int(row)] for row in material.rows[chosen]])
    return np.asarray(sample + random.normal(0, _LEAST_DEVIATION * sample.std(), sample.shape), np.float32)[None]


def seed_of(seed: int, task: str, model: str, name: str, repeat: int) -> int:
    """Return the seed of a binary; another repeat of the same training has another one."""
    return child(seed, task, model, name, *((repeat,) if repeat > 1 else ()))
