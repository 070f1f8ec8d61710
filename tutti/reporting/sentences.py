"""The prose of the report, made from parameters and numbers, so that it cannot contradict them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tutti.config import UNSEEN_BANK, UNSEEN_RECORDING, MixingTask, Params, TaskConfig
from tutti.reporting.words import (
    instrument_title,
    listed,
    number,
    of_split,
    policy_name,
    readable,
    sentence_case,
    split_name,
)

GLOSSARY = (
    ("Precision", "Of the instruments that a model named, the share that really sounds."),
    ("Recall", "Of the instruments that really sound, the share that the model named."),
    ("F1", "One number for both: their harmonic mean, which is high only when both are high."),
    (
        "Macro, micro",
        "Macro takes the score of each instrument and then the mean; micro counts all decisions together. "
        "Instruments that cannot be judged are left out of macro.",
    ),
    (
        "mAP",
        "Mean average precision: how well the scores put the clips that hold an instrument before the others. It "
        "depends on no threshold.",
    ),
    ("EMR", "Exact match ratio: the share of clips in which every instrument was named and none falsely."),
    (
        "Hamming, IoU",
        "The share of all yes-or-no decisions that are right (high even for a model that never says "
        "anything), and the instruments named rightly over all those that sound or were named.",
    ),
    (
        "Interval",
        "Where the number would fall if other recordings had been used for the test; it is computed by "
        "drawing the recordings again and again (bootstrap).",
    ),
)


def headline(table: pd.DataFrame, params: Params, n_instruments: int) -> str:
    """Return the main result as one sentence.

    Args:
        table: the comparison of all tasks.
        params: name the task, split and policy that come first.
        n_instruments: how many instruments the scores are the mean of.
    """
    rows = main_rows(table, params)
    first = rows[rows["split"] == params.report.main_split]
    if first["macro_f1"].isna().all():
        return "No model could be judged: no instrument of the task sounds in the clips it was tested on."
    best = first.sort_values("macro_f1", ascending=False, kind="stable").iloc[0]
    text = (
        f"On {of_split(params.report.main_split)}, {readable(best['model'])} names the instruments with a macro F1 "
        f"of {number(best['macro_f1'], 2)} (mean of {n_instruments} instruments)"
    )
    others = rows[(rows["model"] == best["model"]) & (rows["split"] != params.report.main_split)]
    for _, row in others.iterrows():
        text += f"; on {of_split(row['split'])} with {number(row['macro_f1'], 2)}"
    return sentence_case(text) + "."


def main_rows(table: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return the rows of the comparison that come first: the report's task at its main policy."""
    return table[(table["task"] == params.report.task) & (table["threshold_policy"] == params.report.main_policy)]


def question(task: MixingTask, n_instruments: int) -> str:
    """Return what the models of a task are asked."""
    clips = task.clips
    return (
        f"A clip of {clips.seconds:g} seconds holds {clips.min_polyphony} to {clips.max_polyphony} instruments "
        f"that play together. Which of {n_instruments} instruments are they? A model hears the clip and gives "
        "every instrument a score from 0 to 1; where the score reaches a threshold, the instrument is named."
    )


def corpus(params: Params, task: TaskConfig, n_clips: dict[str, int]) -> str:
    """Return where the clips come from."""
    tested = listed([f"{count} clips of {of_split(split)}" for split, count in n_clips.items()])
    return (
        f"The clips are mixed from solo recordings of the corpus \N{LEFT DOUBLE QUOTATION MARK}{task.corpus}"
        "\N{RIGHT DOUBLE QUOTATION MARK}, each brought to the same loudness before a random gain. Recordings were "
        "divided between training and test before anything was mixed, and no recording serves both. The models "
        f"are judged on {tested}, at scale "
        f"\N{LEFT DOUBLE QUOTATION MARK}{params.scale}\N{RIGHT DOUBLE QUOTATION MARK}."
    )


def stand_in(params: Params, task: TaskConfig) -> str:
    """Return what a reader must know about a rendered corpus; empty for any other corpus."""
    section = params.corpus(task.corpus)
    if not section.is_rendered:
        return ""
    banks = listed([f"{name} ({file})" for name, file in section.render.banks.items()])
    return (
        "No musician was recorded for this corpus: the phrases were composed by a program and rendered from the "
        f"sound banks {banks}, which hold recorded single notes of real instruments. It stands in for the corpora "
        "of the papers. The numbers tell how the models compare with each other; they do not tell how well a "
        "model would do on a recording of real music."
    )


