"""What MLflow shall hold of the exam: tables and a figure of each evaluation, and one run for the two regimes."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tutti.config import NOTES_OF, Params
from tutti.exam.regimes import DIFFERENCES_FILE
from tutti.exam.sets import ALL
from tutti.exam.tables import NOTE_COLUMNS
from tutti.reporting import published_exam
from tutti.reporting.comparison import read_table
from tutti.reporting.exam_contest import contests_of
from tutti.reporting.exam_results import POLICY, read_differences, read_sizes
from tutti.store import digest
from tutti.tracking import Record


def exam_texts(results: Path, split: str, policy: str) -> dict[str, str]:
    """Return the small tables of one evaluation: by size, by class, and on the single notes of its side.

    Args:
        results: ``metrics/<task>/<model>``.
        split: the test side.
        policy: of the thresholds.

    Raises:
        DataError: when a file is missing or broken.
    """
    sizes, classes = read_sizes(results)
    notes = read_table(results / "single_notes.csv", NOTE_COLUMNS)
    tables = {
        "by_size.csv": _of(sizes, split, policy),
        "by_class.csv": _of(classes, split, policy),
        "single_notes.csv": _of(notes, NOTES_OF[split], policy),
    }
    return {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}


def exam_images(params: Params, task: str, results: Path, split: str, policy: str) -> dict[str, Callable[[], bytes]]:
    """Return what draws the figure of one evaluation; drawing is slow, so it waits until it is wanted.

    Args:
        params: all parameters.
        task: name of the task.
        results: ``metrics/<task>/<model>``.
        split: the test side.
        policy: of the thresholds.
    """

    def by_size() -> bytes:
        from tutti.reporting import exam_figures, style

        printed = published_exam.of_task(task)
        paper = {size: [each.value for each in row] for size, row in printed.sizes.items()}
        rows = _of(read_sizes(results)[0], split, policy)
        is_stand_in = bool(params.corpus(params.task(task).corpus).is_rendered)
        label = f"paper, {printed.corpus}"
        return style.png(exam_figures.by_size([(results.name, rows)], paper, label, is_stand_in=is_stand_in))

    return {"by_size.png": by_size}


def regimes_record(params: Params, task: str, results: Path) -> list[Record]:
    """Return the run that holds the comparison of two regimes; none where there is none.

    Its numbers are the differences over all sizes, and at how many sizes from two families up the first regime is above
    the second one with an interval that leaves zero out.

    Args:
        params: all parameters.
        task: its name, of a task on overlaid notes.
        results: ``metrics/<task>/regimes``.

    Raises:
        DataError: when the file is broken.
    """
    path = results / DIFFERENCES_FILE
    if not path.is_file():
        return []
    section = params.overlay_task(task)
    table = read_differences(results, section.studies.regimes)
    numbers: dict[str, float] = {}
    for split in dict.fromkeys(table["split"]):
        own = _of(table, str(split), POLICY)
        for contest in contests_of(own, section.studies.regimes):
            value = contest.values[ALL][0]
            numbers |= {f"difference.{split}.{contest.metric}": value} if value == value else {}
            signs = [contest.sign(str(size)) for size in contest.sizes]
            numbers[f"sizes_above.{split}.{contest.metric}"] = float(signs.count(1))
    tags = {"task": task, "corpus": section.corpus, "kind": "study", "stage": "regimes", "threshold_policy": POLICY}
    settings = {f"tasks.{task}.studies.regimes": json.dumps(list(section.studies.regimes))}
    texts = {path.name: path.read_text(encoding="utf-8")}
    return [Record(digest({"task": task, "regimes": texts}), "regimes", settings, numbers, tags, texts=texts)]


def _of(table: pd.DataFrame, split: str, policy: str) -> pd.DataFrame:
    rows: pd.DataFrame = table[(table["split"] == split) & (table["threshold_policy"] == policy)]
    return rows
