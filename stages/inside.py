"""Reads: a fitted model, its feature and the labels of the train and validation clips.
Writes: maps of its layers' activations, how well instruments separate in each, and deconvolved validation clips.
Params: seed, tasks.<task>.studies.inside.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.inside.looking import look_inside
from tutti.process import run_stage
from tutti.seeding import child


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--model", help="a model of the task (default: that of tasks.<task>.studies.inside)")
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Look inside one network."""
    params = config.load()
    section = params.cutting_task(arguments.task).studies.inside
    name = arguments.model or section.model
    params.model(arguments.task, name)
    model, data = Path("models") / arguments.task / name, Path("data") / arguments.task
    look_inside(model, data, section, child(params.seed, arguments.task, "inside"), arguments.out)


if __name__ == "__main__":
    run_stage(main, parser())
