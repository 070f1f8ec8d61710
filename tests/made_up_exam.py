"""Made-up scores and results of the task ``families`` in the form that the stages write, for tests.

``python tests/made_up_exam.py FOLDER`` writes such results and the page, to look at.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti import config
from tutti.config import NOTES_OF, TEST_SETS, VALIDATION, VALIDATION_MIXTURES, OverlayTask, Params
from tutti.store import write_json

ROOT = Path(__file__).parents[1]
TASK = "families"
FAMILIES = ("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "vocal")
MODELS = {"mixtures": (4.2, 0.16), "notes": (5.0, 0.42)}  # skill, and how much of it each further family takes
MIXTURES = (VALIDATION_MIXTURES, *TEST_SETS)
NOTES = tuple(NOTES_OF[side] for side in (VALIDATION, *TEST_SETS))
PLAYERS = 4  # instruments a family
_EVENTS = {"clip": "str", "recording": "str", "instrument": "str", "onset_s": "float64", "offset_s": "float64",
           "pitch_midi": "float64", "velocity": "int64"}  # fmt: skip

Many = NDArray[np.int64]


def mixtures(per_size: int, n_classes: int, random: np.random.Generator) -> Many:
    """Return the truth of so many clips of each size, from silence to all families, ``(clip, class)``."""
    reference = np.zeros((per_size * (n_classes + 1), n_classes), np.int64)
    for clip, row in enumerate(reference):
        row[random.permutation(n_classes)[: clip // per_size]] = 1
    return reference


def write_set(
    data: Path,
    name: str,
    reference: Many,
    scores: Mapping[str, Any],
    classes: Sequence[str] = FAMILIES,
    *,
    seed: int = 0,
    skipped: Sequence[int] = (),
) -> None:
    """Write a manifest as the stage ``overlay`` does, and the scores of models on it as ``predict`` does.

    Args:
        data: ``data/<task>``.
        name: of the set.
        reference: ``(clip, class)``.
        scores: ``(clip, class)`` by model.
        classes: names in label order.
        seed: of the notes that sound.
        skipped: numbers of clips that were not scored.
    """
    random, manifest = np.random.default_rng([seed, 1]), data / "clips" / name / "manifest"
    manifest.mkdir(parents=True, exist_ok=True)
    played = [
        [(classes[index], int(random.integers(PLAYERS))) for index in np.flatnonzero(row).tolist()] for row in reference
    ]
    players = [[f"{family}_acoustic_{number:03}" for family, number in own] for own in played]
    notes = [[f"train/{player}-{random.integers(40, 80):03}-100" for player in own] for own in players]
    ids = [f"{name}-{clip:05}" for clip in range(len(reference))]
    pd.DataFrame({
        "clip": pd.Series(ids, dtype="str"), "file": pd.Series([f"{clip}.flac" for clip in ids], dtype="str"),
        "duration_s": np.full(len(ids), 4.0), "polyphony": reference.sum(axis=1).astype(np.int64),
        "instruments": [[family for family, _ in own] for own in played], "recordings": notes, "players": players,
    }).to_parquet(manifest / "clips.parquet")  # fmt: skip
    events = [(clip, note, family, 0.0, 3.0, 60.0, 100) for clip, own, sounding in zip(ids, notes, played, strict=True)
              for note, (family, _) in zip(own, sounding, strict=True)]  # fmt: skip
    pd.DataFrame(events, columns=list(_EVENTS)).astype(_EVENTS).to_parquet(manifest / "events.parquet")
    write_json(manifest / "classes.json", list(classes))
    kept = np.setdiff1d(np.arange(len(reference)), np.asarray(skipped, int))
    for model, values in scores.items():
        folder = data / "scores" / model
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "classes.json", list(classes))
        np.savez(
            folder / f"{name}.npz", scores=np.asarray(values, np.float32)[kept], clip=kept, onset_s=np.zeros(len(kept)),
            window_s=3.84, skipped=np.asarray(skipped, np.int64), clip_s=np.full(len(reference), 4.0),
        )  # fmt: skip


def heard(reference: Many, model: str, name: str, random: np.random.Generator) -> NDArray[np.float64]:
    """Return scores that are somewhat right, the less the more families sound and on another bank."""
    skill, loss = MODELS[model]
    sizes = reference.sum(axis=1, keepdims=True)
    hard = np.linspace(-0.5, 0.7, reference.shape[1]) + 0.7 * ("bank" in name)
    logits = random.normal(-2.2, 0.8, reference.shape) + (skill - hard - loss * sizes) * reference
    logits += random.normal(0, 0.9, reference.shape) * np.minimum(sizes, 4) / 2
    return np.asarray(1 / (1 + np.exp(-logits)))


def write_scores(
    data: Path, sides: Sequence[str] = TEST_SETS, per_size: int = 4, classes: Sequence[str] = FAMILIES
) -> None:
    """Write all sets and what both models say; a side that is not named has no clips."""
    for number, name in enumerate((*MIXTURES, *NOTES)):
        random = np.random.default_rng([11, number])
        reference = mixtures(per_size, len(classes), random) if name in MIXTURES else np.repeat(
            np.eye(len(classes), dtype=np.int64), per_size, axis=0
        )  # fmt: skip
        side = next((side for side in TEST_SETS if name in (side, NOTES_OF[side])), "")
        reference = reference[:0] if side and side not in sides else reference
        scores = {model: heard(reference, model, name, random) for model in MODELS}
        write_set(data, name, reference, scores, classes, seed=number)


def make(root: Path, params: Params, sides: Sequence[str] = TEST_SETS, per_size: int = 6,
         classes: Sequence[str] = FAMILIES) -> None:  # fmt: skip
    """Write data, results and the comparison of both models.

    Args:
        root: the repository to write.
        params: all parameters.
        sides: the sides with clips.
        per_size: clips of each size in each set of mixtures, and notes of each class.
        classes: names in label order.
    """
    from tutti.exam.examining import examine
    from tutti.exam.regimes import compare_regimes

    data, metrics = root / "data" / TASK, root / "metrics" / TASK
    task = params.overlay_task(TASK).model_copy(update={"classes": sections(classes)})
    write_scores(data, sides, per_size, classes)
    write_split(data / "split", sides, classes)
    for model in MODELS:
        examine(data, model, task, seed=1, replicates=50, out=metrics / model)
    compare_regimes(data, metrics, task, seed=1, replicates=50, out=metrics / "regimes")


def sections(classes: Sequence[str]) -> dict[str, config.FamilyClass]:
    """Return the section ``classes`` of families."""
    return {name: config.FamilyClass(family=name) for name in classes}


def write_split(folder: Path, sides: Sequence[str] = TEST_SETS, classes: Sequence[str] = FAMILIES) -> None:
    """Write what the stage ``split`` does: notes of the instruments of each side, and a file that is no note."""
    rows = [
        {"recording": f"train/{family}-{side}-{player}-{note}", "instrument": family, "side": side,
         "group": f"{family}-{side}-{player}"}
        for family in classes for side in ("train", "validation", *sides) for player in range(3) for note in range(5)
    ]  # fmt: skip
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "split.parquet")
    write_json(folder / "not_evaluable.json", [])
    (folder / "skipped.csv").write_text("path,reason\naudio/<i>bad</i>.wav,holds no sound\n", encoding="utf-8")


def overlay_task(**changes: Any) -> OverlayTask:
    """Return the section of the task with a changed evaluation."""
    task = config.load(ROOT / "params.yaml").overlay_task(TASK)
    return task.model_copy(update={"evaluation": task.evaluation.model_copy(update=changes)})


def _show(root: Path) -> None:
    from tutti.reporting.exam_page import write_page

    params = config.load(ROOT / "params.yaml")
    if not root.exists():
        make(root, params, per_size=60)
    write_page(root / "metrics" / f"{TASK}.html", params, TASK, root / "metrics", root / "data")


if __name__ == "__main__":
    _show(Path(sys.argv[1]))
