"""Sweeps: what they queue, what params.yaml may say about them, and how their results are collected."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tutti import config, experiments, sweeps
from tutti.errors import DataError, ParameterError, SetupError
from tutti.experiments import FILES, KEYS, collect, summary, write_collected

ROOT = Path(__file__).parents[1]
PARAMS = config.load(ROOT / "params.yaml")
TABLE = "split,aggregation,member,threshold,validation_objective,micro_f1,macro_f1\n"


def changed(tmp_path: Path, grid: Mapping[str, Any], task: str = "predominant") -> Path:
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["sweeps"] = {"mine": {"task": task, "grid": dict(grid)}}
    path = tmp_path / "params.yaml"
    YAML().dump(values, path)
    return path


def test_the_papers_sweeps_are_there_with_their_three_repeats() -> None:
    counts = {name: len(sweeps.experiments(name, sweep)) for name, sweep in PARAMS.sweeps.items()}
    assert counts == {"activation": 5 * 3, "window": 4 * 3, "aggregation": 3, "threshold": 9}


def test_an_experiment_is_named_after_its_settings() -> None:
    first, second, *_ = sweeps.experiments("window", PARAMS.sweeps["window"])
    assert (first.name, second.name) == ("window-0.5-1", "window-0.5-2")
    assert second.settings == {
        "tasks.predominant.models.han_cnn.window_seconds": 0.5, "tasks.predominant.models.han_cnn.repeat": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"models.han_cnn.window_secnods": [1.0]}, "path 'models.han_cnn.window_secnods' is no parameter of the task"),
        ({"models.none.repeat": [1]}, "path 'models.none.repeat' is no parameter"),
        ({"models.han_cnn": [1]}, "path 'models.han_cnn' is no parameter"),
        ({"models.han_cnn.activation": ["relu", "gelu"]}, "holds 'gelu'"),
        ({"models.han_cnn.repeat": [0]}, "holds 0"),
        ({"models.han_cnn.repeat": []}, "must be a list of at least one name"),
        ({"models.han_cnn.repeat": [1, 1]}, "1 stands twice"),
        ({}, "must be a group with at least 1 entry"),
    ],
)
def test_a_grid_that_the_task_cannot_have_is_one_sentence(tmp_path: Path, grid: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        config.load(changed(tmp_path, grid))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_of_an_unknown_task_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"sweeps\.mine\.task is 'predominat'.*did you mean 'predominant'"):
        config.load(changed(tmp_path, {"models.han_cnn.repeat": [1]}, task="predominat"))


SPEC: dict[str, Any] = {
    "task": "predominant", "model": "han_cnn", "architecture": "han_cnn", "feature": "log_mel", "feature_spec": {},
    "classes": ["piano"], "seed": 1, "scale": "smoke", "corpus": "irmas", "data": {"train": {"clips": "c0ffee"}},
    "config": {"activation": "relu", "window_seconds": 1.0, "repeat": 1, "batch_size": 32},
}  # fmt: skip


def spec(**config: Any) -> dict[str, Any]:
    return {**SPEC, "config": {**SPEC["config"], **config}}


def results(macro_f1: float) -> dict[str, str]:
    rows = "".join(f"{split},s2,s2,0.5,0.6,0.5,{macro_f1}\n" for split in config.TEST_SETS)
    return {name: TABLE + rows for name in FILES}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    model, metrics = tmp_path / "models/predominant/han_cnn", tmp_path / "metrics/predominant/han_cnn"
    model.mkdir(parents=True)
    metrics.mkdir(parents=True)
    (model / "spec.json").write_text(json.dumps(SPEC))
    for name, text in results(0.4).items():
        (metrics / FILES[name]).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_experiments(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, dict[str, Any], dict[str, str]]) -> None:
    own = experiments._sources

    def sources(*arguments: Any) -> Any:
        yield next(iter(own(*arguments)))  # the workspace
        yield from found

    monkeypatch.setattr(experiments, "_sources", sources)


@pytest.mark.usefixtures("workspace")
def test_the_workspace_alone_is_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    with_experiments(monkeypatch)
    tables = collect(PARAMS, "predominant")
    assert set(tables) == set(FILES)
    assert list(tables["grid"].columns[: len(KEYS)]) == list(KEYS)
    assert set(tables["aggregations"]["experiment"]) == {"workspace"}


@pytest.mark.usefixtures("workspace")
def test_only_what_differs_in_its_settings_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    with_experiments(
        monkeypatch,
        ("other-window", spec(window_seconds=3.0), results(0.3)),
        ("other-batches", spec(window_seconds=3.0, repeat=2, batch_size=64), results(0.9)),
        ("other-data", {**spec(repeat=2), "data": {"train": {"clips": "other"}}}, results(0.9)),
        ("the-same-again", spec(window_seconds=3.0), results(0.8)),
        ("as-the-workspace", spec(), results(0.7)),
    )
    table = collect(PARAMS, "predominant")["aggregations"]
    assert list(dict.fromkeys(table["experiment"])) == ["workspace", "other-window"]


@pytest.mark.usefixtures("workspace")
def test_the_summary_is_mean_and_deviation_over_the_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    with_experiments(
        monkeypatch, ("two", spec(repeat=2), results(0.5)), ("three", spec(repeat=3), results(0.6)),
        ("wide", spec(window_seconds=3.0), results(0.2)),
    )  # fmt: skip
    table = (
        summary(collect(PARAMS, "predominant"), config.UNSEEN_RECORDING).set_index("window_seconds").to_dict("index")
    )
    assert table[1.0]["macro_f1 mean"] == pytest.approx(0.5)
    assert table[1.0]["macro_f1 sd"] == pytest.approx(0.1)
    assert (table[1.0]["repeats"], table[3.0]["repeats"]) == (3, 1)
    assert pd.isna(table[3.0]["macro_f1 sd"]), "one repeat has no deviation"


def test_the_same_results_are_the_same_bytes(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("two", spec(repeat=2), results(0.5)), ("three", spec(repeat=3), results(0.6))]
    written = []
    for order in (found, found[::-1]):
        with_experiments(monkeypatch, *order)
        write_collected(collect(PARAMS, "predominant"), workspace / "out")
        written.append({path.name: path.read_bytes() for path in (workspace / "out").iterdir()})
        monkeypatch.undo()
        monkeypatch.chdir(workspace)
    assert written[0] == written[1]


def test_without_results_the_sentence_says_what_to_run(workspace: Path) -> None:
    shutil.rmtree(workspace / "metrics")
    with pytest.raises(DataError, match=r"holds no results to compare with: run `dvc repro` first"):
        collect(PARAMS, "predominant")
    with pytest.raises(ParameterError, match="task 'cultural' has no method 'cut': choose one of predominant"):
        collect(PARAMS, "cultural")


def test_a_dvc_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no repository
    with pytest.raises(SetupError, match=r"^`dvc exp list --names-only` failed with status \d+: see above$"):
        sweeps.run_sweep("window", PARAMS.sweeps["window"], jobs=1)


FAKE_DVC = """#!{python}
import json, pathlib, subprocess, sys
file = pathlib.Path(__file__).with_name("state.json")
state = json.loads(file.read_text())
words = sys.argv[1:]
state["said"].append(words)
queue, workers = state["queue"], state["workers"]
if words[:2] == ["exp", "list"]:
    print(*state["results"], sep="\\n")
