"""Window scores of all clips that judge a model: what the predict stage does."""

from pathlib import Path

import numpy as np

from tutti.config import STUDY_SETS, TEST_SETS, VALIDATION
from tutti.errors import DataError
from tutti.feature_store import open_feature
from tutti.progress import track
from tutti.store import whole, write_json
from tutti.training.model_folder import Model, load_model

SETS = (VALIDATION, *TEST_SETS, *STUDY_SETS)


def score_sets(model_folder: Path, task_data: Path, out: Path) -> None:
    """Score the validation and the test clips of a task, and write one ``.npz`` a set.

    Each holds ``scores`` float32 ``(window, class)``, ``clip`` int64 and ``onset_s`` float64 ``(window,)``, and
    ``window_s`` float64 ``()``, the length of a window; 0 where the model sees a clip at once.

    Args:
        model_folder: the fitted model.
        task_data: the task's data folder.
        out: the folder to write.
    """
    model = load_model(model_folder)
    with whole(out) as folder:
        folder.mkdir()
        write_json(folder / "classes.json", model.classes)
        for name in track(SETS, f"scoring with {model.spec['model']}"):
            _score(model, task_data / "features" / model.spec["feature"] / name, folder / f"{name}.npz")


def _score(model: Model, feature_folder: Path, path: Path) -> None:
    feature = open_feature(feature_folder)
    if feature.spec != model.spec["feature_spec"]:
        raise DataError(f"{feature_folder} was made with other parameters than the model's feature: run `dvc repro`")
    scores, clip, onset_s = model.predict(feature)
    if not np.isfinite(scores).all():
        raise DataError(
            f"model {model.spec['model']!r} gave a score that is no number on {feature_folder.name}: train it again"
        )
    with path.open("wb") as file:
        np.savez(file, scores=scores, clip=clip, onset_s=onset_s, window_s=model.window_seconds)
