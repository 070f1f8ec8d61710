"""Reads: the clips of a task, all sets, and models/embedding/<task>, which `handle: trained` means.
Writes: data/<task>/features/<feature>, one memory-mapped learned feature a set.
Params: tasks.<task>.learned_features.<feature>.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.extraction import EMBEDDINGS, extract_sets
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--feature", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Extract one learned feature of all clips, the studies' too."""
    params = config.load()
    section, sets = params.feature(arguments.task, arguments.feature), params.mixing_task(arguments.task).sets
    clips, trained = Path("data") / arguments.task / "clips", EMBEDDINGS / arguments.task
    extract_sets(clips, section, arguments.feature, arguments.out, (*sets, *config.STUDY_SETS), trained)


if __name__ == "__main__":
    run_stage(main, parser())
