"""Reads: a feature and the labels of the train and validation clips.
Writes: models/<task>/<model>, the fitted model, or a binary a class, with its specification and history.
Params: seed, scale, tasks.<task>.classes, models.<model> and its feature, scales.<scale>.<task>.training.
"""

import argparse
from pathlib import Path

from tutti import config, tracking
from tutti.process import run_stage
from tutti.store import whole
from tutti.training.fitting import fitting_of


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--model", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Fit one model."""
    params = config.load()
    fitting = fitting_of(params, arguments.task, arguments.model)
    with (
        tracking.live_training(params, fitting.spec()) as run,
        whole(arguments.out) as folder,
    ):
        fitting.fit(folder, run.log_epoch)


if __name__ == "__main__":
    run_stage(main, parser())
