"""Reads: data/index/<corpus> and the recordings of the corpus.
Writes: metrics/<task>/variety, macro F1 by the number of recordings and banks that a model is trained on.
Params: seed, scales.<scale>.<task>.variety, tasks.<task>.split, clips, evaluation and studies.variety.
"""

import argparse
from pathlib import Path

from tutti import config, taxonomy
from tutti.corpora.index import EVENTS_FILE, RECORDINGS_FILE, read_recordings
from tutti.corpora.takes import plan_study
from tutti.labels import read_table
from tutti.process import run_stage
from tutti.variety import Study, run_study


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    command.add_argument("--out", type=Path, required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Fit and judge one model for each number of recordings and banks."""
    params = config.load()
    task, index = params.mixing_task(arguments.task), Path("data/index") / params.mixing_task(arguments.task).corpus
    plan = plan_study(read_recordings(index), task.split, task.studies.variety.recordings, params.seed)
    study = Study(
        plan=plan,
        recordings=read_table(index / RECORDINGS_FILE, ("recording", "instrument", "path", "audio_sha256")),
        events=read_table(index / EVENTS_FILE, ("recording", "onset_s", "offset_s", "pitch_midi", "velocity")),
        root=Path(params.corpus(task.corpus).root),
        class_of={each.name: each.hornbostel_sachs for each in taxonomy.load() if each.name in plan.instruments},
        clips=task.clips,
        config=task.studies.variety,
        sizes=params.size(arguments.task).variety,
        evaluation=task.evaluation,
        replicates=params.sizes.evaluation.bootstrap_replicates,
        seed=params.seed,
    )
    run_study(study, arguments.out)


if __name__ == "__main__":
    run_stage(main, parser())
