"""Reads: metrics/<task>/<model> of every model of a task on overlaid notes, metrics/<task>/regimes, data/<task>/split.
Writes: the task's report as one HTML page.
Params: seed, scale, scales, corpora, report, tasks.<task>.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.process import run_stage
from tutti.reporting.exam_page import write_page


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True, help="a task whose clips are overlaid from notes")
    command.add_argument("--page", type=Path, required=True, help="the HTML file to write")
    return command


def main(arguments: argparse.Namespace) -> None:
    """Tell what the exam of a task on overlaid notes found."""
    write_page(arguments.page, config.load(), arguments.task, Path("metrics"), Path("data"))


if __name__ == "__main__":
    run_stage(main, parser())
