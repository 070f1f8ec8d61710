"""The repository keeps its own rules: what imports what, what DVC must know, what no file may hold."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
TASKS = YAML(typ="safe").load((ROOT / "params.yaml").read_text())["tasks"]
STAGE_FILES = sorted(path for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")

# A module may import from its own unit and from units in rows above its own.
LAYERS = (
    ("errors",),
    ("registry", "seeding", "store", "process", "progress"),
    ("instruments", "parallel", "sections"),
    ("decoding", "taxonomy"),
    ("clips_section", "corpus_section", "inside_section", "overlay_section", "scales"),
    ("studies",),
    ("tasks",),
    ("report_section",),
    ("config",),
    ("tracking",),
    ("audio", "feature_store", "labels"),
    ("architectures", "composition", "corpora", "evaluation", "features"),
    ("cutting", "embedding", "exam", "extraction", "mixtures", "overlays", "training"),
    ("detection", "experiments", "inside", "sweeps", "variety"),
    ("reporting",),
    ("cli",),
)

# Code that no `deps` need to name: a change of it leaves what a stage writes as it is.
PLUMBING = {
    "tutti/__init__.py": "sets environment variables and a version",
    "tutti/clips_section.py": "as config.py",
    "tutti/corpus_section.py": "as config.py",
    "tutti/config.py": "its values reach a stage as params",
    "tutti/errors.py": "sentences",
    "tutti/inside_section.py": "as config.py",
    "tutti/overlay_section.py": "as config.py",
    "tutti/process.py": "how a stage starts and ends",
    "tutti/parallel.py": "results are in order, whoever computed them",
    "tutti/progress.py": "what the terminal shows",
    "tutti/registry.py": "finds modules, which are named themselves",
    "tutti/report_section.py": "as config.py",
    "tutti/scales.py": "as config.py",
    "tutti/sections.py": "as config.py",
    "tutti/studies.py": "as config.py",
    "tutti/tasks.py": "as config.py",
    "tutti/tracking": "writes to MLflow only",
}


def _imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports anywhere, except for type checkers only."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending.extend(ast.iter_child_nodes(node))


def _kinds_loaded(path: Path) -> set[str]:
    """Return the registered kinds that a file loads by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if ast.unparse(call.func) == "registry.load" and isinstance(call.args[0], ast.Constant)
    }


@cache
def _first_party(path: Path) -> frozenset[Path]:
    """Return the files of this repository that a file imports directly."""
    found = set()
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] not in ("tutti", "stages"):
            continue
        for length in range(1, len(parts) + 1):
            module = ROOT.joinpath(*parts[:length])
            found |= {file for file in (module.with_suffix(".py"), module / "__init__.py") if file.is_file()}
    return frozenset(found)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _is_plumbing(name: str) -> bool:
    return any(name == known or name.startswith(f"{known}/") for known in PLUMBING)


def _reached(stage: Path) -> dict[str, str]:
    """Return the files that a stage reaches through imports, plumbing left out, and the file that led to each."""
    found: dict[str, str] = {}
    pending = [stage]
    while pending:
        path = pending.pop()
        chosen = chain.from_iterable((ROOT / "tutti" / kind).glob("[!_]*.py") for kind in _kinds_loaded(path))
        for file in chain(_first_party(path), chosen):
            name = _relative(file)
            if name not in found and not _is_plumbing(name):
                found[name] = _relative(path)
                pending.append(file)
    return found


@pytest.fixture(scope="module")
def stages() -> dict[str, dict[str, Any]]:
    """Return how each script is run, by pipeline file and stage: tasks share scripts."""
    found: dict[str, dict[str, Any]] = {}
    for file in [ROOT / "dvc.yaml", *sorted((ROOT / "pipelines").glob("*/dvc.yaml"))]:
        for name, stage in YAML(typ="safe").load(file.read_text())["stages"].items():
            definition = stage.get("do", stage)
            run = re.match(r"exec python -m stages\.(\w+)( --|$)", definition["cmd"])
            assert run, f"stage {name} runs something else, or under a shell that outlives a killed dvc"
            found.setdefault(run[1], {})[f"{_relative(file)}:{name}"] = definition
    return found


def test_every_stage_is_a_file_and_every_file_a_stage(stages: dict[str, dict[str, Any]]) -> None:
    assert sorted(stages) == [path.stem for path in STAGE_FILES]
    for script, stage, definition in ((name, *item) for name, defined in stages.items() for item in defined.items()):
        name = stage.rpartition(":")[2]
        assert name in {script, *(f"{script}_{task}" for task in TASKS)}, f"{stage} runs stages/{script}.py"
        command = re.sub(r"\$\{.*?\}", "", definition["cmd"])
        assert not set("|;&<>`") & set(command), f"stage {stage} uses the shell"


@pytest.mark.parametrize("path", STAGE_FILES, ids=lambda path: path.stem)
def test_deps_cover_the_code_that_a_stage_imports(path: Path, stages: dict[str, dict[str, Any]]) -> None:
    for file, definition in stages[path.stem].items():
        deps = [str(dep) for dep in definition["deps"]]
        patterns = [re.sub(r"\\\$\\\{.*?\\\}", "[a-z0-9_]+", re.escape(dep)) + "(/.*)?" for dep in deps]
        missing = [
            f"{name} (imported by {by})"
            for name, by in sorted(_reached(path).items())
            if not any(re.fullmatch(pattern, name) for pattern in patterns)
        ]
        assert not missing, f"stage {path.stem} of {file} runs code that its deps do not name: {', '.join(missing)}"
        assert f"stages/{path.name}" in deps
        if "tutti/taxonomy.py" in deps:
            assert "tutti/taxonomy.yaml" in deps


