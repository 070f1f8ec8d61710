"""What the stage ``inside`` draws and writes, and the same for a file of one's own."""

import argparse
import shutil
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from feature_sounds import RATE
from inside_networks import BANDS, CLIP_FRAMES, FRAMES, INSIDE, NAMES, write_model, write_set
from matplotlib.figure import Figure
from pydantic import ValidationError

from stages import inside as stage
from tutti import config
from tutti.errors import DataError, ParameterError
from tutti.inside.activations import LAYERS
from tutti.inside.deconvolved import ABOUT, ARRAYS, read_deconvolved
from tutti.inside.looking import deconvolve_clip, look_inside
from tutti.inside.samples import Side, draw, in_turn, loudest_start, read_side
from tutti.inside_section import InsideConfig
from tutti.labels import load_labels
from tutti.store import read_json, write_json

NOTEBOOK = Path(__file__).parents[1] / "notebooks/02-inside.ipynb"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a model and two sets, looked into."""
    root = tmp_path_factory.mktemp("inside")
    write_model(root / "models/tiny/han_cnn")
    for name in ("train", "validation"):
        write_set(root / "data/tiny", name, together=3)
    look(root, root / "out")
    return root


def look(root: Path, out: Path) -> Path:
    look_inside(root / "models/tiny/han_cnn", root / "data/tiny", INSIDE, 5, out)
    return out


@pytest.fixture
def side(root: Path) -> Side:
    return read_side(root / "data/tiny", "train", read_json(root / "models/tiny/han_cnn/spec.json"))


def test_the_maps_hold_every_sample_of_every_layer(root: Path) -> None:
    table = pd.read_csv(root / "out/maps.csv")
    assert list(table.columns) == ["set", "layer", "clip", "instrument", "x", "y"]
    assert list(dict.fromkeys(zip(table["set"], table["layer"], strict=True))) == [
        (name, layer) for name in ("train", "validation") for layer in LAYERS
    ]
    for (name, _), part in table.groupby(["set", "layer"]):
        assert Counter(part["instrument"]) == dict.fromkeys(NAMES, 4)
        assert part["clip"].is_unique
        assert part["clip"].str.startswith(f"{name}-").all()
        labels = load_labels(root / f"data/tiny/clips/{name}/manifest")
        own = {clip: labels.classes[row.argmax()] for clip, row in zip(labels.clips, labels.reference, strict=True)}
        assert part["instrument"].tolist() == [own[clip] for clip in part["clip"]]
    assert all(len(line.rpartition(".")[2]) == 4 for line in (root / "out/maps.csv").read_text().splitlines()[1:])


def test_separation_is_a_number_for_each_layer_and_set(root: Path) -> None:
    table = pd.read_csv(root / "out/separation.csv")
    assert list(table.columns) == ["set", "layer", "accuracy", "chance", "n"]
    assert len(table) == 2 * len(LAYERS)
    assert table["accuracy"].between(0, 1).all()
    assert (table["n"] == 12).all()
    np.testing.assert_allclose(table["chance"], 1 / 3, atol=1e-4)


def test_the_deconvolved_windows_are_the_loudest_of_their_clips(root: Path) -> None:
    clips = read_deconvolved(root / "out")
    assert len(clips) == 2
    assert len({clip.instrument for clip in clips}) == 2
    feature = read_side(root / "data/tiny", "validation", read_json(root / "models/tiny/han_cnn/spec.json")).feature
    for clip in clips:
        assert clip.mel_hz == (0.0, 11025.0)
        start = round(clip.start_s / clip.seconds_per_frame)
        assert 10 <= start <= 35 - FRAMES  # where the instrument sounds all the time
        np.testing.assert_array_equal(clip.window, feature[feature.clips.index(clip.clip)][start : start + FRAMES])
        assert [each.block for each in clip.images] == [1, 1, 2, 2, 3, 3, 4, 4]
        for each in clip.images:
            assert each.image.shape == (FRAMES, BANDS)
            assert np.abs(each.image).max() == 1
            assert each.peak > 0
        pairs = zip(clip.images[::2], clip.images[1::2], strict=True)
        assert all(first.activation >= second.activation for first, second in pairs)


def test_the_same_seed_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    again = look(root, tmp_path / "again")
    names = sorted(path.name for path in again.iterdir())
    assert names == sorted([ABOUT, ARRAYS, "maps.csv", "separation.csv"])
    for name in names:
        assert (again / name).read_bytes() == (root / "out" / name).read_bytes(), name


def test_clips_with_several_instruments_are_never_drawn(side: Side) -> None:
    assert len(side.labels.clips) == 21
    samples = draw(side, FRAMES, 100, 1)
    assert len(samples) == 18
    assert (side.labels.reference[samples.windows.clip].sum(axis=1) == 1).all()
    assert samples.windows.start.min() >= 0
    assert samples.windows.start.max() <= CLIP_FRAMES - FRAMES
    assert samples.sources[0] == side.labels.recordings[samples.windows.clip[0]]


def test_draws_depend_on_the_seed(side: Side) -> None:
    first, again, other = (draw(side, FRAMES, 3, seed) for seed in (1, 1, 2))
    assert first.clips == again.clips
    assert first.windows.start.tolist() == again.windows.start.tolist()
    assert (first.clips, first.windows.start.tolist()) != (other.clips, other.windows.start.tolist())


def test_a_set_of_mixtures_has_no_map(side: Side) -> None:
    side.labels.reference[:] = 1
    with pytest.raises(DataError, match="no clip of train has exactly one instrument"):
        draw(side, FRAMES, 3, 1)


def test_instruments_take_turns(side: Side) -> None:
    samples = draw(side, FRAMES, 4, 1)
    rows = in_turn(samples, 5, 1)
    assert len(set(rows)) == 5
    assert sorted(samples.names[row] for row in rows[:3]) == NAMES
    assert len({samples.names[row] for row in rows[3:]}) == 2
    assert len(in_turn(samples, 100, 1)) == len(samples)


def test_the_loudest_window() -> None:
    clip = np.zeros((30, 4), np.float32)
    clip[12:20] = 1
    assert 10 <= loudest_start(clip, 10) <= 12
    assert loudest_start(clip, 8) == 12
    assert loudest_start(clip, 31) == 0


@pytest.mark.parametrize(("change", "words"), [
    ({"feature_spec": {}}, "was made with other parameters"), ({"classes": ["flute"]}, "about other instruments"),
])  # fmt: skip
def test_data_of_another_model_are_refused(root: Path, change: dict[str, Any], words: str) -> None:
    spec = read_json(root / "models/tiny/han_cnn/spec.json")
    with pytest.raises(DataError, match=words):
        read_side(root / "data/tiny", "train", spec | change)


def test_what_was_written_must_fit_together(root: Path, tmp_path: Path) -> None:
    out = look(root, tmp_path / "out")
    write_json(out / ABOUT, read_json(out / ABOUT)[:1])
    with pytest.raises(DataError, match=r"deconvolution\.npz does not hold what deconvolution\.json says"):
        read_deconvolved(out)
    (out / ARRAYS).unlink()
    with pytest.raises(DataError, match=r"deconvolution\.npz is missing"):
        read_deconvolved(out)


def test_a_file_of_ones_own(root: Path, tmp_path: Path) -> None:
    time_s = np.arange(2 * RATE) / RATE
    loud = (0.02 + 0.4 * ((time_s > 0.8) & (time_s < 1.5))) * np.sin(2 * np.pi * 440 * time_s)
    soundfile.write(tmp_path / "a.wav", loud.astype(np.float32), RATE)
    model = root / "models/tiny/han_cnn"
    found = deconvolve_clip(model, tmp_path / "a.wav", units=1)
    assert (found.clip, found.instrument, len(found.images)) == ("a.wav", "", 4)
    assert 0.75 <= found.start_s <= 1.1
    assert found.window.shape == (FRAMES, BANDS)
    chosen = deconvolve_clip(model, tmp_path / "a.wav", units=1, start_s=0.25)
    assert chosen.start_s == pytest.approx(0.25, abs=0.024)
    with pytest.raises(ParameterError, match=r"start_s is 9, but .*a\.wav ends after 2\.0\d s: start within it"):
        deconvolve_clip(model, tmp_path / "a.wav", start_s=9)


def test_the_stage_looks_into_the_model_that_params_name(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    task = SimpleNamespace(studies=SimpleNamespace(inside=INSIDE))
    params = SimpleNamespace(seed=5, cutting_task=lambda _: task, model=lambda *names: asked.append(names))
    monkeypatch.setattr(config, "load", lambda: params)
    monkeypatch.chdir(root)
    stage.main(stage.parser().parse_args(["--task", "tiny", "--out", str(tmp_path / "out")]))
    assert asked == [("tiny", "han_cnn")]
    assert (tmp_path / "out/separation.csv").is_file()
    assert isinstance(stage.parser(), argparse.ArgumentParser)


@pytest.mark.parametrize(("key", "value"), [("perplexity", 0.5), ("neighbours", 0), ("units", 0), ("model", "A b")])
def test_wrong_sizes_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        InsideConfig.model_validate(INSIDE.model_dump() | {key: value})


def test_the_notebook_runs_on_what_the_pipeline_leaves(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = read_json(NOTEBOOK)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    (tmp_path / "params.yaml").touch()
    manifest = tmp_path / "data/predominant/clips/validation/manifest"
    for kept, place in (("models/tiny", "models/predominant"), ("out", "metrics/predominant/inside")):
        shutil.copytree(root / kept, tmp_path / place)
    for folder in (manifest, manifest.parent / "audio"):
        folder.mkdir(parents=True)
    pd.DataFrame({"file": ["a.wav"]}).to_parquet(manifest / "clips.parquet")
    soundfile.write(manifest.parent / "audio/a.wav", np.sin(np.arange(RATE) / 10), RATE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(Audio=Path))  # the packages do not bring it
    shown: list[Any] = []
    scope: dict[str, Any] = {"display": shown.append}
    for cell in code:
        exec(cell["source"], scope)
    assert [type(each) for each in shown[1:]] == [Figure, Figure]
    assert scope["clip"].clip == "a.wav"
