"""One support vector machine an instrument on one vector a clip: the baseline of Han, Kim & Lee 2017 (section V-A).

Fuhrmann & Herrera 2010, whom they compare with, train support vector machines on means and variances of timbral
features. The Gaussian (RBF) kernel, one machine against the rest for each instrument (so that clips with several
instruments can teach) and Platt's probabilities are our choices: Han's text names none.
scikit-learn fits them; what is stored is plain arrays, and NumPy computes the scores.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from tutti.architectures._configs import EstimatorConfig
from tutti.config import Positive
from tutti.errors import DataError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "svm.npz"
_ARRAYS = ("mean", "scale", "gamma", "support", "dual", "intercept", "slope", "offset", "constant")
_VALUES_AT_ONCE = 1 << 21  # of the kernel, 16 MB: bounds the memory of scoring, however many vectors there are


def _scale_or_positive(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "scale" and not (is_number and 0 < value < float("inf")):
        raise ValueError("must be scale or a number above 0")
    return value


class Config(EstimatorConfig):
    """Support vector machines in ``params.yaml``.

    Attributes:
        penalty: the C of the literature, above 0: what a training clip on the wrong side of its margin costs.
        gamma: the kernel is ``exp(-gamma * squared distance)`` of standardised vectors; a number above 0, or ``scale``:
            1 / (n * variance of all their values), about 1 / n.
        balanced: whether the penalty of a clip is weighted against the share of its side, so that the few clips with an
            instrument weigh as much as the many without it. The probabilities follow the true shares all the same.
        folds: parts of the training clips, 2 to 20; each is scored by machines fitted on the others, which teaches how
            decision values become probabilities. An instrument in fewer clips than ``folds``, or in all but fewer,
            gets its share of the training clips as the score of every clip.
    """

    architecture: Literal["svm"]
    penalty: Positive
    gamma: Annotated[float | Literal["scale"], BeforeValidator(_scale_or_positive)]
    balanced: bool
    folds: Annotated[int, Field(ge=2, le=20)]


class Machines:
    """The fitted machines of all classes as plain arrays.

    Attributes:
        arrays: ``mean`` and ``scale`` of the vector's values ``(n,)``; ``gamma`` of the kernel; ``support``
            ``(support, n)``, the standardised training vectors that at least one class needs; ``dual``
            ``(support, class)``, their weights, 0 where a class does not need one; ``intercept`` ``(class,)``;
            Platt's ``slope`` and ``offset`` ``(class,)``; ``constant`` ``(class,)``, the score of a class that could
            not be learnt, NaN for the others.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    def decisions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return decision values ``(vector, class)``: above 0 where a class is more likely there by its machine.

        Args:
            vectors: ``(vector, n)``.
        """
        own = self.arrays
        support = own["support"].astype(np.float64)
        squares = (support**2).sum(axis=1)
        found = np.empty((len(vectors), len(own["intercept"])))
        rows = max(1, _VALUES_AT_ONCE // max(support.shape))
        for first in range(0, len(vectors), rows):
            standard = (vectors[first : first + rows].astype(np.float64) - own["mean"]) / own["scale"]
            distance = (standard**2).sum(axis=1)[:, None] - 2 * standard @ support.T + squares  # (vector, support)
            kernel = np.exp(-own["gamma"] * np.maximum(distance, 0))  # rounding may leave a square below 0
            found[first : first + rows] = kernel @ own["dual"] + own["intercept"]
        return found

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities ``(vector, class)`` in 0..1 for vectors ``(vector, n)``."""
        own = self.arrays
        odds = own["slope"] * self.decisions(vectors) + own["offset"]  # the logarithm of those against the class
        learnt = 0.5 * (1 - np.tanh(odds / 2))
        return np.where(np.isnan(own["constant"]), learnt, own["constant"]).astype(np.float32)


