"""What ``evaluate`` says about one model in the task's studies; nothing of it enters the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutti.config import ENTER_LEAVE, LEAKED, EvaluationConfig, Policy
from tutti.evaluation import enter_leave, leak
from tutti.evaluation.arrays import Floats
from tutti.evaluation.scored import ScoredSet, read_scored_set
from tutti.evaluation.tables import write_table
from tutti.labels import CLIPS_FILE, load_events, read_table
from tutti.store import write_json


@dataclass(frozen=True, eq=False)
class Studies:
    """One model under the same thresholds as in the comparison.

    Attributes:
        task_data: the task's data folder, ``data/<task>``.
        model: its name.
        config: confidence, and what counts as active.
        aggregation: how windows become clips.
        limits: ``(class,)`` by policy.
        honest: the side ``unseen_recording``, from which the studies are made.
    """

    task_data: Path
    model: str
    config: EvaluationConfig
    aggregation: str
    limits: Mapping[Policy, Floats]
    honest: ScoredSet

    def write_leak(self, folder: Path, *, seed: int, replicates: int) -> None:
        """Write ``leak.csv``: what recordings on both sides would make of the score.

        Args:
            folder: where to write.
            seed: of the bootstrap.
            replicates: of the bootstrap.

        Raises:
            DataError: when clips or scores are missing, broken, or do not fit each other.
        """
        changed = read_scored_set(self.task_data, self.model, LEAKED, self.aggregation)
        both = leak.pair(self.honest, changed, self._manifest(LEAKED))
        confidence = self.config.confidence
        rows = leak.leak_rows(both, self.limits, seed=seed, replicates=replicates, confidence=confidence)
        write_table(folder / "leak.csv", rows)

    def write_enter_leave(self, folder: Path) -> None:
        """Write ``enter_leave.csv`` and ``enter_leave.json``: instruments that sound for a part of a clip.

        Args:
            folder: where to write.

        Raises:
            DataError: when clips or scores are missing, broken, or do not fit each other.
        """
        data = read_scored_set(self.task_data, self.model, ENTER_LEAVE, self.aggregation)
        events = load_events(self._manifest(ENTER_LEAVE))
        table = read_table(self._manifest(ENTER_LEAVE) / CLIPS_FILE, ("duration_s",))
        rows = enter_leave.recall_rows(data, events, table["duration_s"].to_numpy(np.float64), self.limits)
        write_table(folder / "enter_leave.csv", rows)
        config = self.config
        summary = enter_leave.summary(
            data, self.honest, events, self.limits, self.aggregation, config.min_active_seconds
        )
        write_json(folder / "enter_leave.json", summary)

    def _manifest(self, name: str) -> Path:
        return self.task_data / "clips" / name / "manifest"
