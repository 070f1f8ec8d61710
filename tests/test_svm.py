"""Support vector machines: scikit-learn as oracle, Platt's probabilities, what cannot be learnt, the stored file."""

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from tutti.architectures import svm
from tutti.errors import DataError
from tutti.sections import sentence
from tutti.seeding import generator

Vectors = NDArray[np.float32]
Reference = NDArray[np.uint8]

SECTION: dict[str, Any] = {
    "architecture": "svm",
    "feature": "timbre",
    "penalty": 2.0,
    "gamma": "scale",
    "balanced": False,
    "folds": 4,
}
N, CLASSES = 12, 3


def config(**changes: Any) -> svm.Config:
    return svm.Config.model_validate(SECTION | changes)


def clips(count: int = 90, noise: float = 1.5, name: str = "train") -> tuple[Vectors, Reference]:
    """Return clips in which several classes sound at once, their values on scales from 0.01 to 1000."""
    pattern = generator(1, "pattern").normal(size=(CLASSES, N))
    random = generator(1, name)
    reference = (random.random((count, CLASSES)) < 0.4).astype(np.uint8)
    values = reference @ pattern + noise * random.normal(size=(count, N))
    return (values * np.geomspace(0.01, 1000, N) + 3).astype(np.float32), reference


def fitted(vectors: Vectors, reference: Reference, seed: int = 3, workers: int = 1, **changes: Any) -> svm.Machines:
    return svm.fit(config(**changes), vectors, reference, seed=seed, workers=workers)


def stored_bytes(machines: svm.Machines, folder: Path) -> bytes:
    svm.save(machines, folder)
    return (folder / svm.FILE).read_bytes()


def standardised(vectors: Vectors, others: Vectors) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(vectors)
    return scaler.transform(vectors), scaler.transform(others)


def machine(**changes: Any) -> Any:
    from sklearn.svm import SVC

    options = config(**changes)
    weights = "balanced" if options.balanced else None
    return SVC(C=options.penalty, gamma=options.gamma, class_weight=weights)


VARIANTS = [{}, {"gamma": 0.03, "penalty": 0.5}, {"balanced": True, "gamma": 1}]


@pytest.mark.parametrize("changes", VARIANTS)
def test_decision_values_are_those_of_scikit_learn(changes: dict[str, Any]) -> None:
    vectors, reference = clips()
    others, _ = clips(40, name="test")
    train, test = standardised(vectors, others)
    found = fitted(vectors, reference, **changes).decisions(others)
    for column in range(CLASSES):
        oracle = machine(**changes).fit(train, reference[:, column]).decision_function(test)
        np.testing.assert_allclose(found[:, column], oracle, atol=1e-5)


@pytest.mark.parametrize("changes", VARIANTS)
def test_probabilities_are_platts_on_decision_values_out_of_fold(changes: dict[str, Any]) -> None:
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    vectors, reference = clips()
    others, _ = clips(40, name="test")
    train, test = standardised(vectors, others)
    found = fitted(vectors, reference, **changes).scores(others)
    folds = StratifiedKFold(config().folds, shuffle=True, random_state=3)
    for column in range(CLASSES):
        truth = reference[:, column]
        held_out = np.zeros(len(truth))
        for inside, outside in folds.split(train, truth):
            held_out[outside] = machine(**changes).fit(train[inside], truth[inside]).decision_function(train[outside])
        # Platt 2000, section 2.2: targets drawn in from 0 and 1 by the numbers of clips; as weights of two copies each
        share = np.where(truth == 1, (truth.sum() + 1) / (truth.sum() + 2), 1 / ((truth == 0).sum() + 2))
        copies = np.concatenate([held_out, held_out])[:, None]
        answers = np.repeat([1, 0], len(truth))
        logistic = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
        logistic.fit(copies, answers, np.concatenate([share, 1 - share]))
        decisions = machine(**changes).fit(train, truth).decision_function(test)
        oracle = expit(logistic.coef_[0, 0] * decisions + logistic.intercept_[0])
        np.testing.assert_allclose(found[:, column], oracle, atol=1e-4)


