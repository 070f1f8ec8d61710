"""Phrases of percussion: repeated patterns over a grid of steps, varied from bar to bar."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tutti.composition.phrases import Note, Phrase, tidy
from tutti.composition.rhythm import Slot, draw_velocities, euclidean
from tutti.taxonomy import Rendering

_TUNING_CENTS = 60.0  # drums and bells differ by about this much in size
_LONGEST_RING_S = 2.0
_GRIDS = (12, 16, 16, 16)  # steps in a bar
_STEP_S = (0.1, 0.18)  # shortest and longest


@dataclass(frozen=True, slots=True)
class _Groove:
    """What stays the same through a recording: step length, swing 0..0.3, chances of fills and flams."""

    step_s: float
    swing: float
    fill_probability: float
    roll_probability: float
    start_s: float

    def time(self, step: int) -> float:
        """Return the onset of a step, in seconds; every second one is late by the swing."""
        return self.start_s + self.step_s * (step + (self.swing if step % 2 else 0.0))


def compose_pattern(rng: np.random.Generator, rendering: Rendering, seconds: float) -> Phrase:
    """Compose a phrase for percussion keys of a drum kit, or of a melodic program struck like a drum.

    Args:
        rng: source of chance.
        rendering: an instrument with keys.
        seconds: length of the recording.
    """
    groove = _Groove(
        step_s=float(rng.uniform(*_STEP_S)),
        swing=float(rng.choice([0.0, 0.0, 0.15, 0.3])),
        fill_probability=float(rng.uniform(0.0, 0.3)),
        roll_probability=float(rng.choice([0.0, 0.05, 0.15])),
        start_s=float(rng.uniform(0.0, 0.1)),
    )
    strokes = _strokes(rng, groove, rendering.keys, seconds)
    slots = [Slot(time, 0.0, accent) for time, _, accent in strokes]
    velocities = draw_velocities(rng, slots, seconds)
    notes = [
        Note(time, time + _LONGEST_RING_S, key, velocity)
        for (time, key, _), velocity in zip(strokes, velocities, strict=True)
    ]
    return Phrase(
        program=int(rng.choice(rendering.kits or rendering.programs)),
        kit=bool(rendering.kits),
        pitched=False,
        notes=tidy(notes, seconds, polyphonic=rendering.polyphonic),
        tuning_cents=float(np.clip(rng.normal(0, _TUNING_CENTS), -150, 150)),
    )


def _strokes(
    rng: np.random.Generator, groove: _Groove, keys: tuple[int, ...], seconds: float
) -> list[tuple[float, int, float]]:
    """Return (time in seconds, key, accent 0..1) of every stroke: a leading rhythm, fills between, rolls and flams."""
    n_steps = int(rng.choice(_GRIDS))
    leading = euclidean(int(rng.integers(n_steps * 2 // 5, n_steps * 3 // 4)), n_steps, int(rng.integers(n_steps)))
    order = rng.permutation(keys)
    voices = rng.choice(order, size=n_steps, p=_weights(len(order)))
    strokes = []
    for step in range(int(seconds / groove.step_s) + 1):
        place = step % n_steps
        if not (leading[place] or step == 0 or rng.random() < groove.fill_probability):
            continue
        key = int(voices[place] if rng.random() > 0.15 else rng.choice(keys))
        accent = 1.0 if place == 0 else (0.5 if leading[place] else 0.1)
        strokes.append((groove.time(step), key, accent))
        if rng.random() < groove.roll_probability:
            strokes.append((groove.time(step) + groove.step_s / 2, key, 0.1))
    return strokes


def _weights(count: int) -> npt.NDArray[np.float64]:
    """Return how often each of the keys is struck, most often the first; they sum to 1."""
    weights = 1.0 / np.arange(1, count + 1)
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares
