"""List the recordings and events of a corpus, with content hashes.

Reads: the corpus in its own layout, at corpora.<corpus>.root.
Writes: --out, recordings.parquet, events.parquet and skipped.csv.
Params: corpora.<corpus>.
"""

import argparse
from pathlib import Path

from tutti import config, registry
from tutti.corpora.index import build_index, write_index
from tutti.process import run_stage


def main(arguments: argparse.Namespace) -> None:
    """Index one corpus."""
    corpus = config.load().corpus(arguments.corpus)
    root = Path(corpus.root)
    entries = registry.load("corpora/adapters", corpus.adapter).read(root, corpus)
    write_index(*build_index(entries, root, corpus), arguments.out)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--corpus", required=True, help="name under `corpora` in params.yaml")
    command.add_argument("--out", required=True, type=Path, help="folder to write")
    return command


if __name__ == "__main__":
    run_stage(main, parser())
