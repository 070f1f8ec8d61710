"""A stored feature: whole, the same bytes each time, read by memory map, refused when made with other parameters."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tutti import extraction
from tutti.audio import Samples, read_mono, write_flac
from tutti.errors import DataError, ParameterError
from tutti.feature_store import open_feature, require_spec, write_feature
from tutti.features import log_mel

SETS = ("train", "validation", "unseen_bank")
CONFIG = log_mel.Config(
    extractor="log_mel",
    sample_rate_hz=8000,
    n_fft=256,
    hop_length=128,
    n_mels=8,
    fmin_hz=0.0,
    fmax_hz=4000.0,
    normalise="none",
    power=1.0,
    floor=1e-5,
)


def rows(*frames: int) -> list[Samples]:
    return [np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32) for n in frames]


def bytes_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


@pytest.mark.parametrize(("frames", "ndim"), [((5, 5, 5), 3), ((5, 1, 12), 2), ((4,), 3)])
def test_what_is_written_is_read(tmp_path: Path, frames: tuple[int, ...], ndim: int) -> None:
    clips, values = [f"c{i}" for i in range(len(frames))], rows(*frames)
    write_feature(tmp_path / "f", "mel", CONFIG, clips, values)
    feature = open_feature(tmp_path / "f")
    assert (feature.clips, len(feature), feature.values.ndim) == (tuple(clips), len(frames), ndim)
    assert isinstance(feature.values, np.memmap)
    assert feature.offsets.tolist() == [0, *np.cumsum(frames)]
    for i, expected in enumerate(values):
        np.testing.assert_array_equal(feature[i], expected)
    with pytest.raises(IndexError):
        feature[len(frames)]
    assert feature.spec == {**CONFIG.model_dump(), "name": "mel", "frequency": 8}


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_feature(tmp_path / name, "mel", CONFIG, ["x", "y"], rows(3, 4))
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_values_are_what_numpy_would_write(tmp_path: Path) -> None:
    write_feature(tmp_path / "f", "mel", CONFIG, ["x", "y"], rows(3, 3))
    np.save(tmp_path / "expected.npy", np.stack(rows(3, 3)))
    assert (tmp_path / "f" / "values.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def test_refuses_other_parameters(tmp_path: Path) -> None:
    write_feature(tmp_path / "f", "mel", CONFIG, ["x"], rows(3))
    feature = open_feature(tmp_path / "f")
    require_spec(feature, CONFIG)
    with pytest.raises(ParameterError, match=r"hop_length 128, but 64 is wanted: run `dvc repro`"):
        require_spec(feature, CONFIG.model_copy(update={"hop_length": 64}))


@pytest.mark.parametrize(
    ("clips", "values", "words"),
    [
        (["x", "x"], rows(2, 2), "1 differ"),
        (["x"], [np.zeros((2, 7), np.float32)], r"clip 'x' has values \(2, 7\)"),
        (["x"], [np.full((2, 8), np.nan, np.float32)], "clip 'x'"),
    ],
)
def test_refuses_values_that_do_not_fit(tmp_path: Path, clips: list[str], values: list[Samples], words: str) -> None:
    with pytest.raises(DataError, match=words):
        write_feature(tmp_path / "f", "mel", CONFIG, clips, values)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def stops() -> Iterator[Samples]:
        yield from rows(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_feature(tmp_path / "f", "mel", CONFIG, ["x", "y"], stops())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "values.npy").unlink(),
        lambda folder: (folder / "values.npy").write_bytes((folder / "values.npy").read_bytes()[:-4]),
        lambda folder: np.save(folder / "offsets.npy", np.zeros(9, np.int64)),
        lambda folder: (folder / "clips.json").write_text(json.dumps(["only"])),
        lambda folder: (folder / "spec.json").write_text("{"),
    ],
)
def test_refuses_damaged_files(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    write_feature(tmp_path / "f", "mel", CONFIG, ["x", "y"], rows(3, 4))
    damage(tmp_path / "f")
    with pytest.raises(DataError, match="dvc repro"):
        open_feature(tmp_path / "f")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Return a folder with all sets of clips, in an order that is not that of their names."""
    random = np.random.default_rng(5)
    for side in SETS:
        folder = tmp_path / "clips" / side
        (folder / "manifest").mkdir(parents=True)
        table = pd.DataFrame({"clip": ["b", "a", "c"], "file": ["b.flac", "a.flac", "c.flac"]})
        table.to_parquet(folder / "manifest" / "clips.parquet")
        for file in table["file"]:
            write_flac(folder / "audio" / file, random.uniform(-0.5, 0.5, 11025).astype(np.float32), 11025)
    return tmp_path / "clips"


def test_extracts_every_set_in_the_order_of_the_manifest(tmp_path: Path, clips: Path) -> None:
    for out in ("one", "two"):
        extraction.extract_sets(clips, CONFIG, "mel", tmp_path / out, SETS)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    feature = open_feature(tmp_path / "one" / "train")
    assert feature.clips == ("b", "a", "c")
    assert feature.values.shape == (3, CONFIG.frames_for(8000), 8)
    samples = read_mono(clips / "train" / "audio" / "a.flac", 8000)
    np.testing.assert_array_equal(feature[1], log_mel.extract(samples, CONFIG))


def test_a_missing_clip_is_named_and_nothing_written(tmp_path: Path, clips: Path) -> None:
    (clips / "unseen_bank" / "audio" / "c.flac").unlink()
    with pytest.raises(DataError, match=r"unseen_bank/audio/c\.flac is missing"):
        extraction.extract_sets(clips, CONFIG, "mel", tmp_path / "out", SETS)
    assert not list((tmp_path / "out").iterdir())


def test_a_value_that_is_no_number_is_never_stored(
    tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")  # another process would not see the next line
    monkeypatch.setattr(log_mel, "extract", lambda samples, _: np.full((len(samples), 8), np.nan, np.float32))
    with pytest.raises(DataError, match=r"train/audio/b\.flac: feature 'log_mel' gives NaN"):
        extraction.extract_sets(clips, CONFIG, "mel", tmp_path / "out", SETS)


def test_a_missing_manifest_is_named(tmp_path: Path, clips: Path) -> None:
    (clips / "train" / "manifest" / "clips.parquet").unlink()
    with pytest.raises(DataError, match=r"clips\.parquet is missing: run `dvc repro`"):
        extraction.extract_sets(clips, CONFIG, "mel", tmp_path / "out", SETS)
