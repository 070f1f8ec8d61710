"""``metrics/<task>.html``: what a task on excerpts found, beside the paper whose experiments it repeats, in one file.

Like ``metrics/report.html`` it loads nothing: figures are inline SVG in the page's own colours. All names pass through
the template engine's escaping. The same inputs give the same bytes; there is no date in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from tutti.config import Params
from tutti.reporting import (
    excerpts_figures,
    excerpts_findings,
    excerpts_inside,
    excerpts_sentences,
    excerpts_tables,
    left_out,
    style,
)
from tutti.reporting.excerpts_claims import claims
from tutti.reporting.excerpts_results import POLICY, Excerpts, read_excerpts
from tutti.reporting.excerpts_settings import by_instrument, curves
from tutti.reporting.experiments import ACTIVATION, WINDOW
from tutti.reporting.templates import software, style_sheet, template
from tutti.reporting.words import number, of_split, readable, split_name
from tutti.store import whole

Block = dict[str, Any]


def write_page(path: Path, params: Params, task: str, metrics: Path, models: Path, data: Path) -> None:
    """Write the page; the file appears whole.

    Args:
        path: the HTML file to write.
        params: all parameters.
        task: name of a task on excerpts.
        metrics: the folder ``metrics``, with ``<task>/<model>``, ``<task>/inside`` and ``experiments/<task>``.
        models: the folder ``models``, with ``<task>/<model>/spec.json`` of the model whose settings are compared.
        data: the folder ``data``, with ``<task>/split``.

    Raises:
        ParameterError: when the task is unknown, mixes its clips, or repeats no paper.
        DataError: when a file is missing or damaged.
    """
    excerpts = read_excerpts(params, task, metrics, models, data)
    text = template("excerpts_page.html.j2").render(**_context(excerpts, metrics / task / "inside"))
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _context(excerpts: Excerpts, inside: Path) -> Block:
    skipped, looked_at = excerpts_tables.skipped_rows(excerpts), excerpts.task.studies.inside
    return {
        "css": style_sheet("page.css", "excerpts_page.css"),
        "title": f"tutti: which instruments lead? Task {excerpts.name}",
        "headline": excerpts_sentences.headline(excerpts),
        "tiles": _tiles(excerpts),
        "task": {
            "question": excerpts_sentences.question(excerpts),
            "corpus": excerpts_sentences.corpus(excerpts),
            "stand_in": excerpts_sentences.stand_in(excerpts),
            "sides": excerpts_sentences.sides(excerpts),
            "left_out": left_out.sentence(excerpts.left_out),
        },
        "sides": excerpts.sides,
        "comparison": {
            "sentence": excerpts_sentences.comparison(excerpts),
            "no_paper": excerpts_sentences.no_paper(excerpts),
            "figures": _averages(excerpts),
        },
        "block": excerpts_tables.block(excerpts),
        "paper": excerpts_tables.beside(excerpts),
        "claims": claims(excerpts),
        "left_out_experiments": excerpts_findings.others_left_out(excerpts),
        "settings": [_settings(excerpts, ACTIVATION), _settings(excerpts, WINDOW)],
        "aggregation": {
            "about": excerpts_findings.aggregations(excerpts),
            "tables": excerpts_tables.aggregation_tables(excerpts),
        },
        "instruments": _instruments(excerpts),
        "thresholds": _thresholds(excerpts),
        "inside": excerpts_inside.section(looked_at.model, looked_at.neighbours, inside),
        "skipped": {"sentence": excerpts_sentences.skipped(skipped), "rows": skipped},
        "glossary": excerpts_sentences.GLOSSARY,
        "provenance": _provenance(excerpts),
    }


def _tiles(excerpts: Excerpts) -> list[dict[str, str]]:
    tiles = [
        {
            "value": number(model.at(excerpts.side, POLICY)["macro_f1"], 2),
            "text": f"macro F1 of {readable(model.name)}, {split_name(excerpts.side)}",
        }
        for model in excerpts.models[:3]
    ]
    clips = sum(int(excerpts.models[0].at(side, POLICY)["n_clips"]) for side in excerpts.sides)
    count = len(excerpts.main.thresholds.classes)
    return [*tiles, {"value": f"{clips:,}", "text": f"test clips, in which one or several of {count} instruments lead"}]


def _averages(excerpts: Excerpts) -> list[Block]:
    rows = pd.concat([model.result.summary.assign(model=model.name) for model in excerpts.models])
    fixed = excerpts.task.evaluation.fixed_threshold
    policies = {str(POLICY): "validated", "fixed": f"fixed {fixed:g}"}
    return [
        _drawn(
            excerpts_figures.averages(rows[rows["split"] == side], policies),
            f"averages-{side}",
            f"Micro and macro precision, recall and F1 of all models on {of_split(side)}",
            title=split_name(side),
        )
        for side in excerpts.sides
    ]


def _settings(excerpts: Excerpts, key: str) -> Block:
    rows = excerpts_tables.setting_rows(excerpts, key)
    about = excerpts_findings.experiments if rows else excerpts_findings.missing
    is_window = key == WINDOW
    return {
        "anchor": "windows" if is_window else "activations",
        "title": "Windows" if is_window else "Activations",
        "column": "Window" if is_window else "Activation",
        "about": about(excerpts, key),
        "objective": readable(excerpts.task.evaluation.objective),
        "rows": rows,
        "has_paper": any(row["paper"] for row in rows),
        "figures": _curves(excerpts, has_sweep=bool(rows)) if is_window else [],
    }


def _curves(excerpts: Excerpts, *, has_sweep: bool) -> list[Block]:
    """Return F1 against the threshold: a line a window, or that of the present model where no other was trained."""
    fixed = excerpts.task.evaluation.fixed_threshold
    lines = "One line a window, mean over trainings" if has_sweep else "The present model"
    caption = f"{lines}, under S2. Diamonds: the validated threshold and what it gives. Dotted: {fixed:g}."
    return [
        _drawn(
            excerpts_figures.thresholds(curves(excerpts, side), fixed),
            f"curves-{side}",
            f"Micro and macro F1 against the threshold, {split_name(side)}",
            title=split_name(side),
            caption=caption,
        )
        for side in excerpts.sides
    ]


def _instruments(excerpts: Excerpts) -> Block:
    drawn, main = [], by_instrument(excerpts, excerpts.side)
    first = main[main["setting"] == main["setting"].iloc[0]]
    order = [str(name) for name in first.sort_values("f1", kind="stable", na_position="first")["instrument"]]
    for side in excerpts.sides:
        rows = by_instrument(excerpts, side)
        drawn.append(
            _drawn(
                excerpts_figures.instruments(rows, order),
                f"instruments-{side}",
                f"F1 of every instrument under several settings, {split_name(side)}",
                title=split_name(side),
                caption=excerpts_findings.settings_caption(excerpts),
            )
        )
    return {
        "sentences": excerpts_findings.by_instrument(excerpts, first),
        "figures": drawn,
    }


def _thresholds(excerpts: Excerpts) -> Block:
    rows, main = excerpts_tables.threshold_rows(excerpts), excerpts.main
    overall, fixed = float(main.thresholds.thresholds[POLICY][0]), excerpts.task.evaluation.fixed_threshold
    own = pd.DataFrame({name: [row[name] for row in rows] for name in ("instrument", "threshold")})
    own = own.sort_values("threshold", kind="stable")
    moved = pd.DataFrame([{"instrument": row["instrument"], **side} for row in rows for side in row["sides"]])
    return {
        "model": main.name,
        "overall": overall,
        "about": excerpts_findings.thresholds(excerpts),
        "sentences": excerpts_findings.own_thresholds(excerpts),
        "figures": [
            _drawn(excerpts_figures.own_thresholds(own, overall, fixed), "own-thresholds",
                   "The validated threshold of every instrument", title="Where they lie"),
            _drawn(excerpts_figures.changes(moved, list(own["instrument"])), "changes",
                   "By how much its own threshold changes the F1 of every instrument", title="What they change"),
        ],
        "models": excerpts_tables.threshold_averages(excerpts),
        "rows": rows,
    }  # fmt: skip


def _drawn(figure: Figure, name: str, label: str, *, title: str = "", caption: str = "") -> Block:
    return {"title": title, "caption": caption, "figure": Markup(style.inline_svg(figure, name, label))}


def _provenance(excerpts: Excerpts) -> Sequence[tuple[str, str]]:
    params, size = excerpts.params, excerpts.params.size(excerpts.name)
    rendered = params.corpus(excerpts.task.corpus).is_rendered
    made = f"{size.corpus.songs_per_instrument} songs of each instrument for training, " if rendered else ""
    clips = {side: int(excerpts.models[0].at(side, POLICY)["n_clips"]) for side in excerpts.sides}
    return [
        ("Scale", f"{params.scale}: {made}{size.mixed_validation} validation clips of several labels"),
        ("Test clips", ", ".join(f"{split_name(side)} {count}" for side, count in clips.items())),
        ("Seed", f"{params.seed}; the same seed gives the same corpus, clips and numbers"),
        (
            "Intervals",
            f"{100 * excerpts.task.evaluation.confidence:g}%, from {params.sizes.evaluation.bootstrap_replicates} "
            "bootstrap replicates drawn by song",
        ),
        ("Made by", "dvc repro, from params.yaml, which holds every parameter"),
        ("Experiments", f"kept in metrics/experiments/{excerpts.name} by tutti collect, after tutti sweep"),
        ("Software", software()),
    ]
