"""The stage evaluate on a tiny task: what it writes, that it repeats itself, and what it says on bad input."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from stages import evaluate
from tutti import config
from tutti.errors import DataError, ParameterError
from tutti.evaluation import metrics
from tutti.evaluation.thresholds import read_thresholds

CLASSES = ["flute", "oboe", "sitar", "taiko"]
SETS = ("validation", "unseen_recording", "unseen_bank")
ROOT = Path(__file__).parents[1]
FILES = {
    "summary.csv", "summary.json", "per_class.csv", "per_polyphony.csv", "threshold_curve.csv", "thresholds.json",
    "confusion.csv", "mistakes.json", "leak.csv", "enter_leave.csv", "enter_leave.json", "classification_report.csv",
    "skipped.csv",
}  # fmt: skip


def all_scored(n_clips: int) -> dict[str, Any]:
    """Return what scores hold of clips of 5 s that are all long enough."""
    return {"skipped": np.zeros(0, np.int64), "clip_s": np.full(n_clips, 5.0)}


def write_set(data: Path, name: str, seed: int) -> None:
    """Write a manifest of 30 clips of 1 to 3 instruments (never a taiko) and scores of three windows each."""
    random = np.random.default_rng(seed)
    manifest, scores = data / "clips" / name / "manifest", data / "scores" / "han_cnn"
    manifest.mkdir(parents=True)
    scores.mkdir(parents=True, exist_ok=True)
    reference, clips, events = np.zeros((30, 4)), [], []
    for index in range(30):
        chosen = np.sort(random.choice(3, random.integers(1, 4), replace=False))
        reference[index, chosen] = 1
        names = [CLASSES[each] for each in chosen]
        recordings = [f"{name}/{each}/{random.integers(2)}" for each in names]
        clips.append({"clip": f"{index:03}", "polyphony": len(names), "instruments": names, "recordings": recordings,
                      "duration_s": 5.0})  # fmt: skip
        events += [
            {"clip": f"{index:03}", "recording": recording, "instrument": each, "onset_s": 0.0, "offset_s": 5.0}
            for recording, each in zip(recordings, names, strict=True)
        ]
    pd.DataFrame(clips).to_parquet(manifest / "clips.parquet")
    pd.DataFrame(events).to_parquet(manifest / "events.parquet")
    for folder in (manifest, scores):
        (folder / "classes.json").write_text(json.dumps(CLASSES))
    clip = np.repeat(np.arange(30), 3)
    values = (0.3 * reference[clip] + 0.7 * random.random((90, 4))).astype(np.float32)
    onset_s = np.tile(np.arange(3.0), 30)
    np.savez(scores / f"{name}.npz", scores=values, clip=clip, onset_s=onset_s, window_s=1.0, **all_scored(30))


def write_leaked(data: Path) -> None:
    """Write the clips of unseen_recording that hold a flute, with a flute that was trained on, and sure scores."""
    honest, manifest = data / "clips/unseen_recording/manifest", data / "clips/leaked/manifest"
    manifest.mkdir(parents=True)
    table = pd.read_parquet(honest / "clips.parquet")
    rows = [index for index, names in enumerate(table["instruments"]) if "flute" in names]
    with np.load(data / "scores/han_cnn/unseen_recording.npz") as arrays:
        scores = arrays["scores"].reshape(30, 3, 4)[rows]
    scores[:, :, 0] = 1.0
    recordings = [
        ["train/flute/0" if "flute" in name else name for name in table["recordings"].iloc[row]] for row in rows
    ]
    table = table.iloc[rows].assign(recordings=pd.Series(recordings, table.index[rows]))
    table.to_parquet(manifest / "clips.parquet")
    events = pd.read_parquet(honest / "events.parquet")
    events[events["clip"].isin(table["clip"])].to_parquet(manifest / "events.parquet")
    (manifest / "classes.json").write_text(json.dumps(CLASSES))
    leak = [{"instrument": "flute", "recording": "train/flute/0", "clips": len(rows)}]
    (manifest / "leak.json").write_text(json.dumps(leak))
    clip, onset_s = np.repeat(np.arange(len(rows)), 3), np.tile(np.arange(3.0), len(rows))
    path, scores = data / "scores/han_cnn/leaked.npz", scores.reshape(-1, 4)
    np.savez(path, scores=scores, clip=clip, onset_s=onset_s, window_s=1.0, **all_scored(len(rows)))


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that looks like the repository's root after ``predict``; it is the working directory."""
    text = (ROOT / "params.yaml").read_text().replace("scale: default", "scale: smoke", 1)
    (tmp_path / "params.yaml").write_text(text)
    for seed, name in enumerate((*SETS, "enter_leave")):
        write_set(tmp_path / "data" / "cultural", name, seed)
    write_leaked(tmp_path / "data" / "cultural")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(out: str = "metrics/cultural/han_cnn", model: str = "han_cnn") -> Path:
    evaluate.main(argparse.Namespace(task="cultural", model=model, out=Path(out)))
    return Path(out)


