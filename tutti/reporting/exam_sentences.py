"""The prose of the page of the exam, made from parameters and numbers, so that it cannot contradict them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tutti.config import TRAIN, UNSEEN_BANK, UNSEEN_RECORDING, VALIDATION
from tutti.exam.sets import ALL
from tutti.reporting.exam_results import Exam, Judged
from tutti.reporting.exam_words import METRIC_TITLES, class_title
from tutti.reporting.words import listed, of, of_split, percent, quoted, readable, split_name

_TRAINED_ON = {"notes": "single notes", "mixtures": "mixtures"}
GLOSSARY = (
    ("Family", "A group of instruments, as the corpus names them; each is one class, with one yes or no a clip."),
    ("Size", "How many families sound in a clip, from silence (0) to all of them."),
    ("Binary", "A network that answers for one family only: does it sound in this clip?"),
    (
        "Accuracy (Hamming)",
        "The share of all yes-or-no answers that are right. In a clip of few families most right answers are no, so "
        "that it is high even for a model that never says anything.",
    ),
    (
        "Accuracy (IoU)",
        "Of the families that sound or were named, the share that sound and were named; 1 where both are none.",
    ),
    ("EMR", "Exact match ratio: the share of clips in which all answers are right."),
    ("Saying nothing", "What a model gets that answers no to everything: the floor of each measure."),
    (
        "True-positive rate",
        "Of the clips that hold a family, the share in which its binary says yes, tp / (tp + fn). What the paper calls "
        "so is tn / (tn + fn).",
    ),
    (
        "Interval",
        "Where the number would fall if other instruments of the same families had played; it is computed by drawing "
        "the instruments again and again (bootstrap).",
    ),
    (
        "Stand-in",
        "Notes that were rendered from sound banks in the layout of NSynth. A number on them and one of the paper are "
        "not of one experiment.",
    ),
)


def regime(exam: Exam, model: Judged) -> str:
    """Return what sets a regime apart, such as ``binaries trained on single notes``; its name where that does not."""
    heard = [getattr(exam.task.models[each.name], "trained_on", "") for each in exam.regimes]
    own = getattr(exam.task.models[model.name], "trained_on", "")
    if own not in _TRAINED_ON or len(set(heard)) < len(heard):
        return f"the binaries of {readable(model.name)}"
    return f"binaries trained on {_TRAINED_ON[own]}"


def headline(exam: Exam) -> str:
    """Return the main result as one sentence."""
    first, second = (each.overall(exam.side) for each in exam.regimes)
    names = [regime(exam, each) for each in exam.regimes]
    if math.isnan(first["accuracy_hamming"]) or math.isnan(second["accuracy_hamming"]):
        return "The exam could not be judged: no answer of the binaries is known."
    other = names[1].removeprefix("binaries ")
    right, whole = ([percent(float(row[metric])) for row in (first, second)] for metric in ("accuracy_hamming", "emr"))
    return (
        f"On {of_split(exam.side)} of {_range(exam)} families at once, {names[0]} get {right[0]} of all answers right "
        f"and {whole[0]} of the clips wholly right; {other}, {right[1]} and {whole[1]}."
    )


def question(exam: Exam) -> str:
    """Return what the binaries are asked."""
    return (
        f"A clip of {exam.task.clips.seconds:g} seconds holds single notes of {_range(exam)} families of instruments, "
        f"all at once. Which of {len(exam.classes)} families are they? Each family has a network of its own that says "
        "yes or no, a binary; a family that is added needs one more binary, and no other is trained again. "
        f"{exam.paper.name} set this exam to binaries that had heard single notes only; this page repeats it, and sets "
        f"it to {listed([regime(exam, each) for each in exam.regimes])}."
    )


def corpus(exam: Exam) -> str:
    """Return where the notes come from and how they were divided."""
    counted = {side: f"{of(row['instruments'], 'instrument')} with {of(row['notes'], 'note')}"
               for side, row in exam.notes.iterrows()}  # fmt: skip
    parts = [f"{counted[side]} for {name}" for side, name in ((TRAIN, "training"), (VALIDATION, "validation"))
             if side in counted]  # fmt: skip
    parts += [f"{counted[side]} for the exam on {of_split(side)}" for side in exam.sides if side in counted]
    counts = {
        int(count)
        for side in exam.sides
        for size, count in exam.models[0].sizes(side)[["size", "n_clips"]].itertuples(index=False, name=None)
        if size != ALL
    }
    alike = f", {min(counts):,} of each size" if len(counts) == 1 else ""
    return (
        f"The notes are those of the corpus {quoted(exam.task.corpus)}. They were divided by instrument, so that no "
        f"instrument stands on two sides: {listed(parts)}, at scale {quoted(exam.params.scale)}. Clips were overlaid "
        f"after that{alike}."
    )


def left_out(exam: Exam) -> str:
    """Return which families are no classes and why; empty when none was left out."""
    if not exam.left_out:
        return ""
    told = "; ".join(f"{class_title(item['instrument'])} ({item['reason']})" for item in exam.left_out)
    has, stands = ("have", "are") if len(exam.left_out) > 1 else ("has", "is")
    return (
        f"{families(len(exam.left_out))} {has} too few instruments to be trained, validated and tested, and {stands} "
        f"in no clip and no score: {told}."
    )


def stand_in(exam: Exam) -> str:
    """Return what a reader must know about a rendered corpus; empty for any other corpus."""
    if not exam.is_stand_in:
        return ""
    banks = exam.params.corpus(exam.task.corpus).render.banks
    played = listed([f"{part} from {file}" for part, file in banks.items()])
    specimens = exam.params.size(exam.name).corpus.specimens
    alike = f" Each kind of instrument has {specimens} specimens, which play the same samples in other voices." * (
        specimens > 1
    )
    return (
        "No musician was recorded for this corpus: the notes were rendered from sound banks in the layout of "
        f"{exam.paper.corpus} ({played}).{alike} It stands in for the recordings of the paper. The numbers tell how "
        "ways of training and sizes compare with each other; they do not tell how well binaries would do on recorded "
        "notes, and none of them is of one experiment with a number of the paper beside it."
    )


def sides(exam: Exam) -> list[dict[str, str]]:
    """Return the exams that have clips, and how thresholds are chosen, one paragraph each."""
    split = exam.task.split
    banks = listed(split.test_banks or split.training_banks)
    texts = {
        UNSEEN_RECORDING: f"Instruments that no binary heard in training ({banks}), from the same source as those of "
        "the training: does a binary know the family, or only its instruments?",
        UNSEEN_BANK: f"Instruments from a source that no binary heard ({listed(split.unseen_banks)}): does a binary "
        "know the family, or only this source of it?",
    }
    told = [
        {"name": split_name(side), "text": f"{texts[side]} {of(n_clips(exam, side), 'clip')}."} for side in exam.sides
    ]
    return [*told, {"name": "Where thresholds come from", "text": _validation(exam)}]


def _validation(exam: Exam) -> str:
    config = exam.task.evaluation
    return (
        "From validation mixtures of all sizes, of instruments of their own, and never from the exam. What "
        f"has the best {_metric(config.objective)} on them is the threshold for all binaries; a binary's own threshold "
        "has the best share of its right answers, drawn towards the one for all as if by "
        f"{config.shrinkage:g} more clips. The paper chose what was best on its exam."
    )


def measures(exam: Exam) -> str:
    """Return what the paper's accuracy is, and how to read the figures."""
    return (
        f"The paper gives the formula of intersection over union (IoU) for its accuracy{_cap(exam)}. What it prints is "
        "the share of right answers (Hamming), so its line stands there, and IoU stands by itself. Vertical lines are "
        f"{100 * exam.task.evaluation.confidence:g}% intervals; dashed is what saying nothing gets."
    )