elif words[:2] == ["exp", "run"]:
    queue[words[words.index("--name") + 1]] = "Queued"
elif words[:2] == ["queue", "start"]:
    state["workers"] = 1
    subprocess.Popen(["sleep", "30"])  # like a worker, it keeps the output open
elif words[:2] == ["queue", "status"]:
    for name, now in queue.items():
        print(f"0c0ffee  {{name}}  Nov 21, 2026  {{now}}")
    print(f"\\nWorker status: {{workers}} active, 0 idle")
    running = [name for name, now in queue.items() if now == "Running"]
    if workers and running and not state["dies"]:  # it ends, and the worker takes the queue for empty
        queue[running[0]] = "Failed" if running[0] in state["fails"] else "Success"
        state["results"] += [name for name in running if queue[name] == "Success"]
        state["workers"] = 0
    elif workers:
        queue[next(name for name, now in queue.items() if now in ("Queued", "Running"))] = "Running"
        state["workers"] = 0 if state["dies"] else 1
file.write_text(json.dumps(state))
"""


class FakeDvc:
    """A DVC whose worker leaves after every experiment, as a real one may."""

    def __init__(self, folder: Path, **state: Any) -> None:
        folder.mkdir()
        self.file = folder / "state.json"
        start = {"results": [], "queue": {}, "workers": 0, "fails": [], "dies": False, "said": []}
        self.file.write_text(json.dumps({**start, **state}))
        (folder / "dvc").write_text(FAKE_DVC.format(python=sys.executable))
        (folder / "dvc").chmod(0o755)

    def said(self, *words: str) -> list[list[str]]:
        said = json.loads(self.file.read_text())["said"]
        return [each for each in said if each[: len(words)] == list(words)]


@pytest.fixture
def fake_dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeDvc]:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    for pause in ("SHORTEST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(sweeps, pause, 0.0)
    return lambda **state: FakeDvc(tmp_path / "bin", **state)


WINDOWS = config.SweepConfig(task="predominant", grid={"models.han_cnn.window_seconds": (0.5, 1.0, 3.0)})


def test_workers_that_leave_are_started_again_until_the_queue_is_empty(fake_dvc: Callable[..., FakeDvc]) -> None:
    dvc = fake_dvc(results=["w-1.0", "another"])
    assert sweeps.run_sweep("w", WINDOWS, jobs=1) == 2
    assert [each[4] for each in dvc.said("exp", "run")] == ["w-0.5", "w-3.0"]
    assert len(dvc.said("queue", "start")) == 2
    assert set(dvc.said("exp", "list")[0]) == {"exp", "list", "--names-only"}
    starts = len(dvc.said("queue", "start"))
    assert sweeps.run_sweep("w", WINDOWS, jobs=1) == 0
    assert len(dvc.said("queue", "start")) == starts, "nothing is left to do"


def test_what_an_earlier_call_queued_is_not_queued_twice(fake_dvc: Callable[..., FakeDvc]) -> None:
    dvc = fake_dvc(queue={"w-0.5": "Queued", "w-1.0": "Failed"})
    assert sweeps.run_sweep("w", WINDOWS, jobs=1) == 3
    assert [each[4] for each in dvc.said("exp", "run")] == ["w-1.0", "w-3.0"]


def test_failed_experiments_are_named_after_the_others_ran(fake_dvc: Callable[..., FakeDvc]) -> None:
    dvc = fake_dvc(fails=["w-0.5", "w-1.0"])
    with pytest.raises(SetupError, match=r"^experiments failed: w-0\.5, w-1\.0; `dvc queue logs w-0\.5` shows why$"):
        sweeps.run_sweep("w", WINDOWS, jobs=1)
    assert json.loads(dvc.file.read_text())["results"] == ["w-3.0"]


def test_an_experiment_whose_worker_died_does_not_hold_the_sweep_for_ever(fake_dvc: Callable[..., FakeDvc]) -> None:
    fake_dvc(dies=True)
    with pytest.raises(SetupError, match=r"^experiment w-0\.5 has lost its worker: `dvc queue kill w-0\.5`, then"):
        sweeps.run_sweep("w", WINDOWS, jobs=1)
