"""A set of binaries, trained and asked as the pipeline does it, against each binary by itself, in one run.

Training, as the stage does it: processes of one core each take the binaries in turn. Against it, a run a binary, one
after the other: each is a process of its own on all cores, which imports TensorFlow and opens the feature itself.
Starting the processes counts on both sides. Memory is what this process and all its children have in residence at the
same time; pages that several share count for each.

Prediction: all binaries in one pass, against one binary, and against a pass a binary, each with its own reading. Many
clips at a time, as the stage ``predict`` asks for them, and a clip at a time, as ``tutti detect`` does.

    python -m benchmarks.one_vs_all --binaries 10 --clips 600

Features are made up, in the size of ``params.yaml``. Both sides take turns, and medians are printed.
"""

import argparse
import logging
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray

from tutti import config
from tutti.feature_store import open_feature, write_feature
from tutti.parallel import parallel_map, workers
from tutti.process import quiet_libraries
from tutti.seeding import generator
from tutti.training.one_vs_all import binary
from tutti.training.one_vs_all.binary import Job, Part
from tutti.training.one_vs_all.pairs import Material
from tutti.training.windows import prediction_windows, window_and_hop

if TYPE_CHECKING:
    import keras

TASK, MODEL, SEED = "families", "mixtures", 1
FAMILIES = 10  # at most in a clip
SAMPLED_S = 0.05  # between two looks at the memory
Scores = NDArray[np.float32]


class Cost(NamedTuple):
    """Seconds on the clock and of all cores together (which other work disturbs less), and the peak memory."""

    wall_s: float
    cpu_s: float
    megabytes: float


