"""The prose of the page of a task on excerpts, made from parameters and numbers, so that it cannot contradict them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tutti.config import TRAIN, UNSEEN_BANK, UNSEEN_RECORDING, VALIDATION
from tutti.reporting import sentences
from tutti.reporting.excerpts_results import POLICY, Excerpts
from tutti.reporting.words import (
    listed,
    number,
    of,
    of_split,
    quoted,
    readable,
    split_name,
)

_WORDS = ("F1", "Macro, micro", "mAP", "EMR", "Interval")
GLOSSARY = (
    ("Precision", "Of the instruments that a model named, the share that really leads."),
    ("Recall", "Of the instruments that really lead, the share that the model named."),
    *((word, meaning) for word, meaning in sentences.GLOSSARY if word in _WORDS),
    (
        "S1, S2",
        "Two ways from the scores of a clip's windows to those of the clip. S1 is their mean. S2 is their sum divided "
        "by that of the clip's strongest instrument, so that one instrument of every clip scores 1, and a threshold "
        "is relative to it.",
    ),
    (
        "Adaptive",
        "A family with S1 and S2 in it: higher windows may count more, and scores may be taken relative to the "
        "strongest instrument in part. The member that is best on validation clips is taken.",
    ),
    (
        "\N{PLUS-MINUS SIGN}",
        "Standard deviation over trainings that differ in their random start only. It says nothing about other songs; "
        "intervals do.",
    ),
)


def headline(excerpts: Excerpts) -> str:
    """Return the main result as one sentence."""
    best = excerpts.models[0]
    row = best.at(excerpts.side, POLICY)
    if math.isnan(row["macro_f1"]):
        return "No model could be judged: no instrument of the task leads in the clips it was tested on."
    text = (
        f"On {of_split(excerpts.side)}, {readable(best.name)} names the leading instruments with a macro F1 of "
        f"{number(row['macro_f1'], 2)} (mean of {int(row['n_classes_evaluable'])} instruments)"
    )
    for side in excerpts.sides[1:]:
        text += f"; on {of_split(side)} with {number(best.at(side, POLICY)['macro_f1'], 2)}"
    return text + "."


def question(excerpts: Excerpts) -> str:
    """Return what the models are asked."""
    n_instruments = len(excerpts.main.thresholds.classes)
    return (
        f"Which of {n_instruments} instruments lead in an excerpt of music, while others accompany? A model is trained "
        "on short excerpts in which one instrument leads, and asked about longer ones in which one or several do. It "
        "gives every instrument a score from 0 to 1; where the score reaches a threshold, the instrument is named. "
        f"{excerpts.paper.name} asked so; this page repeats their experiments."
    )


def corpus(excerpts: Excerpts) -> str:
    """Return where the clips come from and how they were divided."""
    counted = {side: f"{of(row['songs'], 'song')} with {of(row['excerpts'], 'excerpt')}"
               for side, row in excerpts.songs.iterrows()}  # fmt: skip
    parts = [f"{counted[side]} for {name}" for side, name in ((TRAIN, "training"), (VALIDATION, "validation"))
             if side in counted]  # fmt: skip
    parts += [f"{counted[side]} for the test on {of_split(side)}" for side in excerpts.sides if side in counted]
    return (
        f"The excerpts are those of the corpus {quoted(excerpts.task.corpus)}. They were divided by song, so that no "
        f"song stands on two sides: {listed(parts)}, at scale {quoted(excerpts.params.scale)}."
    )


def stand_in(excerpts: Excerpts) -> str:
    """Return what a reader must know about a rendered corpus; empty for any other corpus."""
    section = excerpts.params.corpus(excerpts.task.corpus)
    if not section.is_rendered:
        return ""
    files: dict[str, list[str]] = {}
    for part, file in section.render.banks.items():
        files.setdefault(file, []).append(part)
    played = listed([f"{listed(parts)} from {file}" for file, parts in files.items()])
    return (
        "No musician was recorded for this corpus: the songs were composed by a program and rendered from sound banks, "
        f"which hold recorded single notes of real instruments ({played}). It stands in for the recordings of the "
        "paper. The numbers tell how models and settings compare with each other; they do not tell how well a model "
        "would do on a recording of real music."
    )


def sides(excerpts: Excerpts) -> list[dict[str, str]]:
    """Return the test sides that have clips, and how thresholds are chosen, one paragraph each."""
    split = excerpts.task.split
    banks = listed(split.test_banks) or listed(split.training_banks)
    texts = {
        UNSEEN_RECORDING: f"Songs that no model heard in training ({banks}), from the same source as the training "
        f"excerpts ({listed(split.training_banks)}): does the model know the instrument, or only the song?",
        UNSEEN_BANK: f"Songs played by other instruments of the same kinds, from a source that no model heard "
        f"({listed(split.unseen_banks)}): does the model know the instrument, or only this sound of it?",
    }
    n_clips = {side: int(excerpts.models[0].at(side, POLICY)["n_clips"]) for side in excerpts.sides}
    told = [
        {"name": split_name(side), "text": f"{texts[side]} {of(n_clips[side], 'clip')}."} for side in excerpts.sides
    ]
    return [*told, {"name": "Where thresholds come from", "text": _validation(excerpts)}]


def _validation(excerpts: Excerpts) -> str:
    mixed, metric = excerpts.task.clips.mixed_validation, readable(excerpts.task.evaluation.objective)
    shares = [f"{100 * share:.0f}% with {of(count, 'label')}" for count, share in enumerate(mixed.label_shares, 1)
              if share]  # fmt: skip
    low, high = mixed.seconds
    return (
        "From validation clips with several labels, never from the test: excerpts of validation songs, joined and "
        f"laid over each other to clips of {low:g} to {high:g} s, {listed(shares)}. The threshold with the best "
        f"{metric} on them is taken. The paper took what was best on its test."
    )


def comparison(excerpts: Excerpts) -> str:
    """Return how to read the comparison."""
    return (
        f"The models stand in the order of their macro F1 on {of_split(excerpts.side)} at one threshold for all "
        "instruments, chosen on validation clips. Beside it stands a fixed threshold of "
        f"{excerpts.task.evaluation.fixed_threshold:g}, as in the paper. The lines on the bars of F1 are its intervals."
    )


def no_paper(excerpts: Excerpts) -> str:
    """Return which of our models have no figure of the paper beside them; empty where all have one."""
    without = [readable(model.name) for model in excerpts.models if excerpts.paper.of_model(model.name) is None]
    if not without:
        return ""
    return f"The paper prints no figures of a system as {listed(without)}: it draws older systems without numbers."


def skipped(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many clips were left out of scores."""
    if not rows:
        return "No clip was left out."
    what = "1 file or clip" if len(rows) == 1 else f"{len(rows):,} files and clips"
    return f"{what} could not be used or scored: no number of the models named beside them holds them."
