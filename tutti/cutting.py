"""Clips from annotated excerpts: mono at one rate, each with the instruments that its corpus names.

The sets are the sides of the split, and ``mixed_validation``: clips of several labels, put together from excerpts of
the validation side. Its excerpts are strung one after another, a string for each label, and the strings overlaid, so
that these clips are as long as those of the test and have as many labels. Nothing of the test is in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti.audio import Samples, level_dbfs, read_mono, write_flac
from tutti.config import MIXED_VALIDATION, TEST_SETS, TRAIN, VALIDATION, CutConfig
from tutti.corpora.index import read_recordings
from tutti.corpora.recording import Recording
from tutti.corpora.splitting import SPLIT_FILE
from tutti.errors import DataError
from tutti.labels import CLASSES_FILE, CLIPS_FILE, EVENTS_FILE, read_table
from tutti.parallel import parallel_map
from tutti.seeding import generator
from tutti.store import whole, write_json

SETS = (TRAIN, VALIDATION, MIXED_VALIDATION, *TEST_SETS)
_PEAK_DBFS = -1.0
_LOUDNESS_DBFS = -26.0  # of a label's string before its gain
_EMPTY = "empty.txt"  # what an audio folder without clips holds, since DVC warns of empty folders
_EVENTS = {"clip": "str", "recording": "str", "instrument": "str", "onset_s": "float64", "offset_s": "float64",
           "pitch_midi": "float64", "velocity": "int64"}  # fmt: skip


T = TypeVar("T")


@dataclass(frozen=True)
class Piece:
    """One excerpt within a clip.

    Attributes:
        path: its file, relative to the root of the corpus.
        label: number of the label whose string it belongs to.
        gain_db: of that string.
    """

    path: str
    label: int
    gain_db: float


@dataclass(frozen=True)
class Cut:
    """A clip to be made.

    Attributes:
        clip: its id.
        instruments: its labels, sorted.
        songs: the groups that it comes from.
        pieces: the excerpts; one alone is taken as it is.
        seconds: length of a clip that is put together; 0 where it is as long as its only excerpt.
    """

    clip: str
    instruments: tuple[str, ...]
    songs: tuple[str, ...]
    pieces: tuple[Piece, ...]
    seconds: float = 0.0


def cut_clips(
    split: Path, index: Path, root: Path, config: CutConfig, name: str, count: int, seed: int, out: Path
) -> None:
    """Make one set of clips: ``out/audio`` and ``out/manifest``; both appear whole.

    A test side without excerpts gives a set without clips.

    Args:
        split: folder of ``split.parquet``.
        index: folder of the index.
        root: folder of the corpus.
        config: how clips are made.
        name: of the set.
        count: clips of the set ``mixed_validation``.
        seed: any integer; only that set depends on it.
        out: folder of the set.

    Raises:
        DataError: when a table or an excerpt is missing, unreadable or damaged, or a side has no excerpt.
    """
    sides, classes = _sides(split, index)
    side = VALIDATION if name == MIXED_VALIDATION else name
    if not sides[side] and side not in TEST_SETS:
        raise DataError(f"the split has no excerpt on the side {side!r}: give it a share in tasks.*.split")
    if name == MIXED_VALIDATION:
        cuts = draw_mixed(sides[side], config, count, seed)
    else:
        cuts = [_single(each, number, name, classes) for number, each in enumerate(sides[side], 1)]
    with whole(out / "audio") as audio, whole(out / "manifest") as manifest:
        audio.mkdir()
        manifest.mkdir()
        seconds = parallel_map(_write, cuts, f"cutting {name}", root, config, audio)
        if not cuts:
            (audio / _EMPTY).write_text(f"The corpus has no excerpts for {name}.\n", encoding="utf-8")
        _write_manifest(manifest, cuts, seconds, classes)


def draw_mixed(excerpts: Sequence[Recording], config: CutConfig, count: int, seed: int) -> list[Cut]:
    """Draw the clips of the set ``mixed_validation``.

    Every label is as frequent as every other one, and so is every excerpt of a label, but for one.

    Args:
        excerpts: of the validation side, with one label each; those with several are left out.
        config: how long clips are and how many labels they have.
        count: number of clips.
        seed: any integer.
    """
    own = {name: [each for each in excerpts if each.instruments == (name,)]
           for name in sorted({name for each in excerpts for name in each.instruments})}  # fmt: skip
    names = [name for name, found in own.items() if found]
    mixing, rng = config.mixed_validation, generator(seed, MIXED_VALIDATION)
    instruments, decks = _Deck(names, rng), {name: _Deck(own[name], rng) for name in names}
    numbers = rng.choice(np.arange(1, len(mixing.label_shares) + 1), size=count, p=_normal(mixing.label_shares))
    cuts = []
    for number, n_labels in enumerate(numbers.tolist(), 1):
        labels = instruments.draw(min(n_labels, len(names)))
        seconds = round(float(rng.uniform(*mixing.seconds)), 1)
        pieces: list[Piece] = []
        songs: list[str] = []
        for label, name in enumerate(labels):
            gain_db = round(float(rng.uniform(*mixing.gain_db)), 2)
            filled = 0.0
            while filled < seconds:
                (excerpt,) = decks[name].draw(1)
                pieces.append(Piece(excerpt.path, label, gain_db))
                songs.append(excerpt.group)
                filled += max(excerpt.duration_s - mixing.fade_seconds, excerpt.duration_s / 2)
        clip = f"{MIXED_VALIDATION}-{number:05d}"
        cuts.append(Cut(clip, tuple(sorted(labels)), tuple(sorted(set(songs))), tuple(pieces), seconds))
    return cuts


class _Deck(Generic[T]):
    """Things that are drawn in random order, all of them before one comes again."""

    def __init__(self, things: Sequence[T], rng: np.random.Generator) -> None:
        self._things, self._rng = things, rng
        self._left: list[T] = []

    def draw(self, count: int) -> list[T]:
        """Return ``count`` different things; there must be as many."""
        drawn: list[T] = []
        while len(drawn) < count:
            place = next((place for place, thing in enumerate(self._left) if thing not in drawn), None)
            if place is None:
                self._left += [self._things[index] for index in self._rng.permutation(len(self._things))]
            else:
                drawn.append(self._left.pop(place))
        return drawn


def put_together(
    strings: Sequence[Sequence[Samples]], gains_db: Sequence[float], sample_rate_hz: int, fade_s: float, seconds: float
) -> Samples:
    """Return strings of excerpts, each brought to a common level and its gain, overlaid, below a peak of -1 dBFS.

    Args:
        strings: one a label: its excerpts ``(n,)``.
        gains_db: one a string.
        sample_rate_hz: of the excerpts.
        fade_s: by which one excerpt fades into the next.
        seconds: length of the clip; what is beyond is left out.
    """
    total = np.zeros(round(seconds * sample_rate_hz))
    for excerpts, gain_db in zip(strings, gains_db, strict=True):
        string = _strung(excerpts, round(fade_s * sample_rate_hz))[: len(total)]
        level = level_dbfs(np.asarray(string, np.float32), sample_rate_hz)
        if np.isfinite(level):
            total[: len(string)] += string * 10 ** ((_LOUDNESS_DBFS + gain_db - level) / 20)
    peak, limit = float(np.abs(total).max(initial=0)), 10 ** (_PEAK_DBFS / 20)
    return np.asarray(total * (limit / peak if peak > limit else 1.0), np.float32)


def _strung(excerpts: Sequence[Samples], fade: int) -> NDArray[np.float64]:
    """Return excerpts one after another, each fading into the next by at most half of itself."""
    string = np.zeros(0)
    for excerpt in excerpts:
        overlap = min(fade, len(string), len(excerpt) // 2)
        ramp = np.linspace(0, 1, overlap + 2)[1:-1]
        joint = string[len(string) - overlap :] * ramp[::-1] + excerpt[:overlap] * ramp
        string = np.concatenate((string[: len(string) - overlap], joint, excerpt[overlap:]))
    return string


def _sides(split: Path, index: Path) -> tuple[dict[str, list[Recording]], list[str]]:
    """Return the excerpts of each side, and all labels of the training side, which are the task's classes."""
    table = read_table(split / SPLIT_FILE, ("recording", "side"))
    known = {each.recording: each for each in read_recordings(index)}
    sides: dict[str, list[Recording]] = {name: [] for name in SETS}
    for recording, side in zip(table["recording"], table["side"], strict=True):
        if recording not in known:
            raise DataError(f"excerpt {recording!r} is in the split but not in the index: run `dvc repro`")
        sides[side].append(known[recording])
    return sides, sorted({name for each in sides[TRAIN] for name in each.instruments})


