"""Sets of binaries: each learns on its own, is fitted once, and answers as it did when another class is added."""

import argparse
import ast
import csv
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from one_vs_all_data import BANDS, FREQUENCY, TAUGHT, TIME, params, params_of, sets_of, write_set, write_task
from sklearn.metrics import roc_auc_score
from solo_corpus import files_in

from stages import train
from tutti.errors import DataError
from tutti.feature_store import Feature, open_feature
from tutti.labels import load_labels
from tutti.store import whole, write_json
from tutti.training.model_folder import load_model
from tutti.training.one_vs_all import binary, ensemble, kept, pairs
from tutti.training.one_vs_all.binary import COLUMNS, Epoch, Job
from tutti.training.one_vs_all.fitting import BinariesFitting

ROOT = Path(__file__).parents[1]
DATA = Path("data/families")
ADDED = "reed"


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


def in_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a repository, whose binaries are kept there, too."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("DVC_ROOT", str(root))
    return root


def fit(out: str = "model", model: str = "mixtures", **changes: Any) -> list[tuple[int, Epoch]]:
    """Fit a set of binaries and return what it tells after each epoch."""
    told: list[tuple[int, Epoch]] = []
    with whole(Path(out)) as folder:
        BinariesFitting(params(**changes), "families", model).fit(
            folder, lambda number, epoch: told.append((number, epoch))
        )
    return told


