"""Work over many items in processes that outlive one call."""

from pathlib import Path

import pytest

from tutti.parallel import parallel_map


def _note(item: int) -> str:
    """Write the item's file in the working directory."""
    Path(f"{item}.txt").touch()
    return str(Path.cwd())


def test_processes_work_where_the_caller_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """joblib keeps its processes for the next call, which may come from another folder."""
    monkeypatch.setenv("TUTTI_WORKERS", "2")
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert set(parallel_map(_note, range(6), "noting")) == {str(folder)}
        assert sorted(path.name for path in folder.iterdir()) == [f"{item}.txt" for item in range(6)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_results_are_in_order(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", workers)
    assert parallel_map(pow, list(range(50)), "squaring", 2) == [number**2 for number in range(50)]
