"""What a task on excerpts found, in sentences made from its numbers, and how its experiments were made."""

import pandas as pd

from tutti.reporting.excerpts_results import POLICY, Excerpts
from tutti.reporting.excerpts_settings import SWEEPS, title
from tutti.reporting.experiments import ACTIVATION, WINDOW
from tutti.reporting.words import instrument_title, listed, number, of, of_split, readable, sentence_case, signed


def experiments(excerpts: Excerpts, key: str) -> str:
    """Return what was trained to compare a setting, or which command does so.

    Args:
        excerpts: the task's results.
        key: ``activation`` | ``window_seconds``.
    """
    name, command = readable(excerpts.task.studies.settings_of), SWEEPS[key]
    what = "activations" if key == ACTIVATION else "windows"
    if excerpts.present is None:
        return f"{sentence_case(name)} has no {what} to compare."
    other = WINDOW if key == ACTIVATION else ACTIVATION
    kept = title(excerpts, other, getattr(excerpts.present, other))
    kept = f"windows of {kept}" if other == WINDOW else f"the activation {kept}"
    return (
        f"{sentence_case(name)} was trained several times with each of several {what}, with {kept} otherwise "
        f"(\N{LEFT DOUBLE QUOTATION MARK}{command}\N{RIGHT DOUBLE QUOTATION MARK}); the trainings of a row differ in "
        f"their random start only. Each has its own validated threshold, under {_aggregation(excerpts)}."
    )


def missing(excerpts: Excerpts, key: str) -> str:
    """Return which command makes the trainings of a sweep that has none."""
    what = "activations" if key == ACTIVATION else "windows"
    if excerpts.present is None:
        return experiments(excerpts, key)
    return (
        f"No trainings with other {what} are known: \N{LEFT DOUBLE QUOTATION MARK}{SWEEPS[key]}"
        "\N{RIGHT DOUBLE QUOTATION MARK} makes them."
    )


def others_left_out(excerpts: Excerpts) -> str:
    """Return how many experiments do not count; empty where all do."""
    count = excerpts.experiments.n_left_out
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{of(count, 'training')} on other clips than the present ones {verb} left out of these comparisons."


def by_instrument(excerpts: Excerpts, rows: pd.DataFrame) -> list[str]:
    """Return which instruments are known best and least as the model is, and what the paper says.

    Args:
        excerpts: the task's results.
        rows: columns instrument and f1, as the model is on the main side.
    """
    judged = rows.dropna(subset=["f1"])
    theirs = [
        f"{listed([instrument_title(name).lower() for name in group])} (about {number(next(iter(group.values())), 2)})"
        for group in (excerpts.paper.instruments[end] for end in ("best", "worst"))
    ]
    paper = f"The paper finds {theirs[0]} the best known and {theirs[1]} the least."
    if judged.empty:
        return [paper]
    ordered = judged.sort_values(["f1", "instrument"], ascending=[False, True])
    best, worst = (ordered.iloc[place] for place in (0, -1))
    return [
        paper,
        f"Here, on {of_split(excerpts.side)}, {readable(excerpts.main.name)} knows "
        f"{instrument_title(str(best['instrument'])).lower()} best (F1 {number(best['f1'], 2)}) and "
        f"{instrument_title(str(worst['instrument'])).lower()} least ({number(worst['f1'], 2)}).",
    ]


def settings_caption(excerpts: Excerpts) -> str:
    """Return how to read the figure of instruments under several settings."""
    worst = title(excerpts, WINDOW, excerpts.paper.windows["worst"])
    return (
        f"As it is: {_aggregation(excerpts)} at its validated threshold. S1: at its own validated threshold. Threshold "
        f"0.20: under S2. Windows of {worst}, where such models were trained: the mean over trainings."
    )


def aggregations(excerpts: Excerpts) -> str:
    """Return what is compared, and which aggregation the page's other numbers are under."""
    name = readable(excerpts.main.name)
    return (
        f"The windows of a clip give one score for each instrument in one of several ways. Here {name} is judged under "
        f"three of them, each with the threshold that validation clips choose for it; all else on this page is under "
        f"{_aggregation(excerpts)}. Both sides of a difference meet the same bootstrap replicates."
    )


def thresholds(excerpts: Excerpts) -> str:
    """Return why instruments may need thresholds of their own."""
    shrinkage = excerpts.task.evaluation.shrinkage
    pulled = (
        f" It is drawn towards the one for all as if that had been chosen on {shrinkage:g} clips with the instrument."
        if shrinkage
        else ""
    )
    return (
        "An instrument that accompanies may need a lower threshold than one that leads, and the paper wishes for one "
        f"threshold for each. Here validation clips choose it, by each instrument's own F1.{pulled}"
    )


def own_thresholds(excerpts: Excerpts) -> list[str]:
    """Return what one threshold an instrument changes, a sentence a side, for the model whose settings are compared."""
    found = []
    for side in excerpts.sides:
        one, own = (excerpts.main.at(side, policy) for policy in (POLICY, "validated_per_class"))
        parts = []
        for metric in ("macro_f1", "micro_f1"):
            change = signed(round(own[metric], 3) - round(one[metric], 3), 3)
            parts.append(f"the {readable(metric)} from {number(one[metric])} to {number(own[metric])} ({change})")
        clear = own["macro_f1_low"] > one["macro_f1_high"] or one["macro_f1_low"] > own["macro_f1_high"]
        sure = "do not overlap" if clear else "overlap, so that the two cannot be told apart"
        found.append(
            f"On {of_split(side)} a threshold for each instrument moves {listed(parts)}; the intervals of the macro F1 "
            f"{sure}."
        )
    return found


def _aggregation(excerpts: Excerpts) -> str:
    name = excerpts.task.evaluation.aggregation
    return name.upper() if name in ("s1", "s2") else f"{name} aggregation"