def test_scores_are_float32_between_0_and_1_wherever_the_vectors_lie() -> None:
    vectors, reference = clips()
    machines = fitted(vectors, reference)
    scores = machines.scores(np.concatenate([vectors, 1e6 * vectors, np.zeros((1, N), np.float32)]))
    assert scores.dtype == np.float32
    assert scores.shape == (181, CLASSES)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_separable_classes_are_learnt() -> None:
    vectors, reference = clips(noise=0.2)
    others, truth = clips(60, noise=0.2, name="test")
    assert ((fitted(vectors, reference).scores(others) > 0.5) == truth).mean() > 0.97


def test_a_class_of_single_label_clips_is_learnt_against_the_rest() -> None:
    vectors, _ = clips()
    label = generator(1, "label").integers(CLASSES, size=90)
    reference = np.eye(CLASSES, dtype=np.uint8)[label]
    vectors[:, :CLASSES] += 5 * reference * vectors[:, :CLASSES].std(axis=0)
    assert (fitted(vectors, reference).scores(vectors).argmax(axis=1) == label).mean() > 0.97


def test_probabilities_follow_the_share_of_a_rare_class_balanced_or_not() -> None:
    vectors, _ = clips(300)
    reference = (generator(1, "rare").random((300, 1)) < 0.1).astype(np.uint8)
    vectors[:, 5] += 60 * reference[:, 0]
    for balanced in (False, True):
        scores = fitted(vectors, reference, balanced=balanced).scores(vectors)
        assert abs(scores.mean() - reference.mean()) < 0.04


@pytest.mark.parametrize("positives", [0, 1, 3, 87, 90])
def test_a_class_with_fewer_clips_on_one_side_than_folds_gets_its_share(positives: int) -> None:
    vectors, reference = clips()
    reference[:, 1] = np.arange(90) < positives
    machines = fitted(vectors, reference)
    np.testing.assert_allclose(machines.scores(vectors)[:, 1], positives / 90)
    without = fitted(vectors, np.ascontiguousarray(reference[:, [0, 2]]))
    np.testing.assert_array_equal(machines.scores(vectors)[:, [0, 2]], without.scores(vectors))


@pytest.mark.parametrize("positives", [4, 86])
def test_a_class_with_as_many_clips_as_folds_is_learnt(positives: int) -> None:
    vectors, reference = clips()
    reference[:, 1] = np.arange(90) < positives
    assert len(np.unique(fitted(vectors, reference).scores(vectors)[:, 1])) > 10


@pytest.mark.parametrize("classes", [1, 2])
def test_nothing_but_classes_that_cannot_be_learnt(classes: int, tmp_path: Path) -> None:
    vectors, _ = clips(3)
    reference = np.ones((3, classes), np.uint8)
    svm.save(fitted(vectors, reference), tmp_path)
    np.testing.assert_array_equal(svm.load(tmp_path).scores(vectors), np.ones((3, classes)))


def test_a_single_class_is_the_same_as_beside_others() -> None:
    vectors, reference = clips()
    one = fitted(vectors, reference[:, :1]).scores(vectors)
    np.testing.assert_allclose(one, fitted(vectors, reference).scores(vectors)[:, :1], atol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 1e7])
def test_a_constant_value_changes_nothing(constant: float) -> None:
    vectors, reference = clips()
    machines = fitted(vectors, reference, gamma=0.1)
    wider = np.concatenate([vectors, np.full((90, 1), constant, np.float32)], axis=1)
    found = fitted(wider, reference, gamma=0.1).decisions(wider)
    np.testing.assert_allclose(found, machines.decisions(vectors), atol=1e-6)


