"""The exam: what it writes about a model, against detectors whose results are known and against scikit-learn."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_exam import (
    FAMILIES,
    MIXTURES,
    MODELS,
    NOTES,
    ROOT,
    TASK,
    Many,
    mixtures,
    overlay_task,
    sections,
    write_scores,
    write_set,
    write_split,
)
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, classification_report, jaccard_score, multilabel_confusion_matrix

from stages import examine as stage
from tutti import config
from tutti.config import NOTES_OF, POLICIES, TEST_SETS, VALIDATION_MIXTURES
from tutti.errors import DataError, ParameterError
from tutti.evaluation import bootstrap, metrics
from tutti.evaluation.tables import rows_of_classes
from tutti.evaluation.thresholds import read_thresholds
from tutti.exam import intervals
from tutti.exam.examining import examine
from tutti.exam.sets import ALL, read_exam_set
from tutti.exam.tables import about_classes, clip_means
from tutti.labels import load_labels
from tutti.reporting.comparison import read_summary

FILES = {
    "thresholds.json", "summary.csv", "summary.json", "by_size.csv", "by_class.csv", "single_notes.csv",
    "threshold_curve.csv", "per_class.csv", "skipped.csv",
}  # fmt: skip
ACCURACIES = ("accuracy_iou", "accuracy_hamming", "emr")
SIZES = [*(str(size) for size in range(11)), "all"]
TASK_SECTION = overlay_task()
Detector = Callable[[Many], NDArray[np.float64]]


def _perfect(reference: Many) -> NDArray[np.float64]:
    return np.where(reference == 1, 0.9, 0.1)


def _silent(reference: Many) -> NDArray[np.float64]:
    return np.full(reference.shape, 0.1)


def _examine(root: Path, detector: Detector, per_size: int = 3) -> Path:
    """Return the results of a detector, at the fixed threshold it is made for."""
    for seed, name in enumerate((*MIXTURES, *NOTES)):
        own = mixtures(per_size, 10, np.random.default_rng(seed)) if name in MIXTURES else np.eye(10, dtype=np.int64)
        write_set(root / "data", name, own, {"notes": detector(own)}, seed=seed)
    examine(root / "data", "notes", TASK_SECTION, seed=1, replicates=20, out=root / "out")
    return root / "out"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after the stage examine judged a model; its data are made up."""
    root = tmp_path_factory.mktemp("exam")
    text = (ROOT / "params.yaml").read_text().replace("scale: default", "scale: smoke", 1)
    (root / "params.yaml").write_text(text)
    write_scores(root / "data" / TASK)
    write_split(root / "data" / TASK / "split")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        _run_stage()
    return root


def _run_stage(model: str = "notes", task: str = TASK) -> Path:
    out = Path("metrics") / TASK / model
    stage.main(argparse.Namespace(task=task, model=model, out=out))
    return out


def _by(table: pd.DataFrame, *columns: str) -> dict[tuple[Any, ...], dict[Any, Any]]:
    """Return the rows of a table by some of its columns."""
    return {tuple(row[name] for name in columns): row for row in table.to_dict("records")}


def _truth(judged: Path, name: str) -> Many:
    return load_labels(judged / "data" / TASK / "clips" / name / "manifest").reference.astype(np.int64)


def _said(judged: Path, name: str, policy: str) -> Many:
    with np.load(judged / "data" / TASK / "scores" / "notes" / f"{name}.npz") as arrays:
        scores = arrays["scores"].astype(np.float64)
    limits = read_thresholds(judged / "metrics" / TASK / "notes").thresholds[policy]  # type: ignore[index]
    return np.asarray(scores >= limits, np.int64)


