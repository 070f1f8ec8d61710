"""``metrics/report.html``: one file that explains the comparison to someone who has not read the papers.

It loads nothing: figures are inline SVG in the page's own colours, audio is inline MP3. All names pass through the
template engine's escaping. The same inputs give the same bytes; there is no date in it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from tutti.config import Params, TaskConfig
from tutti.reporting import figures, left_out, ordering, page_tables, sentences, study_figures, style
from tutti.reporting.comparison import Result
from tutti.reporting.confusions import ALL_MODELS
from tutti.reporting.mistakes import Clips
from tutti.reporting.sections import ModelSection
from tutti.reporting.studies import studies
from tutti.reporting.tables import Tables
from tutti.reporting.templates import software, style_sheet, template
from tutti.reporting.words import number, readable, split_name
from tutti.store import whole


def write_page(
    path: Path, params: Params, results: Sequence[Result], table: pd.DataFrame, across: Tables, data: Path
) -> None:
    """Write the report; the file appears whole.

    Args:
        path: the HTML file to write.
        params: all parameters.
        results: one a model, of all tasks.
        table: the comparison of the same models.
        across: the tables across models.
        data: the folder ``data``, for the audio of the mistakes.

    Raises:
        DataError: when a table, a list of mistakes or the audio of a clip is missing or damaged.
    """
    text = template("page.html.j2").render(**_context(params, results, table, across, data))
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _context(
    params: Params, results: Sequence[Result], table: pd.DataFrame, across: Tables, data: Path
) -> dict[str, Any]:
    task = params.mixing_task(params.report.task)
    ordered = _best_first(results, table, params)
    own = [result for result in ordered if result.task == params.report.task]
    clips = Clips(data / params.report.task / "clips")
    sections = [ModelSection(result, params, clips, across, first=result is own[0]) for result in own]
    n_instruments = sections[0].n_instruments
    main = sentences.main_rows(table, params)
    n_clips = {str(split): int(rows["n_clips"].iloc[0]) for split, rows in main.groupby("split", sort=False)}
    return {
        "css": style_sheet("page.css"),
        "title": f"tutti: which instruments play together? Task {params.report.task}",
        "headline": sentences.headline(table, params, sections[0].n_judged),
        "tiles": _tiles(main, params, n_instruments),
        "task": {
            "question": sentences.question(task, n_instruments),
            "corpus": sentences.corpus(params, task, n_clips),
            "stand_in": sentences.stand_in(params, task),
            "splits": sentences.splits(task),
            "left_out": left_out.sentence(left_out.read_left_out(data / params.report.task)),
        },
        "comparison": {"sentence": sentences.comparison(params), **_comparison_figures(own, params)},
        "tables": page_tables.comparisons(ordered, table, params),
        "ordering": ordering.three_sentences(own, params),
        "paper": page_tables.paper_tables(own, across, params),
        "thresholds": sentences.thresholds(task),
        "models": sections,
        "sides": page_tables.sides(params),
        "policy": params.report.main_policy,
        "where": _mistakes_where(own, across, params),
        "studies": studies(own, params),
        "glossary": sentences.GLOSSARY,
        "provenance": _provenance(params, n_clips),
    }


def _best_first(results: Sequence[Result], table: pd.DataFrame, params: Params) -> list[Result]:
    """Return the results of the report's task, best first, then those of the other tasks in their order."""
    rows = sentences.main_rows(table, params)
    rows = rows[rows["split"] == params.report.main_split]
    score = dict(zip(rows["model"], rows["macro_f1"].fillna(-1.0), strict=True))
    own = [result for result in results if result.task == params.report.task]
    own.sort(key=lambda result: -float(score.get(result.model, -1.0)))
    return own + [result for result in results if result.task != params.report.task]


def _tiles(main: pd.DataFrame, params: Params, n_instruments: int) -> list[dict[str, str]]:
    first = main[main["split"] == params.report.main_split].sort_values("macro_f1", ascending=False, kind="stable")
    told = split_name(params.report.main_split)
    tiles = [
        {"value": number(row["macro_f1"], 2), "text": f"macro F1 of {readable(row['model'])}, {told}"}
        for _, row in first.head(3).iterrows()
    ]
    clips = int(main.drop_duplicates("split")["n_clips"].sum())
    most = params.mixing_task(params.report.task).clips.max_polyphony
    return [*tiles, {"value": f"{clips:,}", "text": f"test clips of up to {most} of {n_instruments} instruments"}]


def _comparison_figures(results: Sequence[Result], params: Params) -> dict[str, Any]:
    """Return the figures of the comparison: macro and micro F1 of all models, and their macro F1 by threshold."""
    summaries = [result.summary.assign(model=result.model) for result in results]
    rows = pd.concat(summaries)
    main = rows[rows["threshold_policy"] == params.report.main_policy]
    found: dict[str, Any] = {
        name: _svg(figures.comparison(main, f"{name}_f1"), f"comparison-{name}", f"{name} F1 of all models")
        for name in ("macro", "micro")
    }
    found["policies"] = [
        (
            split,
            _svg(study_figures.policies(rows[rows["split"] == split]), f"policies-{split}", "Macro F1 by threshold"),
        )
        for split in page_tables.sides(params)
    ]
    return found


def _mistakes_where(results: Sequence[Result], across: Tables, params: Params) -> dict[str, Any]:
    """Return the section on Hornbostel-Sachs classes and confused pairs."""
    report, models, groups = params.report, [result.model for result in results], across["hornbostel_sachs"]
    main = groups[(groups["task"] == report.task) & (groups["threshold_policy"] == report.main_policy)]
    main = main[main["split"] == report.main_split]
    ordered = main.sort_values("model", key=lambda column: column.map(models.index), kind="stable")
    rows = page_tables.group_rows(groups, models, params)
    return {
        "best": models[0],
        "groups": rows,
        "sentence": sentences.groups(rows, models[0]),
        "figure": _svg(study_figures.groups(ordered), "hornbostel-sachs", "Macro F1 of all models by class"),
        "pairs": page_tables.pair_rows(across["confused_pairs"], ALL_MODELS, params),
    }


def _svg(figure: Figure, name: str, label: str) -> Markup:
    return Markup(style.inline_svg(figure, name, label))


def _provenance(params: Params, n_clips: Mapping[str, int]) -> list[tuple[str, str]]:
    task = params.task(params.report.task)
    sizes = params.sizes
    return [
        (
            "Scale",
            f"{params.scale}: {_corpus_size(params, task)}{getattr(sizes, params.report.task).clips.train} "
            "training clips",
        ),
        ("Test clips", ", ".join(f"{split_name(split)} {count}" for split, count in n_clips.items())),
        ("Seed", f"{params.seed}; the same seed gives the same corpus, clips and numbers"),
        (
            "Intervals",
            f"{100 * task.evaluation.confidence:g}%, from {sizes.evaluation.bootstrap_replicates} bootstrap "
            "replicates drawn by recording",
        ),
        ("Made by", "dvc repro, from params.yaml, which holds every parameter"),
        ("Software", software()),
    ]


def _corpus_size(params: Params, task: TaskConfig) -> str:
    """Return how much was rendered; empty for a corpus that was not."""
    if not params.corpus(task.corpus).is_rendered:
        return ""
    sizes = params.sizes.corpus
    return (
        f"{'all' if sizes.instruments == 'all' else len(sizes.instruments)} instruments, "
        f"{sizes.recordings_per_instrument} recordings of {sizes.recording_seconds:g} s per instrument and sound bank; "
    )
