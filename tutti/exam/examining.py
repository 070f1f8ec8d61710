"""All that is said about one model in the exam: what the stage ``examine`` does."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from tutti.config import NOTES_OF, TEST_SETS, VALIDATION, OverlayTask
from tutti.errors import DataError
from tutti.evaluation.aggregation import S1
from tutti.evaluation.judging import write_headline, write_skipped
from tutti.evaluation.tables import Row, curve_rows, metric_rows, rows_of_classes, write_table
from tutti.evaluation.thresholds import Thresholds, write_thresholds
from tutti.exam import tables
from tutti.exam.intervals import judged
from tutti.exam.limits import choose
from tutti.exam.sets import ExamSet, read_exam, read_exam_set
from tutti.exam.tables import Limits
from tutti.progress import track
from tutti.store import whole


def examine(task_data: Path, model: str, task: OverlayTask, *, seed: int, replicates: int, out: Path) -> None:
    """Choose a model's thresholds on validation mixtures, judge it in the exam and on single notes, write the results.

    A test side without clips is left out of all tables.

    Args:
        task_data: the task's data folder, ``data/<task>``, with labels and scores.
        model: name of the model.
        task: says how.
        seed: of the bootstrap.
        replicates: of the bootstrap.
        out: the folder to write, as a whole.

    Raises:
        DataError: when labels or scores are missing, broken, or do not fit each other, or no exam has clips.
    """
    config = task.evaluation
    validation, exams = read_exam(task_data, model)
    notes = [read_exam_set(task_data, model, NOTES_OF[side]) for side in (VALIDATION, *TEST_SETS)]
    notes = [each for each in notes if each.players]
    limits = _limits(validation, task)
    with whole(out) as folder:
        folder.mkdir()
        write_thresholds(folder, Thresholds(S1, validation.classes, limits))
        _write_with_intervals(folder, exams, limits, f"examining {model}", seed, replicates, config.confidence)
        _write_details(folder, exams, limits, task)
        rows = _rows(notes, lambda each: tables.note_rows(each, limits))
        write_table(folder / "single_notes.csv", rows, tables.NOTE_COLUMNS)
        write_table(folder / "threshold_curve.csv", _rows((validation, *exams), lambda each: curve_rows(each.scored)))
        sets = [each.scored for each in (validation, *exams, *notes)]
        write_skipped(folder / "skipped.csv", sets, task_data / "split" / "skipped.csv")


def _limits(validation: ExamSet, task: OverlayTask) -> Limits:
    config = task.evaluation
    if not validation.players:
        raise DataError(
            f"the set {validation.name}, on which thresholds are chosen, has no clip: give the corpus more instruments "
            "or raise validation_per_size"
        )
    return choose(
        validation.reference,
        validation.scored.scores,
        fixed=config.fixed_threshold,
        objective=config.objective,
        shrinkage=config.shrinkage,
    )


def _rows(sets: Sequence[ExamSet], rows_of: Callable[[ExamSet], Iterable[Row]]) -> list[Row]:
    return list(chain.from_iterable(rows_of(each) for each in sets))


def _write_with_intervals(
    folder: Path, exams: Sequence[ExamSet], limits: Limits, phase: str, seed: int, replicates: int, confidence: float
) -> None:
    """Write ``summary.csv``, ``summary.json`` and ``by_size.csv``."""
    summary: list[Row] = []
    by_size: list[Row] = []
    for exam in track(exams, phase):
        weights = exam.weights(seed, replicates)
        summary += metric_rows(exam.scored, limits, weights, lambda values: judged(values, confidence)[1:])
        by_size += tables.size_rows(exam, limits, weights, confidence)
    write_table(folder / "summary.csv", summary)
    write_table(folder / "by_size.csv", by_size)
    write_headline(folder / "summary.json", summary, [exam.scored for exam in exams])


def _write_details(folder: Path, exams: Sequence[ExamSet], limits: Limits, task: OverlayTask) -> None:
    """Write the tables by class: at each size, and over all sizes."""
    write_table(folder / "by_class.csv", _rows(exams, lambda each: tables.class_rows(each, limits)))
    rows = _rows(exams, lambda each: rows_of_classes(each.scored, limits, tables.about_classes(each, task.classes)))
    write_table(folder / "per_class.csv", rows)