def _cap(exam: Exam) -> str:
    """Return how large the paper's IoU at one family can be with its EMR: a clip that is not right has half at most."""
    printed = exam.paper.sizes.get("1")
    if printed is None:
        return ""
    accuracy, emr = printed
    cap = 100 * (emr.value + (1 - emr.value) / 2)
    return f"; its EMR of {emr.text}% at one family would cap that at {cap:.1f}%, and it prints {accuracy.text}%"


def fall(exam: Exam, side: str) -> str:
    """Return how accuracy and exact matches change from one family to the most there are."""
    sizes = [int(size) for size in exam.regimes[0].sizes(side)["size"] if size not in (ALL, "0")]
    if not sizes:
        return f"On {of_split(side)} no clip holds a family."
    ends = [str(min(sizes)), str(max(sizes))]
    parts = []
    for metric in ("accuracy_hamming", "emr"):
        changes = []
        for model in exam.regimes:
            by_size = dict(zip(model.sizes(side)["size"], model.sizes(side)[metric].astype(float), strict=True))
            changes.append(f"{readable(model.name)} from {percent(by_size[ends[0]])} to {percent(by_size[ends[1]])}")
        parts.append(f"{_metric(metric)} goes in {' and in '.join(changes)}")
    floor = exam.regimes[0].sizes(side).set_index("size")["floor_accuracy_hamming"].to_dict()
    return (
        f"On {of_split(side)}, from {ends[0]} to {families(int(ends[1]))}: {'; '.join(parts)}. Saying nothing gets an "
        f"accuracy (Hamming) of {percent(floor[ends[0]])} and {percent(floor[ends[1]])}."
    )


def skipped(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many clips were left out of scores."""
    if not rows:
        return "No note and no clip was left out."
    what = "1 file or clip" if len(rows) == 1 else f"{len(rows):,} files and clips"
    return f"{what} could not be used or scored: no number of the models named beside them holds them."


def n_clips(exam: Exam, side: str) -> int:
    """Return the number of clips of an exam."""
    return int(exam.models[0].overall(side)["n_clips"])


def _range(exam: Exam) -> str:
    sizes = [int(size) for size in exam.models[0].sizes(exam.side)["size"] if size != ALL]
    return f"{min(sizes)} to {max(sizes)}"


def families(count: int) -> str:
    """Return a number of families: ``1 family``, ``10 families``."""
    return f"{count:,} famil{'y' if count == 1 else 'ies'}"


def _metric(name: str) -> str:
    title = METRIC_TITLES[name]
    return "EMR" if name == "emr" else title[:1].lower() + title[1:]
