"""What is in MLflow is what the files say, once, whoever wrote it and however they died."""

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import psutil
import pytest

from tutti import config, tracking
from tutti.errors import SetupError
from tutti.reporting import records as records_module
from tutti.reporting.comparison import METRICS
from tutti.store import write_json
from tutti.tracking import reporter, store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ROOT = Path(__file__).parents[1]


def _with_one_model() -> config.Params:
    params = config.load(ROOT / "params.yaml")
    task = params.mixing_task("cultural")
    task = task.model_copy(update={"models": {"han_cnn": task.models["han_cnn"]}})
    return params.model_copy(update={"tasks": {"cultural": task}})


PARAMS = _with_one_model()
SPEC = {
    "task": "cultural", "model": "han_cnn", "corpus": "rendered", "feature": "log_mel", "seed": 2025,
    "scale": "default",
    "config": PARAMS.model("cultural", "han_cnn").model_dump(mode="json"),
    "data": {"train": {"clips": "c0ffee", "feature": "beef"}, "validation": {"clips": "c1", "feature": "f1"}},
}  # fmt: skip
HISTORY = [{"loss": 0.75, "validation_loss": 0.5}, {"loss": 0.5, "validation_loss": 0.625}]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty store once; copying it is a hundred times as fast."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store.connect()
    return folder / "mlflow.db"


