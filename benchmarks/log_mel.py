"""Log-mel measured against a plain loop of ``librosa.feature.melspectrogram`` over the same clips, in one run.

Both loop over the clips on one core, in turn, and each clip counts with its fastest round, so that other work on the
machine disturbs little. Beside it stands ours with a thread for each core, which the plain loop does not use.

    python -m benchmarks.log_mel --clips 40
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from tutti.audio import Samples
from tutti.features import log_mel
from tutti.seeding import generator

RATE_HZ, SECONDS, SEED = 22050, 5.0, 1
CONFIG = log_mel.Config(
    extractor="log_mel",
    sample_rate_hz=RATE_HZ,
    n_fft=1024,
    hop_length=512,
    n_mels=128,
    fmin_hz=0.0,
    fmax_hz=RATE_HZ / 2,
    normalise="none",
    power=1.0,
    floor=1e-5,
)


def main(arguments: argparse.Namespace) -> None:
    """Print the time per clip of both, their ratio and how far apart the results are."""
    clips = [make_clip(number) for number in range(arguments.clips)]
    with threadpool_limits(1):
        plain, ours = fastest([librosa_mel, tutti_log_mel], clips, arguments.rounds)
    difference = max(relative_difference(clip) for clip in clips)
    together = min(all_cores(clips) for _ in range(arguments.rounds))
    print(f"{len(clips)} clips of {SECONDS} s at {RATE_HZ} Hz; milliseconds per clip")
    print(f"librosa.feature.melspectrogram, one core  {plain:8.3f}")
    print(f"tutti.features.log_mel, one core          {ours:8.3f}   ratio {plain / ours:6.1f}")
    print(f"tutti.features.log_mel, {os.cpu_count()} cores           {together:8.3f}   ratio {plain / together:6.1f}")
    print(f"largest relative difference above the floor: {difference:.1e}")


def make_clip(number: int) -> Samples:
    """Return a mixture ``(n,)`` of decaying harmonic notes and noise, rounded to 16 bits."""
    random = generator(SEED, "clip", number)
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    mixture = random.normal(0, 10 ** random.uniform(-5, -2), len(time_s))
    for _ in range(12):
        since = time_s - random.uniform(0, SECONDS)
        envelope = np.where(since >= 0, np.exp(-np.maximum(since, 0) * random.uniform(0.5, 8)), 0)
        pitch_hz = random.uniform(60, 1500)
        partials = (np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8) if pitch_hz * k < RATE_HZ / 2)
        mixture += 0.03 * envelope * sum(partials)
    return np.asarray(np.rint(mixture.clip(-1, 1) * 32767) / 32768, np.float32)


def fastest(ways: Sequence[Callable[[Samples], object]], clips: Sequence[Samples], rounds: int) -> list[float]:
    """Return the milliseconds per clip of each way, from the fastest of several alternating rounds."""
    times = np.full((len(ways), len(clips)), np.inf)
    for each in ways:
        each(clips[0])  # compiles
    for _ in range(rounds):
        for row, each in enumerate(ways):
            for column, clip in enumerate(clips):
                started = time.perf_counter()
                each(clip)
                times[row, column] = min(times[row, column], time.perf_counter() - started)
    return [float(value) for value in 1000 * times.mean(axis=1)]


def librosa_mel(clip: Samples) -> Samples:
    """Return librosa's mel spectrogram ``(band, time)``."""
    bands = librosa.feature.melspectrogram(y=clip, sr=RATE_HZ, n_fft=1024, hop_length=512, n_mels=128, power=1.0)
    return np.asarray(bands, np.float32)


def tutti_log_mel(clip: Samples) -> Samples:
    """Return our log-mel spectrogram ``(time, band)``."""
    return log_mel.extract(clip, CONFIG)


def all_cores(clips: Sequence[Samples]) -> float:
    """Return our milliseconds per clip with a thread for each core."""
    with threadpool_limits(1), ThreadPoolExecutor() as threads:
        started = time.perf_counter()
        list(threads.map(tutti_log_mel, clips))
        return 1000 * (time.perf_counter() - started) / len(clips)


def relative_difference(clip: Samples) -> float:
    """Return the largest relative difference between both mel spectrograms, with the floor applied to both."""
    reference = np.maximum(librosa_mel(clip).T, CONFIG.floor)
    return float(np.max(np.abs(np.exp(tutti_log_mel(clip).astype(np.float64)) / reference - 1)))


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--clips", type=int, default=40, help="clips to measure on")
    command.add_argument("--rounds", type=int, default=5, help="rounds, of which the fastest counts")
    main(command.parse_args())
