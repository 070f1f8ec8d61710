"""Reads: data/<task>/split, data/index/<corpus> and the recordings of the training side.
Writes: models/embedding/<task>, the network behind `handle: trained` as a SavedModel, with its specification.
Params: seed, tasks.<task>.embedding, scales.<scale>.<task>.embedding.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.embedding.fitting import fit_embedding
from tutti.process import run_stage
from tutti.seeding import child
from tutti.store import whole


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Train one task's embedding."""
    params = config.load()
    task = params.mixing_task(arguments.task)
    with whole(arguments.out) as folder:
        fit_embedding(
            Path("data") / arguments.task / "split",
            Path("data/index") / task.corpus,
            Path(params.corpus(task.corpus).root),
            task.embedding,
            n_patches=params.size(arguments.task).embedding.patches,
            seed=child(params.seed, arguments.task, "embedding"),
            out=folder,
        )


if __name__ == "__main__":
    run_stage(main, parser())
