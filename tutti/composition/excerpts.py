"""A stand-in of IRMAS: excerpts of rendered songs in that data set's own layout on disk.

    IRMAS-TrainingData/<code>/[<code>][nod|dru][<genre>]<song>__<n>.wav   one instrument leads: its label
    IRMAS-TestingData-Part<k>/Part<k>/(<song>) stand-in-1.wav and .txt    one to three lead: their labels
    stand_in.json                                                        which sound banks, by content

Stereo WAV of 16 bit, as IRMAS has. What accompanies may be of the same eleven instruments, and is no label then, as in
IRMAS. The parts of the test have songs of their own, and each part may be played from another sound bank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tutti import store, taxonomy
from tutti.audio import Samples, pcm16
from tutti.composition.banks import find_bank
from tutti.composition.songs import Player, Stage, draw_pan, play_song
from tutti.composition.synthesizer import fluidsynth_version
from tutti.parallel import parallel_map
from tutti.seeding import generator
from tutti.taxonomy import Rendering

_GENRES = ("cou_fol", "cla", "pop_roc", "lat_sou", "jaz_blu")
_BACKING = ("bass_guitar", "double_bass")  # accompany as often as all others together
_DRUMS = ("bass_drum", "snare_drum", "hi_hat")
_LEAD_DB = (-3.0, 3.0)  # between leading players


@dataclass(frozen=True)
class ExcerptJob:
    """What is the same for all songs.

    Attributes:
        config: the corpus' section ``render``.
        codes: the instrument of each label code, in the order of the codes.
        training: name of the training folder.
        songs_per_instrument: songs for training that each instrument leads.
        test_clips: clips of each part of the test.
        seed: any integer.
    """

    config: Any
    codes: Mapping[str, str]
    training: str
    songs_per_instrument: int
    test_clips: int
    seed: int


@dataclass(frozen=True)
class _Song:
    """A song to be played: its bank, the codes that lead, and its place in the layout."""

    bank: str
    leads: tuple[str, ...]
    number: int


def render_excerpts(job: ExcerptJob, out: Path) -> None:
    """Render all excerpts; the folder appears whole.

    Args:
        job: what to render.
        out: the folder to write.

    Raises:
        SetupError: when FluidSynth or a sound bank is not installed.
        DataError: when a bank is not a sound bank or does not sound for an instrument.
    """
    banks = {name: find_bank(file) for name, file in job.config.banks.items()}
    songs = [*_training_songs(job), *_test_songs(job)]
    renderings = {each.name: each.rendering for each in taxonomy.load() if each.rendering}
    with store.whole(out) as partial:
        for code in job.codes:
            (partial / job.training / code).mkdir(parents=True)
        for part in sorted({song.bank for song in songs} - {"training"}):
            _part_folder(partial, part).mkdir(parents=True)
        parallel_map(_render, songs, "rendering excerpts", job, banks, renderings, partial)
        description = {
            "banks": {name: {"file": path.name, "sha256": store.file_digest(path)} for name, path in banks.items()},
            "fluidsynth": fluidsynth_version(),
        }
        store.write_json(partial / "stand_in.json", description)


def _training_songs(job: ExcerptJob) -> list[_Song]:
    leads = [code for code in job.codes for _ in range(job.songs_per_instrument)]
    return [_Song("training", (code,), number) for number, code in enumerate(leads, 1)]


def _test_songs(job: ExcerptJob) -> list[_Song]:
    """Draw who leads in each test clip; every instrument leads equally often within a part, but for one clip."""
    songs = []
    shares = np.asarray(job.config.label_shares)
    for part in sorted(set(job.config.banks) - {"training"}):
        rng = generator(job.seed, "irmas", part)
        counts = rng.choice(np.arange(1, len(shares) + 1), size=job.test_clips, p=shares / shares.sum())
        deck: list[str] = []
        for number, count in enumerate(counts.tolist(), 1):
            leads: list[str] = []
            while len(leads) < min(count, len(job.codes)):
                deck = deck or [str(code) for code in rng.permutation(list(job.codes))]
                fitting = next((code for code in deck if code not in leads), None)
                if fitting is None:
                    deck += [str(code) for code in rng.permutation(list(job.codes))]
                    continue
                deck.remove(fitting)
                leads.append(fitting)
            songs.append(_Song(part, tuple(leads), number))
    return songs


def _render(
    song: _Song, job: ExcerptJob, banks: Mapping[str, Path], renderings: Mapping[str, Rendering], out: Path
) -> None:
    config = job.config
    rng = generator(job.seed, "irmas", song.bank, "song", song.number)
    training = song.bank == "training"
    pieces = int(rng.integers(config.excerpts_per_song[0], config.excerpts_per_song[1] + 1)) if training else 1
    seconds = pieces * config.training_seconds if training else round(float(rng.uniform(*config.test_seconds)), 1)
    drums = bool(rng.random() < config.drums_probability)
    players = _players(song, job, renderings, drums, rng)
    stage = Stage(banks[song.bank], config.sample_rate_hz, config.peak_dbfs)
    samples = play_song(players, len(song.leads), stage, seconds, rng)
    if not training:
        _write_test_clip(samples, song, config.sample_rate_hz, out)
        return
    (code,), genre = song.leads, _GENRES[rng.integers(len(_GENRES))]
    for number, piece in enumerate(np.array_split(samples, pieces), 1):
        name = f"[{code}][{'dru' if drums else 'nod'}][{genre}]{song.number:04d}__{number}.wav"
        _write(out / job.training / code / name, piece, config.sample_rate_hz)


def _players(
    song: _Song, job: ExcerptJob, renderings: Mapping[str, Rendering], drums: bool, rng: np.random.Generator
) -> Sequence[Player]:
    """Return the leading players, then those who accompany them."""
    leads = [job.codes[code] for code in song.leads]
    others = [name for name in job.codes.values() if name not in leads]
    low, high = job.config.accompaniment
    backing: dict[str, None] = {}
    for _ in range(int(rng.integers(low, high + 1))):
        backing[_accompanist(others, rng)] = None
    while len(backing) < min(low, len(_BACKING) + len(others)):  # the same may have been drawn twice
        backing[_accompanist(others, rng)] = None
    quiet = [*backing, *(_DRUMS if drums else ())]
    return [
        *(Player(name, renderings[name], float(rng.uniform(*_LEAD_DB)), draw_pan(rng)) for name in leads),
        *(
            Player(name, renderings[name], float(rng.uniform(*job.config.accompaniment_db)), draw_pan(rng))
            for name in quiet
        ),
    ]


def _accompanist(others: Sequence[str], rng: np.random.Generator) -> str:
    return str(rng.choice(_BACKING if rng.random() < 0.5 or not others else others))


def _part_folder(out: Path, part: str) -> Path:
    name = part.capitalize()
    return out / f"IRMAS-TestingData-{name}" / name


def _write_test_clip(samples: Samples, song: _Song, sample_rate_hz: int, out: Path) -> None:
    stem = f"({song.number:04d}) stand-in-1"
    folder = _part_folder(out, song.bank)
    _write(folder / f"{stem}.wav", samples, sample_rate_hz)
    (folder / f"{stem}.txt").write_text("".join(f"{code}\t\n" for code in song.leads), encoding="utf-8")


def _write(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    soundfile.write(path, pcm16(samples), sample_rate_hz, subtype="PCM_16")
