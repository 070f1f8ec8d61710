"""What all tests share."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

os.environ.setdefault("TUTTI_WORKERS", "1")  # the tests themselves run in parallel
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).parents[1]
# Processes that fill numba's cache at the same moment can crash each other, so each has one of its own.
os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".pytest_cache" / f"numba-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")
_MADE = (".git", ".venv", ".dvc/cache", ".dvc/tmp", "data", "models", "mlruns", "build")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the pipeline: one process waits for its first run, which is long, while the other has the rest."""
    items.sort(key=lambda item: item.path.stem != "test_pipeline")


@pytest.fixture(scope="session")
def source_files() -> list[Path]:
    """Return the files that belong to the repository, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        paths = [Path(name) for name in listed.stdout.split("\0") if name]
    else:  # a copy without Git
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not _is_made(path.relative_to(ROOT))]
    return sorted(path for path in paths if (ROOT / path).is_file())


def _is_made(path: Path) -> bool:
    return "__pycache__" in path.parts or any(path.is_relative_to(made) for made in _MADE)


@pytest.fixture(autouse=True)
def _own_tracking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what tests track out of the user's store."""
    for name in ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


@pytest.fixture
def workspace(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a test module calls ``judged``, which a test may damage; it is the working directory."""
    root = tmp_path / "repository"
    shutil.copytree(judged, root)
    monkeypatch.chdir(root)
    return root
