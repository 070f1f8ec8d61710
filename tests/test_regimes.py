"""Two models in the same exam: equal ones differ by nothing, a better one is above, and intervals hold the truth."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_exam import MIXTURES, ROOT, TASK, Many, mixtures, overlay_task, write_scores, write_set
from numpy.typing import NDArray

from stages import regimes as stage
from tutti.config import POLICIES, TEST_SETS
from tutti.errors import DataError
from tutti.evaluation import metrics
from tutti.evaluation.thresholds import Thresholds, write_thresholds
from tutti.exam.examining import examine
from tutti.exam.intervals import judged
from tutti.exam.regimes import compare_regimes
from tutti.exam.sets import read_exam_set
from tutti.exam.tables import clip_means

COLUMNS = ["split", "threshold_policy", "size", "metric", "n_clips", "first", "second", "value_first", "value_second",
           "difference", "low", "high"]  # fmt: skip
TASK_SECTION = overlay_task()
METRICS = ["accuracy_iou", "accuracy_hamming", "emr"]


def _compare(root: Path, *, replicates: int = 60) -> pd.DataFrame:
    compare_regimes(root, root / "metrics", TASK_SECTION, seed=1, replicates=replicates, out=root / "out")
    return pd.read_csv(root / "out" / "differences.csv", dtype={"size": str})


def _limits(root: Path, classes: tuple[str, ...]) -> None:
    for model in ("mixtures", "notes"):
        (root / "metrics" / model).mkdir(parents=True)
        values = {policy: np.full(len(classes), 0.5) for policy in POLICIES}
        write_thresholds(root / "metrics" / model, Thresholds("s1", classes, values))


def _write(root: Path, first: NDArray[Any], second: NDArray[Any], reference: Many) -> None:
    classes = ("bass", "brass", "flute", "guitar")
    for seed, name in enumerate(MIXTURES):
        write_set(root, name, reference, {"mixtures": first, "notes": second}, classes, seed=seed)
    _limits(root, classes)


def test_equal_models_differ_by_nothing(tmp_path: Path) -> None:
    reference = mixtures(5, 4, np.random.default_rng(0))
    scores = np.random.default_rng(1).random(reference.shape)
    _write(tmp_path, scores, scores, reference)
    table = _compare(tmp_path)
    assert list(table) == COLUMNS
    assert (table[["difference", "low", "high"]] == 0).all(axis=None)
    keys = [(split, policy, size, metric) for split in TEST_SETS for policy in POLICIES
            for size in ("0", "1", "2", "3", "4", "all") for metric in METRICS]  # fmt: skip
    assert list(table[COLUMNS[:4]].itertuples(index=False, name=None)) == keys
    assert 0.2 < table["value_first"].mean() < 0.8


def test_the_first_minus_the_second(tmp_path: Path) -> None:
    reference = mixtures(5, 4, np.random.default_rng(0))
    perfect = np.where(reference == 1, 0.9, 0.1)
    silent = np.full(reference.shape, 0.1)
    _write(tmp_path, perfect, silent, reference)
    table = _compare(tmp_path)
    assert set(table["first"]) == {"mixtures"}
    assert set(table["second"]) == {"notes"}
    own = table[table["metric"] == "accuracy_hamming"].set_index(["split", "threshold_policy", "size"])["difference"]
    for size in range(5):
        assert own[("unseen_bank", "fixed", str(size))] == pytest.approx(size / 4)
    assert own[("unseen_bank", "fixed", "all")] == pytest.approx(0.5)
    exact = table[(table["metric"] == "emr") & (table["size"] == "3")]
    assert (exact[["value_first", "value_second", "difference", "low", "high"]] == [1, 0, 1, 1, 1]).all(axis=None)
    mirrored = tmp_path / "mirrored"
    _write(mirrored, silent, perfect, reference)
    swapped = _compare(mirrored)
    np.testing.assert_allclose(swapped["difference"], -table["difference"])
    np.testing.assert_allclose(swapped["low"], -table["high"], atol=2e-6)


def test_a_difference_is_that_of_the_two_results(tmp_path: Path) -> None:
    data, task = tmp_path / "data", TASK_SECTION
    write_scores(data, per_size=4)
    for model in task.studies.regimes:
        examine(data, model, task, seed=1, replicates=20, out=tmp_path / "metrics" / model)
    compare_regimes(data, tmp_path / "metrics", task, seed=1, replicates=20, out=tmp_path / "metrics" / "regimes")
    table = pd.read_csv(tmp_path / "metrics" / "regimes" / "differences.csv", dtype={"size": str})
    keys = ["split", "threshold_policy", "size"]
    for which in ("first", "second"):
        model = table[which].iloc[0]
        sizes = pd.read_csv(tmp_path / "metrics" / model / "by_size.csv", dtype={"size": str}).set_index(keys)
        for metric in METRICS:
            own = table[table["metric"] == metric].set_index(keys)
            np.testing.assert_allclose(own[f"value_{which}"], sizes.loc[own.index, metric], atol=1e-6)
            assert (own["n_clips"] == sizes.loc[own.index, "n_clips"]).all()
    assert (table["low"] <= table["difference"]).all()
    assert (table["difference"] <= table["high"]).all()
    np.testing.assert_allclose(table["difference"], table["value_first"] - table["value_second"], atol=2e-6)


def test_an_interval_of_what_does_not_differ_holds_zero_and_of_what_does_leaves_it_out(tmp_path: Path) -> None:
    """Both models are right in 60 % of the bits, drawn apart; a third one is right in 90 %."""
    random = np.random.default_rng(3)
    reference = mixtures(80, 4, random)

    def right(share: float) -> NDArray[np.float64]:
        bits = np.where(random.random(reference.shape) < share, reference, 1 - reference)
        return np.where(bits == 1, 0.9, 0.1)

    _write(tmp_path / "same", right(0.6), right(0.6), reference)
    _write(tmp_path / "above", right(0.9), right(0.6), reference)
    same, above = (_compare(tmp_path / name, replicates=200) for name in ("same", "above"))
    whole = same[(same["metric"] == "accuracy_hamming") & (same["threshold_policy"] == "fixed")]
    held = ((whole["low"] < 0) & (whole["high"] > 0)).mean()
    assert held >= 0.8
    whole = above[(above["metric"] == "accuracy_hamming") & (above["threshold_policy"] == "fixed")]
    assert (whole["low"] > 0).all()
    assert ((whole["low"] < 0.3) & (whole["high"] > 0.3)).mean() >= 0.8
    assert (whole["high"] - whole["low"] < 0.4).all()


def test_pairing_makes_an_interval_narrow(tmp_path: Path) -> None:
    """Where both make the same mistakes but in one of forty clips, the difference is surer than either value."""
    random = np.random.default_rng(4)
    reference = mixtures(40, 4, random)
    first = np.where(random.random((len(reference), 1)) < 0.5, reference, 1 - reference) * 0.8 + 0.1
    second = np.where(np.arange(len(first))[:, None] % 40 == 0, 1 - first, first)
    _write(tmp_path, first, second, reference)
    table = _compare(tmp_path, replicates=200)
    own = table[(table["metric"] == "emr") & (table["threshold_policy"] == "fixed") & (table["size"] == "all")]
    exam = read_exam_set(tmp_path, "mixtures", "unseen_bank")
    right = metrics.exact_match(exam.reference, exam.scored.scores >= 0.5)
    value, low, high = judged(clip_means(right, exam.weights(1, 200), exam.sizes["all"]), 0.95)
    assert low < value < high
    width = float((own["high"] - own["low"])[own["split"] == "unseen_bank"].iloc[0])
    assert 0.01 < width < 0.75 * (high - low)


def test_a_side_without_clips_is_left_out(tmp_path: Path) -> None:
    write_scores(tmp_path, sides=("unseen_recording",), per_size=2)
    _limits(tmp_path, ("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "vocal"))
    assert set(_compare(tmp_path, replicates=10)["split"]) == {"unseen_recording"}


def test_what_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    reference = mixtures(3, 4, np.random.default_rng(0))
    _write(tmp_path, reference * 0.9, reference * 0.8, reference)
    classes = ("bass", "brass", "flute", "guitar")
    write_set(tmp_path, "unseen_bank", reference, {"notes": reference * 0.9}, classes, seed=2, skipped=[1])
    with pytest.raises(DataError, match="mixtures and notes were not scored on the same clips of unseen_bank"):
        _compare(tmp_path)
    write_thresholds(tmp_path / "metrics" / "notes",
                     Thresholds("s1", ("bass",), {policy: np.array([0.5]) for policy in POLICIES}))  # fmt: skip
    with pytest.raises(DataError, match="is about other classes than the exam"):
        _compare(tmp_path)
    (tmp_path / "metrics" / "notes" / "thresholds.json").unlink()
    with pytest.raises(DataError, match=r"thresholds\.json is missing: run `dvc repro`"):
        _compare(tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_stage_reads_and_writes_where_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text().replace("scale: default", "scale: smoke", 1)
    (tmp_path / "params.yaml").write_text(text)
    data = tmp_path / "data" / TASK
    write_scores(data, per_size=2)
    for model in TASK_SECTION.studies.regimes:
        examine(data, model, TASK_SECTION, seed=1, replicates=10, out=tmp_path / "metrics" / TASK / model)
    monkeypatch.chdir(tmp_path)
    stage.main(argparse.Namespace(task=TASK, out=Path("metrics") / TASK / "regimes"))
    assert [path.name for path in (tmp_path / "metrics" / TASK / "regimes").iterdir()] == ["differences.csv"]
