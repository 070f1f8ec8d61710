"""Reads: data/<task>/split, data/index/<corpus> and the notes of the corpus.
Writes: <out>/audio, one file a clip, and <out>/manifest with labels.
Params: seed, scales.<scale>.<task>, tasks.<task>.classes and tasks.<task>.clips.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.overlays.drawing import Drawing
from tutti.overlays.making import make_overlays
from tutti.overlays.notes import read_notes
from tutti.process import run_stage

SIDES = {
    **{notes: side for side, notes in config.NOTES_OF.items()},
    config.TRAIN_MIXTURES: config.TRAIN,
    config.VALIDATION_MIXTURES: config.VALIDATION,
    **{side: side for side in config.TEST_SETS},
}


def parser() -> argparse.ArgumentParser:
    """Return the command line of the stage."""
    options = argparse.ArgumentParser(prog="python -m stages.overlay", description="Overlay the clips of one set.")
    options.add_argument("--task", required=True, help="a task in params.yaml")
    options.add_argument("--set", required=True, choices=sorted(SIDES), help="the set to make")
    options.add_argument("--out", required=True, type=Path, help="folder of the set")
    return options


def main(arguments: argparse.Namespace) -> None:
    """Overlay the clips of one set."""
    params, name = config.load(), arguments.set
    task, sizes = params.overlay_task(arguments.task), params.size(arguments.task)
    index = Path("data/index") / task.corpus
    notes = read_notes(Path("data") / arguments.task / "split", index, SIDES[name])
    per_size = sizes.validation_per_size if name == config.VALIDATION_MIXTURES else sizes.exam_per_size
    drawing = Drawing(notes, task.clips, task.classes, params.seed, sizes.train_mixtures, per_size)
    root = Path(params.corpus(task.corpus).root)
    make_overlays(drawing.overlays(name), name, task.classes, task.clips, index, root, arguments.out)


if __name__ == "__main__":
    run_stage(main, parser())
