"""The report's sections on the studies beside the comparison, each from the files that the study wrote.

A study whose files are missing has no section: a task need not have any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tutti.config import UNSEEN_RECORDING, Params
from tutti.errors import DataError
from tutti.reporting import study_figures, study_sentences, style
from tutti.reporting.comparison import Result, read_table
from tutti.reporting.words import instrument_title, number, readable, sentence_case
from tutti.store import read_json

LEAK, ENTER_LEAVE, ENTER_LEAVE_JSON, VARIETY = "leak.csv", "enter_leave.csv", "enter_leave.json", "variety.csv"
LEAK_COLUMNS = (
    "scope", "threshold_policy", "f1_leaked", "f1_honest", "difference", "difference_low", "difference_high", "n_clips",
)  # fmt: skip
SOUNDING_COLUMNS = ("threshold_policy", "sounding", "recall", "support")
VARIETY_COLUMNS = (
    "model", "recordings", "banks", "tested_on", "macro_f1", "macro_f1_low", "macro_f1_high", "micro_f1", "n_train",
    "n_clips",
)  # fmt: skip
LEAKING, ALL = "leaking", "all"


@dataclass(frozen=True)
class Study:
    """One section of the page.

    Attributes:
        anchor: its id.
        title: its heading.
        about: what was done, and why.
        sentences: what came out, made from the numbers.
        figures: caption and drawing.
        caption: of the table.
        header: of the table.
        rows: of the table, texts; the first is a row's name.
    """

    anchor: str
    title: str
    about: str
    sentences: list[str]
    figures: list[tuple[str, Markup]]
    caption: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def studies(results: Sequence[Result], params: Params) -> list[Study]:
    """Return the sections of the report's task whose files are there.

    Args:
        results: those of the report's task, best first.
        params: name the main policy.

    Raises:
        DataError: when a file is there and damaged.
    """
    found = (_leak(results, params), _enter_leave(results, params), _variety(results))
    return [section for section in found if section is not None]


def _leak(results: Sequence[Result], params: Params) -> Study | None:
    rows = _of_models(results, LEAK, LEAK_COLUMNS, params.report.main_policy)
    means = rows[rows["scope"] == LEAKING]
    if means.empty:
        return None
    single = rows[~rows["scope"].isin((LEAKING, ALL))]
    first = single[single["model"] == means["model"].iloc[0]]
    n_instruments = first["scope"].nunique()
    return Study(
        "leak",
        "What a leak is worth",
        f"For {n_instruments} instruments one recording of the training was also used for test clips, as happened in "
        "the paper for five. Both kinds of test clips were judged with the same models and thresholds; what a model "
        "scores more on the recordings it was trained on is not knowledge of the instrument.",
        study_sentences.leak(means, rows[rows["scope"] == ALL], n_instruments),
        [("The longer the line, the more of the score is false.", _drawn(study_figures.leak(means), "leak"))],
        f"F1 of {readable(str(means['model'].iloc[0]))} on each leaking instrument",
        ("Instrument", "Trained on", "Others", "False part", "Interval"),
        tuple(_leak_row(row) for row in first.to_dict("records")),
    )


def _leak_row(row: dict[Any, Any]) -> tuple[str, ...]:
    limits = f"{number(row['difference_low'], 2)} to {number(row['difference_high'], 2)}"
    scores = (number(row[name], 2) for name in ("f1_leaked", "f1_honest", "difference"))
    return (instrument_title(str(row["scope"])), *scores, limits)


def _enter_leave(results: Sequence[Result], params: Params) -> Study | None:
    policy = params.report.main_policy
    rows = _of_models(results, ENTER_LEAVE, SOUNDING_COLUMNS, policy)
    bins = rows[rows["sounding"] != ALL]
    if bins.empty:
        return None
    levels = {
        result.model: read_levels(result.folder / ENTER_LEAVE_JSON, policy)
        for result in results
        if (result.folder / ENTER_LEAVE_JSON).is_file()
    }
    return Study(
        "enter-leave",
        "Instruments that enter and leave",
        "In the clips of the comparison everything plays all the time; in music it does not. Here instruments enter "
        "late and leave early, and when each of them sounds is known exactly.",
        study_sentences.enter_leave(bins, levels),
        [(
            "How often an instrument that sounds is named, by how much of the clip it sounds in.",
            _drawn(study_figures.sounding(bins), "enter-leave"),
        )],
        "F1 of whole clips, and of windows against the exact times (\N{EN DASH}: the model sees a clip at once)",
        ("Model", "Macro F1, enter and leave", "all play", "Micro F1, enter and leave", "all play", "a window"),
        tuple(_level_row(model, each) for model, each in levels.items()),
    )  # fmt: skip


def _level_row(model: str, levels: study_sentences.Levels) -> tuple[str, ...]:
    return (
        sentence_case(readable(model)),
        *(number(part[f"{name}_f1"], 2) for name in ("macro", "micro") for part in (levels.clips, levels.beside)),
        number(levels.windows["micro_f1"], 2) if levels.windows else "\N{EN DASH}",
    )  # fmt: skip


def read_levels(path: Path, policy: str) -> study_sentences.Levels:
    """Read a model's ``enter_leave.json`` at one policy.

    Raises:
        DataError: when it is missing or damaged.
    """
    content = read_json(path)
    try:
        clips, windows = content["clips"], content["windows"]
        parts = [clips["enter_leave"][policy], clips[UNSEEN_RECORDING][policy]]
        parts += [windows["f1"][policy]] if windows else []
        scores = [{name: _score(part[name]) for name in ("micro_f1", "macro_f1")} for part in parts]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} does not hold the study's scores ({error!r}): run `dvc repro`") from None
    return study_sentences.Levels(scores[0], scores[1], scores[2] if windows else None)


def _score(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _variety(results: Sequence[Result]) -> Study | None:
    folders = {result.folder.parent / "variety" / VARIETY for result in results}
    paths = [path for path in sorted(folders) if path.is_file()]
    if not paths:
        return None
    rows = read_table(paths[0], VARIETY_COLUMNS)
    if rows["macro_f1"].isna().all():
        return None
    figures = [
        (f"{sentence_case(readable(str(model)))}, tested on the bank it heard or on the other one, trained on "
         "recordings from one bank or from both; with intervals.",
         _drawn(study_figures.variety(part), f"variety-{model}"))
        for model, part in rows.groupby("model", sort=False)
    ]  # fmt: skip
    return Study(
        "variety",
        "How many recordings an instrument needs",
        "The same model was trained again and again on fewer or more recordings of each instrument, from one sound "
        "bank or from both, and always tested on the same recordings.",
        study_sentences.variety(rows),
        figures,
    )


def _of_models(results: Sequence[Result], name: str, columns: tuple[str, ...], policy: str) -> pd.DataFrame:
    """Return a study's table of all models that have one, at one policy, best model first."""
    parts = [
        read_table(result.folder / name, columns).assign(model=result.model)
        for result in results
        if (result.folder / name).is_file()
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*columns, "model"])
    return table[table["threshold_policy"] == policy]


def _drawn(figure: Any, name: str) -> Markup:
    return Markup(style.inline_svg(figure, f"study-{name}", f"Study: {name.replace('-', ' ')}"))
