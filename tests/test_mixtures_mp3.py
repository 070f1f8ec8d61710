"""Mixtures as MP3: constant bit rate, exact in time."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from solo_corpus import clips_config, eight_instruments, files_in

from tutti.errors import SetupError
from tutti.mixtures.clip_set import Corpus, make_clips
from tutti.mixtures.recipe import read_recipes
from tutti.mixtures.replay import replay

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return eight_instruments(tmp_path_factory.mktemp("corpus"))


def _mp3_headers(data: bytes) -> list[tuple[int, int]]:
    """Return bit rate in kbit/s and sample rate in Hz of every MPEG-1 layer III frame; nothing else may follow."""
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    start = 10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    position, found = start if data[:3] == b"ID3" else 0, []
    while position < len(data):
        assert data[position] == 0xFF
        assert data[position + 1] & 0xFE == 0xFA
        kbps, hz = rates[data[position + 2] >> 4], (44100, 48000, 32000)[data[position + 2] >> 2 & 3]
        found.append((kbps, hz))
        position += 144000 * kbps // hz + (data[position + 2] >> 1 & 1)
    return found


@needs_ffmpeg
def test_mp3_has_a_constant_bit_rate_and_starts_on_time(corpus: Corpus, tmp_path: Path) -> None:
    config = clips_config(format="mp3", sample_rate_hz=48000, mp3_kbps=192)
    make_clips(corpus, config, "train", 3, 1, tmp_path)
    for recipe in read_recipes(tmp_path / "manifest/recipes.jsonl"):
        path = tmp_path / "audio" / recipe.file
        headers = _mp3_headers(path.read_bytes())
        assert set(headers) == {(192, 48000)}
        assert len(headers) >= 2 * 48000 / 1152
        decoded, exact = soundfile.read(path)[0], replay(recipe, corpus.root) / 32768
        assert len(decoded) == len(exact)
        assert np.corrcoef(decoded, exact)[0, 1] > 0.999


@needs_ffmpeg
def test_mp3_bytes_do_not_depend_on_how_clips_are_batched(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batch in (1, 3):
        monkeypatch.setattr("tutti.mixtures.clip_set.BATCH", batch)
        make_clips(corpus, clips_config(format="mp3"), "train", 4, 1, tmp_path / str(batch))
    assert files_in(tmp_path / "1") == files_in(tmp_path / "3")


def test_mp3_without_ffmpeg_names_the_package(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="apt install ffmpeg"):
        make_clips(corpus, clips_config(format="mp3"), "train", 4, 1, tmp_path / "out")
