"""Render solo recordings of every instrument from one sound bank.

Reads: the sound bank, where the system installs it.
Writes: --out, one folder an instrument (FLAC and table of notes a recording).
Params: seed, scales.<scale>.corpus, corpora.<corpus>.render.
"""

import argparse
from pathlib import Path

from tutti import config, registry, taxonomy
from tutti.composition.banks import find_bank
from tutti.composition.rendering import RenderJob, render_corpus
from tutti.errors import ParameterError
from tutti.process import run_stage


def main(arguments: argparse.Namespace) -> None:
    """Render one bank."""
    params = config.load()
    render = params.corpus(arguments.corpus).render
    if arguments.bank not in render.banks:
        raise ParameterError(f"bank {arguments.bank!r} is unknown: {registry.choose(arguments.bank, render.banks)}")
    sizes = params.sizes.corpus
    known = taxonomy.load()
    instruments = known.renderable() if sizes.instruments == "all" else known.select(sizes.instruments)
    job = RenderJob(
        bank=arguments.bank,
        bank_path=find_bank(render.banks[arguments.bank]),
        sample_rate_hz=render.sample_rate_hz,
        peak_dbfs=render.peak_dbfs,
        reverb=render.reverb,
        recordings=sizes.recordings_per_instrument,
        seconds=sizes.recording_seconds,
        seed=params.seed,
    )
    render_corpus(instruments, job, arguments.out)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--corpus", required=True, help="name under `corpora` in params.yaml")
    command.add_argument("--bank", required=True, help="name under the corpus' `render.banks`")
    command.add_argument("--out", required=True, type=Path, help="folder to write")
    return command


if __name__ == "__main__":
    run_stage(main, parser())