def build(config: Config, seed: int, workers: int) -> "Pipeline":
    """Build the unfitted estimator.

    Args:
        config: its parameters.
        seed: seed of the folds; the machines themselves draw nothing.
        workers: instruments fitted at the same time.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    machine = SVC(C=config.penalty, gamma=config.gamma, class_weight="balanced" if config.balanced else None)
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=seed)
    # not SVC(probability=True): scikit-learn 1.9 deprecates it, and libsvm does not stratify its folds
    calibrated = CalibratedClassifierCV(machine, method="sigmoid", cv=folds, ensemble=False)
    return make_pipeline(StandardScaler(), OneVsRestClassifier(calibrated, n_jobs=workers))


def fit(
    config: Config, vectors: NDArray[np.float32], reference: NDArray[np.uint8], *, seed: int, workers: int
) -> Machines:
    """Fit the machines of all instruments.

    An instrument with fewer clips on one side than folds cannot be learnt: its score is its share of the clips.

    Args:
        config: the parameters.
        vectors: ``(clip, n)``; scikit-learn refuses NaN and infinity (ValueError).
        reference: ``(clip, class)``, 0 or 1.
        seed: seed of the folds.
        workers: instruments fitted at the same time.
    """
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    positives = reference.sum(axis=0, dtype=np.int64)
    learnt = np.minimum(positives, len(reference) - positives) >= config.folds
    arrays = _unlearnt(vectors.shape[1], np.where(learnt, np.nan, positives / max(1, len(reference))))
    if learnt.any():
        pipeline = build(config, seed, workers)
        # libsvm computes outside Python's lock: threads need no copies and no processes that could outlive this one.
        # One thread in a sum, so that its order does not depend on the machine.
        with threadpool_limits(1), parallel_config("threading"):
            pipeline.fit(vectors, reference[:, learnt])
        arrays |= _learnt(config, pipeline, vectors, learnt)
    return Machines(arrays)


def _unlearnt(n: int, constant: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    zeros = np.zeros(len(constant))
    return {
        "mean": np.zeros(n),
        "scale": np.ones(n),
        "gamma": np.array(1.0),
        "support": np.zeros((0, n), np.float32),
        "dual": np.zeros((0, len(constant))),
        "intercept": zeros,
        "slope": zeros,
        "offset": zeros,
        "constant": constant,
    }


def _learnt(
    config: Config, pipeline: "Pipeline", vectors: NDArray[np.float32], learnt: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """Return the arrays that the fitted machines change; the classes that are not learnt keep zeros."""
    scaler = pipeline[0]
    calibrated = [each.calibrated_classifiers_[0] for each in pipeline[-1].estimators_]
    machines = [each.estimator for each in calibrated]
    sigmoids = [each.calibrators[0] for each in calibrated]
    used = np.unique(np.concatenate([machine.support_ for machine in machines]))  # clip numbers
    dual = np.zeros((len(used), len(learnt)))
    for column, machine in zip(np.flatnonzero(learnt), machines, strict=True):
        dual[np.searchsorted(used, machine.support_), column] = machine.dual_coef_[0]
    standard = scaler.transform(vectors)

    def by_class(values: list[float]) -> NDArray[np.float64]:
        spread = np.zeros(len(learnt))
        spread[learnt] = values
        return spread

    return {
        "mean": scaler.mean_,
        "scale": scaler.scale_,
        "gamma": np.array(_gamma(config, standard)),
        "support": standard[used],
        "dual": dual,
        "intercept": by_class([float(machine.intercept_[0]) for machine in machines]),
        "slope": by_class([float(sigmoid.a_) for sigmoid in sigmoids]),
        "offset": by_class([float(sigmoid.b_) for sigmoid in sigmoids]),
    }


def _gamma(config: Config, standard: NDArray[np.float32]) -> float:
    if config.gamma != "scale":
        return config.gamma
    variance = float(standard.var(dtype=np.float64))
    return 1 / (standard.shape[1] * variance) if variance else 1.0  # as scikit-learn where no value varies


def save(fitted: Machines, folder: Path) -> None:
    """Write the fitted machines to a model's folder."""
    with (folder / FILE).open("wb") as file:
        np.savez(
            file,
            mean=fitted.arrays["mean"],
            scale=fitted.arrays["scale"],
            gamma=fitted.arrays["gamma"],
            support=fitted.arrays["support"],
            dual=fitted.arrays["dual"],
            intercept=fitted.arrays["intercept"],
            slope=fitted.arrays["slope"],
            offset=fitted.arrays["offset"],
            constant=fitted.arrays["constant"],
        )


def load(folder: Path) -> Machines:
    """Read the fitted machines from a model's folder (DataError when the file is damaged)."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Machines({name: stored[name] for name in _ARRAYS})
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise DataError(f"{path} holds no vector machines ({error}): run `dvc repro` to train it again") from None
