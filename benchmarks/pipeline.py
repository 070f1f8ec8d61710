"""The whole pipeline on a fresh clone: its time and memory, a run with nothing to do, and a changed threshold.

    python -m benchmarks.pipeline                # at the scale of params.yaml
    python -m benchmarks.pipeline --scale smoke

The clone is made of what is committed, and lies in a temporary folder. Packages are those of this environment.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

THRESHOLD = "tasks.cultural.evaluation.fixed_threshold"


class Watched:
    """A command, the time that it takes and the most memory that it and all its children hold together."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.peak_bytes, self._folder = 0, folder
        started = time.perf_counter()
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        self.output = self._process.communicate()[0]
        self.seconds = time.perf_counter() - started
        if self._process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{self.output[-3000:]}")

    def _watch(self) -> None:
        while self._process.poll() is None:
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self._process.pid))
            time.sleep(0.5)

    @property
    def stages(self) -> list[str]:
        """The stages that ran."""
        lines = [line for line in self.output.splitlines() if line.startswith("Running stage")]
        return [line.split("'")[1].rpartition(":")[2] for line in lines]

    def line(self, name: str) -> str:
        """Return the figures as a line of a table."""
        ran = ", ".join(self.stages) if len(self.stages) <= 6 else f"{len(self.stages)} stages"
        return f"{name:34}{self.seconds:8.1f} s{self.peak_bytes / 2**30:8.2f} GiB   {ran or 'nothing'}"


def tree_bytes(pid: int) -> int:
    """Return the proportional memory of a process and all its descendants: shared pages count once."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            total += getattr(process.memory_full_info(), "pss", process.memory_info().rss)
        except psutil.Error:
            continue
    return total


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", help="scale to run (default: that of params.yaml)")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "-q", str(Path.cwd()), str(clone)], check=True)
        if scale:
            set_scale(clone / "params.yaml", scale)
        print(Watched(["dvc", "repro"], clone).line("dvc repro, fresh clone"), flush=True)
        print(Watched(["dvc", "repro"], clone).line("dvc repro, nothing to do"), flush=True)
        command = ["dvc", "exp", "run", "-S", f"{THRESHOLD}=0.4"]
        print(Watched(command, clone).line("another fixed threshold"), flush=True)


def set_scale(params: Path, scale: str) -> None:
    """Write another scale into a params.yaml."""
    lines = params.read_text(encoding="utf-8").splitlines(keepends=True)
    changed = [f"scale: {scale}\n" if line.startswith("scale:") else line for line in lines]
    params.write_text("".join(changed), encoding="utf-8")


if __name__ == "__main__":
    main()
