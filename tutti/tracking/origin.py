"""Which code, data and experiment a result comes from."""

import os
import subprocess
from contextlib import suppress

EXPERIMENT = "dvc.experiment"


def origin() -> dict[str, str]:
    """Return the tags that say which code and which DVC experiment a result comes from."""
    commit = _git("rev-parse", "HEAD")
    return {
        "git.commit": commit or "none",
        "git.dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower(),
        EXPERIMENT: os.environ.get("DVC_EXP_NAME") or "workspace",
        "dvc.baseline": os.environ.get("DVC_EXP_BASELINE_REV") or commit or "none",
    }


def _git(*words: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()
    return ""
