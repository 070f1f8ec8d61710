"""The task's own VGGish: its front end, layers, patches and training."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow_hub
from feature_sounds import noise, notes

from tutti.embedding import front_end, stack
from tutti.embedding.fitting import fit_embedding
from tutti.embedding.saved_model import write_saved_model
from tutti.embedding.solos import Patches, Solo, read_solos, recordings_of, starts_of
from tutti.errors import DataError
from tutti.sections import EmbeddingConfig

ROOT = Path(__file__).parents[1]
RATE = 16000


def config(**changes: Any) -> EmbeddingConfig:
    values: dict[str, Any] = {
        "width": 0.02, "loudness_dbfs": -26.0, "gain_db": [-6.0, 6.0], "max_mixed": 2, "min_sounding_seconds": 0.25,
        "learning_rate": 0.002, "batch_size": 8,
    }  # fmt: skip
    return EmbeddingConfig.model_validate({**values, **changes})


def published_log_mel(waveform: np.ndarray) -> np.ndarray:
    """Return the log-mel windows of the published front end, in plain NumPy."""
    count = 1 + (len(waveform) - 400) // 160
    frames = np.stack([waveform[160 * i : 160 * i + 400] for i in range(count)]).astype(np.float64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    magnitude = np.abs(np.fft.rfft(frames * window, 512))
    mel = 1127 * np.log1p(np.arange(257) * RATE / 512 / 700)
    edges = np.linspace(1127 * np.log1p(125 / 700), 1127 * np.log1p(7500 / 700), 66)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rising, falling))
    bank[0] = 0
    return np.asarray(np.log(magnitude @ bank + 0.01))


@pytest.mark.parametrize("sound", [noise(3 * RATE), notes(), notes()[:15600], np.zeros(RATE, np.float32)])
def test_the_front_end_is_the_published_one(sound: np.ndarray) -> None:
    expected = published_log_mel(sound)
    count = len(expected) // 96
    found = front_end.patches(sound).numpy()
    assert found.shape == (count, 96, 64)
    np.testing.assert_allclose(found, expected[: 96 * count].reshape(count, 96, 64), rtol=1e-3, atol=2e-3)


def test_too_short_a_waveform_has_no_patch() -> None:
    assert front_end.patches(np.zeros(15599, np.float32)).shape == (0, 96, 64)
    assert front_end.patches(np.zeros(15600, np.float32)).shape == (1, 96, 64)


def test_a_tone_is_loudest_in_its_band() -> None:
    wave = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    edges = 700 * np.expm1(np.linspace(1127 * np.log1p(125 / 700), 1127 * np.log1p(7500 / 700), 66) / 1127)
    band = int(front_end.patches(wave).numpy()[0].mean(axis=0).argmax())
    assert edges[band] < 1000 < edges[band + 2]


def weights_at(width: float) -> int:
    """Return the number of weights up to the embedding, by the formula."""
    filters = [1, *(stack.scaled(n, width) for n in (64, 128, 256, 256, 512, 512))]
    convolutions = sum(9 * a * b + b for a, b in pairwise(filters))
    dense = [6 * 4 * filters[-1], stack.scaled(4096, width), stack.scaled(4096, width), 128]
    return convolutions + sum(a * b + b for a, b in pairwise(dense))


@pytest.mark.parametrize("width", [0.02, 0.125, 0.25])
def test_the_stack_has_the_weights_of_the_formula(width: float) -> None:
    assert stack.embedding_of(stack.build(width, 5)).count_params() == weights_at(width)


def test_at_width_1_it_is_the_published_one() -> None:
    assert weights_at(1) == 72_141_184
    network = stack.embedding_of(stack.build(1, 5))
    assert network.count_params() == 72_141_184
    pools = [network.get_layer(f"pool{number}").output.shape[1:] for number in range(1, 5)]
    assert pools == [(48, 32, 64), (24, 16, 128), (12, 8, 256), (6, 4, 512)]
    assert network.output.shape == (None, 128)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Write solo recordings of three instruments, on three sides, with index and split."""
    rows = []
    for number, name in enumerate(("flute", "taiko", "viola")):
        for take, side in enumerate(("train", "train", "validation", "unseen_recording")):
            path = f"{name}/{take}.wav"
            (tmp_path / "corpus" / name).mkdir(parents=True, exist_ok=True)
            tone = np.sin(2 * np.pi * 300 * 3**number * np.arange(2 * RATE) / RATE) * (0.2 + 0.1 * take)
            soundfile.write(tmp_path / "corpus" / path, tone, RATE)
            rows.append((f"{name}/{take}", name, path, side))
    table = pd.DataFrame(rows, columns=["recording", "instrument", "path", "side"])
    for folder in ("split", "index"):
        (tmp_path / folder).mkdir()
    table[["recording", "instrument", "side"]].to_parquet(tmp_path / "split" / "split.parquet")
    table[["recording", "path"]].to_parquet(tmp_path / "index" / "recordings.parquet")
    return tmp_path


