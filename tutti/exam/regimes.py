"""Two models in the same exam, such as one trained on mixtures and one on notes: what the stage ``regimes`` does."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tutti.config import OverlayTask
from tutti.errors import DataError
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.tables import Row, write_table
from tutti.evaluation.thresholds import FILE, read_thresholds
from tutti.exam.intervals import judged
from tutti.exam.sets import ExamSet, read_exam
from tutti.exam.tables import METRICS, Limits, clip_means
from tutti.progress import track
from tutti.store import whole

DIFFERENCES_FILE = "differences.csv"


def compare_regimes(
    task_data: Path, metrics_root: Path, task: OverlayTask, *, seed: int, replicates: int, out: Path
) -> None:
    """Compare two models clip by clip, each at its own thresholds: the first one minus the second one.

    Args:
        task_data: the task's data folder, ``data/<task>``, with labels and scores.
        metrics_root: ``metrics/<task>``, with the thresholds of both models.
        task: names the two models.
        seed: of the bootstrap.
        replicates: of the bootstrap.
        out: the folder to write, as a whole.

    Raises:
        DataError: when labels, scores or thresholds are missing, broken, or do not fit each other.
    """
    names = task.studies.regimes
    exams = [read_exam(task_data, name)[1] for name in names]
    limits = [_limits(metrics_root / name, exams[0][0].classes) for name in names]
    rows: list[Row] = []
    for pair in track(list(zip(*exams, strict=True)), f"comparing {names[0]} with {names[1]}"):
        _check_pair(pair, names)
        weights = pair[0].weights(seed, replicates)
        rows += _rows(pair, names, limits, weights, task.evaluation.confidence)
    with whole(out) as folder:
        folder.mkdir()
        write_table(folder / DIFFERENCES_FILE, rows)


def _rows(
    pair: Sequence[ExamSet], names: Sequence[str], limits: Sequence[Limits], weights: Floats, confidence: float
) -> Iterator[Row]:
    """Yield the difference of every metric at every size; both models meet the same weights, so that it is paired."""
    exam = pair[0]
    for policy in limits[0]:
        estimates = [decide(each.scored.scores, own[policy]) for each, own in zip(pair, limits, strict=True)]
        by_metric = {name: [metric(exam.reference, said) for said in estimates] for name, metric in METRICS.items()}
        for size, clips in exam.sizes.items():
            for metric, by_clip in by_metric.items():
                first, second = (clip_means(values, weights, clips) for values in by_clip)
                difference, low, high = judged(first - second, confidence, lowest=-1)
                yield {
                    "split": exam.name, "threshold_policy": policy, "size": size, "metric": metric,
                    "n_clips": int(clips.sum()), "first": names[0], "second": names[1], "value_first": float(first[0]),
                    "value_second": float(second[0]), "difference": difference, "low": low, "high": high,
                }  # fmt: skip


def _limits(folder: Path, classes: tuple[str, ...]) -> Limits:
    chosen = read_thresholds(folder)
    if chosen.classes != classes:
        raise DataError(f"{folder / FILE} is about other classes than the exam: run `dvc repro`")
    return chosen.thresholds


def _check_pair(pair: Sequence[ExamSet], names: Sequence[str]) -> None:
    if pair[0].scored.labels.clips != pair[1].scored.labels.clips:
        raise DataError(
            f"{names[0]} and {names[1]} were not scored on the same clips of {pair[0].name}: give both the same "
            "window_seconds and run `dvc repro`"
        )
