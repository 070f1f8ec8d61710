"""The 52-vector measured against the same vector from librosa's functions, in one run on one core.

Prints how much of the time the harmonic-percussive separation (HPSS) takes on either side, and how much faster two
processes extract the vectors than one, as the extract stage spreads clips over processes.

    python -m benchmarks.timbre --clips 8
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.log_mel import RATE_HZ, SECONDS, fastest, make_clip
from tutti.audio import Samples
from tutti.features import timbre
from tutti.features._fourier import stft
from tutti.parallel import parallel_map

CONFIG = timbre.Config(extractor="timbre", sample_rate_hz=RATE_HZ, n_mfcc=20, rolloff_percent=0.85)


def main(arguments: argparse.Namespace) -> None:
    """Print the time per clip of both, HPSS's share of it, the ratio and how far apart the results are."""
    clips = [make_clip(number) for number in range(arguments.clips)]
    ways: list[Callable[[Samples], object]] = [librosa_vector, librosa.effects.harmonic, tutti_vector, tutti_harmonic]
    with threadpool_limits(1):
        plain, plain_hpss, ours, ours_hpss = fastest(ways, clips, arguments.rounds)
    differences = np.max([relative_difference(clip) for clip in clips], axis=0)
    worst = int(differences.argmax())
    print(f"{len(clips)} clips of {SECONDS} s at {RATE_HZ} Hz, one core; milliseconds per clip")
    print(f"librosa  {plain:8.1f}   of which HPSS {plain_hpss:8.1f} ({plain_hpss / plain:.0%})")
    print(f"tutti    {ours:8.1f}   of which HPSS {ours_hpss:8.1f} ({ours_hpss / ours:.0%})")
    print(f"ratio    {plain / ours:8.1f}   of HPSS alone {plain_hpss / ours_hpss:8.1f}")
    print(f"largest relative difference: {differences[worst]:.1e}, of {timbre.COLUMNS[worst]}")
    many = clips * arguments.repeats
    spread(clips, 2)  # starts the processes
    one, two = (min(spread(many, count) for _ in range(arguments.rounds)) for count in (1, 2))
    print(f"{len(many)} clips, starts left out: one process {one:.2f} s, two {two:.2f} s, ratio {one / two:.2f}")


def spread(clips: Sequence[Samples], processes: int) -> float:
    """Return the seconds that a number of processes takes for the vectors of all clips."""
    os.environ["TUTTI_WORKERS"] = str(processes)
    started = time.perf_counter()
    parallel_map(tutti_vector, clips, "extracting")
    return time.perf_counter() - started


def librosa_vector(clip: Samples) -> Samples:
    """Return the vector ``(52,)`` by librosa's functions, each with its defaults."""
    feature = librosa.feature
    parts = [
        *feature.mfcc(y=clip, sr=RATE_HZ, n_mfcc=20),
        feature.spectral_bandwidth(y=clip, sr=RATE_HZ)[0],
        feature.spectral_rolloff(y=clip, sr=RATE_HZ, roll_percent=0.85)[0],
        feature.spectral_centroid(y=clip, sr=RATE_HZ)[0],
        feature.zero_crossing_rate(clip)[0],
        feature.rms(y=clip)[0],
        librosa.effects.harmonic(clip),
    ]
    means = [np.mean(part, dtype=np.float64) for part in parts]
    return np.array(means + [np.var(part, dtype=np.float64) for part in parts], np.float32)


def tutti_vector(clip: Samples) -> Samples:
    """Return our vector ``(52,)``."""
    return timbre.extract(clip, CONFIG).ravel()


def relative_difference(clip: Samples) -> Samples:
    """Return how far both vectors are apart, relative to librosa's value.

    The mean of the harmonic part is next to 0, so it counts relative to what it averages, the part's RMS.
    """
    reference = librosa_vector(clip)
    size = np.abs(reference)
    size[timbre.COLUMNS.index("harmonic_mean")] = np.sqrt(reference[timbre.COLUMNS.index("harmonic_variance")])
    return np.asarray(np.abs(tutti_vector(clip) - reference) / size, np.float32)


def tutti_harmonic(clip: Samples) -> Samples:
    """Return our harmonic part ``(n,)``, its Fourier transform included."""
    spectrum = stft(clip, timbre.N_FFT, timbre.HOP_LENGTH)
    return timbre.harmonic(spectrum, np.abs(spectrum), len(clip))


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--clips", type=int, default=8, help="clips to measure on")
    command.add_argument("--repeats", type=int, default=10, help="how often each clip comes when spread over processes")
    command.add_argument("--rounds", type=int, default=5, help="rounds, of which the fastest counts")
    main(command.parse_args())
