"""Windows: where in each clip a network looks, when it trains and when it predicts."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tutti.feature_store import Feature
from tutti.seeding import generator

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def frames_of(seconds: float, frame_rate_hz: float) -> int:
    """Return the whole frames in a duration, at least one (1.0 s at 22 050 Hz and hop 512 is 43 frames)."""
    return max(1, int(seconds * frame_rate_hz + 1e-6))


def window_and_hop(window_seconds: float, hop_seconds: float | str, frame_rate_hz: float) -> tuple[int, int]:
    """Return the frames of a window and of the hop between two; the hop may be ``half_window``, rounded down."""
    window = frames_of(window_seconds, frame_rate_hz)
    if isinstance(hop_seconds, str):
        return window, max(1, window // 2)
    return window, frames_of(hop_seconds, frame_rate_hz)


def starts_in(n_frames: int, window: int, hop: int) -> Ints:
    """Return the first frames of the windows with which a clip is predicted.

    The last window ends with the clip when more than half a hop would stay unseen otherwise.

    Args:
        n_frames: frames of the clip.
        window: frames of a window.
        hop: frames between two windows.
    """
    last = max(0, n_frames - window)
    starts = np.arange(0, last + 1, hop, dtype=np.int64)
    if last - starts[-1] > hop / 2:
        starts = np.append(starts, last)
    return starts


def cut(clip: Floats, start: int, window: int) -> Floats:
    """Return a window ``(window, frequency)`` of a clip ``(time, frequency)``, filled up with its quietest value."""
    piece = clip[start : start + window]
    if len(piece) == window:
        return piece
    quiet = clip.min() if clip.size else np.float32(0)
    return np.pad(piece, ((0, window - len(piece)), (0, 0)), constant_values=quiet)


class WindowTable:
    """All windows of a feature that a model will see: ``clip`` and ``start`` (frames), one row a window."""

    def __init__(self, feature: Feature, clip: Ints, start: Ints, window: int) -> None:
        self.feature, self.clip, self.start, self.window = feature, clip, start, window

    def __len__(self) -> int:
        return len(self.clip)

    def gather(self, rows: Sequence[int] | Ints) -> Floats:
        """Read the windows of some rows from the memory map, ``(row, time, frequency)``."""
        pieces = [cut(self.feature[int(self.clip[row])], int(self.start[row]), self.window) for row in rows]
        return np.stack(pieces).astype(np.float32, copy=False)

    def batches(self, size: int) -> Iterator[Floats]:
        """Yield all windows in order, ``size`` at a time."""
        for first in range(0, len(self), size):
            yield self.gather(range(first, min(first + size, len(self))))


def prediction_windows(feature: Feature, window: int, hop: int, skipped: Sequence[int] | Ints = ()) -> WindowTable:
    """Return the overlapping windows of all clips but those skipped, in the order of the clips."""
    kept = np.setdiff1d(np.arange(len(feature)), np.asarray(skipped, np.int64))
    starts = [starts_in(len(feature[index]), window, hop) for index in kept.tolist()]
    clip = np.repeat(kept, [len(row) for row in starts])
    return WindowTable(feature, clip.astype(np.int64), np.concatenate(starts), window)


def training_windows(feature: Feature, window: int, per_clip: int, seed: int, epoch: int) -> WindowTable:
    """Return the windows of one epoch, in random order.

    Args:
        feature: the feature to cut.
        window: frames of a window.
        per_clip: windows at random places of each clip; 0 takes all that fit without overlap (Han 2017).
        seed: the model's seed.
        epoch: number of the epoch; another one gives other places and another order.
    """
    random = generator(seed, "windows", epoch)
    last = np.array([max(0, len(feature[index]) - window) for index in range(len(feature))])
    if per_clip:
        clip = np.repeat(np.arange(len(last)), per_clip)
        start = random.integers(0, last[clip] + 1)
    else:
        grids = [np.arange(0, end + 1, window) for end in last]
        clip = np.repeat(np.arange(len(last)), [len(grid) for grid in grids])
        start = np.concatenate(grids)
    order = random.permutation(len(clip))
    return WindowTable(feature, clip[order].astype(np.int64), start[order].astype(np.int64), window)
