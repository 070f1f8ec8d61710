"""Writing of mixtures as audio files: 16-bit FLAC, or MP3 at a constant bit rate as in Meas & Moieni 2025."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import soundfile

from tutti.config import ClipsConfig
from tutti.errors import DataError, SetupError
from tutti.mixtures.mixing import Pcm

BATCH = 16  # clips that one worker renders and writes at a time


def write_clips(folder: Path, files: Sequence[str], clips: Sequence[Pcm], config: ClipsConfig) -> None:
    """Write clips in the format that the parameters name.

    Args:
        folder: where to write.
        files: their names.
        clips: ``(n,)`` 16-bit samples each, all of the same length.
        config: format, sample rate and bit rate.

    Raises:
        SetupError: when MP3 is wanted and ffmpeg is not installed.
        DataError: when ffmpeg fails.
    """
    paths = [folder / name for name in files]
    if config.format == "mp3":
        _write_mp3(paths, clips, config.sample_rate_hz, config.mp3_kbps)
        return
    for path, samples in zip(paths, clips, strict=True):
        soundfile.write(path, samples, config.sample_rate_hz, format="FLAC", subtype="PCM_16")


def require_encoder(config: ClipsConfig) -> None:
    """Stop before any work when the format's encoder is missing (SetupError)."""
    if config.format == "mp3" and shutil.which("ffmpeg") is None:
        raise SetupError("ffmpeg writes MP3 and is not installed: run `apt install ffmpeg`, or set format to flac")


def _write_mp3(paths: Sequence[Path], clips: Sequence[Pcm], rate: int, kbps: int) -> None:
    """Encode clips with one ffmpeg, each by an encoder of its own: starting ffmpeg costs more than encoding a clip.

    libsndfile's MP3 would do without ffmpeg, but takes twice the time, and at low bit rates leaves out the header by
    which decoders undo the encoder's delay.
    """
    audio = b"".join(samples.astype("<i2").tobytes() for samples in clips)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]
    command += ["-filter_complex_threads", "1", "-filter_complex", _cut(len(clips), len(clips[0]))]
    for index, path in enumerate(paths):
        command += ["-map", f"[clip{index}]", "-c:a", "libmp3lame", "-b:a", f"{kbps}k"]
        command += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp3", f"file:{path}"]
    result = subprocess.run(command, input=audio, capture_output=True, check=False)
    if result.returncode:
        words = result.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise DataError(f"ffmpeg could not write {paths[0]} as MP3 of {kbps} kbit/s at {rate} Hz: {words[-1]}")


def _cut(count: int, length: int) -> str:
    """Return the filter that cuts one stream into clips of equal length, exact to the sample."""
    names = [f"[clip{index}]" for index in range(count)]
    if count == 1:
        return f"anull{names[0]}"
    borders = "|".join(str(length * index) for index in range(1, count))
    return f"asegment=samples={borders}{''.join(names)}"