def _table(judged: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(judged / "metrics" / TASK / "notes" / name, dtype={"size": str})


def test_a_perfect_detector_gets_everything(tmp_path: Path) -> None:
    table = pd.read_csv(_examine(tmp_path, _perfect) / "by_size.csv", dtype={"size": str})
    assert (table[[f"{name}{end}" for name in ACCURACIES for end in ("", "_low", "_high")]] == 1).all(axis=None)
    classes = pd.read_csv(tmp_path / "out" / "by_class.csv", dtype={"size": str})
    assert (classes[["fp", "fn"]] == 0).all(axis=None)
    assert (classes["accuracy"] == 1).all()
    notes = pd.read_csv(tmp_path / "out" / "single_notes.csv")
    assert (notes[["precision", "recall", "f1"]] == 1).all(axis=None)


def test_a_detector_that_always_says_nothing_gets_exactly_the_floors(tmp_path: Path) -> None:
    table = pd.read_csv(_examine(tmp_path, _silent) / "by_size.csv", dtype={"size": str})
    fixed = table[table["threshold_policy"] == "fixed"]
    for name in ACCURACIES:
        assert fixed[name].tolist() == fixed[f"floor_{name}"].tolist()
    for _, own in fixed.groupby("split"):
        own = own.set_index("size")
        assert own["accuracy_hamming"].to_dict() == pytest.approx({size: 1 - int(size) / 10 for size in SIZES[:-1]}
                                                                  | {"all": 0.5})  # fmt: skip
        assert own["emr"].to_dict() == pytest.approx(dict.fromkeys(SIZES, 0.0) | {"0": 1.0, "all": 1 / 11}, abs=1e-6)
        assert own["accuracy_iou"].tolist() == own["emr"].tolist()
        assert own["n_clips"].to_dict() == dict.fromkeys(SIZES[:-1], 3) | {"all": 33}
    summary = read_summary(tmp_path / "out" / "summary.csv")
    assert summary[summary["threshold_policy"] == "fixed"]["hamming_floor"].tolist() == pytest.approx([0.5, 0.5])


def test_a_detector_that_is_always_wrong_gets_nothing(tmp_path: Path) -> None:
    table = pd.read_csv(_examine(tmp_path, lambda truth: 1 - _perfect(truth)) / "by_size.csv", dtype={"size": str})
    fixed = table[(table["threshold_policy"] == "fixed") & (table["size"] != "all")]
    assert (fixed[list(ACCURACIES)] == 0).all(axis=None)


def test_the_stage_writes_what_it_says(judged: Path) -> None:
    assert {path.name for path in (judged / "metrics" / TASK / "notes").iterdir()} == FILES
    table = _table(judged, "by_size.csv")
    assert list(table)[:4] == ["split", "threshold_policy", "size", "n_clips"]
    keys = [(split, policy, size) for split in TEST_SETS for policy in POLICIES for size in SIZES]
    assert list(table[["split", "threshold_policy", "size"]].itertuples(index=False, name=None)) == keys
    for name in ACCURACIES:
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
    assert (table["accuracy_hamming_low"] < table["accuracy_hamming_high"])[table["size"] == "all"].all()
    limits = json.loads((judged / "metrics" / TASK / "notes" / "thresholds.json").read_text())
    assert (limits["aggregation"], limits["classes"]) == ("s1", list(FAMILIES))
    assert set(limits["policies"]["fixed"].values()) == {0.5}
    assert len(set(limits["policies"]["validated_per_class"].values())) == 10


def test_sizes_agree_with_scikit_learn(judged: Path) -> None:
    table = _by(_table(judged, "by_size.csv"), "split", "threshold_policy", "size")
    for split in TEST_SETS:
        truth = _truth(judged, split)
        for policy in POLICIES:
            said = _said(judged, split, policy)
            for size in SIZES:
                clips = truth.sum(axis=1) == int(size) if size != "all" else np.ones(len(truth), bool)
                row = table[split, policy, size]
                own = jaccard_score(truth[clips], said[clips], average="samples", zero_division=1.0)
                assert row["emr"] == pytest.approx(accuracy_score(truth[clips], said[clips]), abs=1e-6)
                assert row["accuracy_iou"] == pytest.approx(own, abs=1e-6)
                assert row["accuracy_hamming"] == pytest.approx((truth[clips] == said[clips]).mean(), abs=1e-6)


def test_silence_that_is_heard_as_such_is_right(tmp_path: Path) -> None:
    def hears_a_flute_in_the_first_clip(truth: Many) -> NDArray[np.float64]:
        scores = _perfect(truth)
        scores[0, 2] = 0.9
        return scores

    table = pd.read_csv(_examine(tmp_path, hears_a_flute_in_the_first_clip) / "by_size.csv", dtype={"size": str})
    row = _by(table, "split", "threshold_policy", "size")["unseen_recording", "fixed", "0"]
    assert [row[name] for name in ACCURACIES] == pytest.approx([2 / 3, 29 / 30, 2 / 3], abs=1e-6)


def test_the_confusion_matrix_is_scikit_learns(judged: Path) -> None:
    table = _table(judged, "by_class.csv")
    assert len(table) == 2 * 3 * 12 * 10
    for (split, policy, size), own in table.groupby(["split", "threshold_policy", "size"]):
        truth, said = _truth(judged, str(split)), _said(judged, str(split), str(policy))
        clips = truth.sum(axis=1) == int(str(size)) if size != "all" else np.ones(len(truth), bool)
        expected = multilabel_confusion_matrix(truth[clips], said[clips]).reshape(10, 4)
        np.testing.assert_array_equal(own[["tn", "fp", "fn", "tp"]].to_numpy(), expected)
        assert own["class"].tolist() == list(FAMILIES)
        assert (own["n_clips"] == clips.sum()).all()
        tp, fp, fn, tn = (own[name].to_numpy(float) for name in ("tp", "fp", "fn", "tn"))
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(own["true_positive_rate"], tp / (tp + fn), atol=1e-6)
            np.testing.assert_allclose(own["true_negative_rate"], tn / (tn + fp), atol=1e-6)
        np.testing.assert_allclose(own["accuracy"], (tp + tn) / clips.sum(), atol=1e-6)


def test_what_cannot_be_judged_is_empty(judged: Path) -> None:
    text = (judged / "metrics" / TASK / "notes" / "by_class.csv").read_text().splitlines()
    silent = next(line for line in text if line.startswith("unseen_recording,fixed,0,bass"))
    full = next(line for line in text if line.startswith("unseen_recording,fixed,10,bass"))
    columns = text[0].split(",")
    assert [silent.split(",")[columns.index(name)] for name in ("true_positive_rate", "precision")] == ["", ""]
    assert full.split(",")[columns.index("true_negative_rate")] == ""


def test_single_notes_are_scikit_learns_report(judged: Path) -> None:
    table = _table(judged, "single_notes.csv")
    assert list(dict.fromkeys(table["split"])) == list(NOTES)
    for (split, policy), own in table.groupby(["split", "threshold_policy"]):
        truth, said = _truth(judged, str(split)), _said(judged, str(split), str(policy))
        options: dict[str, Any] = {"output_dict": True, "zero_division": 0}
        report = classification_report(truth, said, target_names=list(FAMILIES), **options)
        report |= {"macro": report["macro avg"], "weighted": report["weighted avg"]}
        rows = _by(own, "class")
        assert own["class"].tolist() == [*FAMILIES, "accuracy", "exact match", "macro", "weighted"]
        for name in (*FAMILIES, "macro", "weighted"):
            found = [rows[name,][key] for key in ("precision", "recall", "f1", "support")]
            assert found == pytest.approx([report[name][key] for key in ("precision", "recall", "f1-score", "support")],
                                          abs=1e-6)  # fmt: skip
        for column in ("precision", "recall", "f1"):
            assert rows["accuracy",][column] == pytest.approx((truth == said).mean(), abs=1e-6)
            assert rows["exact match",][column] == pytest.approx(accuracy_score(truth, said), abs=1e-6)


def test_a_family_is_never_looked_up_in_the_taxonomy(tmp_path: Path) -> None:
    """Names such as `string` or `no_instrument` are none of its instruments, `saxophone` is one."""
    classes = ("saxophone", "no_instrument", "string")
    write_scores(tmp_path, classes=classes, per_size=4)
    task = TASK_SECTION.model_copy(update={"classes": sections(classes)})
    examine(tmp_path, "notes", task, seed=1, replicates=10, out=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "per_class.csv")
    assert table["hornbostel_sachs"].isna().all()
    assert list(dict.fromkeys(table["instrument"])) == list(classes)
    assert list(table) == ["split", "threshold_policy", "instrument", "hornbostel_sachs", "threshold", "precision",
                           "recall", "f1", "average_precision", "support", "n_recordings"]  # fmt: skip


def test_notes_are_counted_by_what_their_class_says(judged: Path) -> None:
    data = read_exam_set(judged / "data" / TASK, "notes", "unseen_recording")
    clips = pd.read_parquet(judged / "data" / TASK / "clips/unseen_recording/manifest/clips.parquet")
    notes = {note for own in clips["recordings"] for note in own}
    sections = TASK_SECTION.classes | {"brass": config.InstrumentsClass(instruments="reed_acoustic_00[01]")}
    about = about_classes(data, sections)
    counted = {name: n_notes for name, (_, n_notes) in zip(data.classes, about, strict=True)}
    assert counted["flute"] == sum("/flute_" in note for note in notes)
    assert counted["brass"] == sum("/reed_acoustic_000" in note or "/reed_acoustic_001" in note for note in notes)
    rows = list(rows_of_classes(data.scored, {"fixed": np.full(10, 0.5)}, about))
    assert rows[1]["n_recordings"] == counted["brass"] > 0


def test_instruments_are_the_unit_of_chance(tmp_path: Path) -> None:
    """Where one of four instruments is always missed, more notes of the same instruments make nothing more certain."""
    widths = []
    for count in (20, 80):
        numbers = np.tile(np.arange(4), 2 * count)
        reference = np.repeat(np.eye(2, dtype=np.int64), 4 * count, axis=0)
        scores = np.where(numbers[:, None] == 0, 0.0, reference * 0.9)
        write_set(tmp_path / str(count), "unseen_recording", reference, {"notes": scores}, ("bass", "flute"))
        path = tmp_path / str(count) / "clips" / "unseen_recording" / "manifest" / "clips.parquet"
        clips = pd.read_parquet(path)
        clips["players"] = [[f"{own[0]}_acoustic_{number:03}"] for own, number in
                            zip(clips["instruments"], numbers, strict=True)]  # fmt: skip
        clips.to_parquet(path)
        exam = read_exam_set(tmp_path / str(count), "notes", "unseen_recording")
        right = metrics.exact_match(exam.reference, exam.scored.scores >= 0.5)
        value, low, high = intervals.judged(clip_means(right, exam.weights(1, 400), exam.sizes[ALL]), 0.95)
        assert value == pytest.approx(0.75)
        widths.append(high - low)
    assert widths[1] > 0.85 * widths[0]
    assert widths[1] > 0.3  # two families of four instruments: one standard error is 0.75 * 0.25 / 8, rooted


def test_what_is_peculiar_to_a_clip_is_not_counted_ten_times() -> None:
    """Where only clips differ, an interval is as wide as the bootstrap over clips at size 1, and wider at 10."""
    random = np.random.default_rng(0)
    family_of = {f"{family}/{player}": str(family) for family in range(10) for player in range(8)}
    found = {}
    for size in (1, 10):
        players = [[f"{family}/{random.integers(8)}" for family in random.permutation(10)[:size]] for _ in range(400)]
        sizes = np.full(400, size)
        weights = intervals.draw(players, family_of, sizes, 300, random)
        values = clip_means(random.random(400), weights, sizes > 0)
        _, low, high = intervals.judged(values, 0.95)
        by_clip = np.quantile(values[301:601], [0.025, 0.975])
        by_player = values[1:301].std() / np.sqrt(bootstrap.DELTA) * 2 * 1.96
        found[size] = (high - low) / np.ptp(by_clip), by_player / np.ptp(by_clip)
    assert 0.9 < found[1][0] < 1.4
    assert found[10][1] > 2.5
    assert 1.2 < found[10][0] < 0.85 * found[10][1]


def test_the_exam_fixes_how_many_clips_there_are_of_each_size(judged: Path) -> None:
    exam = read_exam_set(judged / "data" / TASK, "notes", "unseen_recording")
    weights = exam.weights(3, 40)
    assert weights.shape == (121, len(exam.players))
    for size, clips in exam.sizes.items():
        np.testing.assert_allclose(weights[:, clips].mean(axis=1), 1.0, err_msg=size)
    np.testing.assert_array_equal(weights, exam.weights(3, 40))
    assert np.ptp(weights[1:, exam.sizes["5"]]) > 0.1


def test_summary_and_sizes_and_details_agree(judged: Path) -> None:
    summary, sizes = read_summary(judged / "metrics" / TASK / "notes" / "summary.csv"), _table(judged, "by_size.csv")
    whole = sizes[sizes["size"] == "all"].reset_index(drop=True)
    for ours, theirs in (("accuracy_iou", "iou"), ("accuracy_hamming", "hamming"), ("emr", "emr")):
        for end in ("", "_low", "_high"):
            np.testing.assert_allclose(whole[f"{ours}{end}"], summary[f"{theirs}{end}"], atol=1e-6)
    assert whole["floor_emr"].tolist() == pytest.approx(summary["emr_floor"].tolist())
    headline = json.loads((judged / "metrics" / TASK / "notes" / "summary.json").read_text())
    row = summary.iloc[0]
    assert headline["unseen_recording"]["fixed"]["macro_f1"] == row["macro_f1"]
    assert headline["not_evaluable"] == {"unseen_recording": [], "unseen_bank": []}
    curve = _table(judged, "threshold_curve.csv")
    assert list(dict.fromkeys(curve["split"])) == [VALIDATION_MIXTURES, *TEST_SETS]


@pytest.mark.usefixtures("workspace")
def test_same_input_same_bytes(judged: Path) -> None:
    again = _run_stage()
    for name in FILES:
        assert (again / name).read_bytes() == (judged / again / name).read_bytes(), name


def test_exams_do_not_move_thresholds(workspace: Path) -> None:
    before = Path("metrics", TASK, "notes", "thresholds.json").read_bytes()
    for name in (*TEST_SETS, *NOTES):
        _rewrite(workspace, name, lambda scores: 1 - scores)
    assert (_run_stage() / "thresholds.json").read_bytes() == before
    _rewrite(workspace, VALIDATION_MIXTURES, lambda scores: scores / 2)
    assert (_run_stage() / "thresholds.json").read_bytes() != before


def _rewrite(root: Path, name: str, change: Callable[[Any], Any]) -> None:
    path = root / "data" / TASK / "scores" / "notes" / f"{name}.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    np.savez(path, **(content | {"scores": change(content["scores"])}))


@pytest.mark.parametrize("side", TEST_SETS)
def test_a_side_without_clips_is_left_out_of_all_tables(tmp_path: Path, side: str) -> None:
    write_scores(tmp_path, sides=(side,), per_size=3)
    examine(tmp_path, "mixtures", TASK_SECTION, seed=1, replicates=10, out=tmp_path / "out")
    for name in ("summary", "by_size", "by_class", "per_class"):
        assert set(pd.read_csv(tmp_path / "out" / f"{name}.csv")["split"]) == {side}
    notes = pd.read_csv(tmp_path / "out" / "single_notes.csv")
    assert set(notes["split"]) == {"validation_notes", NOTES_OF[side]}


@pytest.mark.parametrize(("sides", "message"), [((), "none of unseen_recording, unseen_bank in .* has a clip")])
def test_without_any_exam_one_sentence_says_so(tmp_path: Path, sides: tuple[str, ...], message: str) -> None:
    write_scores(tmp_path, sides=sides, per_size=2)
    with pytest.raises(DataError, match=message):
        examine(tmp_path, "notes", TASK_SECTION, seed=1, replicates=10, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_validation_mixtures_one_sentence_says_so(tmp_path: Path) -> None:
    write_scores(tmp_path, per_size=2)
    nothing = np.zeros((0, 10), np.int64)
    write_set(tmp_path, VALIDATION_MIXTURES, nothing, {"notes": nothing})
    with pytest.raises(DataError, match="validation_mixtures, on which thresholds are chosen, has no clip"):
        examine(tmp_path, "notes", TASK_SECTION, seed=1, replicates=10, out=tmp_path / "out")


def test_what_was_skipped_is_listed(tmp_path: Path) -> None:
    write_scores(tmp_path, per_size=3)
    write_split(tmp_path / "split")
    reference = mixtures(3, 10, np.random.default_rng(0))
    write_set(tmp_path, "unseen_bank", reference, {"notes": _perfect(reference)}, skipped=[4, 32])
    examine(tmp_path, "notes", TASK_SECTION, seed=1, replicates=10, out=tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "skipped.csv").to_dict("records")
    assert [row["clip"] for row in rows] == ["unseen_bank-00004", "unseen_bank-00032", "audio/<i>bad</i>.wav"]
    assert rows[0]["reason"] == "lasts 4.00 s, less than the window of 3.84 s"
    sizes = _by(pd.read_csv(tmp_path / "out" / "by_size.csv", dtype={"size": str}), "split", "size")
    assert sizes["unseen_bank", "all"]["n_clips"] == 31
    assert sizes["unseen_bank", "10"]["n_clips"] == 2


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda data: (data / "scores/notes/unseen_bank.npz").unlink(), r"unseen_bank\.npz is missing"),
    (lambda data: (data / "scores/notes/unseen_bank_notes.npz").write_bytes(b"PK"), "does not hold scores"),
    (lambda data: (data / "scores/notes/classes.json").write_text('["flute"]'), "other classes"),
    (lambda data: (data / "clips/validation_mixtures/manifest/clips.parquet").unlink(), r"clips\.parquet is missing"),
    (lambda data: _without_players(data), "has no column 'players'"),
    (lambda data: _too_few_players(data), r"names 1 players for the 2 notes of unseen_recording-00008: run"),
    (lambda data: _nan(data), "scores hold nan"),
])  # fmt: skip
def test_damaged_files_are_one_sentence(workspace: Path, spoil: Callable[[Path], Any], message: str) -> None:
    before = Path("metrics", TASK, "notes", "by_size.csv").read_bytes()
    spoil(workspace / "data" / TASK)
    out = Path("metrics", TASK, "notes")
    with pytest.raises(DataError, match=message) as caught:
        examine(workspace / "data" / TASK, "notes", TASK_SECTION, seed=1, replicates=10, out=out)
    assert "\n" not in str(caught.value)
    assert Path("metrics", TASK, "notes", "by_size.csv").read_bytes() == before


def _without_players(data: Path) -> None:
    path = data / "clips/unseen_bank/manifest/clips.parquet"
    pd.read_parquet(path).drop(columns="players").to_parquet(path)


def _too_few_players(data: Path) -> None:
    path = data / "clips/unseen_recording/manifest/clips.parquet"
    table = pd.read_parquet(path)
    table["players"] = [list(own[:1]) for own in table["players"]]
    table.to_parquet(path)


def _nan(data: Path) -> None:
    _rewrite(data.parents[1], "unseen_bank", lambda scores: scores * np.nan)


@pytest.mark.usefixtures("workspace")
def test_unknown_names_are_one_sentence() -> None:
    with pytest.raises(ParameterError, match=f"choose one of {', '.join(MODELS)}|choose one of notes, mixtures"):
        _run_stage("no_such_model")
    with pytest.raises(ParameterError, match="task 'cultural' has no method 'overlay'"):
        _run_stage(task="cultural")