def _single(excerpt: Recording, number: int, name: str, classes: Sequence[str]) -> Cut:
    labels = tuple(label for label in excerpt.instruments if label in classes)
    return Cut(f"{name}-{number:05d}", labels, (excerpt.group,), (Piece(excerpt.path, 0, 0.0),))


def _write(cut: Cut, root: Path, config: CutConfig, audio: Path) -> float:
    """Write one clip and return its length in seconds."""
    rate = config.sample_rate_hz
    if not cut.seconds:
        samples = read_mono(root / cut.pieces[0].path, rate)
        samples = samples / max(1.0, float(np.abs(samples).max(initial=0)))  # resampling may exceed full scale
    else:
        labels = sorted({piece.label for piece in cut.pieces})
        strings = [
            [read_mono(root / each.path, rate) for each in cut.pieces if each.label == label] for label in labels
        ]
        gains_db = [next(each.gain_db for each in cut.pieces if each.label == label) for label in labels]
        samples = put_together(strings, gains_db, rate, config.mixed_validation.fade_seconds, cut.seconds)
    write_flac(audio / f"{cut.clip}.flac", samples, rate)
    return len(samples) / rate


def _write_manifest(manifest: Path, cuts: Sequence[Cut], seconds: Sequence[float], classes: Sequence[str]) -> None:
    write_json(manifest / CLASSES_FILE, list(classes))
    pd.DataFrame({
        "clip": [cut.clip for cut in cuts],
        "file": [f"{cut.clip}.flac" for cut in cuts],
        "duration_s": np.asarray(seconds, np.float64),
        "polyphony": np.asarray([len(cut.instruments) for cut in cuts], np.int64),
        "instruments": [list(cut.instruments) for cut in cuts],
        "recordings": [list(cut.songs) for cut in cuts],
        "excerpts": [[piece.path for piece in cut.pieces] for cut in cuts],
    }).to_parquet(manifest / CLIPS_FILE, index=False)  # fmt: skip
    pd.DataFrame({name: [] for name in _EVENTS}).astype(_EVENTS).to_parquet(manifest / EVENTS_FILE, index=False)


def _normal(shares: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(shares, np.float64) / sum(shares)
