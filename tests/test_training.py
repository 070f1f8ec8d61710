"""Windows, fitting and scoring on small stored features."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feature_sounds import mel_config

from tutti import config, registry
from tutti.config import read_yaml
from tutti.training import windows


class Clips:
    """A feature in memory, of clips of different lengths."""

    def __init__(self, lengths: list[int], bins: int = 4) -> None:
        first = np.cumsum([0, *lengths])
        self._clips = [np.arange(a, b, dtype=np.float32)[:, None].repeat(bins, 1) for a, b in itertools.pairwise(first)]
        self.values = np.concatenate(self._clips)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> Any:
        return self._clips[index]


def test_a_second_is_43_frames() -> None:
    assert windows.frames_of(1.0, 22050 / 512) == 43
    assert [windows.frames_of(seconds, 22050 / 512) for seconds in (0.5, 1.5, 3.0)] == [21, 64, 129]


@pytest.mark.parametrize(("seconds", "window", "hop"), [(0.5, 21, 10), (1.0, 43, 21), (1.5, 64, 32), (3.0, 129, 64)])
def test_the_papers_windows_overlap_by_half(seconds: float, window: int, hop: int) -> None:
    assert windows.window_and_hop(seconds, "half_window", 22050 / 512) == (window, hop)
    assert windows.window_and_hop(seconds, seconds / 2, 22050 / 512) == (window, hop)


def test_a_hop_is_one_frame_at_least_and_may_be_of_any_length() -> None:
    assert windows.window_and_hop(0.01, "half_window", 22050 / 512) == (1, 1)
    assert windows.window_and_hop(1.0, 0.25, 22050 / 512) == (43, 10)
    assert windows.window_and_hop(1.0, 2.0, 22050 / 512) == (43, 86)


@pytest.mark.parametrize("n_frames", [1, 20, 43, 44, 64, 65, 86, 216])
def test_prediction_windows_leave_less_than_half_a_hop_unseen(n_frames: int) -> None:
    starts = windows.starts_in(n_frames, 43, 21)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert (np.diff(starts) <= 21).all()
    assert n_frames - (starts[-1] + 43) <= 10.5
    assert starts[-1] + 43 <= max(n_frames, 43)


def test_a_short_clip_is_padded_with_its_quietest_value() -> None:
    piece = windows.cut(np.array([[3.0], [-5.0]], np.float32), 0, 4)
    assert piece[:, 0].tolist() == [3.0, -5.0, -5.0, -5.0]


def test_training_windows_of_the_paper_do_not_overlap() -> None:
    table = windows.training_windows(Clips([216, 100, 10]), 43, 0, seed=1, epoch=0)  # type: ignore[arg-type]
    found = sorted(zip(table.clip.tolist(), table.start.tolist(), strict=True))
    assert found == [(0, 0), (0, 43), (0, 86), (0, 129), (0, 172), (1, 0), (1, 43), (2, 0)]


@pytest.mark.parametrize(("seconds", "count"), [(0.5, 6), (1.0, 3), (1.5, 2), (3.0, 1)])
def test_an_excerpt_of_3_s_gives_the_papers_number_of_windows(seconds: float, count: int) -> None:
    section = mel_config()
    n_frames, window = section.frames_for(3 * 22050), windows.frames_of(seconds, section.frame_rate_hz)
    feature: Any = Clips([n_frames] * 4)
    table = windows.training_windows(feature, window, 0, seed=1, epoch=0)
    assert np.bincount(table.clip).tolist() == [count] * 4
    for clip in range(4):
        assert sorted(table.start[table.clip == clip].tolist()) == [window * place for place in range(count)]
    assert table.start.max() + window <= n_frames


def test_windows_without_overlap_come_in_another_order_each_epoch() -> None:
    feature: Any = Clips([130] * 20)
    first, again, later = (windows.training_windows(feature, 43, 0, 1, epoch) for epoch in (0, 0, 1))
    pairs = [list(zip(table.clip.tolist(), table.start.tolist(), strict=True)) for table in (first, again, later)]
    assert pairs[0] == pairs[1] != pairs[2]
    assert sorted(pairs[0]) == sorted(pairs[2])


def test_skipped_clips_have_no_prediction_windows() -> None:
    feature: Any = Clips([130, 20, 86, 43])
    table = windows.prediction_windows(feature, 43, 21, [1])
    assert table.clip.tolist() == [0] * 5 + [2] * 3 + [3]
    whole: Any = Clips([130, 86, 43])
    assert table.start.tolist() == windows.prediction_windows(whole, 43, 21).start.tolist()


def test_random_windows_depend_on_seed_and_epoch_only() -> None:
    feature: Any = Clips([216] * 20)
    first, again, later = (windows.training_windows(feature, 43, 2, 1, epoch) for epoch in (0, 0, 1))
    assert len(first) == 40
    assert (np.bincount(first.clip) == 2).all()
    np.testing.assert_array_equal(first.start, again.start)
    assert not np.array_equal(first.start, later.start)
    assert first.start.min() >= 0
    assert first.start.max() <= 216 - 43


def test_gather_reads_the_right_frames() -> None:
    feature: Any = Clips([60, 50])
    table = windows.prediction_windows(feature, 43, 10)
    rows = table.gather(range(len(table)))
    expected = [table.start[row] + (0 if table.clip[row] == 0 else 60) for row in range(len(table))]
    assert rows[:, 0, 0].tolist() == expected


def configured(name: str, **training: Any) -> Any:
    """Return a model of params.yaml in batches of 8 windows, with other training settings."""
    section = read_yaml(Path("params.yaml"))["tasks"]["cultural"]["models"][name]
    changed = section | {"precision": "float32", "training": section["training"] | {"batch_size": 8} | training}
    return registry.load("architectures", section["architecture"]).Config.model_validate(changed)


def fitted(seed: int, options: Any, max_epochs: int = 2) -> tuple[Any, list[dict[str, float]]]:
    from tutti.training import network

    random = np.random.default_rng(5)
    reference = (random.random((24, 2)) < 0.5).astype(np.uint8)
    loud = reference @ np.eye(2, 8) * 6
    feature: Any = Clips([60] * 24, bins=8)
    feature._clips = [(random.normal(size=(60, 8)) + row).astype(np.float32) for row in loud]
    feature.values = np.stack(feature._clips)
    part = (feature, reference)
    return network.fit(options, 43, part, part, seed=seed, max_epochs=max_epochs, on_epoch=lambda *_: None)


@pytest.mark.parametrize(
    ("name", "precision"), [("han_cnn", "float32"), ("c_gru_log_mel", "mixed_bfloat16"), ("c_lstm_mfcc", "float32")]
)
def test_the_same_seed_gives_the_same_network(name: str, precision: str) -> None:
    options = configured(name).model_copy(update={"precision": precision})
    (one, history_one), (two, history_two), (other, _) = (fitted(seed, options) for seed in (1, 1, 2))
    assert history_one == history_two
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_history_has_a_row_an_epoch_and_falls(schedule: str) -> None:
    _, history = fitted(1, configured("han_cnn", schedule=schedule))
    assert [set(row) for row in history] == [{"loss", "validation_loss"}] * 2
    assert history[1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize(("own", "scale", "expected"), [(1, 3, 1), (3, 2, 2)])
def test_the_fewer_epochs_of_model_and_scale_count(own: int, scale: int, expected: int) -> None:
    assert len(fitted(1, configured("c_gru_log_mel", max_epochs=own), max_epochs=scale)[1]) == expected


def test_training_stops_when_the_watched_loss_no_longer_falls(capfd: pytest.CaptureFixture[str]) -> None:
    """At a learning rate of 1 the training loss does not fall for two epochs in a row for long."""
    options = configured("han_cnn", learning_rate=1.0, schedule="constant", monitor="training_loss", patience=1)
    losses = [row["loss"] for row in fitted(1, options, max_epochs=30)[1]]
    assert len(losses) < 30
    assert all(later < earlier for earlier, later in itertools.pairwise(losses[:-1]))
    assert not losses[-1] < losses[-2]
    assert "remapper" not in capfd.readouterr().err


def test_the_epoch_with_the_largest_area_under_the_curve_is_kept() -> None:
    options = configured("bi_lstm", learning_rate=1.0, schedule="constant", monitor="validation_auc", patience=1)
    model, history = fitted(1, options, max_epochs=30)
    areas = [row["validation_auc"] for row in history]
    best = int(np.argmax(areas))
    assert best == len(areas) - 1 - 1 < 30 - 1 - 1
    shortened, _ = fitted(1, options, max_epochs=best + 1)
    for kept, expected in zip(model.get_weights(), shortened.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, expected)


def test_predicted_scores_do_not_depend_on_how_full_a_batch_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from tutti.training import network

    feature: Any = Clips([60] * 5, bins=8)
    table = windows.prediction_windows(feature, 43, 10)
    model = network.build(configured("c_gru_log_mel"), (43, 8), 3)
    expected = np.concatenate([np.asarray(model(table.gather([row]))) for row in range(len(table))])
    for size in (2, 4, 64):
        monkeypatch.setattr(network, "PREDICTION_BATCH", size)
        np.testing.assert_allclose(network.predict(model, table), expected, rtol=1e-4, atol=1e-6)


def test_networks_start_without_what_keras_only_takes_along() -> None:
    code = (
        "import sys, tutti.training.network; print({'sklearn', 'matplotlib'} & set(sys.modules)); "
        "import sklearn, matplotlib.pyplot, pandas; print(sklearn.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["set()", "sklearn"]


def test_no_validation_split_anywhere() -> None:
    """Keras' validation_split takes the last rows as they come, which has bitten One-vs-All trainers before."""
    for path in [*Path("tutti").rglob("*.py"), *Path("stages").glob("*.py")]:
        assert "validation_split" not in path.read_text(encoding="utf-8"), path


def test_params_name_existing_models() -> None:
    params = config.load()
    assert params.detect.model in params.tasks[params.detect.task].models
