"""Three sentences on the order of the models, made from the numbers: nothing in them is written by hand.

"Clearly" is said of two scores only when their intervals do not overlap. The first sentence orders the models on the
report's main side, the second says what the other side changes, the third what the fixed threshold of the papers
does to classical models and to networks, and how the order then agrees with that of the paper.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from tutti.architectures._configs import EstimatorConfig
from tutti.config import TEST_SETS, UNSEEN_RECORDING, Params
from tutti.reporting import published
from tutti.reporting.comparison import Result
from tutti.reporting.words import listed, number, of_split, policy_name, readable, signed

_FIXED = "fixed"


@dataclass(frozen=True)
class Score:
    """A model's macro F1 under one policy on one side, with its interval; NaN where it cannot be judged.

    Scores are compared as they are printed, with two decimals, so that no sentence tells apart what looks equal.
    """

    model: str
    value: float
    low: float
    high: float

    @property
    def shown(self) -> str:
        """The score as it is printed."""
        return number(self.value, 2)

    def clearly_above(self, other: "Score") -> bool:
        """Tell whether the intervals do not overlap; never where one is unknown."""
        return self.low > other.high


def three_sentences(results: Sequence[Result], params: Params) -> list[str]:
    """Return the three sentences on the report's task.

    Args:
        results: one a model; those of other tasks are left out.
        params: name the task, the main side and policy, and which models are classical.
    """
    report = params.report
    own = [result for result in results if result.task == report.task]
    other = next(split for split in TEST_SETS if split != report.main_split)
    main, there = (ranked(own, split, report.main_policy) for split in (report.main_split, other))
    return [
        _order(main, report.main_split, report.main_policy),
        _other_side(main, there, report.main_split, other),
        _fixed_threshold(own, params),
    ]


def ranked(results: Iterable[Result], split: str, policy: str) -> list[Score]:
    """Return the models' scores, best first; models of equal score in their order, the unjudged last."""
    scores = []
    for result in results:
        rows = result.summary
        row = rows[(rows["split"] == split) & (rows["threshold_policy"] == policy)]
        values = [float(row[name].iloc[0]) if name in row and len(row) else float("nan") for name in _METRIC]
        scores.append(Score(result.model, *values))
    return sorted(scores, key=lambda score: -score.value if score.value == score.value else 2.0)


_METRIC = ("macro_f1", "macro_f1_low", "macro_f1_high")


def _order(scores: Sequence[Score], split: str, policy: str) -> str:
    judged, unjudged = _parted(scores)
    where = f"On {of_split(split)}, with the threshold \N{LEFT DOUBLE QUOTATION MARK}{policy_name(policy)}"
    where += "\N{RIGHT DOUBLE QUOTATION MARK}, "
    left_out = f"; {_names(unjudged)} could not be judged" if unjudged else ""
    if not judged:
        return f"{where}no model could be judged by macro F1, so that there is no order."
    if len(judged) == 1:
        only = judged[0]
        return f"{where}{readable(only.model)} alone has a macro F1, {only.shown}, so that there is no order{left_out}."
    groups: list[list[Score]] = []
    for score in judged:
        if groups and groups[-1][0].shown == score.shown:
            groups[-1].append(score)
        else:
            groups.append([score])
    row = ", then ".join(f"{_names(group)} ({group[0].shown}{' each' * (len(group) > 1)})" for group in groups)
    return f"{where}the order by macro F1 is {row}; {_steps(judged)}{left_out}."


def _steps(judged: Sequence[Score]) -> str:
    """Return how far the first is clearly ahead, and which other neighbours in the order are clearly apart."""
    first, *others = judged
    close = [score for score in others if not first.clearly_above(score)]
    name = readable(first.model)
    if len(close) == len(others):
        lead = f"{name} is not clearly above {'any other' if len(others) > 1 else readable(others[0].model)}"
        lead += " (the intervals overlap)" if all(score.low == score.low for score in judged) else ""
    else:
        whom = "all others" if len(others) > 1 else readable(others[0].model)
        lead = f"{name} is clearly above {whom}{f' but {_names(close)}' if close else ''}"
        lead += " (intervals that do not overlap)"
    lower = [f"from {readable(upper.model)} to {readable(below.model)}" for upper, below in pairwise(others)
             if upper.clearly_above(below)]  # fmt: skip
    word = "the only clear step is" if len(lower) == 1 else "the clear steps are"
    follow = f", and further down {word} {listed(lower)}" if lower else ""
    return lead + follow


