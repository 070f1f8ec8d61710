"""The whole pipeline at scale `smoke`, run by DVC in copies of this repository."""

import fcntl
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tutti import config
from tutti.reporting.comparison import COLUMNS, METRICS

ROOT = Path(__file__).parents[1]
LOCKS = ("dvc.lock", *(f"pipelines/{task}/dvc.lock" for task in ("cultural", "predominant", "families")))
SETS = (config.TRAIN, config.VALIDATION, *config.TEST_SETS)
TASKS = config.read_yaml(ROOT / "params.yaml")["tasks"]
MODELS = tuple(TASKS["cultural"]["models"])
EXCERPT_MODELS = tuple(TASKS["predominant"]["models"])
BINARIES = tuple(TASKS["families"]["models"])
FEATURES, LEARNED = (tuple(TASKS["cultural"][group]) for group in ("features", "learned_features"))
AFTER_EVALUATION = {"report", "publish_cultural"}

pytestmark = pytest.mark.slow
T = TypeVar("T")


@dataclass(frozen=True)
class Repository:
    """A copy of this repository, under Git, at scale `smoke`."""

    root: Path
    workers: int = 1

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return own | {
            "PATH": path, "TUTTI_WORKERS": str(self.workers), "DVC_SITE_CACHE_DIR": str(self.root / ".dvc/tmp/site"),
            "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONDONTWRITEBYTECODE": "1",
            "SHELL": "/bin/sh",  # unlike bash, dash stays between dvc and a command that does not say `exec`
        }  # fmt: skip

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=1800, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-5000:]}"
        return done.stdout

    def repro(self, *targets: str) -> list[str]:
        """Run the pipeline and return the stages that ran, in order."""
        return _ran(self.run("dvc", "repro", *targets))

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "now")

    def change(self, path: str, value: Any) -> None:
        """Change one parameter as ``-S`` does."""
        file, yaml = self.root / "params.yaml", YAML()
        values = yaml.load(file)
        *groups, key = path.split(".")
        place = values
        for group in groups:
            place = place[group]
        assert place[key] != value
        place[key] = value
        yaml.dump(values, file)

    def add_class(self, name: str, section: dict[str, str]) -> None:
        """Add a class to the task ``families``, as a line in ``params.yaml`` does."""
        file, yaml = self.root / "params.yaml", YAML()
        values = yaml.load(file)
        values["tasks"]["families"]["classes"][name] = section
        yaml.dump(values, file)

    def outputs(self) -> dict[str, str]:
        """Return the hash of every output, by path."""
        stages = [YAML(typ="safe").load(self.root / name)["stages"].values() for name in LOCKS]
        return {out["path"]: out["md5"] for file in stages for stage in file for out in stage.get("outs", [])}

    def runs(self) -> list[dict[str, str]]:
        """Return the tags of all runs in MLflow, with their ``status``."""
        with sqlite3.connect(self.root / "mlflow.db") as store:
            found = {run: {"status": status} for run, status in store.execute(
                "select run_uuid, status from runs where lifecycle_stage = 'active' order by start_time")}  # fmt: skip
            for run, key, value in store.execute("select run_uuid, key, value from tags"):
                if run in found:
                    found[run][key] = value
        return list(found.values())

    def count(self, task: str = "cultural") -> tuple[int, int]:
        """Return a task's numbers of trainings and evaluations in MLflow; none may be there twice or unfinished."""
        runs = self.runs()
        assert {run["status"] for run in runs} == {"FINISHED"}
        assert len({run["tutti.key"] for run in runs}) == len(runs)
        kinds = [run["kind"] for run in runs if run["task"] == task]
        return kinds.count("training"), kinds.count("evaluation")

    def stages_of_models_on(self, *features: str) -> set[str]:
        """Return the stages of all models that see one of these features."""
        models = config.load(self.root / "params.yaml").task("cultural").models
        return {f"cultural:{stage}@{name}" for name, model in models.items() if model.feature in features
                for stage in ("train", "predict", "evaluate")}  # fmt: skip

    def left_over(self) -> list[str]:
        """Return what a killed stage may have left beside the outputs."""
        return [str(path) for top in ("data", "models", "metrics") for path in (self.root / top).rglob(".*")
                if path.name != ".gitignore"]  # fmt: skip

    def processes(self) -> list[int]:
        """Return the processes that work in this copy."""
        return [pid for pid in _all_processes() if _link(pid, "cwd").startswith(str(self.root))]


def _ran(output: str) -> list[str]:
    """Return the stages that ran: ``render@bank`` of the root, ``cultural:clips@set`` of a task."""
    return [_named(name) for name in re.findall(r"^Running stage '([^']+)'", output, re.MULTILINE)]


