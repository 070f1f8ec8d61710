"""Made-up results of the task ``predominant`` in the form that the stages write, for tests of its page.

``python tests/made_up_excerpts.py FOLDER`` writes such results with experiments, and the page, to look at.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tutti import config
from tutti.config import MIXED_VALIDATION, TEST_SETS, CuttingTask, Params
from tutti.evaluation.judging import judge
from tutti.store import write_json

ROOT = Path(__file__).parents[1]
TASK, MAIN = "predominant", "han_cnn"
NAMES = (
    "acoustic_guitar", "cello", "clarinet", "electric_guitar", "flute", "piano", "pipe_organ", "saxophone", "trumpet",
    "violin", "voice",
)  # fmt: skip
MODELS = {MAIN: (2.2, 6), "svm": (1.5, 1)}  # skill, windows a clip
DATA = "0f" * 32
ACTIVATIONS = {"tanh": -0.08, "relu": -0.01, "prelu": -0.02, "leaky_relu_0.01": 0.0, "leaky_relu_0.33": 0.0}
WINDOWS = {0.5: -0.01, 1.0: 0.0, 1.5: 0.005, 3.0: -0.07}
SWEEPS = ("activation", "window")
SHORT = "a clip <i>of</i> 0.4 s"


def make(root: Path, params: Params, sides: Sequence[str] = TEST_SETS, n_clips: int = 60) -> None:
    """Write data, results and models of two models; a side that is not named has no clips.

    Args:
        root: the repository to write.
        params: all parameters.
        sides: the sides with clips.
        n_clips: clips a set.
    """
    data, task = root / "data" / TASK, params.cutting_task(TASK)
    for number, name in enumerate((MIXED_VALIDATION, *TEST_SETS)):
        _write_set(data, name, n_clips if name in (MIXED_VALIDATION, *sides) else 0, np.random.default_rng([5, number]))
    _write_split(data / "split", sides)
    for model in MODELS:
        judge(data, model, task, seed=1, replicates=30, out=root / "metrics" / TASK / model)
        spec = {
            "model": model,
            "config": task.models[model].model_dump(mode="json"),
            "data": {"train": {"clips": DATA}},
        }
        write_json(root / "models" / TASK / model / "spec.json", spec)


def _write_set(data: Path, name: str, n_clips: int, random: np.random.Generator) -> None:
    manifest = data / "clips" / name / "manifest"
    manifest.mkdir(parents=True)
    reference = np.zeros((n_clips, len(NAMES)), np.uint8)
    for clip in range(n_clips):
        reference[clip, random.choice(len(NAMES), random.choice(3, p=[0.5, 0.35, 0.15]) + 1, replace=False)] = 1
    heard = [[NAMES[index] for index in np.flatnonzero(row)] for row in reference]
    songs = [f"{name}/{clip // 2:04}" for clip in range(n_clips)]
    ids = [f"{name}-{clip:04}" for clip in range(n_clips)]
    clips = {"clip": ids, "polyphony": reference.sum(axis=1).astype(int), "instruments": heard,
             "recordings": [[song] for song in songs]}  # fmt: skip
    pd.DataFrame(clips).to_parquet(manifest / "clips.parquet")
    events = [
        {"clip": clip, "recording": song, "instrument": instrument, "onset_s": 0.0, "offset_s": 5.0, "pitch_midi": 60.0,
         "velocity": 80}
        for clip, song, names in zip(ids, songs, heard, strict=True) for instrument in names
    ]  # fmt: skip
    columns = ["clip", "recording", "instrument", "onset_s", "offset_s", "pitch_midi", "velocity"]
    pd.DataFrame(events, columns=columns).to_parquet(manifest / "events.parquet")
    write_json(manifest / "classes.json", list(NAMES))
    hard = np.linspace(-0.8, 0.9, len(NAMES)) + 0.5 * (name == "unseen_bank")
    for model, (skill, windows) in MODELS.items():
        folder = data / "scores" / model
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "classes.json", list(NAMES))
        each = np.repeat(reference, windows, axis=0)
        logits = random.normal(-2.5, 0.8, each.shape) + (skill - hard) * each * random.uniform(0.2, 1.6, each.shape)
        np.savez(
            folder / f"{name}.npz", scores=(1 / (1 + np.exp(-logits))).astype(np.float32),
            clip=np.repeat(np.arange(n_clips), windows), onset_s=np.zeros(len(each)),
            window_s=float(windows > 1), skipped=np.zeros(0, np.int64), clip_s=np.full(n_clips, 5.0),
        )  # fmt: skip


def _write_split(folder: Path, sides: Sequence[str]) -> None:
    rows = [
        {"recording": f"{side}/{song}/{excerpt}", "group": f"{side}/{song}", "side": side}
        for side in ("train", "validation", *sides) for song in range(20) for excerpt in range(3)
    ]  # fmt: skip
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "split.parquet")
    write_json(folder / "not_evaluable.json", [])


def add_skipped(root: Path) -> None:
    """Write that both models skipped a file of the corpus, and one of them a clip."""
    for model in MODELS:
        rows = [("corpus", "IRMAS-TrainingData/cel/bad.wav", "holds no sound")]
        rows += [("unseen_recording", SHORT, "lasts 0.40 s, less than the window of 1.00 s")] * (model == MAIN)
        table = pd.DataFrame(rows, columns=["set", "clip", "reason"])
        table.to_csv(root / "metrics" / TASK / model / "skipped.csv", index=False)


def add_experiments(
    root: Path,
    task: CuttingTask,
    *,
    sweeps: Sequence[str] = ("activation", "window"),
    repeats: int = 3,
    data: str = DATA,
) -> None:
    """Write what ``tutti collect`` keeps of two sweeps: the present model's tables with plausible changes.

    Args:
        root: where ``make`` wrote.
        task: the task's section.
        sweeps: those that were made.
        repeats: trainings of each setting.
        data: digest of the clips that they were trained on.
    """
    random = np.random.default_rng(7)
    now = task.models[MAIN]
    settings = {
        "activation": [(name, now.window_seconds, lift) for name, lift in ACTIVATIONS.items()],
        "window": [(now.activation, seconds, lift) for seconds, lift in WINDOWS.items()],
    }
    names = {"aggregations": "aggregations", "grid": "aggregation_grid", "classes": "aggregation_classes"}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for sweep in sweeps:
        for activation, seconds, lift in settings[sweep]:
            for repeat in range(1, repeats + 1):
                keys = {"experiment": f"{sweep}-{activation}-{seconds:g}-{repeat}", "model": MAIN,
                        "activation": activation, "window_seconds": seconds, "repeat": repeat, "corpus": task.corpus,
                        "scale": "default", "data": data}  # fmt: skip
                change = lift + random.normal(0, 0.012)
                for name, file in names.items():
                    table = pd.read_csv(root / "metrics" / TASK / MAIN / f"{file}.csv")
                    for column in [
                        column for column in map(str, table) if column.endswith(("precision", "recall", "f1"))
                    ]:
                        table[column] = (table[column] + change).clip(0, 1)
                    if name == "aggregations":
                        table["threshold"] = (table["threshold"] + random.normal(0, 0.03)).clip(0, 1)
                        table["validation_objective"] = 0.6 + 0.8 * change + random.normal(0, 0.005)
                    parts[name].append(pd.DataFrame(keys, index=table.index).join(table))
    folder = root / "metrics" / "experiments" / TASK
    folder.mkdir(parents=True, exist_ok=True)
    for name, tables in parts.items():
        pd.concat(tables).to_csv(folder / f"{name}.csv", index=False, float_format="%.6f")


def _show(root: Path) -> None:
    from tutti.reporting.excerpts_page import write_page

    params = config.load(ROOT / "params.yaml")
    if not root.exists():
        make(root, params, n_clips=300)
        add_skipped(root)
        add_experiments(root, params.cutting_task(TASK))
    write_page(root / "metrics" / f"{TASK}.html", params, TASK, root / "metrics", root / "models", root / "data")


if __name__ == "__main__":
    _show(Path(sys.argv[1]))
