"""Reading any audio file, in full or in blocks; one sentence for every file that is none; levels."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tutti import audio
from tutti.audio import Samples
from tutti.errors import DataError, SetupError

SEED = 3
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


def noise(n: int, channels: int = 1, scale: float = 0.1) -> Samples:
    return np.random.default_rng(SEED).normal(0, scale, (n, channels)).clip(-0.99, 0.99).astype(np.float32)


def tone(frequency_hz: float, rate_hz: int, seconds: float) -> Samples:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(rate_hz * seconds)) / rate_hz).astype(np.float32)


def written(path: Path, samples: Samples, rate_hz: int = 22050, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def converted(source: Path, target: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, f"file:{target}"], check=True)
    return target


def truncated(path: Path, share: float) -> Path:
    content = path.read_bytes()
    cut = path.with_name(f"cut_{path.name}")
    cut.write_bytes(content[: int(len(content) * share)])
    return cut


@pytest.mark.parametrize("rate_hz", [8000, 22050, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_reads_what_was_written(tmp_path: Path, channels: int, rate_hz: int) -> None:
    samples = noise(1000, channels)
    read = audio.read_audio(written(tmp_path / "a.wav", samples, rate_hz, "FLOAT"))
    assert (read.channels, read.sample_rate_hz, read.duration_s) == (channels, rate_hz, 1000 / rate_hz)
    np.testing.assert_array_equal(read.samples, samples)
    np.testing.assert_allclose(read.mono(), samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_reads_the_formats_of_libsndfile(tmp_path: Path, name: str) -> None:
    sound = 0.5 * tone(440, 22050, 0.5)
    read = audio.read_mono(written(tmp_path / name, sound), 22050)
    assert abs(len(read) - len(sound)) <= 2304
    assert abs(audio.level_dbfs(read, 22050) - audio.level_dbfs(sound, 22050)) < 0.5


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.wma", "a.mka", "-i.m4a"])
def test_reads_other_formats_through_ffmpeg(tmp_path: Path, name: str) -> None:
    sound = 0.5 * tone(440, 48000, 1.0)
    path = converted(written(tmp_path / "a.wav", np.stack([sound, sound], axis=1), 48000), tmp_path / name)
    read = audio.read_audio(path)
    assert (read.channels, read.sample_rate_hz) == (2, 48000)
    assert abs(audio.level_dbfs(read.samples, 48000) - audio.level_dbfs(sound, 48000)) < 0.5


@pytest.mark.parametrize("name", ["-", "x.raw", "a b;c$(d).wav", "ünïcode.wav"])
def test_names_mean_nothing_special(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.wav", noise(100)).rename(tmp_path / name)
    assert len(audio.read_audio(Path(name)).samples) == 100


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff", "a.m4a", "a.mka"])
def test_refuses_truncated_files(tmp_path: Path, name: str) -> None:
    source = written(tmp_path / "source.wav", noise(44100))
    path = converted(source, tmp_path / name, "-strict", "-2")
    assert len(audio.read_audio(path).samples) >= 44100
    for share in (0.02, 0.5):
        with pytest.raises(DataError, match=f"cut_{name}"):
            audio.read_audio(truncated(path, share))


def test_a_stream_without_a_length_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", noise(1000), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"  # what ffmpeg writes to a pipe
    path.write_bytes(content)
    assert len(audio.read_audio(path).samples) == 1000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_refuses_samples_that_are_no_numbers(tmp_path: Path, bad: float) -> None:
    samples = noise(1000)
    samples[500] = bad
    with pytest.raises(DataError, match=r"a\.wav holds NaN or infinite samples"):
        audio.read_audio(written(tmp_path / "a.wav", samples, subtype="FLOAT"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is an empty file"), (b"hello " * 100, "is not audio"), (b"#EXTM3U\nfile:///etc/passwd\n", "is a playlist")],
)
def test_refuses_what_is_not_audio(tmp_path: Path, content: bytes, words: str) -> None:
    if not shutil.which("ffmpeg") and words == "is not audio":
        pytest.skip("needs ffmpeg")
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.wav {words}"):
        audio.read_audio(path)


def test_refuses_audio_without_samples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no samples"):
        audio.read_audio(written(tmp_path / "a.wav", noise(0)))


def test_refuses_paths_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        audio.read_audio(tmp_path / "none.wav")
    with pytest.raises(DataError, match="is a folder"):
        audio.read_audio(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(DataError, match="is not a regular file"):
        audio.read_audio(tmp_path / "pipe.wav")


def test_names_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tutti.decoding.os.open", refuse)  # as root, every file may be read
    with pytest.raises(DataError, match=r"a\.wav cannot be opened \(Permission denied\)"):
        audio.read_audio(tmp_path / "a.wav")


def test_says_what_to_install_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "a.m4a"
    path.write_bytes(b"anything")
    with pytest.raises(SetupError, match="apt install ffmpeg"):
        audio.read_audio(path)


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100])
@pytest.mark.parametrize("n", [10, 44100, 300_000])
def test_blocks_are_the_whole_file(tmp_path: Path, n: int, rate_hz: int) -> None:
    path = written(tmp_path / "a.flac", noise(n, 2), 44100)
    blocks = list(audio.read_blocks(path, rate_hz, 0.4))
    assert {len(block) for block in blocks[:-1]} <= {round(0.4 * rate_hz)}
    np.testing.assert_allclose(np.concatenate(blocks), audio.read_mono(path, rate_hz), atol=1e-6)


def test_a_reader_that_stops_early_leaves_nothing_open(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", noise(2_000_000))
    open_files = Path("/proc/self/fd")
    if not open_files.is_dir():
        pytest.skip("needs /proc")
    before = len(list(open_files.iterdir()))
    blocks = audio.read_blocks(path, 22050, 1.0)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert len(list(open_files.iterdir())) == before


def test_resampling_keeps_a_tone_and_drops_what_no_longer_fits() -> None:
    low, high = tone(1000, 44100, 1.0), tone(15000, 44100, 1.0)
    inner = slice(2000, -2000)
    np.testing.assert_allclose(audio.resample(low, 44100, 22050)[inner], tone(1000, 22050, 1.0)[inner], atol=1e-4)
    assert audio.peak_dbfs(audio.resample(high, 44100, 22050)[inner]) < -80


def test_flac_is_read_back_and_always_the_same(tmp_path: Path) -> None:
    samples = noise(5000)[:, 0]
    for name in ("a.flac", "b.flac"):
        audio.write_flac(tmp_path / name, samples, 22050)
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    read = audio.read_mono(tmp_path / "a.flac", 22050)
    assert np.abs(read - samples).max() <= 0.5 / 32768
    np.testing.assert_array_equal(audio.pcm16(read), np.rint(read * 32768).astype(np.int16))


@pytest.mark.parametrize("bad", [np.nan, 1.5])
def test_never_writes_clipped_or_broken_samples(tmp_path: Path, bad: float) -> None:
    with pytest.raises(DataError, match=r"beyond -1\.\.1"):
        audio.write_flac(tmp_path / "a.flac", np.array([0, bad], np.float32), 22050)
    assert not list(tmp_path.iterdir())


def test_levels() -> None:
    sine = tone(441, 22050, 1.0)
    assert audio.level_dbfs(sine, 22050) == pytest.approx(-3.01, abs=0.01)
    assert audio.peak_dbfs(0.5 * sine) == pytest.approx(-6.02, abs=0.03)  # samples miss the very peak
    with_pause = np.concatenate([sine, np.zeros(22050, np.float32), 0.001 * sine])
    assert audio.level_dbfs(with_pause, 22050) == pytest.approx(-3.01, abs=0.25)  # one frame sounds in part


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(100, np.float32), np.full(100, 5e-5, np.float32)]
)
def test_silence(samples: Samples) -> None:
    assert audio.is_silent(samples)
    assert audio.level_dbfs(samples, 22050) == -np.inf


def test_a_quiet_sound_is_not_silence() -> None:
    assert not audio.is_silent(np.full(10, 2e-4, np.float32))
