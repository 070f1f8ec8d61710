"""VGGish embeddings: lengths, handles, what is stored and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from feature_sounds import narrow_vggish, noise, notes

from tutti import extraction
from tutti.audio import write_flac
from tutti.detection import Detector
from tutti.errors import DataError, ParameterError, SetupError
from tutti.feature_store import open_feature, require_same_origin, require_spec, write_feature
from tutti.features import vggish

SETS = ("train", "unseen_bank")


def config(handle: str | Path = "trained") -> vggish.Config:
    return vggish.Config(extractor="vggish", sample_rate_hz=16000, handle=str(handle))


@pytest.fixture(scope="module")
def own() -> vggish.Config:
    return config(narrow_vggish())


@pytest.mark.parametrize(
    ("n", "frames"),
    [(0, 1), (1, 1), (15599, 1), (15600, 1), (16000, 1), (30959, 1), (30960, 2), (80000, 5), (160000, 10)],
)
def test_there_is_a_vector_for_each_whole_patch(own: vggish.Config, n: int, frames: int) -> None:
    assert own.frames_for(n) == frames
    assert vggish.extract(noise(n), own).shape == (frames, 128)


def test_five_seconds_are_5_of_128(own: vggish.Config) -> None:
    assert vggish.extract(noise(5 * 16000), own).shape == (5, 128)
    assert own.frame_rate_hz == pytest.approx(1 / 0.96)


def test_a_vector_depends_on_its_patch_only(own: vggish.Config) -> None:
    sound = noise(5 * 16000)
    other = sound.copy()
    other[4 * 15360 :] = 0
    np.testing.assert_allclose(vggish.extract(other, own)[:3], vggish.extract(sound, own)[:3], rtol=1e-5, atol=1e-6)
    alone = vggish.extract(sound[2 * 15360 :][:15600], own)
    np.testing.assert_allclose(alone[0], vggish.extract(sound, own)[2], rtol=1e-4, atol=1e-5)


def test_a_short_sound_is_filled_up_with_silence(own: vggish.Config) -> None:
    short = notes()[:9000]
    filled = np.pad(short, (0, 15600 - 9000))
    np.testing.assert_array_equal(vggish.extract(short, own), vggish.extract(filled, own))


def test_trained_means_the_tasks_own_network(tmp_path: Path) -> None:
    assert config("trained").located(tmp_path).handle == str(tmp_path / "saved_model")
    assert config("elsewhere").located(tmp_path).handle == "elsewhere"


def save(folder: Path, function: Any) -> Path:
    """Write a SavedModel that computes what a function of a waveform says."""
    module = tf.Module()
    module.__call__ = tf.function(function, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(folder))
    return folder


def test_any_model_with_the_signature_will_do(tmp_path: Path) -> None:
    folder = save(tmp_path / "levels", lambda wave: tf.ones((1, 128)) * tf.reduce_max(wave))
    assert vggish.extract(np.full(16000, 0.25, np.float32), config(folder))[0, 0] == 0.25


@pytest.mark.parametrize("shape", [(1, 64), (128,), (3, 128)])
def test_a_model_with_another_output_is_named(tmp_path: Path, shape: tuple[int, ...]) -> None:
    folder = save(tmp_path / "wrong", lambda wave: tf.ones(shape) * wave[0])
    with pytest.raises(ParameterError, match=r"wrong' gives \(.*\) for 16000 samples, but VGGish gives \(1, 128\)"):
        vggish.extract(noise(16000), config(folder))


def test_a_model_without_a_call_is_named(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "dumb"))
    with pytest.raises(ParameterError, match="dumb' holds a SavedModel that cannot be called: give"):
        vggish.extract(noise(16000), config(tmp_path / "dumb"))


def test_a_model_of_something_else_is_named(tmp_path: Path) -> None:
    module = tf.Module()
    module.__call__ = tf.function(lambda image: image, input_signature=[tf.TensorSpec([None, 8], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "image"))
    with pytest.raises(ParameterError, match=r"image' takes no waveform \(n,\)") as caught:
        vggish.extract(noise(16000), config(tmp_path / "image"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [Path.exists, Path.mkdir, Path.touch])
def test_a_folder_without_a_model_is_named(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "nothing")
    with pytest.raises(ParameterError, match=r"nothing' is a folder without saved_model\.pb or no folder: give"):
        config(tmp_path / "nothing").origin()


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(ParameterError, match="damaged' holds no SavedModel") as caught:
        vggish.extract(noise(16000), config(tmp_path / "damaged"))
    assert "\n" not in str(caught.value)


def test_an_address_that_cannot_be_reached_is_one_sentence() -> None:
    with pytest.raises(SetupError, match="invalid/vggish/1' cannot be fetched") as caught:
        config("https://model.invalid/vggish/1").origin()
    assert "\n" not in str(caught.value)
    assert "download the model elsewhere and give its folder" in str(caught.value)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for side in SETS:
        (tmp_path / "clips" / side / "manifest").mkdir(parents=True)
        table = pd.DataFrame({"clip": ["b", "a", "c"], "file": ["b.flac", "a.flac", "c.flac"]})
        table.to_parquet(tmp_path / "clips" / side / "manifest" / "clips.parquet")
        for number, file in enumerate(table["file"]):
            write_flac(tmp_path / "clips" / side / "audio" / file, noise(22050 * (1 + number)), 22050)
    return tmp_path / "clips"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_stored_embeddings_name_their_network(
    tmp_path: Path, clips: Path, own: vggish.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = narrow_vggish().parent
    for workers in ("1", "2"):
        monkeypatch.setenv("TUTTI_WORKERS", workers)
        extraction.extract_sets(clips, config(), "vggish", tmp_path / workers, SETS, trained)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    feature = open_feature(tmp_path / "1" / "train")
    assert [len(feature[clip]) for clip in range(3)] == [1, 2, 3]
    assert feature.spec["handle"] == "trained"
    assert feature.spec["origin"] == own.origin()
    require_spec(feature, config())
    with pytest.raises(ParameterError, match="was extracted with handle 'trained'"):
        require_spec(feature, config("elsewhere"))


def test_a_model_refuses_embeddings_by_another_network(tmp_path: Path, own: vggish.Config) -> None:
    shutil.copytree(narrow_vggish(), tmp_path / "saved_model")
    spec = {**config().model_dump(), "name": "vggish", "frequency": 128, "origin": own.origin()}
    assert extraction.ready(spec, tmp_path).handle == str(tmp_path / "saved_model")  # type: ignore[attr-defined]
    changed = {**spec, "origin": {"model_sha256": "0" * 64}}
    with pytest.raises(DataError, match="'vggish' was made by another network than the one there is now: run"):
        extraction.ready(changed, tmp_path)


def test_training_refuses_two_networks(tmp_path: Path) -> None:
    for name, digest in (("train", "a"), ("validation", "b"), ("again", "a")):
        rows = [np.zeros((5, 128), np.float32)]
        write_feature(tmp_path / name, "vggish", config(), ["clip"], rows, {"model_sha256": digest})
    train, validation, again = (open_feature(tmp_path / name) for name in ("train", "validation", "again"))
    require_same_origin(train, again)
    with pytest.raises(DataError, match=r"train and .*validation were made by different networks: run"):
        require_same_origin(train, validation)


class FirstValue:
    """A model on embeddings: its score is whether there are any."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec, self.classes, self.heard = {"feature_spec": spec}, ["flute"], [(0, 0)]

    def predict_windows(self, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.heard.append(clip.shape)
        return np.ones((1, 1), np.float32), np.zeros(1)


def test_a_file_is_heard_through_the_tasks_network(tmp_path: Path, own: vggish.Config) -> None:
    write_flac(tmp_path / "song.flac", noise(12 * 44100) * 0.3, 44100)
    spec = {**config().model_dump(), "name": "vggish", "frequency": 128, "origin": own.origin()}
    model, limits = FirstValue(spec), {"fixed": np.full(1, 0.5)}
    heard = Detector(model, limits, "s1", 5.0, (-40.0, -10.0), narrow_vggish().parent)  # type: ignore[arg-type]
    assert heard.detect(tmp_path / "song.flac", "fixed").findings[0].sounding
    assert model.heard[1:] == [(5, 128), (7, 128)]
    spec["origin"] = {"model_sha256": "0" * 64}
    with pytest.raises(DataError, match="was made by another network"):
        heard.detect(tmp_path / "song.flac", "fixed")


def test_the_digest_is_of_the_model_not_of_its_place_or_fingerprint(tmp_path: Path, own: vggish.Config) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(narrow_vggish(), copy)
    (copy / "fingerprint.pb").write_bytes(b"random")
    assert config(copy).origin() == own.origin()
    other = save(tmp_path / "other", lambda wave: tf.ones((1, 128)) * wave[0])
    assert config(other).origin() != own.origin()
