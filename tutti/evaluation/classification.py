"""``classification_report.csv``: scikit-learn's report a model, as the paper's Tables 3 to 8 (Meas & Moieni 2025).

The rows are the instruments in label order and then the four averages, under scikit-learn's own names. Numbers are
those of ``sklearn.metrics.classification_report`` but for one rule: an instrument that sounds in no clip has empty
cells and is left out of the macro average, where scikit-learn counts it as 0.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from tutti.config import Policy
from tutti.evaluation import metrics
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.metrics import Scorecard
from tutti.evaluation.scored import ScoredSet

FILE = "classification_report.csv"
AVERAGES = ("micro avg", "macro avg", "weighted avg", "samples avg")


def report_rows(data: ScoredSet, thresholds: Mapping[Policy, Floats]) -> Iterator[dict[str, object]]:
    """Yield the rows of the report of a set: split, threshold_policy, class, precision, recall, f1-score, support.

    Args:
        data: the set.
        thresholds: ``(class,)`` by policy.
    """
    reference = data.labels.reference
    for policy, limits in thresholds.items():
        estimate = decide(data.scores, limits)
        counts = metrics.tally(reference, estimate, metrics.unit_weights(len(reference)))
        of_classes, own = metrics.per_class(counts), metrics.samples(reference, estimate)
        which = {"split": data.name, "threshold_policy": policy}
        for index, name in enumerate(data.labels.classes):
            yield which | {"class": name} | _cells(of_classes, (0, index), int(reference[:, index].sum()))
        means = Scorecard(*(np.array([values.mean()]) for values in (own.precision, own.recall, own.f1)))
        cards = (metrics.micro(counts), metrics.macro(counts), metrics.weighted(counts), means)
        for name, card in zip(AVERAGES, cards, strict=True):
            yield which | {"class": name} | _cells(card, (0,), int(reference.sum()))


def _cells(card: Scorecard, place: tuple[int, ...], support: int) -> dict[str, object]:
    return {
        "precision": float(card.precision[place]),
        "recall": float(card.recall[place]),
        "f1-score": float(card.f1[place]),
        "support": support,
    }
