"""Reads: data/<task>/split, data/index/<corpus> and the excerpts of the corpus.
Writes: <out>/audio, one file a clip, and <out>/manifest with labels.
Params: seed, scales.<scale>.<task>.mixed_validation, tasks.<task>.clips.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.cutting import SETS, cut_clips
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of the stage."""
    options = argparse.ArgumentParser(prog="python -m stages.cut", description="Make the clips of one set.")
    options.add_argument("--task", required=True, help="a task in params.yaml")
    options.add_argument("--set", required=True, choices=SETS, help="the set to make")
    options.add_argument("--out", required=True, type=Path, help="folder of the set")
    return options


def main(arguments: argparse.Namespace) -> None:
    """Make one set of clips from excerpts."""
    params = config.load()
    task = params.cutting_task(arguments.task)
    cut_clips(
        Path("data") / arguments.task / "split",
        Path("data/index") / task.corpus,
        Path(params.corpus(task.corpus).root),
        task.clips,
        arguments.set,
        params.size(arguments.task).mixed_validation,
        params.seed,
        arguments.out,
    )


if __name__ == "__main__":
    run_stage(main, parser())
