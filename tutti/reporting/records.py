"""What MLflow shall hold, built from the files that the stages wrote."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.config import MixingTask, OverlayTask, Params
from tutti.evaluation.classification import FILE as REPORT_FILE
from tutti.evaluation.thresholds import read_thresholds
from tutti.reporting.comparison import METRICS, comparison_table, read_results, read_table
from tutti.reporting.exam_records import exam_images, exam_texts, regimes_record
from tutti.reporting.study_records import aggregation_records, inside_record, model_studies, variety_record
from tutti.reporting.tables import Tables, across_models
from tutti.store import digest, file_digest, read_json
from tutti.tracking import Record, training_key

_BY_POLICY = {
    "fixed": ("objective", "shrinkage"),
    "validated_global": ("fixed_threshold", "shrinkage"),
    "validated_per_class": ("fixed_threshold", "objective"),
}  # parameters that a policy does not use
_BEST = "validation_loss"
_DIGITS = 6
_NOT_WEIGHTS = ("spec.json", "history.csv", "binaries.csv")


def records(params: Params, task: str, models: Path, metrics: Path) -> list[Record]:
    """Return the trainings of a task, with their evaluations and studies as children, and its study of variety.

    Args:
        params: all parameters, as they were when the files were written.
        task: its name.
        models: the folder of fitted models, ``<task>/<model>``.
        metrics: the folder of results, ``<task>/<model>``.

    Raises:
        DataError: when a file is missing or broken.
    """
    results, is_exam = read_results(params, metrics, task), isinstance(params.task(task), OverlayTask)
    table, across = comparison_table(results), across_models(params, results)
    trainings = [
        _training(params, models / task / each.model, each.folder, table[table["model"] == each.model], across)
        for each in results
    ]
    if is_exam:
        return trainings + regimes_record(params, task, metrics / task / "regimes")
    if not isinstance(params.task(task), MixingTask):
        return trainings + inside_record(params, task, metrics / task / "inside")
    return trainings + variety_record(params, task, metrics / task / "variety", variety_params(params, task))


def _training(params: Params, model: Path, results: Path, rows: pd.DataFrame, across: Tables) -> Record:
    spec, history = read_json(model / "spec.json"), read_history(model / "history.csv")
    key, settings = training_key(spec, history), training_params(params, spec)
    tags = {"task": spec["task"], "model": spec["model"], "corpus": spec["corpus"]}
    tags |= flat("data", spec["data"])
    tags |= {f"weights.{path.name}": file_digest(path) for path in _weights(model)}
    children = [_evaluation(params, key, settings, tags, results, row, across) for row in rows.to_dict("records")]
    judging = flat(f"tasks.{spec['task']}.evaluation", params.task(spec["task"]).evaluation.model_dump(mode="json"))
    children += model_studies(key, settings | judging, tags, results)
    children += aggregation_records(key, settings | judging, tags, results)
    best = {f"best_{_BEST}": min(row[_BEST] for row in history)} if history and _BEST in history[0] else {}
    return Record(
        key=key,
        name=spec["model"],
        params=settings,
        metrics=best | {"epochs": len(history)},
        tags=tags | {"kind": "training", "stage": "train"},
        history=history,
        texts={"spec.json": json.dumps(spec, indent=1, sort_keys=True)} | _epochs_of_binaries(model),
        children=children,
    )


def _evaluation(
    params: Params,
    key: str,
    settings: Mapping[str, str],
    tags: Mapping[str, str],
    results: Path,
    row: dict[Any, Any],
    across: Tables,
) -> Record:
    task, split, policy = row["task"], row["split"], row["threshold_policy"]
    numbers = {name: float(row[name]) for name in (*METRICS, "n_clips") if pd.notna(row[name])}
    used = flat(f"tasks.{task}.evaluation", params.task(task).evaluation.model_dump(mode="json"))
    used = {name: value for name, value in used.items() if name.rpartition(".")[2] not in _BY_POLICY[policy]}
    is_main = policy == params.report.main_policy
    if isinstance(params.task(task), OverlayTask):
        stage, texts = "examine", exam_texts(results, split, policy)
        images = exam_images(params, task, results, split, policy) if is_main else {}
    else:
        stage, texts = "evaluate", _texts(results, row, across if is_main else {})
        images = _images(results, split, policy) if is_main else {}
    return Record(
        key=digest({"training": key, "split": split, "threshold_policy": policy, "numbers": numbers}),
        name=f"{row['model']} {split} {policy}",
        params={**settings, **used, "split": split, "threshold_policy": policy},
        metrics=numbers,
        tags={**tags, "kind": "evaluation", "stage": stage, "split": split, "threshold_policy": policy},
        texts=texts,
        images=images,
    )


def _texts(results: Path, row: Mapping[Any, Any], across: Tables) -> dict[str, str]:
    """Return the small tables of one evaluation, and its part of those across models."""
    split, policy = row["split"], row["threshold_policy"]
    tables = {name: _rows(results / name, split, policy) for name in ("per_class.csv", REPORT_FILE)}
    for name, rows in across.items():
        own = rows[(rows["split"] == split) & (rows["threshold_policy"] == policy)]
        tables[f"{name}.csv"] = own[own["scope" if "scope" in own else "model"] == row["model"]].round(_DIGITS)
    return {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}


def _images(results: Path, split: str, policy: str) -> dict[str, Callable[[], bytes]]:
    """Return what draws the figures of one evaluation; drawing is slow, so it waits until they are wanted."""

    def per_class() -> bytes:
        from tutti.reporting import figures, style

        return style.png(figures.per_class_f1(_rows(results / "per_class.csv", split, policy)))

    def threshold() -> bytes:
        from tutti.reporting import figures, style

        curve = pd.read_csv(results / "threshold_curve.csv")
        chosen = read_thresholds(results).thresholds["validated_global"]
        limit = float(chosen[0]) if policy == "validated_global" else None
        return style.png(figures.threshold_curve(curve[curve["split"] == split], limit))

    def confusion() -> bytes:
        from tutti.reporting import figures, style

        return style.png(figures.confusion(_rows(results / "confusion.csv", split, policy)))

    return {"per_class_f1.png": per_class, "threshold_curve.png": threshold, "confusion.png": confusion}


def training_params(params: Params, spec: Mapping[str, Any]) -> dict[str, str]:
    """Return all that went into a training, under its paths in ``params.yaml``.

    Args:
        params: all parameters.
        spec: the content of the model's ``spec.json``.
    """
    task = params.task(spec["task"])
    root, feature = f"tasks.{spec['task']}", spec["feature"]
    found = {"seed": _text(spec["seed"]), "scale": _text(spec["scale"]), f"{root}.corpus": _text(spec["corpus"])}
    found |= flat(f"scales.{spec['scale']}", params.sizes.model_dump(mode="json", exclude={"evaluation"}))
    found |= flat(f"corpora.{task.corpus}", params.corpus(task.corpus).model_dump(mode="json"))
    found |= flat(f"{root}.split", task.split.model_dump(mode="json"))
    found |= flat(f"{root}.clips", task.clips.model_dump(mode="json"))
    if isinstance(task, OverlayTask):
        found |= flat(f"{root}.classes", task.model_dump(mode="json")["classes"])
    learned = isinstance(task, MixingTask) and feature in task.learned_features
    group = "learned_features" if learned else "features"
    found |= flat(f"{root}.{group}.{feature}", params.feature(spec["task"], feature).model_dump(mode="json"))
    if isinstance(task, MixingTask) and learned:
        found |= flat(f"{root}.embedding", task.embedding.model_dump(mode="json"))
    return found | flat(f"{root}.models.{spec['model']}", spec["config"])


def variety_params(params: Params, name: str) -> dict[str, str]:
    """Return all that went into the study of variety of a task, under its paths in ``params.yaml``."""
    task, root = params.mixing_task(name), f"tasks.{name}"
    found = {"seed": _text(params.seed), "scale": _text(params.scale), f"{root}.corpus": _text(task.corpus)}
    found |= flat(f"scales.{params.scale}.{name}.variety", params.size(name).variety.model_dump(mode="json"))
    found |= flat(f"{root}.split", task.split.model_dump(mode="json"))
    found |= flat(f"{root}.clips", task.clips.model_dump(mode="json"))
    return found | flat(f"{root}.studies.variety", task.studies.variety.model_dump(mode="json"))


def flat(path: str, value: Any) -> dict[str, str]:
    """Return nested values under dotted paths, as text that ``dvc exp run -S path=text`` takes."""
    if not isinstance(value, Mapping):
        return {path: _text(value)}
    return {name: text for key, item in value.items() for name, text in flat(f"{path}.{key}", item).items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_history(path: Path) -> list[dict[str, float]]:
    """Read ``history.csv``: one row an epoch, without the epoch's number.

    Raises:
        DataError: when the file is missing or broken.
    """
    rows = read_table(path, ("epoch",)).drop(columns="epoch").to_dict("records")
    return [{str(name): float(value) for name, value in row.items()} for row in rows]


def _epochs_of_binaries(model: Path) -> dict[str, str]:
    """Return the epochs of each binary of a set of them; nothing for other models."""
    path = model / "binaries.csv"
    return {path.name: path.read_text(encoding="utf-8")} if path.is_file() else {}


def _weights(model: Path) -> list[Path]:
    return sorted(path for path in model.iterdir() if path.is_file() and path.name not in _NOT_WEIGHTS)


def _rows(path: Path, split: str, policy: str) -> pd.DataFrame:
    table = read_table(path, ("split", "threshold_policy"))
    return table[(table["split"] == split) & (table["threshold_policy"] == policy)]
