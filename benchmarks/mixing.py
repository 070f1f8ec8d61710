"""Mixing measured against the paper's loop, in one run, on generated solo recordings.

The paper's loop (Meas & Moieni 2025, Fig. 3) decodes each source from disk for each mixture, overlays and exports one
mixture after another. Both sides get the same recordings and combinations, and write clips of the same length,
sample rate and format. Ours includes all that the stage clips does: decoding, resampling, loudness and the manifest.

    python -m benchmarks.mixing --mixtures 1000 --loop 20
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from joblib.externals.loky import get_reusable_executor
from pydub import AudioSegment

from tutti.audio import read_audio
from tutti.config import ClipsConfig
from tutti.corpora.index import audio_digest
from tutti.mixtures.clip_set import Corpus, make_clips
from tutti.mixtures.combinations import COLUMNS
from tutti.parallel import workers
from tutti.seeding import generator

SECONDS = 5.0
KBPS = 192
RATES = {"flac": 44100, "mp3": 48000}
CLASSES = ("aerophone", "chordophone", "idiophone", "membranophone")


@dataclass(frozen=True)
class Cost:
    """Seconds per mixture: on the clock, and of all cores together (which other work on the machine disturbs less)."""

    wall_s: float
    cpu_s: float


def main(arguments: argparse.Namespace) -> None:
    """Print the cost per mixture of both ways, their ratio and the peak memory."""
    print(f"{arguments.mixtures} mixtures of {SECONDS} s by tutti, {arguments.loop} by the loop; {workers()} processes")
    print(f"{arguments.instruments} instruments, {arguments.recordings} recordings of {SECONDS} s each")
    print(f"{'format':8}{'loop, s':>10}{'tutti, s':>10}{'ratio':>8}   {'loop, CPU s':>12}{'tutti, CPU s':>14}")
    for name in arguments.format:
        with tempfile.TemporaryDirectory() as folder:
            corpus = make_corpus(Path(folder), arguments.instruments, arguments.recordings, RATES[name])
            ours = measure_ours(corpus, settings(name), arguments.mixtures, Path(folder) / "ours")
            table = pd.read_parquet(Path(folder) / "ours/manifest/clips.parquet")
            loop = measure_loop(corpus, table.head(arguments.loop), name, Path(folder) / "loop")
        ratio = loop.wall_s / ours.wall_s
        print(f"{name:8}{loop.wall_s:10.4f}{ours.wall_s:10.4f}{ratio:8.1f}   {loop.cpu_s:12.4f}{ours.cpu_s:14.4f}")
    own, child = (peak_megabytes(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"peak memory: {own:.0f} MB in the main process, at most {child:.0f} MB in another")


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in usage)


def peak_megabytes(who: int) -> float:
    """Return the peak resident memory of this process, or of its largest ended child."""
    unit = 1024 if sys.platform == "linux" else 1024**2
    return resource.getrusage(who).ru_maxrss / unit


def make_corpus(root: Path, n_instruments: int, n_recordings: int, sample_rate_hz: int) -> Corpus:
    """Write solo recordings of decaying harmonic tones as FLAC, and list them as the stages index and split do."""
    rows, events = [], []
    for number in range(n_instruments):
        name = f"instrument-{number:02d}"
        for take in range(n_recordings):
            recording = f"{name}/{take:02d}"
            path = root / f"{recording}.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, tones(recording, sample_rate_hz), sample_rate_hz)
            rows.append((recording, name, f"{recording}.flac", audio_digest(read_audio(path)), "train"))
            events += [(recording, onset, onset + 0.5, 60.0, 80) for onset in np.arange(0, SECONDS, 0.5)]
    recordings = pd.DataFrame(rows, columns=["recording", "instrument", "path", "audio_sha256", "side"])
    notes = pd.DataFrame(events, columns=["recording", "onset_s", "offset_s", "pitch_midi", "velocity"])
    class_of = {name: CLASSES[index % len(CLASSES)] for index, name in enumerate(sorted(set(recordings["instrument"])))}
    return Corpus(recordings.drop(columns="path"), recordings, notes, root, class_of)


def tones(recording: str, sample_rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return two decaying tones a second over a little noise, ``(n,)``."""
    rng = generator(0, recording)
    time_s = np.arange(round(SECONDS * sample_rate_hz)) / sample_rate_hz
    pitch_hz = 220 * 2 ** (rng.integers(0, 25) / 12)
    harmonics = sum(np.sin(2 * np.pi * pitch_hz * n * time_s + n) / n for n in range(1, 9))
    return 0.2 * harmonics * np.exp(-6 * (time_s % 0.5)) + 0.002 * rng.standard_normal(time_s.size)


def settings(audio_format: str) -> ClipsConfig:
    """Return the parameters of the mixtures."""
    return ClipsConfig.model_validate(
        {
            "seconds": SECONDS,
            "sample_rate_hz": RATES[audio_format],
            "min_polyphony": 2,
            "max_polyphony": COLUMNS,
            "draw": "all",
            "loudness_dbfs": -26.0,
            "gain_db": [-6.0, 6.0],
            "peak_dbfs": -1.0,
            "late_entry_probability": 0.0,
            "early_exit_probability": 0.0,
            "min_sounding_seconds": 0.25,
            "format": audio_format,
            "mp3_kbps": KBPS,
            "naming": "number",
            "label_files": False,
        }
    )


def measure_ours(corpus: Corpus, config: ClipsConfig, count: int, out: Path) -> Cost:
    """Return the cost per mixture of our mixing, start of the workers included."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    make_clips(corpus, config, "train", count, 0, out)
    wall = time.perf_counter() - wall
    get_reusable_executor().shutdown(wait=True)  # the processor time of workers counts once they have ended
    return Cost(wall / count, (cpu_seconds() - cpu) / count)


def measure_loop(corpus: Corpus, clips: pd.DataFrame, audio_format: str, out: Path) -> Cost:
    """Return the cost per mixture of the paper's loop over the same combinations."""
    out.mkdir()
    wall, cpu = time.perf_counter(), cpu_seconds()
    for clip, recordings in zip(clips["clip"], clips["recordings"], strict=True):
        paper_mixture(corpus, recordings, out / f"{clip}.{audio_format}", audio_format)
    wall = time.perf_counter() - wall
    return Cost(wall / len(clips), (cpu_seconds() - cpu) / len(clips))


def paper_mixture(corpus: Corpus, recordings: Sequence[str], path: Path, audio_format: str) -> None:
    """Make one mixture as in the paper's Fig. 3."""
    paths = corpus.recordings.set_index("recording")["path"]
    first, *others = (corpus.root / paths[recording] for recording in recordings)
    song = AudioSegment.from_file(first)
    for other in others:
        audio = AudioSegment.from_file(other)
        song = audio.overlay(song) if len(audio) > len(song) else song.overlay(audio)
    options = {"bitrate": f"{KBPS}k"} if audio_format == "mp3" else {}
    song.export(path, format=audio_format, **options).close()


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(description="Measure mixing against the paper's loop.")
    options.add_argument("--format", nargs="+", choices=sorted(RATES), default=sorted(RATES))
    options.add_argument("--mixtures", type=int, default=1000, help="mixtures that tutti makes")
    options.add_argument("--loop", type=int, default=20, help="mixtures that the paper's loop makes")
    options.add_argument("--instruments", type=int, default=40)
    options.add_argument("--recordings", type=int, default=5, help="per instrument")
    return options


if __name__ == "__main__":
    main(parser().parse_args())
