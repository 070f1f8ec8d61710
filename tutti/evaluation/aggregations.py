"""Ways of aggregating windows, compared: the tables ``aggregation_grid.csv``, ``aggregations.csv`` and one of classes.

The grid is the paper's experiment (Han, Kim & Lee 2017, Table III and Figure 4): F1 at every threshold of two grids.
Its authors then took the threshold and the aggregation that were best on the test. Here both are chosen on validation
clips, and what they give on the test is written beside, with the differences from ``s2`` and from the paper's own
setting, ``s2`` at the fixed threshold, under the same bootstrap weights. ``aggregation_classes.csv`` is the paper's
Figure 5: the F1 of each class under the model's own setting, under ``s1``, and under ``s2`` at a very low threshold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tutti.config import EvaluationConfig
from tutti.evaluation import metrics
from tutti.evaluation.aggregation import ADAPTIVE, FAMILY, S1, S2
from tutti.evaluation.arrays import Floats, decide
from tutti.evaluation.bootstrap import clip_weights, interval, recording_weights
from tutti.evaluation.scored import ScoredSet
from tutti.evaluation.tables import Row, write_table
from tutti.evaluation.thresholds import best_global
from tutti.seeding import generator
from tutti.studies import AggregationStudy

GRID_FILE, FILE, CLASSES_FILE = "aggregation_grid.csv", "aggregations.csv", "aggregation_classes.csv"
DEFAULT, LOW = "default", "threshold_0.2"  # settings of the third table, beside s1
_LOW_THRESHOLD = 0.2
_SCORES = ("micro_precision", "micro_recall", "micro_f1", "macro_precision", "macro_recall", "macro_f1")
_DECIMALS = 12  # scores that agree this far are equal


def chosen_aggregation(validation: ScoredSet, config: EvaluationConfig) -> str:
    """Return the name of the aggregation to use: the one that is set or, for ``adaptive``, the best on validation.

    Best is what gives the largest objective at its own best threshold; of equals the first of the family.

    Args:
        validation: the set on which thresholds are chosen.
        config: names the aggregation and the objective.
    """
    if config.aggregation != ADAPTIVE:
        return config.aggregation
    scores = [round(_objective(validation.under(each.name), config), _DECIMALS) for each in FAMILY]
    return FAMILY[int(np.argmax(scores))].name


def _objective(validation: ScoredSet, config: EvaluationConfig) -> float:
    threshold = best_global(validation.labels.reference, validation.scores, config.objective)
    return _at(validation, threshold)[config.objective]


def _at(data: ScoredSet, threshold: float) -> dict[str, float]:
    """Return micro and macro precision, recall and F1 of a set at one threshold for all classes."""
    values = metrics.decisions(
        data.labels.reference, decide(data.scores, threshold), metrics.unit_weights(len(data.scores))
    )
    return {name: float(values[name][0]) for name in _SCORES}


@dataclass(frozen=True, eq=False)
class Aggregations:
    """One model under several aggregations.

    Attributes:
        study: the grids of thresholds.
        config: objective and confidence.
        chosen: the aggregation that the model's results are under.
        validation: the set on which thresholds are chosen.
        tests: the test sets.
    """

    study: AggregationStudy
    config: EvaluationConfig
    chosen: str
    validation: ScoredSet
    tests: Sequence[ScoredSet]

    def write(self, folder: Path, *, seed: int, replicates: int) -> None:
        """Write all three tables.

        Args:
            folder: where to write.
            seed: of the bootstrap.
            replicates: of the bootstrap.
        """
        write_table(folder / GRID_FILE, self.grid_rows())
        write_table(folder / FILE, self.compared_rows(seed, replicates))
        write_table(folder / CLASSES_FILE, self.class_rows())

    def grid_rows(self) -> Iterator[Row]:
        """Yield precision, recall and F1 of every set at every threshold of both grids."""
        for data in (self.validation, *self.tests):
            for name, grid in ((S1, self.study.s1), (S2, self.study.s2)):
                own = data.under(name)
                for threshold in grid:
                    row: Row = {"split": data.name, "aggregation": name, "threshold": float(threshold)}
                    yield row | _at(own, threshold)

    @cached_property
    def _members(self) -> dict[str, str]:
        """The member of the family that each compared aggregation is."""
        adaptive = chosen_aggregation(self.validation, self.config.model_copy(update={"aggregation": ADAPTIVE}))
        return {S1: S1, S2: S2, ADAPTIVE: adaptive}

    @cached_property
    def _thresholds(self) -> dict[str, float]:
        """The threshold that validation clips choose for each member that is looked at."""
        reference, members = self.validation.labels.reference, {*self._members.values(), self.chosen}
        return {
            name: best_global(reference, self.validation.under(name).scores, self.config.objective)
            for name in sorted(members)
        }

    def class_rows(self) -> Iterator[Row]:
        """Yield the F1 of every class of every test under three settings; NaN where a class cannot be judged."""
        settings = {
            DEFAULT: (self.chosen, self._thresholds[self.chosen]),
            S1: (S1, self._thresholds[S1]),
            LOW: (S2, _LOW_THRESHOLD),
        }
        for data in self.tests:
            reference, weights = data.labels.reference, metrics.unit_weights(len(data.scores))
            for setting, (name, threshold) in settings.items():
                decisions = decide(data.under(name).scores, threshold)
                f1 = metrics.per_class(metrics.tally(reference, decisions, weights)).f1[0]
                for index, instrument in enumerate(data.labels.classes):
                    row: Row = {"split": data.name, "setting": setting, "instrument": instrument}
                    yield row | {"f1": float(f1[index]), "support": int(reference[:, index].sum())}

    def compared_rows(self, seed: int, replicates: int) -> Iterator[Row]:
        """Yield what each aggregation gives on each test at its validated threshold.

        Beside it stands how far that is from ``s2`` at its own one, and from ``s2`` at the fixed one.
        """
        names, limits = self._members, self._thresholds
        objectives = {name: _objective(self.validation.under(name), self.config) for name in names.values()}
        for data in self.tests:
            random = generator(seed, "bootstrap", data.name)
            weights = np.vstack(
                [
                    metrics.unit_weights(len(data.scores)),
                    recording_weights(data.clusters, replicates, random),
                    clip_weights(len(data.scores), replicates, random),
                ]
            )
            values = {name: _weighted(data.under(name), limits[name], weights) for name in names.values()}
            beside = {"s2": values[S2], "fixed": _weighted(data.under(S2), self.config.fixed_threshold, weights)}
            for method, name in names.items():
                row: Row = {"split": data.name, "aggregation": method, "member": name, "threshold": limits[name]}
                row["validation_objective"] = objectives[name]
                row |= {score: float(values[name][score][0]) for score in _SCORES}
                for score in ("micro_f1", "macro_f1"):
                    row |= self._limits(score, values[name][score], replicates, 0.0)
                    for other, theirs in beside.items():
                        change = values[name][score] - theirs[score]
                        row[f"{score}_minus_{other}"] = float(change[0])
                        row |= self._limits(f"{score}_minus_{other}", change, replicates, -1.0)
                yield row

    def _limits(self, name: str, values: Floats, replicates: int, lowest: float) -> Row:
        low, high = interval(
            float(values[0]), values[1 : replicates + 1], values[replicates + 1 :], self.config.confidence, lowest
        )
        return {f"{name}_low": low, f"{name}_high": high}


def _weighted(data: ScoredSet, threshold: float, weights: Floats) -> dict[str, Floats]:
    return metrics.decisions(data.labels.reference, decide(data.scores, threshold), weights)
