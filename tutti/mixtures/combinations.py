"""Which instruments sound together: unique random combinations (Meas & Moieni 2025, section 3.2 and Fig. 2).

The paper's rule: up to three instruments are any (its text) or of one random Hornbostel-Sachs class (its figure);
four are one of each class; five are one of each class and one more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import comb
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from tutti.errors import ParameterError

COLUMNS = 5  # of the paper's table of combinations
ABSENT = "NA"  # what the paper writes where a combination has fewer instruments
_FREE_UP_TO = 3  # instruments without the rule "one of each class"

Combination = tuple[str, ...]
Draw = Literal["all", "class"]
T = TypeVar("T")


def draw_combinations(
    class_of: Mapping[str, str],
    count: int,
    polyphony: tuple[int, int],
    draw: Draw,
    rng: np.random.Generator,
    repeat: bool = False,
) -> list[Combination]:
    """Draw unique combinations; the number of instruments is uniform over the polyphonies not yet exhausted.

    Where the corpus cannot meet the class rule, it is relaxed as little as possible: "one of each class" asks for the
    classes that have an instrument, and fills the rest from all instruments; "all from one class" draws among the
    classes that have enough instruments, and from all instruments when none has.

    Args:
        class_of: the Hornbostel-Sachs class of each instrument; its order is the order within a combination.
        count: number of combinations.
        polyphony: smallest and largest number of instruments.
        draw: where up to three instruments come from: ``all``, or one random ``class``.
        rng: source of all randomness. A larger ``count`` continues the same sequence.
        repeat: once all combinations are drawn, draw all of them again, as often as it takes.

    Raises:
        ParameterError: when fewer than ``count`` combinations exist, or with ``repeat`` none.
    """
    groups = _groups(class_of)
    existing = {n: count_combinations(class_of, n, draw) for n in range(polyphony[0], polyphony[1] + 1)}
    if sum(existing.values()) < (min(count, 1) if repeat else count):
        raise ParameterError(_too_few(count, sum(existing.values()), polyphony, len(class_of)))
    position = {name: index for index, name in enumerate(class_of)}
    rounds: list[Combination] = []
    drawn: dict[Combination, None] = {}
    remaining = dict(existing)
    while len(rounds) + len(drawn) < count:
        if not any(remaining.values()):
            rounds, drawn, remaining = [*rounds, *drawn], {}, dict(existing)
        n_instruments = _pick([n for n, left in remaining.items() if left], rng)
        combination = _unseen(drawn, groups, n_instruments, draw, position.__getitem__, rng)
        drawn[combination] = None
        remaining[n_instruments] -= 1
    return [*rounds, *drawn]


def count_combinations(class_of: Mapping[str, str], n_instruments: int, draw: Draw) -> int:
    """Return how many combinations of a number of instruments the rule allows.

    Args:
        class_of: the Hornbostel-Sachs class of each instrument.
        n_instruments: instruments in a combination.
        draw: where up to three instruments come from: ``all``, or one random ``class``.
    """
    groups = _groups(class_of)
    if n_instruments <= _FREE_UP_TO:
        return sum(comb(len(group), n_instruments) for group in _pools(groups, n_instruments, draw))
    # Sets that touch every class: the coefficient of x^n in the product of (1 + x)^size - 1 over the classes.
    coefficients = [1] + [0] * n_instruments
    for group in groups:
        coefficients = [
            sum(coefficients[n - taken] * comb(len(group), taken) for taken in range(1, n + 1))
            for n in range(n_instruments + 1)
        ]
    return coefficients[n_instruments]


def combinations_table(combinations: Iterable[Combination]) -> pd.DataFrame:
    """Return the paper's table: columns instrument1..instrument5, ``NA`` where a combination has fewer."""
    rows = [(*names, *[ABSENT] * (COLUMNS - len(names))) for names in combinations]
    return pd.DataFrame(rows, columns=[f"instrument{index + 1}" for index in range(COLUMNS)])


def _unseen(
    drawn: Mapping[Combination, None],
    groups: Sequence[Sequence[str]],
    n_instruments: int,
    draw: Draw,
    position: Callable[[str], int],
    rng: np.random.Generator,
) -> Combination:
    while True:
        combination = tuple(sorted(_draw(groups, n_instruments, draw, rng), key=position))
        if combination not in drawn:
            return combination


def _draw(groups: Sequence[Sequence[str]], n_instruments: int, draw: Draw, rng: np.random.Generator) -> list[str]:
    if n_instruments <= _FREE_UP_TO:
        return _sample(_pick(_pools(groups, n_instruments, draw), rng), n_instruments, rng)
    one_of_each = [_pick(group, rng) for group in groups]
    rest = [name for group in groups for name in group if name not in one_of_each]
    return one_of_each + _sample(rest, n_instruments - len(one_of_each), rng)


def _pools(groups: Sequence[Sequence[str]], n_instruments: int, draw: Draw) -> list[list[str]]:
    """Return the lists of instruments of which one is picked to draw a small combination from."""
    large_enough = [list(group) for group in groups if len(group) >= n_instruments]
    if draw == "class" and large_enough:
        return large_enough
    return [[name for group in groups for name in group]]


def _groups(class_of: Mapping[str, str]) -> list[list[str]]:
    return [[name for name in class_of if class_of[name] == group] for group in sorted(set(class_of.values()))]


def _pick(items: Sequence[T], rng: np.random.Generator) -> T:
    return items[int(rng.integers(len(items)))]


def _sample(items: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    return [items[index] for index in rng.choice(len(items), count, replace=False)]


def _too_few(count: int, existing: int, polyphony: tuple[int, int], n_instruments: int) -> str:
    return (
        f"{count} mixtures with unique combinations were asked for, but only {existing} combinations of {polyphony[0]} "
        f"to {polyphony[1]} among {n_instruments} instruments exist: lower the number of clips in scales, "
        "widen min_polyphony..max_polyphony, add instruments or set clips.repeat_combinations to true"
    )