def _other_side(main: Sequence[Score], there: Sequence[Score], split: str, other: str) -> str:
    """Return what the other side does to the scores and to the order."""
    by_model = {score.model: score for score in there}
    both = [(score, by_model[score.model]) for score in _parted(main)[0] if _known(by_model.get(score.model))]
    if not both:
        return f"On {of_split(other)} no model could be judged, so that nothing can be said about other recordings."
    changes = {here.model: _change(here, there) for here, there in both}
    clear = sum(here.clearly_above(there) for here, there in both)
    text = f"On {of_split(other)} {_told(changes)}"
    text += f" ({_share(clear, len(both))} clearly lower than on {of_split(split)})"
    if len(both) == 1:
        return text + "."
    pairs = list(combinations([_rounded(here.value) for here, _ in both], 2))
    others = list(combinations([_rounded(there.value) for _, there in both], 2))
    swapped = sum((a - b) * (c - d) < 0 for (a, b), (c, d) in zip(pairs, others, strict=True))
    if not swapped:
        return f"{text}, and no two models change their order."
    best = max((there for _, there in both), key=lambda score: score.value)
    first = "still" if _rounded(by_model[both[0][0].model].value) == _rounded(best.value) else "now"
    leader = both[0][1] if first == "still" else best
    return (
        f"{text}, {swapped} of the {len(pairs)} pairs of models change their order, and "
        f"{readable(leader.model)} is {first} first with {leader.shown}."
    )


def _told(changes: dict[str, float]) -> str:
    """Return how much scores change: who loses least and most."""
    least, most = (pick(changes, key=lambda name: changes[name]) for pick in (max, min))
    if len(changes) == 1:
        return f"the macro F1 of {readable(most)} {_moves(changes[most])}"
    if changes[least] == changes[most]:
        return f"the macro F1 of every model {_moves(changes[most])}"
    verb = "falls for every model" if changes[least] < 0 else "changes"
    return f"macro F1 {verb}: that of {readable(least)} {_moves(changes[least])}, that of {readable(most)} " + _moves(
        changes[most]
    )


def _fixed_threshold(results: Sequence[Result], params: Params) -> str:
    """Return what the papers' fixed threshold does, by kind of model, and how the order compares with the paper's."""
    report, models = params.report, params.task(params.report.task).models
    fixed = {score.model: score for score in ranked(results, report.main_split, _FIXED) if _known(score)}
    policy = "validated_global" if report.main_policy == _FIXED else report.main_policy
    chosen = {score.model: score for score in ranked(results, report.main_split, policy) if _known(score)}
    gains = {name: _change(chosen[name], fixed[name]) for name in fixed if name in chosen}
    limit = params.task(report.task).evaluation.fixed_threshold
    kinds = {
        "of the classical models": [name for name in gains if isinstance(models[name], EstimatorConfig)],
        "of the networks": [name for name in gains if not isinstance(models[name], EstimatorConfig)],
    }
    parts = [f"{kind} {_range([gains[name] for name in own])}" for kind, own in kinds.items() if own]
    text = f"A fixed threshold of {limit:g} instead of the validated one changes the macro F1 "
    text = text + listed(parts) if parts else f"At a fixed threshold of {limit:g} no model could be judged"
    return text + _beside_paper(ranked(results, UNSEEN_RECORDING, _FIXED), params) + "."


def _beside_paper(scores: Sequence[Score], params: Params) -> str:
    paper = published.of_task(params.report.task)
    found = [(score, paper.system(score.model)) for score in _parted(scores)[0]] if paper else []
    known = [(score, system) for score, system in found if system is not None]
    kept = list({system.title: system for _, system in known}.values())
    if paper is None or len(kept) < 2:
        return ""
    kept.sort(key=lambda system: -system.averages["macro avg"][2])
    order = ", ".join(f"{system.title} ({number(system.averages['macro avg'][2], 2)})" for system in kept)
    same = total = 0
    for (a, system_a), (b, system_b) in combinations(known, 2):
        theirs = system_a.averages["macro avg"][2] - system_b.averages["macro avg"][2]
        if theirs:
            total += 1
            same += (_rounded(a.value) - _rounded(b.value)) * theirs > 0
    return (
        f"; {paper.name}, who used that threshold on other recordings, have the order {order}, in which {same} of the "
        f"{total} pairs of our models stand as in ours at that threshold"
    )


def _change(before: Score, after: Score) -> float:
    """Return the difference of two scores as they are printed."""
    return round(_rounded(after.value) - _rounded(before.value), 2)


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"by {signed(low)}" if low == high else f"by {signed(low)} to {signed(high)}"


def _moves(change: float) -> str:
    return f"{'falls' if change < 0 else 'rises'} by {abs(change):.2f}" if change else "stays the same"


def _share(part: int, whole: int) -> str:
    if part in (0, whole):
        everything = {1: "it is", 2: "both are"}.get(whole, "all are")
        nothing = {1: "it is not", 2: "neither is"}.get(whole, "none is")
        return everything if part else nothing
    return f"{part} of {whole} {'is' if part == 1 else 'are'}"


def _parted(scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Return the judged and the others."""
    return [score for score in scores if _known(score)], [score for score in scores if not _known(score)]


def _known(score: Score | None) -> bool:
    return score is not None and score.value == score.value


def _rounded(value: float) -> float:
    return float(number(value, 2))


def _names(scores: Sequence[Score]) -> str:
    return listed([readable(score.model) for score in scores])