@pytest.mark.parametrize("path", STAGE_FILES, ids=lambda path: path.stem)
def test_deps_name_no_code_that_a_stage_does_not_use(path: Path, stages: dict[str, dict[str, Any]]) -> None:
    reached = {_relative(path), "tutti/taxonomy.yaml", *_reached(path)}
    for file, definition in stages[path.stem].items():
        for dep in definition["deps"]:
            if str(dep).startswith(("stages/", "tutti/")) and "${" not in dep:
                used = any(name == dep or name.startswith(f"{dep}/") for name in reached)
                assert used or _is_plumbing(dep), f"stage {path.stem} of {file} depends on {dep} and does not use it"


def test_the_report_depends_on_every_model(stages: dict[str, dict[str, Any]]) -> None:
    (report,) = stages["report"].values()
    for task, section in TASKS.items():
        published = set(stages["publish"][f"dvc.yaml:publish_{task}"]["deps"])
        for model in section["models"]:
            assert f"metrics/{task}/{model}" in report["deps"]
            assert {f"metrics/{task}/{model}", f"models/{task}/{model}"} <= published


def test_the_test_of_deps_sees_a_missing_one() -> None:
    reached = _reached(ROOT / "stages" / "train.py")
    assert {"tutti/labels.py", "tutti/store.py", "tutti/architectures/han_cnn.py"} <= set(reached)
    assert not any(_is_plumbing(name) for name in reached)


def _unit(name: str) -> str:
    return name.removeprefix("tutti/").split("/")[0].removesuffix(".py")


def test_imports_point_one_way() -> None:
    rank = {unit: row for row, units in enumerate(LAYERS) for unit in units}
    modules = sorted((ROOT / "tutti").rglob("*.py"))
    known = {_unit(_relative(path)) for path in modules} - {"__init__"}
    assert known == set(rank), "LAYERS must name every unit of the package, once"
    for path in modules:
        here = _unit(_relative(path))
        for name in map(_relative, _first_party(path)):
            assert name.startswith("tutti/"), f"{_relative(path)} imports a stage"
            there = _unit(name)
            if there not in (here, "__init__"):
                assert rank[there] < rank[here], f"{_relative(path)} imports {there}, which stands above {here}"


def test_only_tracking_imports_mlflow() -> None:
    users = {
        _relative(path).removeprefix("tutti/").split("/")[0]
        for path in (ROOT / "tutti").rglob("*.py")
        if any(name.split(".")[0] == "mlflow" for name in _imports(path))
    }
    assert users == {"tracking"}


@pytest.mark.parametrize("path", STAGE_FILES, ids=lambda path: path.stem)
def test_a_stage_is_thin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    foreign = {name.split(".")[0] for name in _imports(path)} - sys.stdlib_module_names
    assert foreign == {"tutti"}
    said = re.findall(r"^(\w+): ", ast.get_docstring(ast.parse(text)) or "", re.MULTILINE)
    assert said == ["Reads", "Writes", "Params"]


def test_modules_are_short() -> None:
    long = [_relative(path) for path in (ROOT / "tutti").rglob("*.py") if len(path.read_text().splitlines()) > 250]
    assert not long


# Written in pieces, so that this file does not hold what it looks for.
HOSTS = tuple(".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"), ("npmjs", "org"), ("crates", "io"),
    ("index", "golang", "org"), ("huggingface", "co"),
))  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:" + "|".join(("home", "root", "work", "Users", "mnt", "var/tmp")) + r")/\w")


def test_no_file_holds_a_machines_path_or_a_package_registry(source_files: list[Path]) -> None:
    assert len(source_files) > 50
    for path in source_files:
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        assert not MACHINE_PATH.search(text), f"{path} holds {MACHINE_PATH.search(text)}"
        held = [host for host in HOSTS if host in text]
        assert not held, f"{path} holds {held[0]}"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_exact_versions_and_no_addresses(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) > 100
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?==[\w.+!]+( ; .+)?", line), f"{name}: {line}"


def test_the_tools_lock_holds_all_of_the_other() -> None:
    small, large = (
        set((ROOT / name).read_text().splitlines()) for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert small < large


@pytest.fixture(scope="module")
def readme() -> str:
    path = ROOT / "README.md"
    assert path.is_file(), "README.md is missing"
    return path.read_text(encoding="utf-8")


def test_the_readme_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= 150


def test_the_readmes_tree_is_the_disk(readme: str, source_files: list[Path]) -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    block = next(block for block in blocks if "dvc.yaml " in block)
    named, folder = set(), ""
    for line in block.splitlines():
        if entry := re.match(r"( *)([\w.-]+/?)", line):
            folder = "" if not entry[1] else folder
            named.add(folder + entry[2])
            folder = entry[2] if not entry[1] else folder
    made = {"data/", "models/"}
    on_disk = {f"{path.parts[0]}/" if len(path.parts) > 1 else path.name for path in source_files}
    on_disk |= {f"tutti/{path.parts[1]}/" for path in source_files if path.parts[0] == "tutti" and len(path.parts) > 2}
    assert named - made <= on_disk, f"README names what is not there: {sorted(named - made - on_disk)}"
    shown = {name for name in on_disk if not name.startswith(".") and name not in ("README.md", "dvc.lock")}
    absent = sorted(name for name in shown - named if name not in block)
    assert not absent, f"README's tree lacks {', '.join(absent)}"
