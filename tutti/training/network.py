"""Fitting and running Keras networks on windows that are read from a memory map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tutti.process import quiet_libraries, without

# TensorFlow tells at import, past every log level, what hardware it lacks; Keras brings what its wrapper for
# scikit-learn and its galleries would need, which takes a third of the time that this import takes.
with quiet_libraries(), without("matplotlib", "pandas", "sklearn"):
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

    HAS_GPU = bool(tf.config.list_physical_devices("GPU"))

from tutti import registry
from tutti.architectures._configs import NetworkConfig
from tutti.errors import ParameterError
from tutti.feature_store import Feature
from tutti.seeding import child, generator
from tutti.training.keras_file import forget_the_moment
from tutti.training.windows import WindowTable, training_windows

Epoch = dict[str, float]
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
PREDICTION_BATCH = 128  # windows; fewer are slower, more are hardly faster
_STANDARD_SAMPLE = 256


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """The windows of one epoch as Keras reads them; each epoch draws them anew when ``epochs`` differ."""

    def __init__(self, table: Callable[[int], WindowTable], reference: NDArray[np.uint8], size: int) -> None:
        super().__init__()
        self._table, self._reference, self._size, self._epoch = table, reference, size, 0
        self._rows = table(0)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = np.arange(index * self._size, min((index + 1) * self._size, len(self._rows)))
        return self._rows.gather(rows), self._reference[self._rows.clip[rows]].astype(np.float32)

    def on_epoch_end(self) -> None:
        """Draw the next epoch's windows."""
        self._epoch += 1
        self._rows = self._table(self._epoch)


def fit(
    config: NetworkConfig,
    window: int,
    train: tuple[Feature, NDArray[np.uint8]],
    validation: tuple[Feature, NDArray[np.uint8]],
    *,
    seed: int,
    max_epochs: int,
    on_epoch: Callable[[int, Epoch], None],
) -> tuple[keras.Model, list[Epoch]]:
    """Build and train a network; the weights of its best epoch stay.

    Args:
        config: the architecture's parameters.
        window: frames of a window.
        train: the training feature and its reference ``(clip, class)``.
        validation: likewise; it stops the training and chooses the epoch.
        seed: of the weights, the windows, their order and the dropout.
        max_epochs: the most epochs that the scale allows; the model's own settings may stop earlier.
        on_epoch: called after each epoch with its number from 1 and its losses.

    Returns:
        The network and one dictionary of losses an epoch, with the area under the ROC curve where that is watched.
    """
    be_deterministic(seed)
    batches = _batches(config, window, train, seed)
    checks = _batches(config, window, validation, child(seed, "validation"), redraw=False)
    history: list[Epoch] = []
    epochs = min(max_epochs, config.training.max_epochs)

    def record(epoch: int, logs: dict[str, float]) -> None:
        row = {"loss": float(logs["loss"]), "validation_loss": float(logs["val_loss"])}
        if "val_auc" in logs:
            row["validation_auc"] = float(logs["val_auc"])
        history.append(row)
        on_epoch(epoch + 1, row)

    with precision(config.precision):
        network = build(config, (window, train[0].values.shape[-1]), train[1].shape[1])
    network.get_layer("standardise").adapt(_sample(train[0], seed))
    if config.training.output_bias == "prior":
        _start_from_prior(network, train[1])
    network.compile(
        optimizer=optimiser(config, len(batches) * epochs),
        loss=config.training.loss,
        metrics=[keras.metrics.AUC(multi_label=True, name="auc")]
        if config.training.monitor == "validation_auc"
        else [],
        jit_compile=False,
    )
    network.fit(
        batches,
        validation_data=checks,
        epochs=epochs,
        verbose=0,
        callbacks=[_stopping(config), keras.callbacks.LambdaCallback(on_epoch_end=record)],
    )
    return network, history


