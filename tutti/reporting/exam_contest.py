"""At which sizes one way of training is above the other one: tables, figures and sentences alike.

Two are told apart only where the interval of their difference leaves zero out, as it is printed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tutti.exam.sets import ALL
from tutti.reporting.exam_results import Exam
from tutti.reporting.exam_words import METRIC_TITLES, signed_points, sizes_told
from tutti.reporting.words import of_split, readable, sentence_case

FROM = 2  # families: what is asked about mixtures
_DIGITS = 3  # of a share: what is printed in points of percent has one


@dataclass(frozen=True)
class Contest:
    """The difference of two models in one measure on one side, by number of families.

    Attributes:
        metric: the measure.
        first: name of the model that the other one is subtracted from.
        second: name of the other one.
        values: difference with its lower and upper limit by size, as text; ``all`` is one of them.
    """

    metric: str
    first: str
    second: str
    values: Mapping[str, tuple[float, float, float]]

    def sign(self, size: str) -> int:
        """Return 1 where the first is above, -1 where it is below, and 0 where the two cannot be told apart."""
        _, low, high = (round(value, _DIGITS) for value in self.values[size])
        return 1 if low > 0 else (-1 if high < 0 else 0)

    @property
    def sizes(self) -> list[int]:
        """All sizes from ``FROM`` up."""
        return sorted(int(size) for size in self.values if size != ALL and int(size) >= FROM)

    def sentence(self) -> str:
        """Return at which sizes from ``FROM`` up the first is above the second, and at which it is not."""
        sizes, name = self.sizes, METRIC_TITLES[self.metric]
        if not sizes:
            return f"{name}: no clip holds {FROM} families or more."
        known = [size for size in sizes if not math.isnan(self.values[str(size)][1])]
        groups = {sign: [size for size in known if self.sign(str(size)) == sign] for sign in (1, 0, -1)}
        first, second = readable(self.first), readable(self.second)
        above, below = self._told(groups[1], above=True), self._told(groups[-1], above=False)
        if len(groups[1]) == len(sizes):
            return f"{name}: {first} is above {second} at every size from {_ends(sizes)}{above}."
        text = f"{name}: {first} is above {second} at "
        text += f"{sizes_told(groups[1], sizes)} families{above}" if groups[1] else f"no size from {_ends(sizes)}"
        if groups[0]:
            text += f"; at {sizes_told(groups[0], sizes)} the interval holds zero"
        if len(known) < len(sizes):
            text += f"; at {sizes_told([size for size in sizes if size not in known], sizes)} it is not known"
        if groups[-1]:
            text += f"; at {sizes_told(groups[-1], sizes)} it is below{below}"
        return text + "."

    def _told(self, sizes: list[int], *, above: bool) -> str:
        """Return the smallest and the largest of some differences, in brackets."""
        if not sizes:
            return ""
        values = sorted((self.values[str(size)][0] for size in sizes), reverse=not above)
        ends = list(dict.fromkeys(signed_points(value) for value in (values[0], values[-1])))
        return f" ({' to '.join(ends)} points)"


def contests(exam: Exam, side: str) -> list[Contest]:
    """Return one contest a measure on a side; a size that is unknown has NaN."""
    return contests_of(exam.contest(side), exam.task.studies.regimes)


def contests_of(table: pd.DataFrame, names: Sequence[str]) -> list[Contest]:
    """Return one contest a measure.

    Args:
        table: ``differences.csv`` of one side and policy.
        names: the first model and the second one.
    """
    return [Contest(metric, names[0], names[1], _values(table[table["metric"] == metric])) for metric in METRIC_TITLES]


def sentences(exam: Exam, side: str) -> list[str]:
    """Return what the contests of a side say, one sentence a measure."""
    return [each.sentence() for each in contests(exam, side)]


def about(exam: Exam) -> str:
    """Return how the two are compared."""
    first, second = (readable(name) for name in exam.task.studies.regimes)
    return sentence_case(
        f"{first} minus {second}, clip by clip on the same clips, each at its own threshold (validated, one for all). "
        f"\N{LEFT DOUBLE QUOTATION MARK}Above\N{RIGHT DOUBLE QUOTATION MARK} is said where the whole interval of the "
        f"difference is above zero; from {FROM} families up, since that is where mixtures begin."
    )


def headings(exam: Exam) -> list[tuple[str, list[str]]]:
    """Return the sentences of all sides, each under the name of its side."""
    return [(sentence_case(f"on {of_split(side)}"), sentences(exam, side)) for side in exam.sides]


def _values(rows: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    columns = (rows[name].astype(float) for name in ("difference", "low", "high"))
    return dict(zip(rows["size"], zip(*columns, strict=True), strict=True))


def _ends(sizes: list[int]) -> str:
    return f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
