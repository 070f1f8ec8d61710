"""The four claims of the paper, and what our clips say about each: all from numbers, nothing by hand.

Activations and windows meet in ``excerpts_contests``. Two aggregations or thresholds of a training are told apart only
where the interval of their difference does not hold zero. Numbers are compared as they are printed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tutti.evaluation.aggregation import S1, S2
from tutti.reporting import excerpts_contests
from tutti.reporting.excerpts_contests import Verdict
from tutti.reporting.excerpts_results import Excerpts
from tutti.reporting.excerpts_settings import title
from tutti.reporting.experiments import ACTIVATION, WINDOW
from tutti.reporting.published_excerpts import Row
from tutti.reporting.words import number, of_split, readable, sentence_case, signed

VERDICTS: dict[Verdict, str] = {
    "same": "the same here",
    "open": "cannot be told apart here",
    "other": "not so here",
    "untried": "not tried here",
}
_DIGITS = 3
_AND = "; "


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        title: what it is about.
        paper: what the paper says.
        ours: what our clips say, sentence by sentence.
        verdicts: whether that is the same on the main side; a claim may have two parts, each with a name.
    """

    title: str
    paper: str
    ours: Sequence[str]
    verdicts: Mapping[str, Verdict]

    @property
    def labels(self) -> list[tuple[Verdict, str]]:
        """The verdicts as words."""
        return [(verdict, sentence_case(f"{part}{VERDICTS[verdict]}")) for part, verdict in self.verdicts.items()]


def claims(excerpts: Excerpts) -> list[Claim]:
    """Return the paper's four claims.

    Args:
        excerpts: the task's results.
    """
    return [_activation(excerpts), _window(excerpts), _aggregation(excerpts), _threshold(excerpts)]


def _activation(excerpts: Excerpts) -> Claim:
    paper = excerpts.paper
    best, *others = sorted(paper.activations, key=lambda name: -_f1(paper.activations[name], excerpts))
    first, second = (paper.activations[name] for name in (best, others[0]))
    said = (
        f"{first.title} is the best activation: {_metric(excerpts)} {number(_f1(first, excerpts))}, before "
        f"{number(_f1(second, excerpts))} with {second.title}."
    )
    ours, verdict = excerpts_contests.best(excerpts, ACTIVATION, best)
    return Claim("Activation", said, ours, {"": verdict})


def _window(excerpts: Excerpts) -> Claim:
    windows = excerpts.paper.windows
    best, worst = (title(excerpts, WINDOW, windows[name]) for name in ("best", "worst"))
    said = f"Windows of {best} are the best, and of {worst} the worst."
    ours, verdict = excerpts_contests.best(excerpts, WINDOW, windows["best"])
    lowest = excerpts_contests.worst(excerpts, windows["worst"])
    if lowest is None:
        return Claim("Window", said, ours, {"": verdict})
    return Claim("Window", said, [*ours, lowest[0]], {"the best: ": verdict, "the worst: ": lowest[1]})


def _aggregation(excerpts: Excerpts) -> Claim:
    rows = excerpts.paper.aggregations
    said = (
        f"S2 is better than S1: macro F1 {number(rows[S2].macro[2])} and {number(rows[S1].macro[2])}, micro F1 "
        f"{number(rows[S2].micro[2])} and {number(rows[S1].micro[2])}, each at the threshold that was best on its test."
    )
    ours, signs = [], []
    for side in excerpts.sides:
        one, two = (excerpts.main.under(side, name) for name in (S1, S2))
        where = sentence_case(f"on {of_split(side)}")
        if side == excerpts.side:
            limits = f"S1 {number(one['threshold'], 2)}, S2 {number(two['threshold'], 2)}"
            where = f"Each at its validated threshold ({limits}), on {of_split(side)}"
        parts = []
        for metric in ("macro_f1", "micro_f1"):
            text, sign = _difference(one, f"{metric}_minus_s2")
            scores = f"the {readable(metric)} of S1 is {number(one[metric])} and that of S2 {number(two[metric])}"
            parts.append(f"{scores}, {text}")
            signs += [sign] if metric == _column(excerpts) else []
        ours.append(f"{where} {_AND.join(parts)}.")
    return Claim("Aggregation", said, ours, {"": _of_sign(signs[0], papers=-1)})


def _threshold(excerpts: Excerpts) -> Claim:
    paper, fixed = excerpts.paper, excerpts.task.evaluation.fixed_threshold
    low, high = paper.thresholds
    said = f"Under S2 a threshold of {paper.threshold:.2f} is the best of {low:.2f} to {high:.2f}."
    metric = _column(excerpts)
    chosen = number(excerpts.main.under(excerpts.side, S2)["threshold"], 2)
    ours, signs = [f"Validation clips choose {chosen}{_of_grid(excerpts)}."], []
    for side in excerpts.sides:
        row = excerpts.main.under(side, S2)
        text, sign = _difference(row, f"{metric}_minus_fixed")
        there = number(row[metric] - row[f"{metric}_minus_fixed"])
        scores = f"{chosen} gives a {readable(metric)} of {number(row[metric])} and {fixed:.2f} one of {there}"
        ours.append(f"On {of_split(side)} {scores}, {text}.")
        signs.append(sign)
    return Claim("Threshold", said, ours, {"": _of_sign(signs[0], papers=-1)})


def _of_grid(excerpts: Excerpts) -> str:
    """Return which threshold of the grid validation clips would choose; empty where there is none."""
    grid, metric = excerpts.main.grid, _column(excerpts)
    own = grid[(grid["split"] == excerpts.task.threshold_set) & (grid["aggregation"] == S2)].dropna(subset=[metric])
    if own.empty:
        return ""
    best = own.iloc[int(own[metric].to_numpy(float).argmax())]
    return (
        f", and of the grid from {own['threshold'].min():.2f} to {own['threshold'].max():.2f} they would choose "
        f"{best['threshold']:.2f}"
    )


def _difference(row: "pd.Series[float]", name: str) -> tuple[str, int]:
    """Return a difference with its interval in words, and its sign; 0 where the interval holds zero or is unknown."""
    value, low, high = (round(float(row[f"{name}{end}"]), _DIGITS) for end in ("", "_low", "_high"))
    text = f"a difference of {signed(value, _DIGITS)} (interval {signed(low, _DIGITS)} to {signed(high, _DIGITS)})"
    if low > 0 or high < 0:
        return f"{text}, larger than its uncertainty", 1 if low > 0 else -1
    return f"{text}, so that the two cannot be told apart", 0


def _of_sign(sign: int, *, papers: int) -> Verdict:
    """Return the verdict on the sign of a difference, where the paper has another one."""
    return "open" if not sign else ("same" if sign == papers else "other")


def _column(excerpts: Excerpts) -> str:
    return excerpts.task.evaluation.objective


def _metric(excerpts: Excerpts) -> str:
    return readable(_column(excerpts))


def _f1(row: Row, excerpts: Excerpts) -> float:
    return (row.macro if _column(excerpts) == "macro_f1" else row.micro)[2]
