"""Reads: data/<task>/split, data/index/<corpus>, its recordings and, for `leaked`, the recipes of unseen_recording.
Writes: <out>/audio, one file a mixture, and <out>/manifest with labels and recipes.
Params: seed, scales.<scale>.<task>.clips.enter_leave, tasks.<task>.clips, tasks.<task>.studies.<study>.
"""

import argparse
from pathlib import Path

from tutti import config, taxonomy
from tutti.mixtures.clip_set import make_clips, read_corpus
from tutti.mixtures.leaking import make_leaked
from tutti.process import run_stage


def parser() -> argparse.ArgumentParser:
    """Return the command line of the stage."""
    options = argparse.ArgumentParser(prog="python -m stages.study_clips", description="Mix the clips of one study.")
    options.add_argument("--task", required=True, help="a task in params.yaml")
    options.add_argument("--set", required=True, choices=config.STUDY_SETS, help="the set to mix")
    options.add_argument("--out", required=True, type=Path, help="folder of the set")
    return options


def main(arguments: argparse.Namespace) -> None:
    """Mix the clips of one study."""
    params = config.load()
    data, task = Path("data") / arguments.task, params.mixing_task(arguments.task)
    corpus = read_corpus(
        split=data / "split",
        index=Path("data/index") / task.corpus,
        root=Path(params.corpus(task.corpus).root),
        class_of={each.name: each.hornbostel_sachs for each in taxonomy.load()},
    )
    if arguments.set == config.LEAKED:
        honest = data / "clips" / config.UNSEEN_RECORDING / "manifest"
        make_leaked(corpus, task.clips, honest, task.studies.leak.instruments, params.seed, arguments.out)
        return
    clips = task.clips.model_copy(update=task.studies.enter_leave.model_dump())
    count = params.size(arguments.task).clips.enter_leave
    make_clips(corpus, clips, config.UNSEEN_RECORDING, count, params.seed, arguments.out, name=arguments.set)


if __name__ == "__main__":
    run_stage(main, parser())
