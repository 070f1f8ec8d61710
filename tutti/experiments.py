"""Experiments of DVC: queueing a sweep of settings, running it, and collecting what all of them gave.

``tutti sweep`` queues one experiment for each combination of a grid in ``params.yaml`` and runs the queue. Each trains
and judges in a copy of its own, from what is cached; MLflow gets its runs. ``tutti collect`` reads the results of all
experiments of this repository, and of the workspace, into tables that Git keeps and the report reads.
"""

import itertools
import json
import logging
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from tutti.config import Params, SweepConfig
from tutti.errors import DataError, SetupError
from tutti.store import digest, read_json, whole

FILES = {"aggregations": "aggregations.csv", "grid": "aggregation_grid.csv", "classes": "aggregation_classes.csv"}
SETTINGS = ("activation", "window_seconds", "repeat")  # of a model: what experiments differ in
KEYS = ("experiment", "model", *SETTINGS, "corpus", "scale", "data")
_log = logging.getLogger("tutti")


@dataclass(frozen=True)
class Experiment:
    """One combination of a sweep.

    Attributes:
        name: of the experiment.
        settings: values by their path in ``params.yaml``.
    """

    name: str
    settings: Mapping[str, Any]


def experiments(name: str, sweep: SweepConfig) -> list[Experiment]:
    """Return the experiments of a sweep, one for each combination of its grid, in the grid's order.

    Args:
        name: of the sweep; experiments are named after it and their values.
        sweep: its section.
    """
    paths = [f"tasks.{sweep.task}.{path}" for path in sweep.grid]
    return [
        Experiment("-".join([name, *(str(value) for value in values)]), dict(zip(paths, values, strict=True)))
        for values in itertools.product(*sweep.grid.values())
    ]


def run_sweep(name: str, sweep: SweepConfig, jobs: int) -> int:
    """Queue what of a sweep has no result yet, run the queue, and return how many experiments that were.

    Args:
        name: of the sweep.
        sweep: its section.
        jobs: experiments that run at the same time.

    Raises:
        SetupError: when DVC cannot queue or run them; it has said why.
    """
    known = set(_dvc("exp", "list", "--names-only").split())
    wanted = [each for each in experiments(name, sweep) if each.name not in known]
    for each in wanted:
        changes = [word for path, value in each.settings.items() for word in ("-S", f"{path}={value}")]
        _dvc("exp", "run", "--queue", "--name", each.name, *changes, f"publish_{sweep.task}")
        _log.info("queued %s", each.name)
    if wanted:
        _dvc("exp", "run", "--run-all", "--jobs", str(jobs), shown=True)
    return len(wanted)


def _dvc(*words: str, shown: bool = False) -> str:
    """Run a command of DVC and return what it printed; ``shown`` lets it print to the terminal instead."""
    try:
        done = subprocess.run(["dvc", *words], stdout=None if shown else subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        raise SetupError("the command dvc is missing: run `bash setup.sh`, then `source .venv/bin/activate`") from None
    except subprocess.CalledProcessError as error:
        raise SetupError(f"`dvc {' '.join(words)}` failed with status {error.returncode}: see above") from None
    return done.stdout or ""


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
