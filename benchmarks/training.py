"""Speed of every model in params.yaml on random data, measured one after another in one run.

    python -m benchmarks.training

For networks: training windows a second in float32 and in bfloat16; then, in the precision that the model asks for, the
clips a second that an epoch gets through (each with its windows) and those of a prediction, with the ratio to Han's CNN
in brackets. For estimators: clips a second of fitting.
"""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tutti import config, parallel, registry
from tutti.architectures._configs import NetworkConfig
from tutti.config import ClipsConfig, TaskConfig
from tutti.training import network
from tutti.training.windows import starts_in, window_and_hop

STEPS, CLASSES, SHARE, ESTIMATOR_CLIPS = 12, 63, 0.05, 500
REFERENCE_NETWORK = "han_cnn"
EXCERPT_SECONDS = 3.0  # of IRMAS' training excerpts


def random_data(count: int, *shape: int) -> tuple[Any, Any]:
    """Return ``count`` random inputs and their random labels ``(count, class)``."""
    random = np.random.default_rng(1)
    labels = random.random((count, CLASSES)) < SHARE
    return random.normal(size=(count, *shape)).astype(np.float32), labels.astype(np.float32)


def windows_per_second(section: NetworkConfig, window: int, bins: int, precision: str) -> tuple[float, float]:
    """Return the windows a second of one network, when it trains and when it predicts."""
    network.be_deterministic(1)
    with network.precision(precision):
        model = network.build(section, (window, bins), CLASSES)
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    windows, labels = random_data(section.training.batch_size, window, bins)
    many, _ = random_data(network.PREDICTION_BATCH, window, bins)
    train = _per_second(len(windows), lambda: model.train_on_batch(windows, labels))
    return train, _per_second(len(many), lambda: model.predict_on_batch(many))


def _per_second(count: int, step: Any) -> float:
    for _ in range(3):
        step()  # traces, allocates
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return STEPS * count / (time.perf_counter() - started)


def seconds_of(task: TaskConfig) -> float:
    """Return the length of a training clip."""
    return task.clips.seconds if isinstance(task.clips, ClipsConfig) else EXCERPT_SECONDS


def measure_network(task: TaskConfig, section: NetworkConfig) -> dict[str, float]:
    """Return the figures of one network's line."""
    feature = task.all_features[section.feature]
    frames = feature.frames_for(round(seconds_of(task) * feature.sample_rate_hz))
    window, hop = window_and_hop(section.window_seconds, section.hop_seconds, feature.frame_rate_hz)
    plain, mixed = (windows_per_second(section, window, feature.n_bins, kind) for kind in ("float32", "mixed_bfloat16"))
    taken = mixed if network.resolve_precision(section.precision) == "mixed_bfloat16" else plain
    return {
        "float32": plain[0],
        "bfloat16": mixed[0],
        "training": taken[0] / (section.windows_per_clip or max(1, frames // window)),
        "prediction": taken[1] / len(starts_in(frames, window, hop)),
    }


def print_networks(task: TaskConfig) -> None:
    """Print one line a network."""
    found = {name: each for name, each in task.models.items() if isinstance(each, NetworkConfig)}
    figures = {name: measure_network(task, section) for name, section in found.items()}
    print(f"windows/s in training (`auto` is {network.resolve_precision('auto')} here), and clips/s")
    print(f"{'network':16}{'window':>8}{'float32':>9}{'bfloat16':>9}{'ratio':>7}{'training':>16}{'prediction':>16}")
    base = figures.get(REFERENCE_NETWORK, {})
    for name, figure in figures.items():
        plain, mixed = figure["float32"], figure["bfloat16"]
        line = f"{name:16}{found[name].window_seconds:>7.1f}s{plain:>9.0f}{mixed:>9.0f}{mixed / plain:>7.2f}"
        for column in ("training", "prediction"):
            ratio = figure[column] / base.get(column, float("nan"))
            line += f"{figure[column]:>8.0f} ({ratio:5.2f})"
        print(line)


def print_estimators(task: TaskConfig) -> None:
    """Print one line an estimator."""
    print(f"{'estimator':16}{'fitted clips/s':>16}")
    for name, section in task.models.items():
        if isinstance(section, NetworkConfig):
            continue
        vectors, labels = random_data(ESTIMATOR_CLIPS, task.all_features[section.feature].n_bins)
        module = registry.load("architectures", section.architecture)
        started = time.perf_counter()
        module.fit(section, vectors, labels.astype(np.uint8), seed=1, workers=parallel.workers())
        print(f"{name:16}{ESTIMATOR_CLIPS / (time.perf_counter() - started):>16.0f}")


def main() -> None:
    """Measure the models of all tasks."""
    params = config.load(Path("params.yaml"))
    for name, task in params.tasks.items():
        print(f"task {name}, clips of {seconds_of(task):.1f} s")
        print_networks(task)
        print_estimators(task)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
