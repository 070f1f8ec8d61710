"""Render a stand-in of IRMAS: excerpts in which instruments lead, in that data set's own layout.

Reads: the sound banks, where the system installs them.
Writes: --out, training folders and the parts of the test, stereo WAV with labels.
Params: seed, scales.<scale>.predominant.corpus, corpora.irmas.render.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.composition.excerpts import ExcerptJob, render_excerpts
from tutti.corpora.adapters import irmas
from tutti.process import run_stage


def main(arguments: argparse.Namespace) -> None:
    """Render all excerpts."""
    params = config.load()
    sizes = params.size("predominant").corpus
    job = ExcerptJob(
        config=params.corpus(arguments.corpus).render,
        codes=irmas.INSTRUMENTS,
        training=irmas.TRAINING_FOLDER,
        songs_per_instrument=sizes.songs_per_instrument,
        test_clips=sizes.test_clips,
        seed=params.seed,
    )
    render_excerpts(job, arguments.out)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--corpus", required=True, help="name under `corpora` in params.yaml")
    command.add_argument("--out", required=True, type=Path, help="folder to write")
    return command


if __name__ == "__main__":
    run_stage(main, parser())
