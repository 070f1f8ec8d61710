"""What MLflow shall hold of a task's studies: runs below a model's training, and one for variety."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.config import UNSEEN_RECORDING, Params, Policy
from tutti.evaluation.aggregations import FILE as AGGREGATIONS_FILE
from tutti.evaluation.aggregations import GRID_FILE
from tutti.reporting.comparison import read_table
from tutti.store import digest, file_digest, read_json
from tutti.tracking import Record

_FILES = ("leak.csv", "enter_leave.csv", "enter_leave.json")
_POLICY: Policy = "validated_global"


def model_studies(training: str, settings: Mapping[str, str], tags: Mapping[str, str], results: Path) -> list[Record]:
    """Return the run that holds a model's studies; none where its task has no studies.

    Args:
        training: key of the model's training.
        settings: parameters of the training, under their paths in ``params.yaml``.
        tags: task, model, corpus and data of the training.
        results: ``metrics/<task>/<model>``.

    Raises:
        DataError: when a file is broken.
    """
    if not all((results / name).is_file() for name in _FILES):
        return []
    texts = {name: (results / name).read_text(encoding="utf-8") for name in _FILES}
    return [
        Record(
            key=digest({"training": training, "studies": texts}),
            name=f"{tags['model']} studies",
            params=settings,
            metrics=_numbers(results),
            tags={**tags, "kind": "study", "stage": "evaluate", "threshold_policy": _POLICY},
            texts=texts,
        )
    ]


def aggregation_records(
    training: str, settings: Mapping[str, str], tags: Mapping[str, str], results: Path
) -> list[Record]:
    """Return one run a test side and aggregation, so that MLflow can set them side by side; none without the study.

    Args:
        training: key of the model's training.
        settings: parameters of the training, under their paths in ``params.yaml``.
        tags: task, model, corpus and data of the training.
        results: ``metrics/<task>/<model>``.

    Raises:
        DataError: when a file is broken.
    """
    if not (results / AGGREGATIONS_FILE).is_file():
        return []
    rows = read_table(results / AGGREGATIONS_FILE, ("split", "aggregation", "member", "threshold", "macro_f1"))
    grid = read_table(results / GRID_FILE, ("split", "aggregation", "threshold"))
    found = []
    for row in rows.to_dict("records"):
        what = {name: str(row[name]) for name in ("split", "aggregation", "member")}
        numbers = {str(key): float(value) for key, value in row.items() if key not in what and pd.notna(value)}
        own = grid[(grid["split"] == row["split"]) & (grid["aggregation"] == row["aggregation"])]
        found.append(
            Record(
                key=digest({"training": training, "aggregation": what, "numbers": numbers}),
                name=f"{tags['model']} {row['split']} {row['aggregation']}",
                params={**settings, **what},
                metrics=numbers,
                tags={**tags, "kind": "aggregation", "stage": "evaluate", **what},
                texts={GRID_FILE: own.to_csv(index=False, lineterminator="\n")} if len(own) else {},
            )
        )
    return found


def inside_record(params: Params, task: str, results: Path) -> list[Record]:
    """Return the run that holds a look inside a network, with its figures; none where there is none.

    Args:
        params: all parameters.
        task: its name, of a task on excerpts.
        results: ``metrics/<task>/inside``.

    Raises:
        DataError: when a file is broken.
    """
    path = results / "separation.csv"
    if not path.is_file():
        return []
    rows = read_table(path, ("set", "layer", "accuracy", "chance", "n"))
    numbers = {
        f"accuracy.{row['set']}.{row['layer']}": float(row["accuracy"])
        for row in rows.to_dict("records")
        if pd.notna(row["accuracy"])
    }
    texts = {path.name: path.read_text(encoding="utf-8")}
    section = params.cutting_task(task)
    root, inside = f"tasks.{task}.studies.inside", section.studies.inside.model_dump(mode="json")
    settings = {f"{root}.{name}": str(value) for name, value in inside.items()}
    tags = {"task": task, "corpus": section.corpus, "kind": "study", "stage": "inside"}
    key = digest({"task": task, "inside": texts, "maps": file_digest(results / "maps.csv")})
    return [Record(key, "inside", settings, numbers, tags, texts=texts, images=_inside_images(results))]


def _inside_images(results: Path) -> dict[str, Callable[[], bytes]]:
    """Return what draws the figures; drawing is slow, so it waits until they are wanted."""
    from tutti.inside.deconvolved import read_deconvolved

    def maps() -> bytes:
        from tutti.reporting import inside_figures, style

        columns = ("set", "layer", "clip", "instrument", "x", "y")
        separation = read_table(results / "separation.csv", ("set", "layer", "accuracy"))
        return style.png(inside_figures.maps(read_table(results / "maps.csv", columns), separation))

    def clip(number: int) -> bytes:
        from tutti.reporting import inside_figures, style

        return style.png(inside_figures.deconvolution(read_deconvolved(results)[number]))

    clips = range(len(read_deconvolved(results)))
    return {"maps.png": maps, **{f"deconvolution-{number + 1}.png": partial(clip, number) for number in clips}}


def variety_record(params: Params, task: str, results: Path, settings: Mapping[str, str]) -> list[Record]:
    """Return the run that holds a task's study of variety; none where there is none.

    Args:
        params: all parameters.
        task: its name.
        results: ``metrics/<task>/variety``.
        settings: parameters of the study, under their paths in ``params.yaml``.

    Raises:
        DataError: when a file is broken.
    """
    path = results / "variety.csv"
    if not path.is_file():
        return []
    rows = read_table(path, ("recordings", "banks", "tested_on", "macro_f1"))
    numbers = {
        f"macro_f1.{row['tested_on']}.{row['banks']}.{row['recordings']}": float(row["macro_f1"])
        for row in rows.to_dict("records")
        if pd.notna(row["macro_f1"])
    }
    texts = {file: (results / file).read_text(encoding="utf-8") for file in ("variety.csv", "variety.json")}
    tags = {"task": task, "corpus": params.task(task).corpus, "kind": "study", "stage": "variety"}
    return [Record(digest({"task": task, "variety": texts}), "variety", settings, numbers, tags, texts=texts)]


def _numbers(results: Path) -> dict[str, float]:
    """Return the few numbers that sum up a model's studies, at the validated global threshold."""
    leak = read_table(results / "leak.csv", ("scope", "threshold_policy", "f1_leaked", "f1_honest", "difference"))
    rows = leak[leak["threshold_policy"] == _POLICY].to_dict("records")
    found: dict[str, Any] = {
        f"leak.{row['scope']}.{name}": row[name]
        for row in rows
        if row["scope"] in ("leaking", "all")
        for name in ("f1_leaked", "f1_honest", "difference")
    }
    told = read_json(results / "enter_leave.json")
    for split, by_policy in told["clips"].items():
        if split != UNSEEN_RECORDING:  # whose numbers stand in the evaluation of that side
            found |= {f"{split}.{name}": value for name, value in by_policy[_POLICY].items()}
    if told["windows"]:
        found |= {f"windows.{name}": value for name, value in told["windows"]["f1"][_POLICY].items()}
    return {name: float(value) for name, value in found.items() if pd.notna(value)}