@pytest.fixture
def main(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the root of a user's repository with an empty store."""
    folder = tmp_path / "my repository"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    monkeypatch.setenv("DVC_ROOT", str(folder))
    yield folder
    left = [path.name for path in folder.iterdir() if ".new-" in path.name]
    assert not left, f"half a store is left: {left}"


def _client() -> "MlflowClient":
    return store.connect()


def _runs(kind: str | None = None) -> "list[Run]":
    client = _client()
    ids = [each.experiment_id for each in client.search_experiments()]
    runs = client.search_runs(ids, order_by=["attributes.start_time"])
    return [run for run in runs if kind in (None, run.data.tags.get("kind"))]


def _write_results(folder: Path, macro_f1: float = 0.5) -> list[dict[str, Any]]:
    """Write models/, metrics/ and the comparison of one model as the stages do; return the rows of the comparison."""
    model, results = folder / "models/cultural/han_cnn", folder / "metrics/cultural/han_cnn"
    model.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    write_json(model / "spec.json", SPEC)
    (model / "model.keras").write_bytes(b"weights")
    pd.DataFrame([{"epoch": number, **row} for number, row in enumerate(HISTORY, 1)]).to_csv(
        model / "history.csv", index=False, float_format="%.6f"
    )
    rows, classes, curve, pairs = [], [], [], []
    for split in config.TEST_SETS:
        curve += [
            {
                "split": split,
                "threshold": x / 10,
                "micro_precision": x / 10,
                "micro_recall": 1 - x / 10,
                "micro_f1": 0.5,
                "macro_f1": 0.4,
            }
            for x in range(1, 10)
        ]
        for number, policy in enumerate(config.POLICIES):
            which = {"split": split, "threshold_policy": policy}
            scores = {metric: round(0.01 * index + 0.1 * number, 6) for index, metric in enumerate(METRICS)}
            rows.append(
                {
                    "task": "cultural",
                    "model": "han_cnn",
                    "corpus": "rendered",
                    **which,
                    **scores,
                    "macro_f1": macro_f1 + 0.1 * number,
                    "emr": float("nan"),
                    "n_clips": 30,
                }
            )
            classes += [
                {
                    **which,
                    "instrument": name,
                    "hornbostel_sachs": "aerophone",
                    "threshold": 0.5,
                    "f1": 0.5,
                    "precision": 0.5,
                    "recall": 0.5,
                    "support": 3,
                }
                for name in ("flute", "oboe")
            ]
            pairs.append({**which, "reference": "flute", "predicted": "oboe", "count": 2})
    report = [{**which, "class": name, "precision": 0.5, "recall": 0.5, "f1-score": 0.5, "support": 3}
              for which in ({key: row[key] for key in ("split", "threshold_policy")} for row in rows)
              for name in ("flute", "oboe", "micro avg")]  # fmt: skip
    names = {"per_class": classes, "threshold_curve": curve, "confusion": pairs, "classification_report": report}
    for name, table in names.items():
        pd.DataFrame(table).to_csv(results / f"{name}.csv", index=False)
    limits = {policy: {"flute": 0.5, "oboe": 0.5} for policy in config.POLICIES}
    write_json(results / "thresholds.json", {"aggregation": "s1", "classes": ["flute", "oboe"], "policies": limits})
    pd.DataFrame(rows).drop(columns=["task", "model", "corpus"]).to_csv(results / "summary.csv", index=False)
    return rows


def _window_seconds() -> float:
    seconds: float = PARAMS.model("cultural", "han_cnn").window_seconds
    return seconds


def _publish(folder: Path) -> int:
    found = records_module.records(PARAMS, "cultural", folder / "models", folder / "metrics")
    return tracking.publish(PARAMS.tracking, "cultural", found)


def _train_live(history: list[dict[str, float]] = HISTORY) -> None:
    with tracking.live_training(PARAMS, SPEC) as run:
        for number, row in enumerate(history, start=1):
            run.log_epoch(number, row)


def test_a_publication_holds_the_numbers_of_the_comparison(main: Path) -> None:
    rows = _write_results(main)
    assert _publish(main) == 1 + len(rows)
    training, *evaluations = _runs()
    assert training.data.tags["kind"] == "training"
    for row, run in zip(rows, evaluations, strict=True):
        expected = {name: row[name] for name in (*METRICS, "n_clips") if row[name] == row[name]}
        assert run.data.metrics == pytest.approx(expected, abs=1e-12)
        assert run.data.tags["split"] == row["split"]
        assert run.data.tags["threshold_policy"] == row["threshold_policy"]
        assert run.data.tags["mlflow.parentRunId"] == training.info.run_id
        assert run.info.status == "FINISHED"


def test_a_training_tells_what_made_it(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "loud-tuba")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0" * 40)
    _write_results(main)
    _publish(main)
    training = _runs("training")[0]
    params = training.data.params
    assert params["tasks.cultural.models.han_cnn.window_seconds"] == str(
        PARAMS.model("cultural", "han_cnn").window_seconds
    )
    assert params["tasks.cultural.features.log_mel.n_mels"] == "128"
    assert params["tasks.cultural.clips.gain_db"] == "[-6.0, 6.0]"
    assert params["scales.default.cultural.clips.train"] == str(PARAMS.sizes.cultural.clips.train)
    assert (params["seed"], params["scale"], params["tasks.cultural.corpus"]) == ("2025", "default", "rendered")
    wanted = {
        "task": "cultural",
        "model": "han_cnn",
        "corpus": "rendered",
        "data.train.clips": "c0ffee",
        "stage": "train",
        "dvc.experiment": "loud-tuba",
        "dvc.baseline": "0" * 40,
    }
    assert wanted.items() <= training.data.tags.items()
    assert {"git.commit", "git.dirty", "weights.model.keras"} <= set(training.data.tags)
    history = _client().get_metric_history(training.info.run_id, "validation_loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.625)]
    assert training.data.metrics["best_validation_loss"] == 0.5
    assert len(training.data.metrics) <= 20


def test_parameters_stand_under_paths_that_params_yaml_has(main: Path) -> None:
    _write_results(main)
    _publish(main)
    values = config.read_yaml(ROOT / "params.yaml")
    for run in _runs():
        for path in set(run.data.params) - {"split", "threshold_policy"}:
            place = values
            for key in path.split("."):
                place = place[key]
            text = place if isinstance(place, str) else run.data.params[path]
            assert run.data.params[path] == text


def test_the_main_evaluation_has_figures_and_every_one_its_table(main: Path) -> None:
    _write_results(main)
    _publish(main)
    client = _client()
    for run in _runs("evaluation"):
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        is_main = run.data.tags["threshold_policy"] == PARAMS.report.main_policy
        figures = {"per_class_f1.png", "threshold_curve.png", "confusion.png"} if is_main else set()
        across = {"hornbostel_sachs.csv", "confused_pairs.csv"} if is_main else set()
        assert names == {"per_class.csv", "classification_report.csv"} | figures | across
        folder = Path(client.download_artifacts(run.info.run_id, "", str(main.parent / "got")))
        table = pd.read_csv(folder / "per_class.csv")
        assert set(table["split"]) == {run.data.tags["split"]}
        assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in figures)
        for name in across:
            assert len(pd.read_csv(folder / name)) == 1
    assert (main / "mlruns" / "tutti" / "cultural").is_dir()


def test_a_second_publication_writes_nothing(main: Path) -> None:
    _write_results(main)
    _publish(main)
    before = _content(main / "mlflow.db")
    assert _publish(main) == 0
    assert _content(main / "mlflow.db") == before


def _content(database: Path) -> str:
    with sqlite3.connect(database) as connection:
        return "\n".join(connection.iterdump())


def test_changed_results_add_only_the_changed_evaluations(main: Path) -> None:
    _write_results(main)
    _publish(main)
    _write_results(main, macro_f1=0.25)
    assert _publish(main) == 6
    assert len(_runs("training")) == 1
    assert len(_runs("evaluation")) == 12


def test_another_experiment_with_the_same_result_adds_its_name(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_results(main)
    _publish(main)
    monkeypatch.setenv("DVC_EXP_NAME", "loud-tuba")
    assert _publish(main) == 0
    assert {run.data.tags["dvc.experiments"] for run in _runs()} == {"workspace, loud-tuba"}
    assert {run.data.tags["dvc.experiment"] for run in _runs()} == {"workspace"}


def test_a_live_training_is_completed_and_not_copied(main: Path) -> None:
    _train_live()
    live = _runs()
    assert [run.info.status for run in live] == ["FINISHED"]
    _write_results(main)
    assert _publish(main) == 7
    training = _runs("training")
    assert [run.info.run_id for run in training] == [live[0].info.run_id]
    assert training[0].data.params["tasks.cultural.models.han_cnn.window_seconds"] == str(_window_seconds())
    assert len(_client().get_metric_history(live[0].info.run_id, "loss")) == 2
    _train_live()
    assert _publish(main) == 0
    assert len(_runs("training")) == 1, "the same training again is no second run"


def test_another_history_is_another_training(main: Path) -> None:
    _write_results(main)
    _publish(main)
    _train_live([{"loss": 0.7, "validation_loss": 0.6}])
    _publish(main)
    assert len(_runs("training")) == 2


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")]
)
def test_a_crash_is_seen(main: Path, error: type[BaseException], status: str) -> None:
    def crash() -> None:
        with tracking.live_training(PARAMS, SPEC) as run:
            run.log_epoch(1, HISTORY[0])
            raise error

    with pytest.raises(error):
        crash()
    assert [run.info.status for run in _runs()] == [status]
    _write_results(main)
    _publish(main)
    assert sorted(run.info.status for run in _runs("training")) == sorted(["FINISHED", status])


TRAIN_FOR_EVER = f"""
import sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
import test_tracking as here
from tutti import tracking
with tracking.live_training(here.PARAMS, here.SPEC) as run:
    run.log_epoch(1, here.HISTORY[0])
    print("training", flush=True)
    time.sleep(600)
"""


@pytest.mark.usefixtures("main")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_training_is_seen(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", TRAIN_FOR_EVER], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"training\n"
        for _ in range(600):  # until it is told to MLflow
            if _runs():
                break
            time.sleep(0.1)
        process.send_signal(number)
    assert process.returncode in (128 + number, -number)
    if number == signal.SIGKILL:
        assert [run.info.status for run in _runs()] == ["RUNNING"]
        _train_live()  # the next one finds it
    assert _runs()[0].info.status == "KILLED"


@pytest.mark.usefixtures("main")
def test_trouble_with_mlflow_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("disk full\nand more")

    monkeypatch.setattr("mlflow.MlflowClient.log_batch", fail)
    first = {"settings": PARAMS.tracking.model_dump(mode="json"), "process": store.process_tag(), "spec": SPEC}
    epochs = [{"epoch": number, "metrics": row} for number, row in enumerate(HISTORY, start=1)]
    reporter.report(json.dumps(message) for message in (first, *epochs, {"status": "FINISHED", "key": "k"}))
    assert [record.getMessage() for record in caplog.records] == [
        "warning: the training goes on without MLflow, which failed: disk full"
    ]


@pytest.mark.usefixtures("main")
def test_a_reporter_that_is_killed_never_stops_a_training() -> None:
    done = []
    with tracking.live_training(PARAMS, SPEC) as run:
        (reporting,) = _reporters()
        reporting.kill()
        for number, row in enumerate(HISTORY * 50, start=1):
            run.log_epoch(number, row)
            done.append(number)
    assert len(done) == 100


@pytest.mark.usefixtures("main")
def test_a_reporter_that_hangs_does_not_hold_a_training(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tutti.tracking.live._PATIENCE_S", 0.2)
    with tracking.live_training(PARAMS, SPEC) as run:
        (reporting,) = _reporters()
        reporting.suspend()
        run.log_epoch(1, HISTORY[0])
    assert not reporting.is_running()
    assert [record.getMessage() for record in caplog.records] == [
        "warning: the training ends without MLflow, which did not answer within 0.2 s"
    ]


def _reporters() -> list[psutil.Process]:
    """Return the processes that report this process' trainings."""
    return [each for each in psutil.Process().children() if "tutti.tracking.reporter" in each.cmdline()]


def test_a_broken_store_stops_no_training_and_fails_a_publication(
    main: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _write_results(main)
    (main / "mlflow.db").write_bytes(b"this is no database" * 100)
    with tracking.live_training(PARAMS, SPEC) as run:
        run.log_epoch(1, HISTORY[0])
    assert "the training goes on without MLflow" in capfd.readouterr().err
    with pytest.raises(SetupError, match=r"cannot be used .*set MLFLOW_TRACKING_URI to another one"):
        _publish(main)


def test_nothing_happens_when_tracking_is_off(tmp_path: Path) -> None:
    off = PARAMS.model_copy(update={"tracking": PARAMS.tracking.model_copy(update={"enabled": False})})
    with tracking.live_training(off, SPEC) as run:
        run.log_epoch(1, HISTORY[0])
    assert tracking.publish(off.tracking, "cultural", []) == 0
    assert not list(tmp_path.iterdir())


def test_the_address_can_be_set(main: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "elsewhere" / "runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    assert tracking.tracking_uri() == f"sqlite:///{other}"
    _write_results(main)
    _publish(main)
    assert len(_runs()) == 7
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert not _runs()


def test_an_experiment_that_the_user_deleted_comes_back(main: Path) -> None:
    _write_results(main)
    _publish(main)
    client = _client()
    client.delete_experiment(client.get_experiment_by_name("tutti/cultural").experiment_id)  # type: ignore[union-attr]
    _publish(main)
    assert len(_runs("evaluation")) == 6


def _in_parallel(function: Callable[..., None], folder: Path, count: int) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=function, args=(folder,)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count


def _publish_in(folder: Path) -> None:
    os.environ["DVC_ROOT"] = str(folder)
    _publish(folder)


def test_parallel_publishers_make_one_store_and_each_run_once(main: Path) -> None:
    _write_results(main)
    (main / "mlflow.db").unlink()  # the first of them makes it
    _in_parallel(_publish_in, main, 3)
    assert len(_runs("training")) == 1
    assert len(_runs("evaluation")) == 6


def test_a_killed_publisher_leaves_nothing_that_the_next_one_does_not_mend(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_results(main)

    def die(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tutti.reporting.style.png", die)
        with pytest.raises(KeyboardInterrupt):
            _publish(main)
    assert "RUNNING" in {run.info.status for run in _runs("evaluation")}
    _publish(main)
    assert [run.info.status for run in _runs()] == ["FINISHED"] * 7


def test_an_interrupted_first_use_leaves_no_half_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    code = "from tutti.tracking import store; store.connect(); print('made')"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("mlflow.db.new-*/*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (tmp_path / "mlflow.db").exists()
    store.connect().search_experiments()
    assert (tmp_path / "mlflow.db").exists()
    assert not list(tmp_path.glob("mlflow.db.new-*"))