def test_vectors_that_are_all_the_same_give_every_clip_the_same_scores() -> None:
    _, reference = clips()
    scores = fitted(np.ones((90, N), np.float32), reference).scores(np.ones((90, N), np.float32))
    assert np.isfinite(scores).all()
    assert (scores == scores[0]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_training_refuses_values_that_are_no_numbers(value: float) -> None:
    vectors, reference = clips()
    vectors[4, 2] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        fitted(vectors, reference)


def test_a_vector_that_is_no_number_gets_no_score() -> None:
    vectors, reference = clips()
    machines = fitted(vectors, reference)
    vectors[4, 2] = np.nan
    scores = machines.scores(vectors)
    assert np.isnan(scores[4]).all()
    assert np.isfinite(np.delete(scores, 4, axis=0)).all()


def test_scoring_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, reference = clips()
    machines = fitted(vectors, reference)
    whole = machines.decisions(vectors)
    monkeypatch.setattr(svm, "_VALUES_AT_ONCE", 7 * len(machines.arrays["support"]))
    np.testing.assert_allclose(machines.decisions(vectors), whole, atol=1e-12)
    monkeypatch.setattr(svm, "_VALUES_AT_ONCE", 1)
    np.testing.assert_allclose(machines.decisions(vectors), whole, atol=1e-12)
    assert machines.scores(vectors[:0]).shape == (0, CLASSES)


def test_the_same_bytes_with_any_number_of_workers_and_no_other_process(tmp_path: Path) -> None:
    vectors, reference = clips()
    before = psutil.Process().children()
    found = {stored_bytes(fitted(vectors, reference, workers=workers), tmp_path) for workers in (1, 2, 2, 3)}
    assert len(found) == 1
    assert set(psutil.Process().children()) <= set(before)


def test_the_seed_draws_the_folds_and_so_changes_the_probabilities_only() -> None:
    vectors, reference = clips()
    first, second = fitted(vectors, reference), fitted(vectors, reference, seed=4)
    np.testing.assert_array_equal(first.decisions(vectors), second.decisions(vectors))
    assert not np.array_equal(first.arrays["slope"], second.arrays["slope"])


def test_stored_machines_score_the_same_and_share_support_vectors(tmp_path: Path) -> None:
    vectors, reference = clips()
    machines = fitted(vectors, reference)
    svm.save(machines, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [svm.FILE]
    again = svm.load(tmp_path)
    np.testing.assert_array_equal(again.scores(vectors), machines.scores(vectors))
    assert len(np.unique(again.arrays["support"], axis=0)) == len(again.arrays["support"]) <= len(vectors)
    assert (again.arrays["dual"] != 0).any(axis=1).all()


def _incomplete(path: Path) -> None:
    with np.load(path) as stored:
        np.savez(path, mean=stored["mean"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive"),
        lambda path: path.unlink(),
        _incomplete,
    ],
    ids=["cut", "empty", "other", "absent", "incomplete"],
)
def test_a_damaged_file_is_named_in_one_sentence(damage: Any, tmp_path: Path) -> None:
    vectors, reference = clips(30)
    svm.save(fitted(vectors, reference), tmp_path)
    damage(tmp_path / svm.FILE)
    with pytest.raises(DataError, match=r"svm\.npz holds no vector machines .*: run `dvc repro`") as caught:
        svm.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("penalty", 0.0, "penalty is 0.0, and must be above 0"),
        ("penalty", float("inf"), "finite"),
        ("gamma", 0, "scale or a number above 0"),
        ("gamma", -1.0, "scale or a number above 0"),
        ("gamma", "auto", "scale or a number above 0"),
        ("gamma", True, "scale or a number above 0"),
        ("gamma", float("nan"), "scale or a number above 0"),
        ("balanced", "yes", "balanced is 'yes', and must be"),
        ("folds", 1, "folds is 1, and must be at least 2"),
        ("folds", 21, "folds is 21, and must be at most 20"),
        ("kernel", "rbf", "unknown"),
    ],
)
def test_values_outside_their_range_are_refused_in_one_sentence(key: str, value: Any, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**{key: value})
    assert caught.value.error_count() == 1
    assert says in sentence(caught.value)
    assert key in sentence(caught.value)


@pytest.mark.parametrize("value", ["scale", 1, 0.02])
def test_gamma_is_scale_or_a_number(value: Any) -> None:
    assert config(gamma=value).gamma == value