def clip_scores(task: Path, name: str) -> NDArray[Any]:
    with np.load(task / f"data/cultural/scores/han_cnn/{name}.npz") as arrays:
        return np.asarray(arrays["scores"].astype(np.float64).reshape(30, 3, 4).mean(axis=1))


def truth(task: Path, name: str) -> NDArray[np.int64]:
    table = pd.read_parquet(task / f"data/cultural/clips/{name}/manifest/clips.parquet")
    return np.array([[int(each in names) for each in CLASSES] for names in table["instruments"]])


def test_the_stage_writes_what_it_says(task: Path) -> None:
    out = run()
    assert {path.name for path in out.iterdir()} == FILES
    summary = pd.read_csv(out / "summary.csv").set_index(["split", "threshold_policy"])
    assert list(summary.index) == [(split, policy) for split in config.TEST_SETS for policy in config.POLICIES]
    limits = read_thresholds(out)
    assert limits.classes == tuple(CLASSES)
    for split, policy in summary.index:
        expected = metrics.evaluate(truth(task, split), clip_scores(task, split), limits.thresholds[policy])
        row = summary.loc[(split, policy)]
        assert {name: row[name] for name in expected if name in row} == pytest.approx(
            {name: value for name, value in expected.items() if name in row}, abs=1e-6
        )
        for name in ("micro_f1", "macro_f1", "map", "emr", "hamming", "iou"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
        assert (row["n_clips"], row["n_classes_evaluable"]) == (30, 3)
        assert row["micro_f1_low"] < row["micro_f1_high"]


@pytest.mark.usefixtures("task")
def test_a_class_without_positives_is_shown_as_such() -> None:
    out = run()
    table = pd.read_csv(out / "per_class.csv")
    taiko = table[table["instrument"] == "taiko"]
    assert len(table) == 2 * 3 * 4
    assert taiko[["precision", "recall", "f1", "average_precision"]].isna().all(axis=None)
    assert (taiko["support"] == 0).all()
    assert table[table["instrument"] != "taiko"]["f1"].notna().all()
    assert set(table.loc[table["instrument"] == "sitar", "hornbostel_sachs"]) == {"chordophone"}
    assert set(table["n_recordings"]) == {0, 2}
    assert json.loads((out / "summary.json").read_text())["not_evaluable"]["unseen_bank"] == ["taiko"]


def test_the_classification_report_is_scikit_learns(task: Path) -> None:
    out = run()
    written = pd.read_csv(out / "classification_report.csv")
    for split in config.TEST_SETS:
        reference, scores = truth(task, split), clip_scores(task, split)
        judged = np.flatnonzero(reference.any(axis=0))  # scikit-learn would count the others as 0
        for policy, limits in read_thresholds(out).thresholds.items():
            estimate = (scores >= limits).astype(int)
            chosen = (written["split"] == split) & (written["threshold_policy"] == policy)
            own = written[chosen].set_index("class").drop(columns=["split", "threshold_policy"])
            assert list(own) == ["precision", "recall", "f1-score", "support"]
            assert list(own.index) == [*CLASSES, "micro avg", "macro avg", "weighted avg", "samples avg"]
            names = [CLASSES[index] for index in judged]
            options: dict[str, Any] = {"output_dict": True, "zero_division": 0}
            part = classification_report(reference, estimate, labels=judged, target_names=names, **options)
            whole = classification_report(reference, estimate, target_names=CLASSES, **options)
            expected = {name: part[name] for name in (*names, "macro avg", "weighted avg")}
            expected |= {name: whole[name] for name in ("micro avg", "samples avg")}
            pd.testing.assert_frame_equal(
                own.loc[list(expected)], pd.DataFrame(expected).T, atol=1e-6, check_dtype=False, check_names=False
            )
            assert own.loc[["taiko"], ["precision", "recall", "f1-score"]].isna().all(axis=None)


@pytest.mark.usefixtures("task")
def test_tables_agree_with_each_other() -> None:
    out = run()
    summary, polyphony = pd.read_csv(out / "summary.csv"), pd.read_csv(out / "per_polyphony.csv")
    for (split, policy), part in polyphony.groupby(["split", "threshold_policy"]):
        row = summary[(summary["split"] == split) & (summary["threshold_policy"] == policy)].iloc[0]
        assert part["polyphony"].tolist() == [1, 2, 3]
        assert part["n_clips"].sum() == row["n_clips"]
        for name in ("emr", "hamming", "iou", "samples_f1"):
            assert np.average(part[name], weights=part["n_clips"]) == pytest.approx(row[name], abs=2e-6)
    curve = pd.read_csv(out / "threshold_curve.csv")
    assert set(curve["split"]) == set(SETS)
    half = curve[(curve["threshold"] == 0.5) & (curve["split"] == "unseen_bank")].iloc[0]
    fixed = summary[(summary["split"] == "unseen_bank") & (summary["threshold_policy"] == "fixed")].iloc[0]
    assert half["macro_f1"] == fixed["macro_f1"]


@pytest.mark.usefixtures("task")
def test_mistakes_hold_what_the_report_shows() -> None:
    out = run()
    mistakes = json.loads((out / "mistakes.json").read_text())
    first = mistakes[0]
    assert {"split", "threshold_policy", "clip", "reference", "predicted", "missed", "false", "scores"} <= set(first)
    assert set(first["missed"]) == set(first["reference"]) - set(first["predicted"])
    assert set(first["scores"]) == set(first["reference"]) | set(first["predicted"])
    pairs = pd.read_csv(out / "confusion.csv")
    assert len(pairs)
    assert (pairs["rate"] <= 1).all()
    assert not (pairs["reference"] == pairs["predicted"]).any()


@pytest.mark.usefixtures("task")
def test_same_input_same_bytes() -> None:
    first, second = run("metrics/one"), run("metrics/two")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_test_data_do_not_move_thresholds(task: Path) -> None:
    before = (run("metrics/one") / "thresholds.json").read_bytes()
    for name in config.TEST_SETS:
        path = task / f"data/cultural/scores/han_cnn/{name}.npz"
        with np.load(path) as arrays:
            content = dict(arrays)
        np.savez(path, **(content | {"scores": 1 - content["scores"]}))
    assert (run("metrics/two") / "thresholds.json").read_bytes() == before


def test_perfect_scores_leave_no_mistakes(task: Path) -> None:
    for name in SETS:
        clip = np.arange(30)
        path = task / f"data/cultural/scores/han_cnn/{name}.npz"
        scores, onset_s = truth(task, name).astype(np.float32), np.zeros(30)
        np.savez(path, scores=scores, clip=clip, onset_s=onset_s, window_s=0.0, **all_scored(30))
    out = run()
    assert json.loads((out / "mistakes.json").read_text()) == []
    assert pd.read_csv(out / "confusion.csv").empty
    assert (pd.read_csv(out / "summary.csv")[["micro_f1", "macro_f1", "map", "emr"]] == 1).all(axis=None)


def one_window_a_clip(count: int) -> dict[str, Any]:
    return {"clip": np.arange(count), "onset_s": np.zeros(count), "window_s": 1.0, **all_scored(count)}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: (data / "scores/han_cnn/unseen_bank.npz").unlink(), r"unseen_bank\.npz is missing"),
        (lambda data: (data / "scores/han_cnn/unseen_bank.npz").write_bytes(b"PK"), "does not hold scores"),
        (lambda data: (data / "scores/han_cnn/classes.json").write_text('["flute"]'), "other classes"),
        (lambda data: (data / "scores/han_cnn/leaked.npz").unlink(), r"leaked\.npz is missing"),
        (lambda data: (data / "clips/leaked/manifest/leak.json").write_text("x"), r"leak\.json is not JSON"),
        (lambda data: (data / "clips/enter_leave/manifest/events.parquet").unlink(), r"events\.parquet is missing"),
        (lambda data: (data / "clips/unseen_bank/manifest/clips.parquet").unlink(), r"clips\.parquet is missing"),
        (
            lambda data: np.savez(
                data / "scores/han_cnn/validation.npz", scores=np.full((30, 4), np.nan), **one_window_a_clip(30)
            ),
            r"validation\.npz: scores hold nan",
        ),
        (
            lambda data: np.savez(
                data / "scores/han_cnn/validation.npz", scores=np.full((30, 2), 0.5), **one_window_a_clip(30)
            ),
            "scores of 2 classes, not 4",
        ),
        (
            lambda data: np.savez(
                data / "scores/han_cnn/validation.npz", scores=np.full((29, 4), 0.5), **one_window_a_clip(29)
            ),
            "clip 29 has no window",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(task: Path, spoil: Any, message: str) -> None:
    spoil(task / "data" / "cultural")
    with pytest.raises(DataError, match=message):
        run()
    assert not list(task.glob("metrics/cultural/*"))


@pytest.mark.usefixtures("task")
def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ParameterError, match="model 'han' is not in"):
        run(model="han")


