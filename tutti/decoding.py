"""Decoding of audio files in chunks, by libsndfile and, for what it cannot read, by ffmpeg.

Both end in the same stream of float32 chunks, checked as they pass. ``tutti.audio`` is what to use from elsewhere.
"""

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from tutti.errors import DataError, SetupError

Samples = npt.NDArray[np.float32]

_CHUNK = 1 << 18  # samples per channel decoded at a time
_ALLOWED = "allowed is any audio file that libsndfile or ffmpeg can read"
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"<CompositionPlaylist")  # they would make ffmpeg open other files
_STATE_DURATION = {"mov", "matroska", "asf", "avi"}  # containers that state a duration; of others ffmpeg guesses it
_PROBE_SECONDS = 60
_OGG_PAGE = 1 << 16  # an Ogg page is shorter than this
_TOO_SHORT = "it holds less than its header states"


@dataclass(frozen=True)
class Stream:
    """A file being decoded.

    Attributes:
        sample_rate_hz: samples per second and channel.
        chunks: ``(n, channels)`` float32, full scale 1, checked as they pass.
    """

    sample_rate_hz: int
    chunks: Iterator[Samples]


@contextmanager
def decode(path: Path) -> Iterator[Stream]:
    """Open a file for decoding.

    Raises:
        DataError: on opening or while reading, when the file is missing, unreadable, empty, truncated, not audio or
            holds NaN or infinity.
        SetupError: when libsndfile cannot read the file and ffmpeg is not installed.
    """
    descriptor = _open(path)
    try:
        try:
            # By descriptor: a name such as "-", "x.raw" or one that is not UTF-8 means nothing special then.
            file = soundfile.SoundFile(descriptor, closefd=False)
        except soundfile.LibsndfileError:
            _refuse_playlist(path, descriptor)
            rate, chunks = _ffmpeg(path)
        else:
            rate, chunks = file.samplerate, _libsndfile_chunks(path, file)
        try:
            yield Stream(rate, _checked(path, chunks))
        finally:
            chunks.close()
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {_ALLOWED}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}): check its permissions") from None
    status = os.fstat(descriptor)
    fault = None
    if stat.S_ISDIR(status.st_mode):
        fault = "is a folder, not an audio file: give the files in it"
    elif not stat.S_ISREG(status.st_mode):
        fault = f"is not a regular file: {_ALLOWED}"
    elif status.st_size == 0:
        fault = f"is an empty file (0 bytes): {_ALLOWED}"
    if fault:
        os.close(descriptor)
        raise DataError(f"{path} {fault}")
    return descriptor


def _checked(path: Path, chunks: Iterator[Samples]) -> Iterator[Samples]:
    empty = True
    for chunk in chunks:
        if not np.isfinite(chunk).all():
            raise DataError(f"{path} holds NaN or infinite samples: allowed are finite ones, with full scale at 1")
        empty = False
        yield chunk
    if empty:
        raise DataError(f"{path} holds no samples: allowed is audio longer than 0 s")


def _libsndfile_chunks(path: Path, file: soundfile.SoundFile) -> Generator[Samples, None, None]:
    n_read = 0
    with file:
        try:
            while len(chunk := file.read(_CHUNK, dtype="float32", always_2d=True)):
                n_read += len(chunk)
                yield chunk
        except soundfile.LibsndfileError as error:
            raise _truncated(path, error.error_string.removeprefix("Error : ")) from None
        if n_read < file.frames < 1 << 62 or _cut_short(file.extra_info) or _ogg_cut_short(file.name):
            raise _truncated(path, _TOO_SHORT)


def _cut_short(log: str) -> bool:
    """Tell from libsndfile's log whether a WAV or AIFF has fewer bytes of samples than its header states."""
    for line in log.splitlines():
        name, _, rest = line.partition(":")
        if name.strip() in {"data", "SSND"} and "should be" in rest:
            stated, there = (int("".join(filter(str.isdigit, part)) or 0) for part in rest.split("(")[:2])
            return there < stated < 0x7FFF0000  # programs that write to a pipe state the largest number
    return False


def _ogg_cut_short(descriptor: int) -> bool:
    """Tell whether the last page of an Ogg file does not say that it is the last."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    if os.read(descriptor, 4) != b"OggS":
        return False
    os.lseek(descriptor, max(0, os.fstat(descriptor).st_size - _OGG_PAGE), os.SEEK_SET)
    tail = os.read(descriptor, _OGG_PAGE)
    flags = tail.rfind(b"OggS") + 5
    return not (flags < len(tail) and tail[flags] & 4)


def _truncated(path: Path, why: str) -> DataError:
    return DataError(f"{path} is truncated or damaged ({why.strip(' .')}): give the whole file")


def _refuse_playlist(path: Path, descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    head = os.read(descriptor, 4096)
    if any(mark in head for mark in _PLAYLISTS):
        raise DataError(f"{path} is a playlist, not audio: give the files that it names")


def _ffmpeg(path: Path) -> tuple[int, Generator[Samples, None, None]]:
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise SetupError(
            f"{path} is in no format that libsndfile reads, and ffmpeg is not installed: run `apt install ffmpeg`, "
            "`brew install ffmpeg` or `conda install -c conda-forge ffmpeg`"
        )
    rate, channels, stated = _probe(path)
    return rate, _ffmpeg_chunks(path, rate, channels, stated)


def _input(path: Path) -> list[str]:
    # `file:` and the whitelist: a name is only ever a local file, whatever it begins with.
    return ["-protocol_whitelist", "file,pipe", "-i", f"file:{path.absolute()}"]


def _probe(path: Path) -> tuple[int, int, float]:
    """Return the first audio stream's sample rate and channels, and the duration that the file states (else 0)."""
    entries = ["-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels:format=duration,format_name"]
    command = ["ffprobe", "-v", "error", *entries, "-of", "json", *_input(path)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROBE_SECONDS)
        found: dict[str, Any] = json.loads(done.stdout or b"{}")
        stream = found["streams"][0]
        rate, channels = int(stream["sample_rate"]), int(stream["channels"])
    except (subprocess.TimeoutExpired, ValueError, KeyError, IndexError):
        rate = channels = 0
    if rate <= 0 or channels <= 0:
        raise DataError(f"{path} is not audio, or is damaged beyond reading: {_ALLOWED}")
    container = set(str(found["format"].get("format_name", "")).split(","))
    stated = found["format"].get("duration", 0) if container & _STATE_DURATION else 0
    return rate, channels, float(stated)


def _ffmpeg_chunks(path: Path, rate: int, channels: int, stated: float) -> Generator[Samples, None, None]:
    output = ["-map", "0:a:0", "-vn", "-ac", str(channels), "-ar", str(rate), "-f", "f32le", "pipe:1"]
    command = ["ffmpeg", "-nostdin", "-v", "error", *_input(path), *output]
    n_read = 0
    with tempfile.TemporaryFile() as log, _running(command, log) as process:
        assert process.stdout is not None
        frame = 4 * channels
        while piece := process.stdout.read(_CHUNK * frame):
            chunk = np.frombuffer(piece[: len(piece) // frame * frame], "<f4").reshape(-1, channels)
            n_read += len(chunk)
            yield chunk.astype(np.float32)
        if process.wait() != 0 or n_read / rate < 0.98 * stated - 0.1:
            log.seek(0)
            words = log.read().decode(errors="replace").strip().splitlines() or [_TOO_SHORT]
            raise _truncated(path, words[-1].rpartition("] ")[2])


@contextmanager
def _running(command: list[str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
    try:
        yield process
    finally:
        process.kill()  # a reader that stops early leaves nothing running
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
