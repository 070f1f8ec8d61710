"""Which of several settings is chosen, and whether the test tells it apart from the one that the paper chose.

Settings are chosen by the objective on validation clips, never by the test. Two of them are told apart only where each
was trained more than once and all trainings of one are above all of the other, as they are printed.
"""

from typing import Literal

from tutti.reporting.excerpts_results import Excerpts
from tutti.reporting.excerpts_settings import SWEEPS, Setting, settings, title, told
from tutti.reporting.experiments import ACTIVATION, WINDOW, Repeats
from tutti.reporting.words import number, of_split, readable

Verdict = Literal["same", "open", "other", "untried"]
_DIGITS = 3


def best(excerpts: Excerpts, key: str, papers: object) -> tuple[list[str], Verdict]:
    """Return what was chosen on validation clips, its test scores, and how it stands beside the paper's choice."""
    found = _ranked(excerpts, key)
    thing = "activation" if key == ACTIVATION else "window"
    if not found:
        return [f"No training with another {thing} is known here: \N{LEFT DOUBLE QUOTATION MARK}{SWEEPS[key]}"
                "\N{RIGHT DOUBLE QUOTATION MARK} makes them."], "untried"  # fmt: skip
    winner, *others = found
    metric = excerpts.task.evaluation.objective
    trained = f"{winner.n_trainings} training{'s' if winner.n_trainings > 1 else ''}"
    chosen = f"By the {readable(metric)} on validation clips the best is {title(excerpts, key, winner.value)}: "
    chosen += f"{told(winner.validation)} ({trained})"
    if not others:
        where = f"On {of_split(excerpts.side)} it reaches {told(winner.of(excerpts.side, metric))}"
        return [f"{chosen}, and nothing else was tried. {where}."], "untried"
    favourite = next((each for each in found if each.value == papers), None)
    rival = others[0] if favourite is None or favourite is winner else favourite
    next_ = ", the next" if rival is others[0] else ""
    chosen += f", before {told(rival.validation)} with {title(excerpts, key, rival.value)}{next_}."
    told_apart = _contest(excerpts, key, winner, rival)
    if favourite is None:
        return [chosen, f"{told_apart} {title(excerpts, key, papers)} was not tried."], "untried"
    other = rival if favourite is winner else winner
    return [chosen, told_apart], _verdict(excerpts, favourite, other)


def worst(excerpts: Excerpts, papers: object) -> tuple[str, Verdict] | None:
    """Return how the window that the paper finds the worst stands beside ours; None where it was not tried."""
    found = _ranked(excerpts, WINDOW)
    named = next((each for each in found if each.value == papers), None)
    if named is None or len(found) == 1:
        return None
    last = found[-1]
    rival = found[-2] if named is last else last
    text = (
        f"The lowest on validation clips is {title(excerpts, WINDOW, last.value)}: {told(last.validation)}. "
        f"{_contest(excerpts, WINDOW, named, rival)}"
    )
    return text, _verdict(excerpts, rival, named)  # the paper's worst must be the lower one


def _ranked(excerpts: Excerpts, key: str) -> list[Setting]:
    known = [each for each in settings(excerpts, key) if each.validation.values]
    return sorted(known, key=lambda each: -each.validation.mean)


def _contest(excerpts: Excerpts, key: str, one: Setting, other: Setting) -> str:
    """Return what two settings give on the test, and whether that tells them apart."""
    column, names = excerpts.task.evaluation.objective, [title(excerpts, key, each.value) for each in (one, other)]
    first, second = (each.of(excerpts.side, column) for each in (one, other))
    text = f"On {of_split(excerpts.side)} {names[0]} reaches {told(first)} and {names[1]} {told(second)}: "
    first, second = _rounded(first), _rounded(second)
    if not first.is_judged_beside(second):
        text += "without repeats of both, the two cannot be told apart"
    elif first.is_clearly_above(second) or second.is_clearly_above(first):
        upper = names[0] if first.is_clearly_above(second) else names[1]
        text += f"all trainings with {upper} are above the others ({_range(first)}, {_range(second)})"
    else:
        text += f"their ranges overlap ({_range(first)}, {_range(second)}), so that the two cannot be told apart"
    for side in excerpts.sides[1:]:
        there = " and ".join(told(each.of(side, column)) for each in (one, other))
        text += f"; on {of_split(side)} it is {there}"
    return text + "."


def _verdict(excerpts: Excerpts, higher: Setting, lower: Setting) -> Verdict:
    """Return whether a setting is above another one, as the paper says."""
    first, second = (_rounded(each.of(excerpts.side, excerpts.task.evaluation.objective)) for each in (higher, lower))
    if first.is_clearly_above(second):
        return "same"
    return "other" if second.is_clearly_above(first) else "open"


def _rounded(values: Repeats) -> Repeats:
    return Repeats(tuple(round(value, _DIGITS) for value in values.values))


def _range(values: Repeats) -> str:
    return f"{number(min(values.values))} to {number(max(values.values))}"
