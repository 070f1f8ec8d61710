"""Reads: a model's window scores and the labels of the validation and test clips.
Writes: metrics/<task>/<model>, thresholds, metrics with intervals, curves and mistakes.
Params: seed, scales.<scale>.evaluation, tasks.<task>.evaluation.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.evaluation.judging import judge
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--model", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Judge one model at fixed and validated thresholds."""
    params = config.load()
    params.model(arguments.task, arguments.model)
    judge(
        Path("data") / arguments.task,
        arguments.model,
        params.task(arguments.task),
        seed=params.seed,
        replicates=params.sizes.evaluation.bootstrap_replicates,
        out=arguments.out,
    )


if __name__ == "__main__":
    run_stage(main, parser())