def test_a_leak_shows_in_its_instrument_and_is_kept_out_of_the_comparison(task: Path) -> None:
    out = run()
    table = pd.read_csv(out / "leak.csv").set_index(["threshold_policy", "scope"])
    columns = ["f1_leaked", "f1_honest", "difference", "difference_low", "difference_high", "n_clips"]
    assert list(table.columns) == columns
    rows: dict[Any, Any] = table.to_dict("index")
    limits, flutes = read_thresholds(out).thresholds, truth(task, "unseen_recording")[:, 0]
    per_class = pd.read_csv(out / "per_class.csv").set_index(["split", "threshold_policy", "instrument"])
    for policy in config.POLICIES:
        flute, everything = rows[policy, "flute"], rows[policy, "all"]
        false_alarms = (clip_scores(task, "unseen_recording")[:, 0] >= limits[policy][0]) & (flutes == 0)
        held = int(flutes.sum())
        assert flute["f1_leaked"] == pytest.approx(2 * held / (2 * held + false_alarms.sum()), abs=1e-6)
        assert flute["f1_honest"] == per_class.loc[("unseen_recording", policy, "flute"), "f1"]
        assert flute["difference"] == pytest.approx(flute["f1_leaked"] - flute["f1_honest"], abs=2e-6)
        assert -1 <= flute["difference_low"] <= flute["difference"] <= flute["difference_high"] <= 1
        assert (flute["n_clips"], everything["n_clips"]) == (held, 30)
        assert everything["difference"] == pytest.approx(flute["difference"] / 3, abs=2e-6)  # three evaluable classes
        assert rows[policy, "leaking"]["difference"] == flute["difference"]
    assert set(pd.read_csv(out / "summary.csv")["split"]) == set(config.TEST_SETS)


def test_what_enters_and_leaves_is_judged_by_clip_and_by_window(task: Path) -> None:
    out = run()
    table = pd.read_csv(out / "enter_leave.csv")
    support = table[table["threshold_policy"] == "fixed"].set_index("sounding")["support"]
    labels = int(truth(task, "enter_leave").sum())
    empty = dict.fromkeys(("0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8"), 0)
    assert support.to_dict() == {**empty, "0.8-1.0": labels, "all": labels}
    summary = json.loads((out / "enter_leave.json").read_text())
    headline = json.loads((out / "summary.json").read_text())["unseen_recording"]["fixed"]
    assert summary["clips"]["unseen_recording"]["fixed"]["macro_f1"] == headline["macro_f1"]
    with np.load(task / "data/cultural/scores/han_cnn/enter_leave.npz") as arrays:
        scores = arrays["scores"]
    expected = metrics.evaluate(np.repeat(truth(task, "enter_leave"), 3, axis=0), scores, 0.5)
    assert summary["windows"]["f1"]["fixed"]["micro_f1"] == pytest.approx(expected["micro_f1"], abs=1e-6)
    assert (summary["windows"]["n_windows"], summary["windows"]["window_seconds"]) == (90, 1.0)