def splits(task: TaskConfig) -> list[dict[str, str]]:
    """Return the two test sets and what each asks, one sentence each."""
    training, unseen = listed(task.split.training_banks), listed(task.split.unseen_banks)
    if not unseen:
        question = (
            "There is none: all recordings belong to one collection. Whether a model knows the instruments, or only "
            "this collection of them, these results cannot tell; recordings from elsewhere could."
        )
    else:
        question = (
            f"Phrases from a collection of which no model heard anything ({unseen}), that is other recordings of the "
            "same instruments: does the model know the instrument, or only this recording of it?"
        )
    recording, bank = split_name(UNSEEN_RECORDING), split_name(UNSEEN_BANK)
    return [
        {
            "name": recording,
            "text": f"Phrases that no model heard in training, from the same collection "
            f"as the training phrases ({training}): does the model know the instrument, or only the phrase?",
        },
        {"name": bank, "text": question},
    ]


def comparison(params: Params) -> str:
    """Return how to read the comparison's figures and table."""
    return (
        f"The models stand in the order of their macro F1 on {of_split(params.report.main_split)}. The two figures and "
        f"the table use the threshold \N{LEFT DOUBLE QUOTATION MARK}{policy_name(params.report.main_policy)}"
        "\N{RIGHT DOUBLE QUOTATION MARK}; the lines on the bars are the intervals."
    )


def thresholds(task: TaskConfig) -> str:
    """Return what the three policies are."""
    return (
        f"A score is turned into yes or no by a threshold: fixed is {task.evaluation.fixed_threshold:g} for "
        "everything, as in the papers; validated means that the threshold with the best F1 was chosen on separate "
        "validation clips, either one for all instruments or one for each instrument. No threshold was chosen on "
        "the clips that the models are judged on."
    )


def model(row: pd.Series, policy: str) -> str:
    """Return what a row of the comparison means, in words."""
    return (
        f"With the threshold \N{LEFT DOUBLE QUOTATION MARK}{policy_name(policy)}\N{RIGHT DOUBLE QUOTATION MARK}, "
        f"on {of_split(row['split'])}: of the instruments it named, {_percent(row['micro_precision'])} really "
        f"sounded; of those that sounded, it named {_percent(row['micro_recall'])}; all instruments were right, "
        f"and none too many, in {_percent(row['emr'])} of the clips."
    )


def not_evaluable(names: list[str]) -> str:
    """Return which instruments have no score, and why; empty when all have one."""
    if not names:
        return ""
    return (
        f"{listed([instrument_title(name) for name in names])}: no clip of the test set holds "
        f"{'it' if len(names) == 1 else 'them'}, so there is no score, and "
        f"{'it is' if len(names) == 1 else 'they are'} left out of every mean over instruments."
    )


def groups(rows: Sequence[Mapping[str, Any]], model: str) -> str:
    """Return which Hornbostel-Sachs classes a model knows best and least, and where its confusions stay inside.

    Args:
        rows: one a class: hornbostel_sachs, macro_f1, confusions, inside, inside_by_chance.
        model: its name.
    """
    judged = sorted((row for row in rows if not pd.isna(row["macro_f1"])), key=lambda row: -row["macro_f1"])
    if not judged:
        return "No instrument of any class could be judged."
    ranked = [f"{readable(row['hornbostel_sachs'])}s {number(row['macro_f1'], 2)}" for row in judged]
    text = f"Macro F1 of {readable(model)} by class, best first: {listed(ranked)}."
    above = [f"{readable(row['hornbostel_sachs'])}s" for row in judged if row["inside"] > row["inside_by_chance"]]
    mistaken = [row for row in judged if row["confusions"]]
    if not mistaken:
        return f"{text} It confused no instruments."
    if not above:
        return f"{text} In no class is an instrument of the same class named instead more often than chance would have."
    kept = "each class" if len(above) == len(mistaken) > 1 else listed(above)
    return f"{text} Of {kept}, more confusions stay inside the class than chance would have."


def _percent(share: float) -> str:
    return "an unknown share" if pd.isna(share) else f"{100 * share:.0f}%"
