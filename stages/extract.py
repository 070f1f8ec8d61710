"""Reads: the clips of a task, all sets but those of its studies.
Writes: data/<task>/features/<feature>/<set>, one memory-mapped feature a set.
Params: tasks.<task>.features.<feature>.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.extraction import extract_sets
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--feature", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Extract one feature of all clips."""
    params = config.load()
    section, sets = params.feature(arguments.task, arguments.feature), params.task(arguments.task).sets
    extract_sets(Path("data") / arguments.task / "clips", section, arguments.feature, arguments.out, sets)


if __name__ == "__main__":
    run_stage(main, parser())
