"""Names in the exam as people read them.

A class is a family, whose name may be that of an instrument of the taxonomy: it is never looked up there.
"""

from collections.abc import Sequence

from tutti.config import Policy
from tutti.reporting.words import listed, readable, sentence_case, split_name

METRIC_TITLES = {
    "accuracy_hamming": "Accuracy (Hamming)",
    "accuracy_iou": "Accuracy (IoU)",
    "emr": "Exact match ratio (EMR)",
}
_SET_NAMES = {
    "validation_mixtures": "validation mixtures",
    "validation_notes": "validation",
    "unseen_recording_notes": split_name("unseen_recording"),
    "unseen_bank_notes": split_name("unseen_bank"),
}


def class_title(name: str) -> str:
    """Return a class' name as words: ``synth_lead`` is ``Synth lead``."""
    return sentence_case(name.replace("_", " "))


def model_title(name: str) -> str:
    """Return a model's name as words."""
    return sentence_case(readable(name))


def set_title(name: str) -> str:
    """Return the name of a set of clips as words."""
    return _SET_NAMES.get(name, split_name(name))


def policy_title(policy: Policy, fixed: float) -> str:
    """Return a threshold policy as words.

    Args:
        policy: its name.
        fixed: the fixed threshold.
    """
    names = {"fixed": f"fixed {fixed:g}", "validated_global": "validated, one for all"}
    return names.get(policy, "validated, one for each")


def points(share: float, digits: int = 1) -> str:
    """Return a share of 0..1 as a number of percent; ``n/a`` where there is none."""
    return "n/a" if share != share else f"{100 * share:.{digits}f}"


def signed_points(share: float, digits: int = 1) -> str:
    """Return a difference of shares in points of percent, with its sign; ``n/a`` where there is none."""
    if share != share:
        return "n/a"
    rounded = round(100 * share, digits)
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if rounded else f"{0:.{digits}f}"


def sizes_told(sizes: Sequence[int], among: Sequence[int]) -> str:
    """Return numbers of families as words: ``2 to 4 and 6``.

    Args:
        sizes: what to tell, from the smallest on.
        among: all sizes that there are, from the smallest on; neighbours among them make a range.
    """
    place = {size: index for index, size in enumerate(among)}
    runs: list[list[int]] = []
    for size in sizes:
        if runs and place[size] == place[runs[-1][-1]] + 1:
            runs[-1].append(size)
        else:
            runs.append([size])
    return listed([part for run in runs for part in _run(run)])


def _run(run: Sequence[int]) -> list[str]:
    return [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(size) for size in run]
