"""Assign recordings to train, validation and the two test sides; stop when one source would serve two sides.

Reads: data/index/<corpus>, the index of the task's corpus.
Writes: --out, split.parquet and not_evaluable.json.
Params: seed, tasks.<task>.corpus, tasks.<task>.split.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.corpora.index import read_recordings, read_skipped
from tutti.corpora.splitting import split, write_split
from tutti.process import run_stage

INDEX = Path("data/index")


def main(arguments: argparse.Namespace) -> None:
    """Split one task's corpus."""
    params = config.load()
    task = params.task(arguments.task)
    index = INDEX / task.corpus
    result = split(read_recordings(index), task.split, params.seed)
    write_split(result, task.split, read_skipped(index), arguments.out)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--task", required=True, help="name under `tasks` in params.yaml")
    command.add_argument("--out", required=True, type=Path, help="folder to write")
    return command


if __name__ == "__main__":
    run_stage(main, parser())
