"""Reads: a feature and the labels of the notes or mixtures that a set of binaries learns from.
Writes: models/<task>/<model>, one network a class with specification and history; what is kept is not fitted again.
Params: seed, scale, tasks.<task>.classes, tasks.<task>.models.<model>, scales.<scale>.<task>.training.
"""

import argparse
from pathlib import Path

from tutti import config, tracking
from tutti.process import run_stage
from tutti.store import whole
from tutti.training.one_vs_all.fitting import Fitting


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--model", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Fit one set of binaries."""
    params = config.load()
    fitting = Fitting(params, arguments.task, arguments.model)
    with tracking.live_training(params, fitting.spec()) as run, whole(arguments.out) as folder:
        fitting.fit(folder, run.log_epoch)


if __name__ == "__main__":
    run_stage(main, parser())
