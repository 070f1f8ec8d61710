"""Gradient-boosted trees, one model an instrument: XGBoost in MultiOutputClassifier (Meas & Moieni 2025, 4.1.2)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tutti.architectures._boosting import Boosted
from tutti.architectures._configs import EstimatorConfig
from tutti.config import Count

if TYPE_CHECKING:
    from sklearn.multioutput import MultiOutputClassifier

FILE = "boosted.npz"


class Config(EstimatorConfig):
    """XGBoost in ``params.yaml``.

    Attributes:
        rounds: trees an instrument, each fitted to what those before it left over.
        learning_rate: share of a tree's correction that is taken, above 0 up to 1.
        max_depth: largest depth of a tree.
        subsample: share of the clips drawn for each tree, above 0 up to 1.
        min_child_weight: smallest sum of the logistic loss' second derivatives in a leaf, 0 or more.
    """

    architecture: Literal["xgboost"]
    rounds: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_depth: Count
    subsample: Annotated[float, Field(gt=0, le=1)]
    min_child_weight: Annotated[float, Field(ge=0)]


def build(config: Config, seed: int, workers: int) -> "MultiOutputClassifier":
    """Build the unfitted estimator.

    Args:
        config: its parameters.
        seed: seed of the drawn clips.
        workers: instruments fitted at the same time. Each is fitted by one thread: that is faster than many threads
            on one small model, and a sum whose order never changes gives the same trees with any number of workers.
    """
    from sklearn.multioutput import MultiOutputClassifier
    from xgboost import XGBClassifier

    boosting = XGBClassifier(
        n_estimators=config.rounds,
        learning_rate=config.learning_rate,
        max_depth=config.max_depth,
        subsample=config.subsample,
        min_child_weight=config.min_child_weight,
        objective="binary:logistic",
        eval_metric="logloss",
        tree_method="hist",
        n_jobs=1,
        random_state=seed,
    )
    return MultiOutputClassifier(boosting, n_jobs=workers)


def fit(
    config: Config, vectors: NDArray[np.float32], reference: NDArray[np.uint8], *, seed: int, workers: int
) -> Boosted:
    """Fit the trees of all instruments.

    An instrument that sounds in every clip or in none teaches nothing; XGBoost refuses the former. Its score is 1 or 0.

    Args:
        config: the parameters.
        vectors: ``(clip, n)``.
        reference: ``(clip, class)``, 0 or 1.
        seed: seed of the drawn clips.
        workers: instruments fitted at the same time.
    """
    from joblib import parallel_config

    first = reference[:1].astype(np.float32)
    varies = (reference != reference[:1]).any(axis=0)
    constant = np.where(varies, np.float32("nan"), first[0]).astype(np.float32)
    if not varies.any():
        return Boosted([None] * len(varies), constant)
    with parallel_config("threading"):  # XGBoost computes outside Python's lock: no copies for other processes
        fitted = build(config, seed, workers).fit(np.ascontiguousarray(vectors), reference[:, varies])
    boosters = iter(estimator.get_booster() for estimator in fitted.estimators_)
    return Boosted([next(boosters) if each else None for each in varies.tolist()], constant)


def save(fitted: Boosted, folder: Path) -> None:
    """Write the fitted trees to a model's folder."""
    fitted.save(folder / FILE)


def load(folder: Path) -> Boosted:
    """Read the fitted trees from a model's folder."""
    return Boosted.load(folder / FILE)
