"""Window scores of all clips that judge a model: what the predict stage does."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.feature_store import Feature, open_feature
from tutti.progress import track
from tutti.store import whole, write_json
from tutti.training.model_folder import Model, load_model

_log = logging.getLogger("tutti")


def score_sets(model_folder: Path, task_data: Path, sets: Sequence[str], out: Path) -> None:
    """Score the validation and the test clips of a task, and write one ``.npz`` a set.

    Each holds ``scores`` float32 ``(window, class)``, ``clip`` int64 and ``onset_s`` float64 ``(window,)``,
    ``window_s`` float64 ``()``, the length of a window, 0 where the model sees a clip at once; ``skipped`` int64, the
    clips that are shorter than a window and have no scores, and ``clip_s`` float64 ``(clip,)``, how long each is.

    Args:
        model_folder: the fitted model.
        task_data: the task's data folder.
        sets: names of the sets of clips.
        out: the folder to write.
    """
    model = load_model(model_folder)
    with whole(out) as folder:
        folder.mkdir()
        write_json(folder / "classes.json", model.classes)
        for name in track(sets, f"scoring with {model.spec['model']}"):
            _score(model, task_data / "features" / model.spec["feature"] / name, folder / f"{name}.npz")


def _score(model: Model, feature_folder: Path, path: Path) -> None:
    feature = open_feature(feature_folder)
    if feature.spec != model.spec["feature_spec"]:
        raise DataError(f"{feature_folder} was made with other parameters than the model's feature: run `dvc repro`")
    skipped = _too_short(model, feature, feature_folder.name)
    scores, clip, onset_s = model.predict(feature, skipped)
    if not np.isfinite(scores).all():
        raise DataError(
            f"model {model.spec['model']!r} gave a score that is no number on {feature_folder.name}: train it again"
        )
    with path.open("wb") as file:
        np.savez(
            file, scores=scores, clip=clip, onset_s=onset_s, window_s=model.window_seconds, skipped=skipped,
            clip_s=model.seconds(np.diff(feature.offsets)),
        )  # fmt: skip


def _too_short(model: Model, feature: Feature, name: str) -> NDArray[np.int64]:
    """Return the numbers of the clips that are shorter than a window, and say so of each in one sentence."""
    frames, window = np.diff(feature.offsets), int(model.spec["window_frames"])
    skipped: NDArray[np.int64] = np.flatnonzero(frames < window)
    for index in skipped.tolist():
        _log.warning("%s", too_short(feature.clips[index], float(model.seconds(frames[index])), model.window_seconds))
    if len(skipped) and len(skipped) == len(feature):
        raise DataError(
            f"all {len(feature)} clips of {name} are shorter than the window of {model.window_seconds:.2f} s: lower "
            f"window_seconds of {model.spec['model']!r}"
        )
    return skipped


def too_short(clip: str, clip_s: float, window_s: float) -> str:
    """Return the sentence about a clip that is shorter than a window."""
    return f"clip {clip} lasts {clip_s:.2f} s, less than the window of {window_s:.2f} s: it is not scored"
