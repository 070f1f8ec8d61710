"""Reads: data/<task>/split, data/index/<corpus> and the recordings of the corpus.
Writes: <out>/audio, one file a mixture, and <out>/manifest with labels and recipes.
Params: seed, scales.<scale>.<task>.clips.<set>, tasks.<task>.clips.
"""

import argparse
from pathlib import Path

from tutti import config, taxonomy
from tutti.mixtures.clip_set import make_clips, read_corpus
from tutti.process import run_stage

SETS = (config.TRAIN, config.VALIDATION, *config.TEST_SETS)


def parser() -> argparse.ArgumentParser:
    """Return the command line of the stage."""
    options = argparse.ArgumentParser(prog="python -m stages.clips", description="Mix the clips of one set.")
    options.add_argument("--task", required=True, help="a task in params.yaml")
    options.add_argument("--set", required=True, choices=SETS, help="the side of the split to mix")
    options.add_argument("--out", required=True, type=Path, help="folder of the set")
    return options


def main(arguments: argparse.Namespace) -> None:
    """Mix one set of clips."""
    params = config.load()
    task = params.mixing_task(arguments.task)
    count = getattr(params.size(arguments.task).clips, arguments.set)
    corpus = read_corpus(
        split=Path("data") / arguments.task / "split",
        index=Path("data/index") / task.corpus,
        root=Path(params.corpus(task.corpus).root),
        class_of={each.name: each.hornbostel_sachs for each in taxonomy.load()},
    )
    make_clips(corpus, task.clips, arguments.set, count, params.seed, arguments.out)


if __name__ == "__main__":
    run_stage(main, parser())
