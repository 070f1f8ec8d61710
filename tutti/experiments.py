"""What experiments of DVC gave, collected.

``tutti collect`` reads the results of all experiments of this repository, and of the workspace, into tables that Git
keeps and the report reads.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.config import Params
from tutti.errors import DataError
from tutti.store import digest, read_json, whole

FILES = {"aggregations": "aggregations.csv", "grid": "aggregation_grid.csv", "classes": "aggregation_classes.csv"}
SETTINGS = ("activation", "window_seconds", "repeat")  # of a model: what experiments differ in
KEYS = ("experiment", "model", *SETTINGS, "corpus", "scale", "data")
_log = logging.getLogger("tutti")


def collect(params: Params, task: str) -> dict[str, pd.DataFrame]:
    """Return what all experiments with a task's model gave, and the workspace, one table a file of ``FILES``.

    Experiments count that differ from the workspace in ``SETTINGS`` only. Of several with the same settings the one
    that ran last is taken, the workspace before all.

    Args:
        params: all parameters.
        task: a task on excerpts, whose studies name the model.

    Raises:
        DataError: when the workspace has no results.
        ParameterError: when there is no such task.
    """
    model = params.cutting_task(task).studies.settings_of
    results, spec = Path("metrics") / task / model, Path("models") / task / model / "spec.json"
    if not all((results / file).is_file() for file in FILES.values()):
        raise DataError(f"{results} holds no results to compare with: run `dvc repro` first")
    present = read_json(spec)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in FILES}
    seen, others = set(), 0
    for name, its_spec, texts in _sources(results, spec):
        if _fixed(its_spec) != _fixed(present):
            others += 1
            continue
        keys = _keys(name, model, its_spec)
        if (settings := tuple(keys[key] for key in SETTINGS)) in seen:
            continue
        seen.add(settings)
        for table, text in texts.items():
            found[table].append(_with_keys(text, keys))
    if others:
        _log.info("%d experiments differ in other parameters or data, and are left out", others)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def write_collected(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write the tables as CSV into a folder, which appears whole; rows are sorted by their settings."""
    with whole(folder) as partial:
        partial.mkdir()
        for name, table in tables.items():
            ordered = table.sort_values(list(SETTINGS), kind="stable")
            ordered.to_csv(partial / f"{name}.csv", index=False, lineterminator="\n")


def summary(tables: Mapping[str, pd.DataFrame], split: str) -> pd.DataFrame:
    """Return mean and deviation of F1 over the repeats of each setting, under s2 at the validated threshold.

    Args:
        tables: what ``collect`` returns.
        split: the test side.
    """
    rows = tables["aggregations"]
    rows = rows[(rows["split"] == split) & (rows["aggregation"] == "s2")]
    scores = ["validation_objective", "macro_f1", "micro_f1"]
    grouped = rows.groupby(["activation", "window_seconds"])[scores]
    table = pd.concat({"mean": grouped.mean(), "sd": grouped.std()}, axis=1)
    table.columns = pd.Index([" ".join(reversed(column)) for column in table.columns.to_flat_index()])
    return table.assign(repeats=grouped.size()).reset_index()


def _sources(results: Path, spec: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Yield name, specification and the tables' texts of the workspace and of each experiment, newest first."""
    yield "workspace", read_json(spec), {name: (results / file).read_text("utf-8") for name, file in FILES.items()}
    from dvc.api import DVCFileSystem, exp_show
    from dvc.exceptions import DvcException

    for row in exp_show(num=-1):
        if not row.get("Experiment"):
            continue
        files = DVCFileSystem(".", rev=row["rev"])
        with suppress(DvcException, OSError, ValueError):  # it has no results of this model, or its cache is gone
            texts = {name: files.read_text((results / file).as_posix()) for name, file in FILES.items()}
            yield str(row["Experiment"]), json.loads(files.read_text(spec.as_posix())), texts


def _fixed(spec: Mapping[str, Any]) -> str:
    """Return a digest of all that experiments must have in common to be compared."""
    config = {key: value for key, value in spec["config"].items() if key not in SETTINGS}
    common = ("task", "model", "architecture", "feature", "feature_spec", "classes", "seed", "scale", "corpus", "data")
    return digest({"config": config, **{key: spec[key] for key in common}})


def _keys(name: str, model: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    settings = {key: spec["config"].get(key, "") for key in SETTINGS}
    about = {"corpus": spec["corpus"], "scale": spec["scale"], "data": spec["data"]["train"]["clips"]}
    return {"experiment": name, "model": model, **settings, **about}


def _with_keys(text: str, keys: Mapping[str, Any]) -> pd.DataFrame:
    table = pd.read_csv(StringIO(text), keep_default_na=False, na_values=[""])
    columns: Sequence[str] = [*KEYS, *table.columns]
    return table.assign(**keys)[columns]