def build(config: NetworkConfig, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build the untrained network of a configuration, under the precision in force.

    Args:
        config: the architecture's parameters.
        input_shape: ``(time, frequency)`` of a window.
        n_classes: number of outputs.

    Raises:
        ParameterError: when pooling leaves nothing of so small a window.
    """
    try:
        return registry.load("architectures", config.architecture).build(config, input_shape, n_classes)
    except ValueError as error:
        if "zero or negative" not in str(error):
            raise
        raise ParameterError(
            f"a window of {input_shape[0]} frames of {input_shape[1]} bands is too small for {config.architecture}, "
            "whose pooling leaves nothing of it: raise window_seconds, or take a feature of more frames or bands"
        ) from None


def predict(network: keras.Model, windows: WindowTable) -> NDArray[np.float32]:
    """Return the scores ``(window, class)`` of all windows, a batch at a time."""
    size = min(PREDICTION_BATCH, len(windows))
    parts = [_scores(network, batch, size) for batch in windows.batches(PREDICTION_BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, network.output_shape[-1]), np.float32)


def save(network: keras.Model, config: NetworkConfig, path: Path) -> None:
    """Save a network in Keras' format, in float32 and without dates: the same network gives the same bytes."""
    with precision("float32"):
        plain = build(config, network.input_shape[1:], network.output_shape[-1])
    plain.set_weights(network.get_weights())
    plain.save(path)
    forget_the_moment(path)


def load(path: Path, config: NetworkConfig, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Rebuild a network from its configuration and read its weights; nothing in the file is executed."""
    with precision(config.precision):
        network = build(config, input_shape, n_classes)
    network.load_weights(path)
    return network


@contextmanager
def precision(choice: str) -> Iterator[str]:
    """Build layers in a precision: ``float32``, ``mixed_bfloat16`` or ``auto``; yields the one taken."""
    before = keras.config.dtype_policy()
    taken = resolve_precision(choice)
    keras.config.set_dtype_policy(taken)
    try:
        yield taken
    finally:
        keras.config.set_dtype_policy(before)


def resolve_precision(choice: str) -> str:
    """Return the precision that ``auto`` means on this machine: bfloat16 where it is multiplied in hardware."""
    if choice != "auto":
        return choice
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    return "mixed_bfloat16" if flags & _BF16_FLAGS or HAS_GPU else "float32"


def be_deterministic(seed: int) -> None:
    """Seed all random numbers of Keras and TensorFlow, and allow only operations that give the same bits again."""
    keras.utils.set_random_seed(child(seed, "network"))
    tf.config.experimental.enable_op_determinism()


def _batches(
    config: NetworkConfig, window: int, part: tuple[Feature, NDArray[np.uint8]], seed: int, redraw: bool = True
) -> Batches:
    feature, reference = part

    def table(epoch: int) -> WindowTable:
        return training_windows(feature, window, config.windows_per_clip, seed, epoch if redraw else 0)

    return Batches(table, reference, config.training.batch_size)


def _start_from_prior(network: keras.Model, reference: NDArray[np.uint8]) -> None:
    """Set the output biases so that an untrained network says each class' share of the clips."""
    share = np.clip(reference.mean(axis=0), 1e-3, 1 - 1e-3)
    layer = network.get_layer("scores")
    layer.set_weights([layer.get_weights()[0], np.log(share / (1 - share))])


def optimiser(config: NetworkConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimiser of a training of so many steps."""
    if config.training.schedule == "constant":
        return keras.optimizers.Adam(config.training.learning_rate)
    warm_up = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        config.training.learning_rate / 25,
        steps - warm_up,
        warmup_target=config.training.learning_rate,
        warmup_steps=warm_up,
    )
    return keras.optimizers.Adam(rate)


def _stopping(config: NetworkConfig) -> keras.callbacks.EarlyStopping:
    watched = {"validation_loss": "val_loss", "training_loss": "loss", "validation_auc": "val_auc"}[
        config.training.monitor
    ]
    mode = "max" if config.training.monitor == "validation_auc" else "min"
    return keras.callbacks.EarlyStopping(
        watched, mode=mode, patience=config.training.patience, restore_best_weights=True
    )


def _sample(feature: Feature, seed: int) -> NDArray[np.float32]:
    count = min(len(feature), _STANDARD_SAMPLE)
    chosen = np.sort(generator(seed, "standardise").choice(len(feature), count, replace=False))
    return np.concatenate([feature[int(index)] for index in chosen])[None]


def _scores(network: keras.Model, batch: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Score a batch, filled up to ``size`` windows: the last one's own shape would be compiled anew, for longer."""
    filled = np.pad(batch, ((0, size - len(batch)), (0, 0), (0, 0)))
    return np.asarray(network.predict_on_batch(filled), dtype=np.float32)[: len(batch)]
