"""``metrics/<task>.html``: what binaries get in the exam of overlaid notes, beside the paper that set it, in one file.

Like ``metrics/report.html`` it loads nothing: figures are inline SVG in the page's own colours. All names pass through
the template engine's escaping. The same inputs give the same bytes; there is no date in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from tutti.config import POLICIES, Params
from tutti.reporting import exam_contest, exam_figures, exam_sentences, exam_tables, style
from tutti.reporting.exam_results import POLICY, Exam, read_exam
from tutti.reporting.exam_words import model_title, points, signed_points
from tutti.reporting.paper_tables import corpus_kind
from tutti.reporting.templates import software, style_sheet, template
from tutti.reporting.words import of_split, percent, readable, split_name
from tutti.store import whole

Block = dict[str, Any]


def write_page(path: Path, params: Params, task: str, metrics: Path, data: Path) -> None:
    """Write the page; the file appears whole.

    Args:
        path: the HTML file to write.
        params: all parameters.
        task: name of a task on overlaid notes.
        metrics: the folder ``metrics``, with ``<task>/<model>`` and ``<task>/regimes``.
        data: the folder ``data``, with ``<task>/split``.

    Raises:
        ParameterError: when the task is unknown, has another method, or repeats no paper.
        DataError: when a file is missing or damaged.
    """
    text = template("exam_page.html.j2").render(**_context(read_exam(params, task, metrics, data)))
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _context(exam: Exam) -> Block:
    skipped = exam_tables.skipped_rows(exam)
    return {
        "css": style_sheet("page.css", "exam_page.css"),
        "title": f"tutti: which families sound? Task {exam.name}",
        "headline": exam_sentences.headline(exam),
        "tiles": _tiles(exam),
        "task": {
            "question": exam_sentences.question(exam),
            "corpus": exam_sentences.corpus(exam),
            "stand_in": exam_sentences.stand_in(exam),
            "sides": exam_sentences.sides(exam),
            "left_out": exam_sentences.left_out(exam),
        },
        "points": points,
        "signed_points": signed_points,
        "sides": exam.sides,
        "confidence": f"{100 * exam.task.evaluation.confidence:g}%",
        "regimes": [model_title(each.name) for each in exam.regimes],
        "against": " against ".join([model_title(exam.regimes[0].name), readable(exam.regimes[1].name)]),
        "minus": " minus ".join([model_title(exam.regimes[0].name), readable(exam.regimes[1].name)]),
        "paper": _paper(exam),
        "sizes": _sizes(exam),
        "contest": _contest(exam),
        "notes": exam_tables.note_tables(exam),
        "classes": _classes(exam),
        "matrices": [matrix for side in exam.sides for matrix in exam_tables.matrices(exam, side)],
        "thresholds": exam_tables.threshold_table(exam),
        "policies": exam_tables.policy_rows(exam),
        "block": exam_tables.block(exam),
        "skipped": {"sentence": exam_sentences.skipped(skipped), "rows": skipped},
        "glossary": exam_sentences.GLOSSARY,
        "provenance": _provenance(exam),
    }


def _paper(exam: Exam) -> dict[str, str]:
    """Return what is told of the paper, and of our corpus in the rows that stand beside it."""
    paper = exam.paper
    return {
        "name": paper.name,
        "source": paper.source,
        "corpus": paper.corpus,
        "about": paper.about,
        "ours": corpus_kind(exam.params, exam.task.corpus),
        "row": "stand-in" if exam.is_stand_in else exam.task.corpus,
    }


def _tiles(exam: Exam) -> list[dict[str, str]]:
    tiles = [
        {
            "value": percent(float(model.overall(exam.side)[metric])),
            "text": f"{what}, {readable(model.name)}, {split_name(exam.side)}",
        }
        for metric, what in (("accuracy_hamming", "of all answers right"), ("emr", "of clips wholly right"))
        for model in exam.regimes
    ]
    clips = sum(exam_sentences.n_clips(exam, side) for side in exam.sides)
    return [*tiles, {"value": f"{clips:,}", "text": f"clips in the exam; {len(exam.classes)} answers each"}]


def _sizes(exam: Exam) -> Block:
    paper = {size: [each.value for each in printed] for size, printed in exam.paper.sizes.items()}
    label = f"paper, {exam.paper.corpus}"
    figures = [
        _drawn(
            exam_figures.by_size(
                [(model.name, model.sizes(side)) for model in exam.regimes], paper, label, is_stand_in=exam.is_stand_in
            ),
            f"sizes-{side}",
            f"Both accuracies and the exact match ratio by number of families, {split_name(side)}",
            title=split_name(side),
        )
        for side in exam.sides
    ]
    others = [policy for policy in POLICIES if policy != POLICY]
    return {
        "about": exam_sentences.measures(exam),
        "sentences": [exam_sentences.fall(exam, side) for side in exam.sides],
        "figures": figures,
        "tables": [exam_tables.size_table(exam, side) for side in exam.sides],
        "others": [exam_tables.size_table(exam, side, policy) for policy in others for side in exam.sides],
    }


def _contest(exam: Exam) -> Block:
    figure = exam_figures.differences([(side, exam.contest(side)) for side in exam.sides])
    names = [readable(name) for name in exam.task.studies.regimes]
    return {
        "about": exam_contest.about(exam),
        "told": exam_contest.headings(exam),
        "figure": _drawn(figure, "differences", f"{names[0]} minus {names[1]} by number of families",
                         title=f"{names[0]} minus {names[1]}"),
        "table": exam_tables.difference_table(exam),
    }  # fmt: skip


def _classes(exam: Exam) -> list[Block]:
    """Return accuracy and true-positive rate of every class against size, on each side."""
    titles = {"accuracy": "Accuracy", "true_positive_rate": "True-positive rate"}
    return [
        _drawn(
            exam_figures.of_classes(
                [(model.name, model.classes(side)) for model in exam.regimes], column, exam.classes
            ),
            f"{column}-{side}",
            f"{title} of every family by number of families in the clip, {of_split(side)}",
            title=f"{title}, {split_name(side)}",
        )
        for side in exam.sides
        for column, title in titles.items()
    ]


def _drawn(figure: Figure, name: str, label: str, *, title: str = "") -> Block:
    return {"title": title, "figure": Markup(style.inline_svg(figure, name, label))}


def _provenance(exam: Exam) -> Sequence[tuple[str, str]]:
    params, size = exam.params, exam.params.size(exam.name)
    notes = size.corpus.notes_per_instrument
    made = f"{notes} notes of each instrument, " if exam.is_stand_in else ""
    clips = {side: exam_sentences.n_clips(exam, side) for side in exam.sides}
    return [
        ("Scale", f"{params.scale}: {made}{size.train_mixtures:,} training mixtures, {size.validation_per_size} "
                  "validation mixtures of each size"),
        ("Exam", ", ".join(f"{split_name(side)} {count:,} clips" for side, count in clips.items())),
        ("Seed", f"{params.seed}; the same seed gives the same corpus, clips and numbers"),
        ("Intervals", f"{100 * exam.task.evaluation.confidence:g}%, from "
                      f"{params.sizes.evaluation.bootstrap_replicates} bootstrap replicates drawn by instrument"),
        ("Made by", "dvc repro, from params.yaml, which holds every parameter"),
        ("Software", software()),
    ]  # fmt: skip
