"""Analysing a clip with Han's CNN: all its windows as batches, measured against a loop window by window, in one run.

The clip is analysed once: one log-mel spectrogram, then all half-overlapping windows in batches. The loop does what a
script that grew around the training code does: it cuts each window from the samples, takes its spectrogram and asks
the network for that window alone. Both use the same untrained network, whose speed does not depend on its weights.

    python -m benchmarks.prediction --seconds 300 --loop 20
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti import config
from tutti.audio import Samples
from tutti.extraction import extractor
from tutti.seeding import generator
from tutti.training import network
from tutti.training.model_folder import Model, NetworkScorer
from tutti.training.windows import window_and_hop

TASK, MODEL, SEED, CLASSES = "predominant", "han_cnn", 1, 11


@dataclass(frozen=True)
class Analysis:
    """The task's network, untrained, and its feature.

    Attributes:
        model: the network with its windows.
        feature: section of the feature.
        window_seconds: length of a window.
        precision: in which the network computes.
    """

    model: Model
    feature: Any
    window_seconds: float
    precision: str

    @property
    def rate(self) -> int:
        """Samples per second."""
        return int(self.feature.sample_rate_hz)

    def spectrogram(self, samples: Samples) -> NDArray[np.float32]:
        """Return the feature ``(time, frequency)`` of samples ``(n,)``."""
        values: NDArray[np.float32] = extractor(self.feature).extract(samples, self.feature)
        return values

    def at_once(self, samples: Samples) -> NDArray[np.float32]:
        """Return the scores ``(window, class)`` of a clip that is analysed once."""
        return self.model.predict_windows(self.spectrogram(samples))[0]

    def one_by_one(self, samples: Samples) -> NDArray[np.float32]:
        """Return the scores ``(window, class)`` of windows that are cut from the samples, each by itself."""
        hop_length, frames = self.feature.hop_length, int(self.model.spec["window_frames"])
        step, length = int(self.model.spec["hop_frames"]) * hop_length, (frames - 1) * hop_length
        scores = []
        for start in range(0, len(samples) - length + 1, step):
            values = self.spectrogram(samples[start : start + length])
            scores.append(self.model.scorer.network.predict(values[None], verbose=0)[0])  # type: ignore[attr-defined]
        return np.asarray(scores, np.float32)


def main(arguments: argparse.Namespace) -> None:
    """Print how many times faster than real time both ways are, and their ratio."""
    analysis = make_analysis()
    clip = make_clip(arguments.seconds, analysis.rate)
    short = clip[: round(arguments.loop * analysis.rate)]
    analysis.at_once(clip)
    analysis.one_by_one(short[: 3 * analysis.rate])
    whole = fastest(lambda: analysis.at_once(clip), arguments.rounds)
    spectrogram = fastest(lambda: analysis.spectrogram(clip), arguments.rounds)
    fast, slow = arguments.seconds / whole, arguments.loop / fastest(lambda: analysis.one_by_one(short), 1)
    print(f"windows of {analysis.window_seconds} s, {analysis.precision}; how many times faster than real time")
    print(f"window by window, {arguments.loop:g} s of sound        {slow:8.1f}")
    print(f"windows as batches, {arguments.seconds:g} s of sound     {fast:8.1f}   ratio {fast / slow:6.1f}")
    print(f"share of the spectrogram in the latter: {spectrogram / whole:.0%}")


def make_analysis() -> Analysis:
    """Return the task's network, untrained, as params.yaml describes it."""
    params = config.load()
    section = params.model(TASK, MODEL)
    feature = params.feature(TASK, section.feature)
    window, hop = window_and_hop(section.window_seconds, section.hop_seconds, feature.frame_rate_hz)
    precision = network.resolve_precision(section.precision)
    with network.precision(precision):
        built = network.build(section, (window, feature.n_bins), CLASSES)
    classes = [str(number) for number in range(CLASSES)]
    spec = {"classes": classes, "window_frames": window, "hop_frames": hop, "frame_rate_hz": feature.frame_rate_hz}
    return Analysis(Model(spec, NetworkScorer(built)), feature, section.window_seconds, precision)


def make_clip(seconds: float, rate: int) -> Samples:
    """Return coloured noise ``(n,)`` with a peak of 1."""
    noise = generator(SEED, "clip").normal(0, 1, round(seconds * rate))
    coloured = np.convolve(noise, np.exp(-np.arange(64) / 16), "same")
    return np.asarray(coloured / np.abs(coloured).max(), np.float32)


def fastest(way: Callable[[], object], rounds: int) -> float:
    """Return the seconds of the fastest of several rounds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        way()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--seconds", type=float, default=300.0, help="sound that is analysed as batches")
    command.add_argument("--loop", type=float, default=20.0, help="sound that the loop gets through")
    command.add_argument("--rounds", type=int, default=3, help="rounds, of which the fastest counts")
    main(command.parse_args())
