"""Labels: strong (events) are the truth; weak (clip-level) and frame labels are derived from them, here and only here.

The order of the classes in ``classes.json`` is the label index of every array.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tutti import registry
from tutti.errors import DataError, UnknownNameError
from tutti.store import read_json

CLASSES_FILE, CLIPS_FILE, EVENTS_FILE = "classes.json", "clips.parquet", "events.parquet"
Seconds = npt.NDArray[np.float64]
Binary = npt.NDArray[np.uint8]

_TOLERANCE = 1e-6  # of a frame: what rounding may do to a time that lies on a frame


@dataclass(frozen=True, eq=False)
class Labels:
    """The weak labels of a set of clips.

    Attributes:
        clips: ids, in the order of every other array.
        classes: names of all classes of the task, in label order.
        reference: ``(clip, class)`` uint8, 1 where the instrument sounds in the clip.
        recordings: the ids of the recordings in each clip.
        polyphony: ``(clip,)`` int64, the number of instruments in each clip.
    """

    clips: tuple[str, ...]
    classes: tuple[str, ...]
    reference: Binary
    recordings: tuple[tuple[str, ...], ...]
    polyphony: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> "Labels":
        """Return the labels of some clips, by their numbers."""
        clips = tuple(self.clips[row] for row in rows.tolist())
        recordings = tuple(self.recordings[row] for row in rows.tolist())
        return Labels(clips, self.classes, self.reference[rows], recordings, self.polyphony[rows])


def many_hot(instruments: Sequence[Sequence[str]], classes: Sequence[str]) -> Binary:
    """Return ``(clip, class)`` uint8 with a 1 for each instrument of each clip.

    Raises:
        UnknownNameError: when an instrument is not one of the classes.
    """
    reference = np.zeros((len(instruments), len(classes)), np.uint8)
    column = {name: index for index, name in enumerate(classes)}
    for row, names in zip(reference, instruments, strict=True):
        row[[_index(name, column) for name in names]] = 1
    return reference


def weak_labels(
    events: pd.DataFrame, clips: Sequence[str], classes: Sequence[str], min_sounding_seconds: float
) -> list[list[str]]:
    """Return the instruments of each clip: those that sound for at least a given time.

    Args:
        events: strong labels with the columns clip, instrument, onset_s and offset_s; times in the clip.
        clips: ids of all clips, also of those without events.
        classes: class names in label order.
        min_sounding_seconds: an instrument that sounds for less is no label.

    Returns:
        One list of names a clip, in label order.

    Raises:
        UnknownNameError: when an event's instrument is not one of the classes.
    """
    column = {name: index for index, name in enumerate(classes)}
    names: dict[str, list[int]] = {clip: [] for clip in clips}
    for clip, instrument, onset_s, offset_s in _by_source(events):
        if sounding_seconds(onset_s, offset_s) >= min_sounding_seconds - 1e-9:
            names[clip].append(_index(instrument, column))
    return [[classes[index] for index in sorted(names[clip])] for clip in clips]


def sounding_seconds(onset_s: Seconds, offset_s: Seconds) -> float:
    """Return for how long at least one of the events sounds (events may overlap).

    Args:
        onset_s: ``(event,)`` starts in seconds.
        offset_s: ``(event,)`` ends in seconds.
    """
    if not len(onset_s):
        return 0.0
    order = np.argsort(onset_s, kind="stable")
    onsets, ends = onset_s[order], np.maximum.accumulate(offset_s[order])
    covered_from = np.maximum(onsets[1:], ends[:-1])
    return float(max(0.0, ends[0] - onsets[0]) + np.maximum(0.0, ends[1:] - covered_from).sum())


def sounding_shares(
    events: pd.DataFrame, clips: Sequence[str], classes: Sequence[str], duration_s: Seconds
) -> npt.NDArray[np.float64]:
    """Return the share of each clip in which each instrument sounds, ``(clip, class)`` in 0..1.

    Args:
        events: strong labels with the columns clip, instrument, onset_s and offset_s; times in the clip.
        clips: ids of all clips.
        classes: class names in label order.
        duration_s: ``(clip,)`` lengths in seconds.

    Raises:
        UnknownNameError: when an event's instrument is not one of the classes.
    """
    row, column = ({name: index for index, name in enumerate(names)} for names in (clips, classes))
    shares = np.zeros((len(clips), len(classes)))
    for clip, instrument, onset_s, offset_s in _by_source(events):
        seconds = sounding_seconds(onset_s, offset_s)
        shares[row[clip], _index(instrument, column)] = seconds / duration_s[row[clip]]
    return np.minimum(shares, 1.0)


def window_labels(
    events: pd.DataFrame,
    clips: Sequence[str],
    classes: Sequence[str],
    windows: tuple[npt.NDArray[np.int64], Seconds],
    window_s: float,
    min_active_seconds: float,
) -> Binary:
    """Return ``(window, class)`` uint8: 1 where the instrument sounds long enough within the window.

    Args:
        events: strong labels with the columns clip, instrument, onset_s and offset_s; times in the clip.
        clips: ids of all clips.
        classes: class names in label order.
        windows: ``(window,)`` each: the number of the window's clip and the second at which it starts there.
        window_s: length of all windows in seconds.
        min_active_seconds: how long is long enough; half a window where that is shorter.

    Raises:
        UnknownNameError: when an event's instrument is not one of the classes.
    """
    clip_of, onsets_s = windows
    row, column = ({name: index for index, name in enumerate(names)} for names in (clips, classes))
    active = np.zeros((len(clip_of), len(classes)), np.uint8)
    for clip, instrument, onset_s, offset_s in _by_source(events):
        for index in np.flatnonzero(clip_of == row[clip]):
            begin, end = onsets_s[index], onsets_s[index] + window_s
            inside = (offset_s > begin) & (onset_s < end)
            seconds = sounding_seconds(np.maximum(onset_s[inside], begin), np.minimum(offset_s[inside], end))
            active[index, _index(instrument, column)] = seconds >= min(min_active_seconds, window_s / 2) - 1e-9
    return active


def frame_labels(events: pd.DataFrame, classes: Sequence[str], frame_rate_hz: float, n_frames: int) -> Binary:
    """Return ``(time, class)`` uint8: 1 where an event of the class sounds at the frame's time ``t / frame_rate_hz``.

    An event sounds from its onset up to, but not at, its offset.

    Args:
        events: strong labels of one clip with the columns instrument, onset_s and offset_s.
        classes: class names in label order.
        frame_rate_hz: frames per second.
        n_frames: number of frames to label; events beyond them are cut.

    Raises:
        UnknownNameError: when an event's instrument is not one of the classes.
    """
    roll = np.zeros((n_frames, len(classes)), np.uint8)
    column = {name: index for index, name in enumerate(classes)}
    first, last = (_frames(events[name], frame_rate_hz, n_frames) for name in ("onset_s", "offset_s"))
    for name, begin, end in zip(events["instrument"], first, last, strict=True):
        roll[begin:end, _index(name, column)] = 1
    return roll


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a Parquet table (DataError when it is missing, unreadable or lacks a column)."""
    if not path.is_file():
        raise DataError(f"{path} is missing: run `dvc repro` to make it")
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a Parquet table ({error}): remove it and run `dvc repro`") from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}: remove it and run `dvc repro`")
    return table


