"""The parameters of the task `families` alone, which are read in a third of the time."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from tutti.config import read_yaml

ROOT = Path(__file__).parents[1]


@lru_cache(maxsize=1)
def _original() -> Any:
    return read_yaml(ROOT / "params.yaml")


def families_values() -> dict[str, Any]:
    """Return the values of params.yaml at scale `smoke`, with as little beside the task as can be."""
    values: Any = copy.deepcopy(_original())
    mixed = values["tasks"]["cultural"]
    mixed["models"] = {"random_forest": mixed["models"]["random_forest"]}
    values["tasks"] = {"cultural": mixed, "families": values["tasks"]["families"]}
    values["corpora"] = {name: values["corpora"][name] for name in (mixed["corpus"], "nsynth")}
    values["scales"] = {"smoke": values["scales"]["smoke"]}
    values |= {"scale": "smoke", "sweeps": {}}
    values["detect"] |= {"task": "cultural", "model": "random_forest"}
    values["tracking"]["enabled"] = False
    return dict(values)
