"""Reads: a fitted model and its feature of the validation and test clips.
Writes: data/<task>/scores/<model>, one file of window scores a set.
Params: none but the kind of the task; all that matters is in the model's specification.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.process import run_stage
from tutti.training.scoring import score_sets


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--model", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Score the validation and test clips with one model."""
    sets = config.load().task(arguments.task).scored_sets
    score_sets(Path("models") / arguments.task / arguments.model, Path("data") / arguments.task, sets, arguments.out)


if __name__ == "__main__":
    run_stage(main, parser())
