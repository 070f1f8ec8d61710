"""All that is said about one model: what the stage ``evaluate`` does."""

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tutti.config import TEST_SETS, UNSEEN_RECORDING, CuttingTask, EvaluationConfig, MixingTask, Policy, TaskConfig
from tutti.errors import ParameterError
from tutti.evaluation import classification, tables
from tutti.evaluation.aggregation import S1
from tutti.evaluation.aggregations import Aggregations, chosen_aggregation
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.mistakes import confusion, worst_clips
from tutti.evaluation.scored import ScoredSet, read_scored_set
from tutti.evaluation.studying import Studies
from tutti.evaluation.thresholds import Thresholds, choose, write_thresholds
from tutti.progress import track
from tutti.store import whole, write_json

_log = logging.getLogger("tutti")
_CONFUSION = ("split", "threshold_policy", "reference", "predicted", "count", "missed", "false_alarms", "rate")


def judge(task_data: Path, model: str, task: TaskConfig, *, seed: int, replicates: int, out: Path) -> None:
    """Choose a model's aggregation and thresholds on validation clips, judge it on the test sets, write the results.

    A test set without clips is left out of all tables.

    Args:
        task_data: the task's data folder, ``data/<task>``, with labels and scores.
        model: name of the model.
        task: says how, on which sets, and which studies come with it.
        seed: of the bootstrap.
        replicates: of the bootstrap.
        out: the folder to write, as a whole.

    Raises:
        ParameterError: when the task is judged by an exam.
        DataError: when labels or scores are missing, broken, or do not fit each other.
    """
    config = task.evaluation
    if not isinstance(config, EvaluationConfig):
        raise ParameterError(f"task of method {task.method!r} is judged by an exam: run the stage `examine` instead")
    found = [read_scored_set(task_data, model, name, S1) for name in (task.threshold_set, *TEST_SETS)]
    aggregation = chosen_aggregation(found[0], config)
    validation, *sets = (data.under(aggregation) for data in found)
    tests = [data for data in sets if len(data.labels.clips)]  # a corpus may have no bank to hold back
    limits = choose(
        validation.labels.reference,
        validation.scores,
        fixed=config.fixed_threshold,
        objective=config.objective,
        shrinkage=config.shrinkage,
    )
    with whole(out) as folder:
        folder.mkdir()
        write_thresholds(folder, Thresholds(aggregation, validation.labels.classes, limits))
        _write_summary(folder, tests, limits, f"judging {model}", seed, replicates, config.confidence)
        _write_details(folder, tests, limits)
        tables.write_table(
            folder / "threshold_curve.csv", [row for data in (validation, *tests) for row in tables.curve_rows(data)]
        )
        write_skipped(folder / "skipped.csv", (validation, *tests), task_data / "split" / "skipped.csv")
        if isinstance(task, MixingTask):
            honest = next(data for data in tests if data.name == UNSEEN_RECORDING)
            studies = Studies(task_data, model, config, aggregation, limits, honest)
            studies.write_leak(folder, seed=seed, replicates=replicates)
            studies.write_enter_leave(folder)
        if isinstance(task, CuttingTask):
            compared = Aggregations(task.studies.aggregation, config, aggregation, validation, tests)
            compared.write(folder, seed=seed, replicates=replicates)


def _write_summary(
    folder: Path,
    tests: Sequence[ScoredSet],
    limits: Mapping[Policy, Floats],
    phase: str,
    seed: int,
    replicates: int,
    confidence: float,
) -> None:
    rows = [
        row
        for data in track(tests, phase)
        for row in tables.summary_rows(data, limits, seed=seed, replicates=replicates, confidence=confidence)
    ]
    tables.write_table(folder / "summary.csv", rows)
    write_headline(folder / "summary.json", rows, tests)


def write_headline(path: Path, rows: Sequence[tables.Row], sets: Sequence[ScoredSet]) -> None:
    """Write the scores of a summary as JSON, by set and policy, and which classes cannot be judged.

    Args:
        path: the file.
        rows: of the summary.
        sets: that it is about.
    """
    headline: dict[str, Any] = {data.name: {} for data in sets}
    for row in rows:
        numbers = {name: _number(row[name]) for name in tables.HEADLINE}
        headline[row["split"]][row["threshold_policy"]] = numbers
    write_json(path, headline | {"not_evaluable": {data.name: _without_positives(data) for data in sets}})


def _write_details(folder: Path, tests: Sequence[ScoredSet], limits: Mapping[Policy, Floats]) -> None:
    tables.write_table(folder / "per_class.csv", [row for data in tests for row in tables.class_rows(data, limits)])
    tables.write_table(
        folder / classification.FILE, [row for data in tests for row in classification.report_rows(data, limits)]
    )
    tables.write_table(
        folder / "per_polyphony.csv", [row for data in tests for row in tables.polyphony_rows(data, limits)]
    )
    confused, worst = [], []
    for data in tests:
        labels = data.labels
        for policy, thresholds in limits.items():
            which = {"split": data.name, "threshold_policy": policy}
            pairs = confusion(labels.reference, decide(data.scores, thresholds), labels.classes)
            confused += [which | row for row in pairs]
            clips = worst_clips(labels.clips, labels.reference, data.scores, thresholds, labels.classes)
            worst += [which | item for item in clips]
    tables.write_table(folder / "confusion.csv", confused, _CONFUSION)
    write_json(folder / "mistakes.json", worst)


def write_skipped(path: Path, sets: Sequence[ScoredSet], corpus: Path) -> None:
    """List the clips that were not scored, and what of the corpus could not be used, as CSV.

    Args:
        path: the file.
        sets: that were scored.
        corpus: the list that the split wrote; it may be missing.
    """
    rows: list[dict[str, Any]] = []
    for data in sets:
        window_s = data.windows.window_s
        rows += [
            {
                "set": data.name,
                "clip": clip,
                "reason": f"lasts {seconds:.2f} s, less than the window of {window_s:.2f} s",
            }
            for clip, seconds in data.windows.skipped.items()
        ]
    if corpus.is_file():
        with corpus.open(newline="", encoding="utf-8") as file:
            rows += [{"set": "corpus", "clip": row["path"], "reason": row["reason"]} for row in csv.DictReader(file)]
    tables.write_table(path, rows, ("set", "clip", "reason"))


def _without_positives(data: ScoredSet) -> list[str]:
    absent = np.flatnonzero(data.labels.reference.sum(axis=0) == 0).tolist()
    names = [data.labels.classes[index] for index in absent]
    if names:
        _log.info("%s: no clip holds %s, so macro and mAP leave it out", data.name, ", ".join(names))
    return names


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