def networks(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.keras"))}


def histories(folder: Path) -> dict[str, list[Epoch]]:
    """Return the epochs of each binary as `binaries.csv` lists them."""
    found: dict[str, list[Epoch]] = {}
    for row in csv.DictReader((folder / "binaries.csv").open(encoding="utf-8")):
        own = found.setdefault(row["class"], [])
        assert int(row["epoch"]) == len(own) + 1
        own.append({column: float(row[column]) for column in COLUMNS})
    return found


def unseen() -> Feature:
    return open_feature(DATA / "features/stft_db/unseen_recording")


# Really fitted


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a set of three binaries."""
    root = tmp_path_factory.mktemp("binaries")
    write_task(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTTI_WORKERS", "1")
        in_repository(root, patch)
        write_json(root / "told.json", fit())
    return root


@pytest.fixture
def repository(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, to be changed."""
    shutil.copytree(fitted, tmp_path / "repository")
    return in_repository(tmp_path / "repository", monkeypatch)


def test_the_folder_holds_a_network_a_class_and_says_what_it_is(fitted: Path) -> None:
    folder = fitted / "model"
    assert sorted(path.name for path in folder.iterdir()) == [
        "bass.keras", "binaries.csv", "flute.keras", "history.csv", "organ.keras", "spec.json",
    ]  # fmt: skip
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["classes"] == list(TAUGHT)
    assert sorted(spec["binaries"]) == sorted(TAUGHT)
    assert len(set(spec["binaries"].values())) == 3
    assert (spec["task"], spec["model"], spec["architecture"]) == ("families", "mixtures", "one_vs_all")
    assert (spec["window_frames"], spec["hop_frames"], spec["feature_spec"]["frequency"]) == (TIME, TIME, FREQUENCY)
    assert (spec["seed"], spec["scale"], spec["corpus"], spec["frame_rate_hz"]) == (7, "smoke", "nsynth", 500.0)
    assert {side: sorted(digests) for side, digests in spec["data"].items()} == {
        "train": ["clips", "feature"], "validation": ["clips", "feature"],
    }  # fmt: skip


def test_the_history_holds_the_means_over_the_binaries_that_had_the_epoch(fitted: Path) -> None:
    own = histories(fitted / "model")
    assert list(own) == list(TAUGHT)
    longest = max(map(len, own.values()))
    assert len({len(epochs) for epochs in own.values()}) > 1  # or this test would see no difference
    expected = [
        {column: np.mean([each[number][column] for each in own.values() if number < len(each)]) for column in COLUMNS}
        for number in range(longest)
    ]
    with (fitted / "model/history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(number + 1) for number in range(longest)]
    told = json.loads((fitted / "told.json").read_text())
    assert [number for number, _ in told] == list(range(1, longest + 1))
    for row, (_, epoch), mean in zip(rows, told, expected, strict=True):
        for column in COLUMNS:
            assert float(row[column]) == pytest.approx(mean[column], abs=2e-6)
            assert epoch[column] == pytest.approx(mean[column], abs=2e-6)


def test_the_binaries_learn_which_classes_sound(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fitted)
    reference = load_labels(DATA / "clips/unseen_recording/manifest").reference
    scores, clip, onset_s = load_model(Path("model")).predict(unseen())
    assert clip.tolist() == list(range(80))
    assert not onset_s.any()
    for column in range(3):
        assert roc_auc_score(reference[:, column], scores[:, column]) > 0.9
        others = [other for other in range(3) if other != column]
        assert max(roc_auc_score(reference[:, column], scores[:, other]) for other in others) < 0.8


def test_the_set_scores_as_each_binary_does_alone(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tutti.training import network, windows

    monkeypatch.chdir(fitted)
    config, table = params().model("families", "mixtures"), windows.prediction_windows(unseen(), TIME, TIME)
    alone = [network.load(Path("model") / f"{name}.keras", config.binary, (TIME, FREQUENCY), 1) for name in TAUGHT]
    expected = np.concatenate([network.predict(each, table) for each in alone], axis=1)
    assert np.ptp(expected, axis=0).min() > 0.5
    for chosen in ([1], [2, 0]):
        several = ensemble.together([alone[column] for column in chosen])
        np.testing.assert_allclose(network.predict(several, table), expected[:, chosen], atol=1e-6)
    np.testing.assert_allclose(load_model(Path("model")).predict(unseen())[0], expected, atol=1e-6)


def _validation_loss(root: Path, name: str) -> float:
    """Return the loss of a saved binary on the validation clips; positives and negatives count alike."""
    from tutti.training import network, windows

    labels = load_labels(root / DATA / "clips/validation_mixtures/manifest")
    table = windows.prediction_windows(open_feature(root / DATA / "features/stft_db/validation_mixtures"), TIME, TIME)
    config = params().model("families", "mixtures").binary
    scores = network.predict(network.load(root / "model" / f"{name}.keras", config, (TIME, FREQUENCY), 1), table)
    positive = labels.reference[:, labels.classes.index(name)] == 1
    losses = -np.log(np.clip(np.where(positive, scores[:, 0], 1 - scores[:, 0]), 1e-7, 1))
    return float(losses[positive].mean() / 2 + losses[~positive].mean() / 2)


def test_the_epoch_is_kept_that_is_best_on_the_validation_clips(fitted: Path) -> None:
    for name, epochs in histories(fitted / "model").items():
        assert _validation_loss(fitted, name) == pytest.approx(
            min(each["validation_loss"] for each in epochs), rel=1e-3
        )


def test_validation_with_other_labels_keeps_another_epoch_and_retrains_that_class_only(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, own = networks(Path("model")), histories(Path("model"))["bass"]
    write_set(repository / DATA, "validation_mixtures", sets_of()["validation_mixtures"], flipped="bass")
    with caplog.at_level(logging.INFO, "tutti"):
        fit()
    assert "mixtures: 1 of 3 binaries to fit, the others are kept" in caplog.messages
    after = networks(Path("model"))
    assert {name for name in TAUGHT if after[name] != before[name]} == {"bass"}
    losses = [each["validation_loss"] for each in histories(Path("model"))["bass"]]
    assert np.argmin([each["validation_loss"] for each in own]) == len(own) - 1
    assert np.argmin(losses) == 0
    trained = [each["loss"] for each in histories(Path("model"))["bass"]]
    assert trained[: len(own)] == [each["loss"] for each in own]  # validation chooses, and teaches nothing
    assert _validation_loss(repository, "bass") == pytest.approx(losses[0], rel=1e-3)


def test_a_class_that_is_added_trains_one_binary_and_changes_no_other(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, clips = networks(Path("model")), unseen()
    scores, clip, _ = load_model(Path("model")).predict(clips)
    write_task(repository, BANDS, ADDED)
    with caplog.at_level(logging.INFO, "tutti"):
        fit(classes=BANDS)
    assert "mixtures: 1 of 4 binaries to fit, the others are kept" in caplog.messages
    assert len([line for line in caplog.messages if ": in the last epoch loss " in line]) == 1
    after = networks(Path("model"))
    assert sorted(after) == sorted(BANDS)
    assert {name: after[name] for name in TAUGHT} == before
    more = load_model(Path("model"))
    assert more.classes == list(BANDS)
    np.testing.assert_array_equal(more.predict(clips)[0][:, :3], scores)
    with_block, clip, _ = more.predict(unseen())
    assert len(clip) == 120
    np.testing.assert_allclose(with_block[:80, :3], scores, atol=1e-6)  # other batches of windows
    labels = load_labels(DATA / "clips/unseen_recording/manifest")
    assert roc_auc_score(labels.reference[80:, 3], with_block[80:, 3]) > 0.9
    caplog.clear()
    with caplog.at_level(logging.INFO, "tutti"):
        fit()
    assert "mixtures: 0 of 3 binaries to fit, the others are kept" in caplog.messages
    assert networks(Path("model")) == before
    np.testing.assert_array_equal(load_model(Path("model")).predict(clips)[0], scores)


def test_a_killed_stage_goes_on_with_the_binary_at_which_it_was_killed(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a repository of its own, with fewer classes in another order: each binary is the same as in the large set."""
    classes = ("flute", "bass")
    in_repository(tmp_path, monkeypatch)
    write_task(tmp_path, classes)
    (tmp_path / "params.yaml").write_text(json.dumps(params_of(classes)))  # JSON is YAML, and keeps the order
    really, fits = binary.fit, []

    def killed(job: Job, folder: Path) -> list[Epoch]:
        fits.append(job.name)
        if fits == ["flute", "bass"]:
            folder.mkdir(parents=True)
            (folder / "network.keras").write_bytes(b"half")
            raise KeyboardInterrupt
        return really(job, folder)

    monkeypatch.setattr(binary, "fit", killed)
    stage = argparse.Namespace(task="families", model="mixtures", out=Path("model"))
    with pytest.raises(KeyboardInterrupt):
        train.main(stage)
    assert len(visible(kept.Kept().folder)) == 1
    assert not Path("model").exists()
    train.main(stage)
    assert fits == ["flute", "bass", "bass"]
    whole_set = networks(fitted / "model")
    assert networks(Path("model")) == {name: whole_set[name] for name in classes}
    assert not [path.name for path in kept.Kept().folder.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    classes = ("bass", "flute")
    write_task(tmp_path, classes)
    (tmp_path / "params.yaml").write_text(json.dumps(params_of(classes, max_epochs=2)))
    for workers in ("1", "2"):
        environment = os.environ | {
            "TUTTI_WORKERS": workers, "DVC_ROOT": str(tmp_path / f"kept-{workers}"), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        command = [sys.executable, "-m", "stages.train", "--task", "families", "--model", "mixtures"]
        done = subprocess.run(
            [*command, "--out", f"model-{workers}"], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "mixtures: 2 of 2 binaries to fit, the others are kept" in done.stderr
    assert files_in(tmp_path / "model-1") == files_in(tmp_path / "model-2")
    assert len(files_in(tmp_path / "model-1")) == 5


def test_one_core_each_holds_for_the_fitting_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that fits binaries, such as a notebook, goes on with all cores, and so do programs that it starts."""
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "7")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    before = dict(os.environ)
    with binary.one_core_each():
        assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["TF_NUM_INTEROP_THREADS"] == "1"
    assert dict(os.environ) == before


# Which binaries are fitted


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


@pytest.fixture
def fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A repository with data, in which fitting a binary only notes down whose it is."""
    done: list[str] = []

    def noted(job: Job, folder: Path) -> list[Epoch]:
        done.append(job.name)
        folder.mkdir(parents=True)
        (folder / "network.keras").write_text(f"{job.name} {job.seed}")
        history = [dict.fromkeys(COLUMNS, 0.5)]
        write_json(folder / "history.json", history)
        return history

    monkeypatch.setattr(binary, "fit", noted)
    write_task(in_repository(tmp_path, monkeypatch))
    fit()
    assert done == list(TAUGHT)
    done.clear()
    return done


def refitted(fits: list[str], **changes: Any) -> list[str]:
    """Fit a set again and return which binaries were fitted."""
    fits.clear()
    fit(**changes)
    return list(fits)


def test_what_is_unchanged_is_not_fitted_again(fits: list[str]) -> None:
    assert refitted(fits) == []
    assert refitted(fits, scale_epochs=60, scale_pairs=600) == []  # the model asks for fewer than either
    assert refitted(fits, classes=TAUGHT[::-1]) == []
    assert json.loads(Path("model/spec.json").read_text())["classes"] == list(TAUGHT[::-1])


def test_an_added_class_alone_is_fitted(fits: list[str], tmp_path: Path) -> None:
    write_task(tmp_path, BANDS, ADDED)
    assert refitted(fits, classes=BANDS) == [ADDED]
    assert refitted(fits, classes=BANDS) == []
    write_task(tmp_path)
    assert refitted(fits) == []


def test_an_added_class_that_only_adds_a_label_is_fitted_alone(fits: list[str], tmp_path: Path) -> None:
    for name, clips in sets_of().items():
        clips.sounding = [(*each, "brass") if number % 3 == 0 else each for number, each in enumerate(clips.sounding)]
        write_set(tmp_path / DATA, name, clips, ("bass", "brass", "flute", "organ"))
    assert refitted(fits, classes=("bass", "brass", "flute", "organ")) == ["brass"]


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8}, {"learning_rate": 0.004}, {"max_epochs": 4}, {"scale_epochs": 2}, {"dropout": 0.3},
        {"pairs_per_epoch": 49}, {"same_size_share": 0.6}, {"confusable_share": 0.4}, {"stop_at_precision": 0.97},
        {"repeat": 2}, {"monitor": "validation_auc"}, {"scale_pairs": 40}, {"notes_epochs": 1},
        {"window_seconds": 0.0161, "hop_seconds": 0.0161},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_another_seed_or_parameter_fits_all_of_the_model_again(fits: list[str], changes: dict[str, Any]) -> None:
    assert refitted(fits, **changes) == list(TAUGHT)
    assert refitted(fits) == []  # back, as it was


def test_another_model_has_binaries_of_its_own(fits: list[str]) -> None:
    assert refitted(fits, model="notes", second=True) == list(TAUGHT)
    assert refitted(fits, model="notes", second=True, learning_rate=0.004) == []  # a parameter of the other one
    assert refitted(fits, learning_rate=0.004) == list(TAUGHT)


@pytest.mark.parametrize("name", ["train_notes", "train_mixtures", "validation_mixtures"])
def test_labels_of_one_class_fit_that_class_again(fits: list[str], tmp_path: Path, name: str) -> None:
    clips = sets_of()[name]
    place = next(number for number, each in enumerate(clips.sounding) if set(each) == {"flute", "organ"})
    clips.sounding[place] = ("organ", "bass")  # equally many families
    starts: dict[str, Any] = {"notes_epochs": int(name == "train_notes")}
    fit(**starts)
    write_set(tmp_path / DATA, name, clips)
    assert refitted(fits, **starts) == ["bass", "flute"]


def test_sizes_and_twins_fit_all_again(fits: list[str], tmp_path: Path) -> None:
    clips = sets_of()["train_mixtures"]
    place = next(number for number, twin in enumerate(clips.twin) if twin)
    clips.twin[place] = ""
    write_set(tmp_path / DATA, "train_mixtures", clips)
    assert refitted(fits) == list(TAUGHT)


@pytest.mark.parametrize("name", ["train_notes", "train_mixtures", "validation_mixtures"])
def test_another_sound_fits_all_again_that_learn_from_it(fits: list[str], tmp_path: Path, name: str) -> None:
    write_task(tmp_path, BANDS, ADDED)
    starts: dict[str, Any] = {"notes_epochs": int(name == "train_notes")}
    fit(classes=BANDS, **starts)
    clips = sets_of(ADDED)[name]
    for place, expected in ((-1, [ADDED]), (5, list(BANDS))):
        clips.values[place, 3, 3] += 1
        write_set(tmp_path / DATA, name, clips, BANDS)
        assert refitted(fits, classes=BANDS, **starts) == expected


def test_notes_that_no_epoch_hears_fit_nothing_again(fits: list[str], tmp_path: Path) -> None:
    clips = sets_of()["train_notes"]
    clips.values += 1
    write_set(tmp_path / DATA, "train_notes", clips)
    assert refitted(fits) == []


def test_another_code_or_package_fits_all_again(fits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_code_digest", lambda architecture: f"other {architecture}")
    assert refitted(fits) == list(TAUGHT)
    monkeypatch.setattr(kept, "_packages", lambda: ("keras 4",))
    assert refitted(fits) == list(TAUGHT)


def test_each_class_learns_from_the_common_clips_and_its_own_block(fits: list[str], tmp_path: Path) -> None:
    del fits
    write_task(tmp_path, BANDS, ADDED)
    fitting = BinariesFitting(params(BANDS, notes_epochs=1), "families", "mixtures")
    jobs, sets = {job.name: job for job in fitting.jobs}, sets_of(ADDED)
    for name, job in jobs.items():
        for part, clips in (
            (job.train, sets["train_mixtures"]),
            (job.start, sets["train_notes"]),
            (job.validation, sets["validation_mixtures"]),
        ):
            assert part is not None
            rows = [row for row, block in enumerate(clips.block) if block in ("", name)]
            assert part.material.rows.tolist() == rows
            assert part.material.positive.tolist() == [name in clips.sounding[row] for row in rows]
            assert part.material.size.tolist() == [len(clips.sounding[row]) for row in rows]
            twins = [clips.clips[rows[twin]] if twin >= 0 else "" for twin in part.material.twin.tolist()]
            assert twins == [clips.twin[row] for row in rows]
    assert len({job.seed for job in jobs.values()}) == 4


def test_a_class_without_clips_of_both_kinds_is_named(fits: list[str], tmp_path: Path) -> None:
    del fits
    clips = sets_of()["train_mixtures"]
    clips.sounding = [tuple(name for name in each if name != "flute") for each in clips.sounding]
    write_set(tmp_path / DATA, "train_mixtures", clips)
    with pytest.raises(DataError, match="no training clip holds class 'flute': a binary needs clips of both kinds"):
        BinariesFitting(params(), "families", "mixtures")


@pytest.mark.parametrize("what", ["classes", "clips"])
def test_labels_that_do_not_fit_the_feature_are_refused(fits: list[str], tmp_path: Path, what: str) -> None:
    del fits
    manifest = tmp_path / DATA / "clips/validation_mixtures/manifest"
    if what == "classes":
        write_set(tmp_path / DATA, "validation_mixtures", sets_of()["validation_mixtures"], ("bass", "flute"))
    else:
        shutil.copyfile(tmp_path / DATA / "clips/train_mixtures/manifest/clips.parquet", manifest / "clips.parquet")
    said = {
        "classes": "the clips of validation_mixtures do not know class 'organ': run",
        "clips": "feature 'stft_db' of families/validation_mixtures holds other clips than the manifest: run",
    }
    with pytest.raises(DataError, match=said[what]):
        BinariesFitting(params(), "families", "mixtures")


# How long a binary learns


def told(*epochs: tuple[float, float, float, float, float]) -> list[Epoch]:
    """Return epochs by loss, loss on the validation clips, and area under the curve, precision and recall there."""
    names = ("loss", "validation_loss", "validation_auc", "validation_precision", "validation_recall")
    assert set(names) == set(COLUMNS)
    return [dict(zip(names, epoch, strict=True)) for epoch in epochs]


FALLING = told(
    (0.6, 0.6, 0.5, 0.50, 0.5),
    (0.5, 0.5, 0.6, 0.90, 0.5),
    (0.4, 0.4, 0.7, 0.98, 0.5),
    (0.3, 0.3, 0.8, 0.98, 0.9),
    (0.2, 0.2, 0.9, 1.00, 1.0),
)  # fmt: skip
RISING = told(
    (0.6, 0.3, 0.5, 0.5, 0.5),
    (0.5, 0.2, 0.6, 0.5, 0.5),
    (0.4, 0.4, 0.9, 0.5, 0.5),
    (0.3, 0.5, 0.9, 0.5, 0.5),
    (0.2, 0.6, 0.8, 0.5, 0.5),
)  # fmt: skip
TARGET = {"stop_at_precision": 0.98, "stop_at_recall": 0.9}


@pytest.fixture
def scripted(fits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make networks of one layer, which are built at once."""
    del fits
    import keras

    from tutti.training import network

    def build(config: Any, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
        del config
        inputs = keras.Input(input_shape)
        flat = keras.layers.Flatten()(keras.layers.Normalization(name="standardise")(inputs))
        return keras.Model(inputs, keras.layers.Dense(n_classes, name="scores")(flat))

    monkeypatch.setattr(network, "build", build)


def unteaching(loss: Callable[[], float], seen: Callable[[Any], object] = id) -> Callable[..., Any]:
    """Return what stands for a step that learns nothing, has a given loss and shows the clips of its batch."""

    def step(clips: Any, reference: Any) -> tuple[float, Any]:
        seen(clips)
        return loss(), np.zeros_like(reference)

    return lambda *_: step


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("epochs", "changes", "count", "best"),
    [
        (FALLING, {}, 5, 5),
        (FALLING, TARGET, 4, 4),
        (FALLING, TARGET | {"stop_at_recall": 0.0}, 3, 3),
        (FALLING, TARGET | {"stop_at_precision": 0.5}, 4, 4),
        (FALLING, TARGET | {"stop_at_precision": 0.0, "stop_at_recall": 0.0}, 1, 1),
        (FALLING, {"max_epochs": 2}, 2, 2),
        (FALLING, {"scale_epochs": 3}, 3, 3),
        (RISING, {}, 5, 2),
        (RISING, {"patience": 1}, 3, 2),
        (RISING, {"patience": 2}, 4, 2),
        (RISING, {"patience": 1, "monitor": "training_loss"}, 5, 5),
        (RISING, {"patience": 9, "monitor": "validation_auc"}, 5, 3),
        (RISING, {"patience": 1, "monitor": "validation_auc"}, 4, 3),
        (told((0.5, 0.2, 0.5, 0.5, 0.5), (0.5, 0.3, 0.5, 1, 1)), TARGET, 2, 1),
    ],
)
def test_a_binary_learns_until_it_is_good_or_no_longer_better_and_keeps_its_best_epoch(
    monkeypatch: pytest.MonkeyPatch, epochs: list[Epoch], changes: dict[str, Any], count: int, best: int
) -> None:
    """What it is told of each epoch is made up; the bias of its output says from which epoch its weights are."""
    seen: list[int] = []

    def judged(model: Any, *_: Any) -> Epoch:
        model.get_layer("scores").bias.assign([len(seen) + 1.0])
        seen.append(len(seen))
        return {column: value for column, value in epochs[seen[-1]].items() if column != "loss"}

    monkeypatch.setattr(binary, "_judged", judged)
    monkeypatch.setattr(binary, "_step", unteaching(lambda: epochs[len(seen)]["loss"]))
    changed = {"max_epochs": len(epochs), "patience": 10} | changes
    job = BinariesFitting(params(**changed), "families", "mixtures").jobs[0]
    model, history = binary._fitted(job)
    assert [set(epoch) for epoch in history] == [set(COLUMNS)] * count
    for epoch, expected in zip(history, epochs, strict=False):
        assert epoch == pytest.approx(expected)
    assert model.get_layer("scores").bias.numpy().tolist() == [best]


@pytest.mark.parametrize("kind", ["any", "ties", "one kind"])
def test_the_area_under_the_curve_is_that_of_scikit_learn(kind: str) -> None:
    random = np.random.default_rng(4)
    scores, positive = random.random(200), random.random(200) < 0.3
    if kind == "one kind":
        assert binary.area_under_roc(np.ones(200, bool), scores) == 0.5
        assert binary.area_under_roc(np.zeros(200, bool), scores) == 0.5
        return
    scores = scores + 0.2 * positive
    if kind == "ties":
        scores = np.round(scores, 1)
    assert binary.area_under_roc(positive, scores) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


@dataclass(frozen=True)
class Asked:
    """What is asked of an epoch: its number, pairs, clips in a batch, equal sizes, and how many clips there are."""

    number: int
    count: int
    size: int
    same_size: bool
    clips: int


@pytest.fixture
def asked(scripted: None, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Note down what is asked of each epoch, and learn nothing."""
    del scripted
    found: list[Asked] = []

    def epoch(self: Any, number: int, count: int, size: int, *, same_size: bool) -> list[NDArray[np.int64]]:
        found.append(Asked(number, count, size, same_size, len(self._material.rows)))
        return [np.array([0, 1])]

    monkeypatch.setattr(pairs.Pairs, "epoch", epoch)
    monkeypatch.setattr(binary, "_judged", lambda *_: dict.fromkeys(COLUMNS[1:], 0.5))
    monkeypatch.setattr(binary, "_step", unteaching(lambda: 0.5))
    return found


def fitted_first(**changes: Any) -> None:
    binary._fitted(BinariesFitting(params(patience=9, **changes), "families", "mixtures").jobs[0])


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.5, 2), (0.7, 3), (1.0, 4)])
def test_the_first_epochs_compare_clips_of_equally_many_families(
    asked: list[Asked], share: float, expected: int
) -> None:
    fitted_first(same_size_share=share, max_epochs=4)
    assert asked == [Asked(number + 1, 48, 16, number < expected, 96) for number in range(4)]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.5, 2), (1.0, 3)])
def test_epochs_on_notes_come_first_and_the_share_is_of_those_after_them(
    asked: list[Asked], share: float, expected: int
) -> None:
    fitted_first(notes_epochs=2, same_size_share=share, max_epochs=5)
    assert asked == [
        *(Asked(number, 48, 16, True, 24) for number in range(2)),
        *(Asked(number + 1, 48, 16, number < expected, 96) for number in range(3)),
    ]


def test_a_scale_may_leave_notes_only(asked: list[Asked]) -> None:
    fitted_first(notes_epochs=3, scale_epochs=2, max_epochs=5)
    assert [(each.number, each.clips) for each in asked] == [(0, 24), (1, 24)]


def test_the_fewer_pairs_of_model_and_scale_count(asked: list[Asked]) -> None:
    for most in (40, 60):
        fitted_first(scale_pairs=most, max_epochs=1)
    assert [each.count for each in asked] == [40, 48]


@pytest.mark.usefixtures("scripted")
def test_a_binary_hears_notes_first_and_mixtures_later(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[set[bytes]] = []
    monkeypatch.setattr(binary, "_judged", lambda *_: dict.fromkeys(COLUMNS[1:], 0.5))
    step = unteaching(lambda: 0.5, lambda clips: heard.append({clip.tobytes() for clip in clips}))
    monkeypatch.setattr(binary, "_step", step)
    fitted_first(notes_epochs=1, max_epochs=2)
    notes, mixtures = (
        {clip.tobytes() for clip in sets_of()[name].values} for name in ("train_notes", "train_mixtures")
    )
    assert len(heard) == 2 * 6
    assert set().union(*heard[:6]) <= notes
    assert set().union(*heard[6:]) <= mixtures


@pytest.mark.usefixtures("scripted")
def test_a_band_that_is_nearly_always_silent_is_not_blown_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = sets_of()["train_mixtures"]
    clips.values[:, :, 15] = -80
    write_set(tmp_path / DATA, "train_mixtures", clips)
    monkeypatch.setattr(binary, "_judged", lambda *_: dict.fromkeys(COLUMNS[1:], 0.5))
    monkeypatch.setattr(binary, "_step", unteaching(lambda: 0.5))
    model, _ = binary._fitted(BinariesFitting(params(max_epochs=1), "families", "mixtures").jobs[0])
    deviation = np.sqrt(np.asarray(model.get_layer("standardise").variance)).ravel()
    least = binary._LEAST_DEVIATION * clips.values.std()
    assert deviation[15] == pytest.approx(least, rel=0.1)
    expected = np.sqrt(clips.values[:, :, :15].reshape(-1, 15).var(axis=0) + least**2)
    np.testing.assert_allclose(deviation[:15], expected, rtol=0.1)


# Reading a set


def _of_another_width(path: Path) -> None:
    from tutti.training import network

    config = params(dense_units=9).model("families", "mixtures").binary
    network.save(network.build(config, (TIME, FREQUENCY), 1), config, path)


def _into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("weights"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "overwritten": lambda path: path.write_bytes(path.read_bytes()[:-9000] + bytes(4000) + path.read_bytes()[-5000:]),
    "folder": _into_a_folder,
    "another network": _of_another_width,
}


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # of Keras, before its error about the same network
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_missing_or_damaged_binary_is_one_sentence(repository: Path, damage: str) -> None:
    DAMAGES[damage](repository / "model" / "bass.keras")
    with pytest.raises(DataError) as caught:
        load_model(Path("model"))
    said = str(caught.value)
    assert said.startswith("model/bass.keras does not hold the network that spec.json describes (")
    assert said.endswith("): run `dvc repro`")
    assert "\n" not in said


# What is kept


def write_binary(folder: Path, content: str = "weights") -> Path:
    folder.mkdir()
    (folder / "network.keras").write_text(content)
    return folder


def test_the_binaries_used_longest_ago_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST", 3)
    store = kept.Kept(tmp_path / "store")
    for number, name in enumerate("abc"):
        with store.adding(name) as folder:
            write_binary(folder)
        os.utime(store.folder / name, (1000 + number, 1000 + number))
    (store.folder / ".d.partial-1").mkdir()
    assert visible(store.folder) == ["a", "b", "c"]
    assert store.find("a") == store.folder / "a"  # used again
    with store.adding("d") as folder:
        write_binary(folder)
    assert visible(store.folder) == ["a", "c", "d"]
    assert store.find("b") is None
    assert (store.folder / "a/network.keras").read_text() == "weights"


def test_a_binary_is_found_whole_or_not_at_all(tmp_path: Path) -> None:
    store = kept.Kept(tmp_path / "store")

    def written_until_killed() -> None:
        with store.adding("a") as folder:
            write_binary(folder, "half")
            assert store.find("a") is None  # nor while it is being written
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_until_killed()
    assert store.find("a") is None
    assert visible(store.folder) == []
    with store.adding("a") as folder:
        write_binary(folder)
    assert store.find("a") == store.folder / "a"


def test_binaries_are_kept_in_the_users_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # as in a copy in which DVC runs an experiment
    assert kept.Kept().folder == tmp_path / ".tutti/binaries"


# Modules that the code of a binary imports and that leave it as it is: they read, write, name things, or hold values.
NOT_IN_THE_DIGEST = {
    "architectures/_configs.py",
    "errors.py",
    "feature_store.py",
    "process.py",
    "registry.py",
    "store.py",
}


def test_the_digest_of_a_binary_covers_the_code_that_fits_it() -> None:
    package = ROOT / "tutti"
    named = {*kept._CODE, "architectures/chen_cnn.py"}
    for name in named:
        for node in ast.walk(ast.parse((package / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tutti"):
                inside = (node.module or "").split(".")[1:]
                modules = [inside, *([*inside, alias.name] for alias in node.names)]
                files = {"/".join(parts) + ".py" for parts in modules if parts}
                used = {file for file in files if (package / file).is_file()} - {"config.py"}
                assert used <= named | NOT_IN_THE_DIGEST, f"{name} uses {sorted(used - named - NOT_IN_THE_DIGEST)}"