def _named(stage: str) -> str:
    return re.sub(r"^(?:pipelines/(\w+)/)?dvc\.yaml:", lambda match: f"{match[1]}:" if match[1] else "", stage)


def _target(name: str) -> str:
    """Return what ``dvc repro`` calls a stage of a task."""
    task, stage = name.split(":")
    return f"pipelines/{task}/dvc.yaml:{stage}"


def _kinds(stages: Iterable[str]) -> set[str]:
    """Return the names of stages without what each is made for: ``cultural:train`` of ``cultural:train@han_cnn``."""
    return {name.split("@")[0] for name in stages}


def _of(task: str, *names: str) -> set[str]:
    return {f"{task}:{name}" for name in names}


def _all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _link(pid: int, name: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink())
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _fresh(root: Path, files: list[Path]) -> Repository:
    """Make what `git clone` would give, at scale `smoke`."""
    for path in files:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, root / path)
    for made in (*LOCKS, "metrics/comparison.csv"):
        (root / made).unlink(missing_ok=True)
    repository = Repository(root)
    repository.change("scale", "smoke")
    repository.run("git", "init", "-q")
    repository.commit()
    return repository


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, source_files: list[Path]) -> Repository:
    """Return a copy in which everything ran once; tests must leave it as it is."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    root = shared / "built"
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes share it
        if not (shared / "built.log").exists():
            repository = _fresh(root, source_files)
            output = repository.run("dvc", "repro")
            repository.commit()
            (shared / "built.log").write_text(output)
    return Repository(root)


@pytest.fixture
def copy(built: Repository, tmp_path: Path) -> Iterator[Repository]:
    """Return a copy of what was built, to be changed."""
    root = tmp_path / "copy"
    shutil.copytree(built.root, root, symlinks=True, ignore=shutil.ignore_patterns("site"))
    with sqlite3.connect(root / "mlflow.db") as store:  # the paths of artifacts are absolute
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            change = f"update {table} set {column} = replace({column}, ?, ?)"
            store.execute(change, (str(built.root), str(root)))
    repository = Repository(root)
    yield repository
    assert not repository.processes(), "a process outlived the test"


def test_everything_runs_once(built: Repository) -> None:
    ran = _ran((built.root.parent / "built.log").read_text())
    files = [name.replace(".lock", ".yaml") for name in LOCKS]
    names = [_named(line) for line in built.run("dvc", "stage", "list", "--name-only", *files).split()]
    assert sorted(ran) == sorted(names)
    expected = {"render@fluidr3", "render@timgm6mb", "index@folder", "index@irmas", "index@rendered", "report"}
    expected |= {"index@nsynth", "report_exam", "publish_families"}
    expected |= _of("families", "render_notes", "split", "extract@stft_db", "regimes")
    expected |= _of("families", *(f"overlay@{name}" for name in config.OverlayTask.sets))
    for stage in ("train", "predict", "examine"):
        expected |= _of("families", *(f"{stage}@{model}" for model in BINARIES))
    expected |= {"report_excerpts", "publish_cultural", "publish_predominant"}
    expected |= _of("cultural", "split", *(f"clips@{name}" for name in SETS))
    expected |= _of("cultural", "embedding", *(f"extract@{name}" for name in FEATURES))
    expected |= _of("cultural", *(f"embed@{name}" for name in LEARNED))
    expected |= _of("predominant", "render_excerpts", "split", "inside")
    expected |= _of("predominant", *(f"cut@{name}" for name in config.CuttingTask.sets))
    for task, models in (("cultural", MODELS), ("predominant", EXCERPT_MODELS)):
        expected |= _of(task, *(f"{stage}@{model}" for stage in ("train", "predict", "evaluate") for model in models))
    assert expected <= set(ran)
    assert not built.left_over()


def test_same_seed_same_bytes_with_any_number_of_workers(built: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "clone", workers=2)
    built.run("git", "clone", "-q", str(built.root), str(other.root))
    other.run("git", "checkout", "-q", "HEAD~1")  # before the first `dvc repro`
    assert not any((other.root / name).exists() for name in LOCKS)
    # Of models of one architecture one is enough; the comparison of all of them has a test of its own.
    models = {section["architecture"]: name for name, section in TASKS["cultural"]["models"].items()}
    judged = ("cultural:variety", *(f"cultural:evaluate@{name}" for name in models.values()))
    ran = other.repro(*map(_target, judged), "index@folder", "report_exam", "report_excerpts")
    assert _kinds(ran) >= _kinds(_ran((built.root.parent / "built.log").read_text())) - {
        "report", "publish_cultural", "publish_predominant", "publish_families"
    }  # fmt: skip
    first, second = built.outputs(), other.outputs()
    places = ("data/cultural/scores", "metrics/cultural", "models/cultural")
    left_out = {f"{place}/{name}" for place in places for name in set(MODELS) - set(models.values())}
    left_out |= {"metrics/comparison.csv", "metrics/report.html", "metrics/tables"}
    assert first.keys() - left_out == second.keys()
    assert {path: first[path] for path in second if second[path] != first[path]} == {}


def test_a_second_time_nothing_runs(built: Repository) -> None:
    assert built.repro() == []
    assert "up to date" in built.run("dvc", "status")
    assert built.run("git", "status", "--porcelain") == "", "a file of the pipeline is neither in Git nor ignored"


def test_the_comparison_is_complete(built: Repository) -> None:
    table = pd.read_csv(built.root / "metrics" / "comparison.csv")
    assert list(table.columns) == list(COLUMNS)
    n_models = len(MODELS) + len(EXCERPT_MODELS) + len(BINARIES)
    assert len(table) == n_models * len(config.TEST_SETS) * len(config.POLICIES)
    assert table[list(METRICS)].apply(lambda column: column.between(0, 1)).all().all()
    assert (built.root / "metrics" / "report.html").stat().st_size > 10_000


def test_mlflow_holds_the_numbers_of_the_comparison(built: Repository) -> None:
    table = pd.read_csv(built.root / "metrics" / "comparison.csv")
    for task, models in (("cultural", MODELS), ("predominant", EXCERPT_MODELS), ("families", BINARIES)):
        assert built.count(task) == (len(models), int((table["task"] == task).sum()))
    with sqlite3.connect(built.root / "mlflow.db") as store:
        metrics = pd.read_sql("select run_uuid, key, value from latest_metrics", store)
        tags = pd.read_sql("select run_uuid, key, value from tags", store)
    metrics, tags = (each.pivot(index="run_uuid", columns="key", values="value") for each in (metrics, tags))
    names = ["task", "model", "corpus", "split", "threshold_policy"]
    found = tags[tags["kind"] == "evaluation"].join(metrics)[[*names, *METRICS, "n_clips"]]
    found = found.sort_values(names).reset_index(drop=True)
    pd.testing.assert_frame_equal(
        found, table.sort_values(names).reset_index(drop=True), check_dtype=False, check_names=False
    )
    training = tags[tags["kind"] == "training"].join(metrics).set_index(["task", "model"])
    assert training.loc[("cultural", "han_cnn"), "epochs"] == 2
    commits = built.run("git", "log", "--format=%H").split()
    assert set(tags["git.commit"]) <= set(commits)
    assert set(tags["dvc.experiment"]) == {"workspace"}


def test_a_changed_threshold_trains_nothing(copy: Repository) -> None:
    copy.change("tasks.cultural.evaluation.fixed_threshold", 0.4)
    assert set(copy.repro()) == _of("cultural", *(f"evaluate@{model}" for model in MODELS)) | AFTER_EVALUATION
    assert copy.count() == (len(MODELS), len(MODELS) * 6 + len(MODELS) * 2)


def test_a_changed_model_trains_that_model_only_and_is_found_again(copy: Repository) -> None:
    copy.change("tasks.cultural.models.random_forest.trees", 20)
    own = _of("cultural", *(f"{stage}@random_forest" for stage in ("train", "predict", "evaluate")))
    assert set(copy.repro()) == own | AFTER_EVALUATION
    assert copy.count() == (len(MODELS) + 1, len(MODELS) * 6 + 6)
    copy.change("tasks.cultural.models.random_forest.trees", 100)
    assert set(copy.repro()) <= AFTER_EVALUATION, "DVC has the first result in its cache"
    assert copy.count() == (len(MODELS) + 1, len(MODELS) * 6 + 6)


def test_a_changed_feature_renders_and_mixes_nothing(copy: Repository) -> None:
    copy.change("tasks.cultural.features.timbre.rolloff_percent", 0.8)
    ran = set(copy.repro())
    own = _of("cultural", "extract@timbre", "extract_studies@timbre")
    assert ran == own | copy.stages_of_models_on("timbre") | AFTER_EVALUATION


def test_a_changed_study_trains_nothing(copy: Repository) -> None:
    copy.change("tasks.cultural.studies.enter_leave.late_entry_probability", 0.5)
    judged = _of("cultural", *(f"{stage}@{model}" for stage in ("predict", "evaluate") for model in MODELS))
    features = _of(
        "cultural", *(f"extract_studies@{name}" for name in FEATURES), *(f"embed@{name}" for name in LEARNED)
    )
    assert set(copy.repro()) == _of("cultural", "study_clips@enter_leave") | features | judged | AFTER_EVALUATION
    assert copy.count() == (len(MODELS), len(MODELS) * 6)
    copy.change("tasks.cultural.studies.variety.model.epochs", 50)
    assert set(copy.repro()) == {"cultural:variety"} | AFTER_EVALUATION


def test_a_changed_embedding_reaches_its_own_features_only(copy: Repository) -> None:
    copy.change("tasks.cultural.embedding.learning_rate", 0.001)
    own = _of("cultural", "embedding", *(f"embed@{name}" for name in LEARNED))
    assert set(copy.repro()) - AFTER_EVALUATION == own | copy.stages_of_models_on(*LEARNED)


def test_of_the_excerpts_an_aggregation_trains_nothing_and_a_window_cuts_nothing(copy: Repository) -> None:
    judged = _of("predominant", *(f"evaluate@{model}" for model in EXCERPT_MODELS))
    after = {"report", "report_excerpts", "publish_predominant"}
    copy.change("tasks.predominant.evaluation.aggregation", "adaptive")
    assert set(copy.repro()) == judged | after
    copy.change("tasks.predominant.models.han_cnn.window_seconds", 0.5)
    own = _of("predominant", "inside", *(f"{stage}@han_cnn" for stage in ("train", "predict", "evaluate")))
    assert set(copy.repro()) == own | after


def test_a_sweep_runs_as_experiments_and_is_collected(copy: Repository) -> None:
    copy.change("sweeps.window.grid", {"models.han_cnn.window_seconds": [1.0, 3.0]})
    trainings, _ = copy.count("predominant")
    said = copy.run("tutti", "sweep", "window")
    assert copy.count("predominant")[0] == trainings + 1, "the workspace's own setting is in the cache"
    folder = copy.root / "metrics/experiments/predominant"
    tables = {path.stem: pd.read_csv(path) for path in folder.iterdir()}
    assert set(tables) == {"aggregations", "grid", "classes"}
    for table in tables.values():
        assert set(table["window_seconds"]) == {1.0, 3.0}
        assert table["data"].nunique() == 1
    assert "3.0" in said
    assert copy.run("tutti", "sweep", "window"), "a second time there is nothing left to run"
    assert copy.count("predominant")[0] == trainings + 1
    _wait(lambda: not copy.processes(), 120)  # the queue's worker leaves by itself


def test_what_dvc_restores_from_its_cache_comes_to_mlflow_too(copy: Repository) -> None:
    before = copy.outputs()
    for name in ("data", "models", "metrics", "mlruns"):
        shutil.rmtree(copy.root / name)
    for name in (*LOCKS, "mlflow.db"):
        (copy.root / name).unlink()
    copy.run("git", "checkout", "--", "metrics/experiments")  # what Git keeps is not the cache's business
    after = {"report_excerpts", "publish_predominant", "report_exam", "publish_families"}
    assert set(copy.repro()) <= AFTER_EVALUATION | after
    assert copy.outputs() == before
    assert copy.count() == (len(MODELS), len(MODELS) * 6)
    assert copy.count("predominant") == (len(EXCERPT_MODELS), len(EXCERPT_MODELS) * 6)
    assert copy.count("families") == (len(BINARIES), len(BINARIES) * 6)


def test_of_the_binaries_a_class_that_is_added_trains_one_and_leaves_the_others(copy: Repository) -> None:
    folders = {model: copy.root / "models/families" / model for model in BINARIES}
    before = {path: path.read_bytes() for folder in folders.values() for path in sorted(folder.glob("*.keras"))}
    scores = {model: _binary_scores(copy.root, model) for model in BINARIES}
    kept = set((copy.root / ".tutti/binaries").iterdir())
    assert len(kept) == len(before) == len(BINARIES) * len(TASKS["families"]["classes"])
    copy.add_class("synth_lead", {"family": "synth_lead"})
    ran = set(copy.repro("publish_families", "report_exam"))
    assert "families:render_notes" not in ran
    assert _of("families", *(f"train@{model}" for model in BINARIES)) <= ran
    assert len(set((copy.root / ".tutti/binaries").iterdir()) - kept) == len(BINARIES), "one binary more a model"
    for path, content in before.items():
        assert path.read_bytes() == content, f"{path} was touched"
    for model, folder in folders.items():
        assert (folder / "synth_lead.keras").is_file()
        after = _binary_scores(copy.root, model)
        assert scores[model].keys() < after.keys(), "the new class has clips of its own"
        for clip, row in scores[model].items():
            np.testing.assert_allclose(after[clip][: len(row)], row, atol=1e-6)  # batches hold other clips
    assert "synth lead" in (copy.root / "metrics/families.html").read_text().lower()


def test_of_the_exam_a_threshold_trains_nothing(copy: Repository) -> None:
    copy.change("tasks.families.evaluation.fixed_threshold", 0.4)
    after = {"report", "report_exam", "publish_families"}
    judged = _of("families", *(f"examine@{model}" for model in BINARIES), "regimes")
    assert set(copy.repro()) == judged | after


def _binary_scores(root: Path, model: str) -> dict[str, Any]:
    """Return the scores of every clip of an exam, by the clip's id."""
    clips = pd.read_parquet(root / "data/families/clips/unseen_recording/manifest/clips.parquet")["clip"]
    with np.load(root / "data/families/scores" / model / "unseen_recording.npz") as arrays:
        return dict(zip(clips, arrays["scores"], strict=True))


