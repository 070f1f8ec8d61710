"""Reads: a model's scores and the labels of the validation mixtures, the exams and the single notes.
Writes: metrics/<task>/<model>, thresholds and what the model gets by number of families, by class and on single notes.
Params: seed, scales.<scale>.evaluation, tasks.<task>.evaluation, tasks.<task>.classes.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.exam.examining import examine
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True, help="a task whose clips are overlaid from notes")
    command.add_argument("--model", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Judge one model in the exam, at fixed and validated thresholds."""
    params = config.load()
    task = params.overlay_task(arguments.task)
    params.model(arguments.task, arguments.model)
    examine(
        Path("data") / arguments.task,
        arguments.model,
        task,
        seed=params.seed,
        replicates=params.sizes.evaluation.bootstrap_replicates,
        out=arguments.out,
    )


if __name__ == "__main__":
    run_stage(main, parser())