def load_classes(manifest: Path) -> tuple[str, ...]:
    """Return all class names of a set of clips in label order (DataError when the file is missing or no such list)."""
    path = manifest / CLASSES_FILE
    names = read_json(path)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path} must be a list of class names: remove it and run `dvc repro`")
    return tuple(names)


def load_events(manifest: Path) -> pd.DataFrame:
    """Return the strong labels of a set of clips: clip, recording, instrument, onset_s, offset_s, pitch_midi, velocity.

    Raises:
        DataError: when the file is missing or unreadable.
    """
    return read_table(manifest / EVENTS_FILE, ("clip", "recording", "instrument", "onset_s", "offset_s"))


def load_labels(manifest: Path) -> Labels:
    """Return the weak labels of a set of clips, whose folder ``manifest`` the stage ``clips`` or ``cut`` wrote.

    Raises:
        DataError: when a file is missing or unreadable.
        UnknownNameError: when a clip has an instrument that is not one of the classes.
    """
    classes = load_classes(manifest)
    table = read_table(manifest / CLIPS_FILE, ("clip", "polyphony", "instruments", "recordings"))
    return Labels(
        clips=tuple(table["clip"]),
        classes=classes,
        reference=many_hot(list(table["instruments"]), classes),
        recordings=tuple(tuple(names) for names in table["recordings"]),
        polyphony=table["polyphony"].to_numpy(np.int64),
    )


def _by_source(events: pd.DataFrame) -> Iterator[tuple[str, str, Seconds, Seconds]]:
    """Yield clip, instrument, onsets and offsets for each pair of clip and instrument."""
    ordered = events.sort_values(["clip", "instrument", "onset_s"], kind="stable")
    clip, instrument = (ordered[name].to_numpy(object) for name in ("clip", "instrument"))
    onset_s, offset_s = (ordered[name].to_numpy(np.float64) for name in ("onset_s", "offset_s"))
    changes = np.flatnonzero((clip[1:] != clip[:-1]) | (instrument[1:] != instrument[:-1])) + 1
    bounds = [0, *changes.tolist(), len(ordered)] if len(ordered) else [0]
    for begin, end in pairwise(bounds):
        yield clip[begin], instrument[begin], onset_s[begin:end], offset_s[begin:end]


def _frames(times_s: Iterable[float], frame_rate_hz: float, n_frames: int) -> list[int]:
    frames = np.ceil(np.asarray(times_s, np.float64) * frame_rate_hz - _TOLERANCE)
    return [int(frame) for frame in np.clip(frames, 0, n_frames)]


def _index(name: str, column: dict[str, int]) -> int:
    if name not in column:
        raise UnknownNameError(f"instrument {name!r} is not a class of this task: {registry.choose(name, column)}")
    return column[name]