def test_temporary_and_queued_experiments_land_in_the_same_store(copy: Repository) -> None:
    trainings, evaluations = copy.count()
    copy.run("dvc", "exp", "run", "--temp", "-n", "few-trees", "-S", "tasks.cultural.models.random_forest.trees=20")
    assert copy.count() == (trainings + 1, evaluations + 6)
    copy.run("dvc", "exp", "run", "--queue", "-n", "low", "-S", "tasks.cultural.evaluation.fixed_threshold=0.4")
    copy.run("dvc", "queue", "start", "-j", "1")
    _wait(lambda: "Running" not in (said := copy.run("dvc", "queue", "status")) and "Queued" not in said, 300)
    assert "Success" in copy.run("dvc", "queue", "status")
    assert copy.count() == (trainings + 1, evaluations + 6 + len(MODELS) * 2)
    names = [run["dvc.experiment"] for run in copy.runs() if run["kind"] in ("training", "evaluation")]
    assert (names.count("few-trees"), names.count("low")) == (7, len(MODELS) * 2)
    assert copy.run("git", "status", "--porcelain") == "", "an experiment changed the workspace"
    stores = {path.relative_to(copy.root) for path in copy.root.rglob("mlflow.db")}
    assert stores == {Path("mlflow.db")}
    shown = json.loads(copy.run("dvc", "exp", "show", "--json"))
    assert {"few-trees", "low"} <= {each["name"] for rev in shown for each in (rev.get("experiments") or [])}
    copy.run("dvc", "queue", "stop", "--kill")
    _wait(lambda: not copy.processes(), 60)


