"""Render a stand-in of NSynth: single notes of the instruments of eleven families, in that data set's own layout.

Reads: the sound banks, where the system installs them.
Writes: --out, a folder a part with examples.json and mono WAV.
Params: seed, scales.<scale>.families.corpus.notes_per_instrument, corpora.<corpus>.render.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.composition.note_programs import FAMILIES
from tutti.composition.notes import NoteJob, render_notes
from tutti.process import run_stage


def main(arguments: argparse.Namespace) -> None:
    """Render all notes."""
    params = config.load()
    sizes = params.size("families").corpus
    job = NoteJob(
        config=params.corpus(arguments.corpus).render,
        families=FAMILIES,
        notes_per_instrument=sizes.notes_per_instrument,
        seed=params.seed,
        specimens=sizes.specimens,
    )
    render_notes(job, arguments.out)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--corpus", required=True, help="name under `corpora` in params.yaml")
    command.add_argument("--out", required=True, type=Path, help="folder to write")
    return command


if __name__ == "__main__":
    run_stage(main, parser())