def test_only_recordings_of_the_training_side_are_read(corpus: Path) -> None:
    for path in (corpus / "corpus").rglob("*.wav"):
        if path.stem in "23":
            path.unlink()
    found = recordings_of(corpus / "split", corpus / "index", "train")
    assert found["recording"].tolist() == ["flute/0", "flute/1", "taiko/0", "taiko/1", "viola/0", "viola/1"]
    solos, names = read_solos(found, corpus / "corpus", config())
    assert names == ["flute", "taiko", "viola"]
    assert [solo.label for solo in solos] == [0, 0, 1, 1, 2, 2]
    (corpus / "corpus" / "taiko" / "1.wav").unlink()
    with pytest.raises(DataError, match=r"taiko/1\.wav is missing"):
        read_solos(found, corpus / "corpus", config())


def test_recordings_are_brought_to_one_level(corpus: Path) -> None:
    solos, _ = read_solos(recordings_of(corpus / "split", corpus / "index", "train"), corpus / "corpus", config())
    np.testing.assert_allclose(solos[0].bands, solos[1].bands, rtol=0.01, atol=1e-3)


def test_a_side_without_recordings_and_one_instrument_alone_are_named(corpus: Path) -> None:
    with pytest.raises(DataError, match="no recording on the side 'unseen_bank'"):
        recordings_of(corpus / "split", corpus / "index", "unseen_bank")
    found = recordings_of(corpus / "split", corpus / "index", "train")
    with pytest.raises(DataError, match="holds 1 instruments that sound on the training side: at least 2"):
        read_solos(found[found["instrument"] == "flute"], corpus / "corpus", config())


def test_patches_begin_where_the_instrument_sounds() -> None:
    bands = np.zeros((300, 64), np.float32)
    bands[200:220] = 1
    assert starts_of(bands, 10).tolist() == list(range(114, 205))  # ten of the twenty windows within
    assert starts_of(bands, 30).tolist() == list(range(124, 201))  # as many as there are
    assert starts_of(bands[:96], 10).tolist() == [0]


def test_a_patch_is_the_powers_of_its_instruments_at_a_gain() -> None:
    solos = [Solo(label, np.full((200, 64), 10.0**label, np.float32), np.arange(50)) for label in range(3)]
    patches = Patches(solos, 3, config(gain_db=[0.0, 0.0], batch_size=200), seed=1)
    values, shares = patches.batch(0)
    assert values.shape == (200, 96, 64)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    power = (shares > 0) @ np.array([1.0, 100.0, 10000.0])
    np.testing.assert_allclose(values[:, 3, 5], np.log(np.sqrt(power) + 0.01), rtol=1e-5)
    assert set((shares > 0).sum(axis=1)) == {1, 2}
    np.testing.assert_array_equal(patches.batch(0)[0], values)
    assert not np.array_equal(patches.batch(1)[0], values)
    loud = Patches(solos, 3, config(gain_db=[6.0, 6.0], max_mixed=1), seed=1).batch(0)[0].max()
    assert loud == pytest.approx(np.log(100 * 10 ** (6 / 20) + 0.01), rel=1e-5)


def fit(corpus: Path, out: str, **changes: Any) -> Path:
    arguments = [str(corpus / name) for name in ("split", "index", "corpus", out)]
    code = (
        "import json, sys; from pathlib import Path; from tutti.embedding.fitting import fit_embedding\n"
        "from tutti.sections import EmbeddingConfig; split, index, root, out, config = sys.argv[1:]\n"
        "config = EmbeddingConfig.model_validate(json.loads(config))\n"
        "fit_embedding(Path(split), Path(index), Path(root), config, n_patches=40, seed=3, out=Path(out))"
    )
    settings = json.dumps(config(**changes).model_dump(mode="json"))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, settings], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return corpus / out


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_processes_write_the_same_bytes(corpus: Path) -> None:
    first, second = files(fit(corpus, "one")), files(fit(corpus, "two"))
    assert {"saved_model/saved_model.pb", "spec.json", "history.csv"} <= set(first)
    assert [name for name in first if first[name] != second.get(name)] == []


def test_what_was_traced_before_leaves_no_trace(tmp_path: Path) -> None:
    network = stack.embedding_of(stack.build(0.02, 3))
    for name in ("one", "two"):
        write_saved_model(network, tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    model = tensorflow_hub.load(str(tmp_path / "one"))
    expected = network(front_end.patches(noise(2 * RATE))).numpy()
    np.testing.assert_allclose(model(noise(2 * RATE)).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_training_tells_instruments_apart(corpus: Path) -> None:
    fit_embedding(
        corpus / "split", corpus / "index", corpus / "corpus", config(width=0.05, max_mixed=1),
        n_patches=400, seed=3, out=corpus / "out",
    )  # fmt: skip
    assert json.loads((corpus / "out" / "spec.json").read_text())["classes"] == ["flute", "taiko", "viola"]
    rows = pd.read_csv(corpus / "out" / "history.csv")
    assert rows["loss"].iloc[-1] < 0.7 < np.log(3)
    model = tensorflow_hub.load(str(corpus / "out" / "saved_model"))
    vectors = {}
    for name in ("flute", "taiko", "viola"):
        wave = soundfile.read(corpus / "corpus" / name / "3.wav", dtype="float32")[0]
        found = model(0.2 * wave).numpy()
        assert found.shape == (2, 128)
        vectors[name] = found
    within = max(np.linalg.norm(each[0] - each[1]) for each in vectors.values())
    across = np.linalg.norm(vectors["flute"][0] - vectors["viola"][0])
    assert across > 3 * within