def _wait(until: Callable[[], T], seconds: float) -> T:
    """Return the first true value; a process that is just starting a program may have none a moment later."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, f"waited for {seconds} s in vain"
        time.sleep(0.02)
    return found


CLIPS = "pipelines/cultural/dvc.yaml:clips@unseen_bank"
CLIPS_OUT = "data/cultural/clips/unseen_bank"


def _stage_of(dvc: int) -> int | None:
    """Return the process of the stage that a ``dvc repro`` runs."""
    found = [pid for pid in _children(dvc) if "stages.clips" in _command(pid)]
    return found[0] if found else None


def _children(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
@pytest.mark.parametrize("moment", ["starting", "writing"])
@pytest.mark.parametrize("victim", ["stage", "dvc"])
def test_after_a_kill_repro_simply_works(copy: Repository, victim: str, moment: str) -> None:
    copy.change("scales.smoke.cultural.clips.unseen_bank", 120)
    out = copy.root / CLIPS_OUT
    process = subprocess.Popen(
        ["dvc", "repro", CLIPS], cwd=copy.root, env=copy.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    stage = _wait(lambda: _stage_of(process.pid), 60)
    assert stage is not None
    time.sleep(0.2)  # Python itself needs a moment before anything can be asked of it
    if moment == "writing":
        _wait(lambda: any(any(path.iterdir()) for path in out.glob(".audio.partial-*")), 60)
    os.kill(stage if victim == "stage" else process.pid, signal.SIGKILL)
    assert process.wait(60) != 0
    _wait(lambda: not copy.processes(), 30)
    assert not (out / "audio").exists(), "a killed stage must leave no output"
    assert not (out / "manifest").exists()
    assert copy.repro(CLIPS) == ["cultural:clips@unseen_bank"]
    assert not copy.left_over()
    assert len(list((out / "audio").iterdir())) == 120
    killed = copy.outputs()
    copy.run("dvc", "repro", "--force", "--single-item", CLIPS)
    assert copy.outputs() == killed
