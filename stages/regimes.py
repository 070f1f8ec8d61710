"""Reads: the scores of two models, the labels of the exams and metrics/<task>/<model>/thresholds.json of both.
Writes: metrics/<task>/regimes, the first model minus the second one, clip by clip.
Params: seed, scales.<scale>.evaluation, tasks.<task>.evaluation, tasks.<task>.studies.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.exam.regimes import compare_regimes
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True, help="a task whose clips are overlaid from notes")
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Compare two ways to train binaries."""
    params = config.load()
    compare_regimes(
        Path("data") / arguments.task,
        Path("metrics") / arguments.task,
        params.overlay_task(arguments.task),
        seed=params.seed,
        replicates=params.sizes.evaluation.bootstrap_replicates,
        out=arguments.out,
    )


if __name__ == "__main__":
    run_stage(main, parser())