def main(arguments: argparse.Namespace) -> None:
    """Print seconds, memory and ratios of training, then those of prediction."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of many models in one process
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        jobs = make_jobs(folder, arguments)
        print(f"{len(jobs)} binaries, {arguments.clips} clips; epochs: {arguments.epochs} of {arguments.pairs} pairs")
        print_training(jobs, folder, arguments.training_rounds)
        print_prediction(jobs, arguments.rounds)


def make_jobs(folder: Path, arguments: argparse.Namespace) -> list[Job]:
    """Store a training and a validation feature of made-up values, and return a job for each binary."""
    params = config.load()
    section = params.model(TASK, MODEL)
    settings = params.feature(TASK, section.feature)
    frames = settings.frames_for(round(params.overlay_task(TASK).clips.seconds * settings.sample_rate_hz))
    counts = {"train": arguments.clips, "validation": max(2, arguments.clips // 4)}
    for side, count in counts.items():
        values = generator(SEED, side).normal(-50, 15, (count, frames, settings.n_bins)).astype(np.float32)
        write_feature(folder / side, section.feature, settings, [f"{row:06d}" for row in range(count)], values)
    window, _ = window_and_hop(section.binary.window_seconds, section.binary.hop_seconds, settings.frame_rate_hz)
    changes = {"pairs_per_epoch": arguments.pairs, "notes_epochs": 0, "stop_at_precision": 2.0}  # that is never reached
    endless = section.model_copy(update=changes)
    jobs = []
    for number in range(arguments.binaries):
        train, validation = (Part(folder / side, make_material(count, number)) for side, count in counts.items())
        job = Job(
            name=f"binary_{number}",
            config=endless,
            window=window,
            train=train,
            validation=validation,
            start=train,
            seed=number,
            max_epochs=arguments.epochs,
            max_pairs=arguments.pairs,
        )
        jobs.append(job)
    return jobs


def make_material(count: int, number: int) -> Material:
    """Return labels at random: each family sounds in a half of the clips."""
    random = generator(SEED, "labels", count, number)
    positive = random.random(count) < 0.5
    positive[:2] = True, False
    size = random.binomial(FAMILIES - 1, 0.5, count) + positive
    return Material(np.arange(count), positive, size, np.full(count, -1))


def print_training(jobs: list[Job], folder: Path, rounds: int) -> None:
    """Print the cost of both ways to train, and their ratios."""
    ways = {
        "a run each, one after the other, on all cores": one_by_one,
        f"as the stage, {workers()} processes of one core": as_the_stage,
    }
    costs: dict[str, list[Cost]] = {told: [] for told in ways}
    for number in range(rounds):
        for told, way in ways.items():
            costs[told].append(measured(partial(way, jobs, folder / f"{number} {way.__name__}")))
    print(f"{'training':52}{'s':>9}{'CPU s':>9}{'MB':>8}")
    slow, fast = (Cost(*(statistics.median(column) for column in zip(*each, strict=True))) for each in costs.values())
    for told, cost in zip(ways, (slow, fast), strict=True):
        print(f"{told:52}{cost.wall_s:>9.1f}{cost.cpu_s:>9.1f}{cost.megabytes:>8.0f}")
    ratio = Cost(*(one / other for one, other in zip(slow, fast, strict=True)))
    print(f"{'ratio, the first to the second':52}{ratio.wall_s:>9.2f}{ratio.cpu_s:>9.2f}{ratio.megabytes:>8.2f}")


def measured(way: Callable[[], None]) -> Cost:
    """Return what a way costs whose children have all ended when it returns."""
    cpu_s = cpu_seconds()
    with resident() as found:
        wall_s = timed(way)
    return Cost(wall_s, cpu_seconds() - cpu_s, max(found))


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in usage)


def one_by_one(jobs: list[Job], folder: Path) -> None:
    """Fit each binary in a process of its own, one after the other."""
    context = multiprocessing.get_context("spawn")
    for job in jobs:
        process = context.Process(target=fit_alone, args=(job, folder))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{job.name} was not fitted")


def fit_alone(job: Job, folder: Path) -> None:
    """Fit a binary on all cores."""
    with quiet_libraries():
        import tensorflow as tf

        tf.zeros(1)  # TensorFlow takes its threads here, before the fitting asks for one
    fit(job, folder)


def as_the_stage(jobs: list[Job], folder: Path) -> None:
    """Fit binaries in processes of one core each, which start anew."""
    parallel_map(fit, jobs, "fitting binaries", folder)
    get_reusable_executor().shutdown(wait=True)  # the processor time of workers counts once they have ended


def fit(job: Job, folder: Path) -> None:
    """Fit a binary into its folder."""
    binary.fit(job, folder / job.name)


@contextmanager
def resident() -> Iterator[list[float]]:
    """Collect the resident megabytes of this process and its children while something runs."""
    found, ended = [0.0], threading.Event()

    def look() -> None:
        own = psutil.Process()
        while not ended.wait(SAMPLED_S):
            total = 0
            for each in (own, *own.children(recursive=True)):
                try:
                    total += each.memory_info().rss
                except psutil.Error:
                    continue  # it has just ended
            found.append(total / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def print_prediction(jobs: list[Job], rounds: int) -> None:
    """Print seconds of three ways to predict, for all clips of the training feature and for one clip."""
    from tutti.training import network
    from tutti.training.one_vs_all.ensemble import together

    config_of, window = jobs[0].config.binary, jobs[0].window
    feature = open_feature(jobs[0].train.feature)
    built = [network.build(config_of, (window, feature.values.shape[-1]), 1) for _ in jobs]
    joined = together(built)

    def many(model: "keras.Model") -> Scores:
        return network.predict(model, prediction_windows(open_feature(feature.folder), window, window))

    def single(model: "keras.Model") -> Scores:
        others = range(1, len(feature))
        return network.predict(model, prediction_windows(open_feature(feature.folder), window, window, others))

    for told, ask in ((f"prediction of {len(feature)} clips", many), ("prediction of a clip", single)):
        ways = [partial(ask, built[0]), partial(ask, joined), partial(in_turn, ask, built)]
        _, at_once, by_turns = (way() for way in ways)
        if not np.allclose(at_once, by_turns, atol=1e-5):
            raise SystemExit("the binaries say something else when asked together")
        one, pass_of_all, passes = medians(ways, rounds)
        print(f"{told:52}{'s':>9}{'ratio':>8}")
        print(f"{'one binary':52}{one:>9.3f}{1:>8.2f}")
        print(f"{f'{len(jobs)} binaries in one pass, to one binary':52}{pass_of_all:>9.3f}{pass_of_all / one:>8.2f}")
        print(f"{f'{len(jobs)} passes, to one pass':52}{passes:>9.3f}{passes / pass_of_all:>8.2f}")


def in_turn(ask: Callable[["keras.Model"], Scores], models: "list[keras.Model]") -> Scores:
    """Return the scores ``(window, binary)`` of binaries that are asked one after the other."""
    return np.concatenate([ask(each) for each in models], axis=1)


def medians(ways: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the median seconds of each way, which take turns."""
    times = [[timed(way) for way in ways] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def timed(way: Callable[[], Any]) -> float:
    """Return the seconds that a way takes."""
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--binaries", type=int, default=10, help="in the set")
    command.add_argument("--clips", type=int, default=600, help="to train on; a quarter as many to validate on")
    command.add_argument("--epochs", type=int, default=2, help="of each training")
    command.add_argument("--pairs", type=int, default=100, help="of clips in an epoch")
    command.add_argument("--training-rounds", type=int, default=1, help="of both ways to train")
    command.add_argument("--rounds", type=int, default=5, help="of all ways to predict")
    main(command.parse_args())
