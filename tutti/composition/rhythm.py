"""Rhythm and dynamics: when notes fall, how long and how loud they are."""

from dataclasses import dataclass

import numpy as np

# One or two beats each, in beats. A phrase is built of few of them, as music is.
_CELLS: tuple[tuple[float, ...], ...] = (
    (1,),
    (0.5, 0.5),
    (0.75, 0.25),
    (0.25, 0.75),
    (0.5, 0.25, 0.25),
    (0.25, 0.25, 0.5),
    (0.25, 0.25, 0.25, 0.25),
    (1 / 3, 1 / 3, 1 / 3),
    (2 / 3, 1 / 3),
    (1.5, 0.5),
    (2,),
)
_SHORTEST_S = 0.09  # between onsets; faster is for ornaments
_LONGEST_REST_S = 0.5


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a note: onset and length in seconds, accent 0..1."""

    onset_s: float
    length_s: float
    accent: float


def draw_slots(rng: np.random.Generator, seconds: float) -> list[Slot]:
    """Return places for notes that fill a recording, with short rests.

    Args:
        rng: source of chance.
        seconds: length of the recording.
    """
    beat = 60 / rng.uniform(56, 168)
    cells = [_CELLS[i] for i in rng.choice(len(_CELLS), size=3, replace=False)]
    rest_probability = rng.uniform(0.0, 0.12)
    slots: list[Slot] = []
    time, rested = rng.uniform(0.0, 0.12), True
    while time < seconds:
        for position, beats in enumerate(cells[rng.integers(len(cells))]):
            length = max(beats * beat, _SHORTEST_S)
            rested = not rested and length < _LONGEST_REST_S and rng.random() < rest_probability
            if not rested:
                slots.append(Slot(time, length, 1.0 if position == 0 else rng.uniform(0, 0.6)))
            time += length
    return [slot for slot in slots if slot.onset_s < seconds]


def draw_velocities(rng: np.random.Generator, slots: list[Slot], seconds: float) -> list[int]:
    """Return a velocity, 25..127, for each slot: a level, a swell over the recording, accents and small differences.

    Args:
        rng: source of chance.
        slots: where the notes are.
        seconds: length of the recording.
    """
    level, swell, accent = rng.uniform(58, 100), rng.uniform(-25, 25), rng.uniform(4, 20)
    turn = rng.uniform(0, np.pi)  # a swell may rise, fall or do both
    velocities = [
        level + swell * np.sin(turn + np.pi * slot.onset_s / seconds) + accent * (slot.accent - 0.5) + rng.normal(0, 4)
        for slot in slots
    ]
    return [int(value) for value in np.clip(np.rint(velocities), 25, 127)]


def euclidean(pulses: int, steps: int, rotation: int) -> list[bool]:
    """Return a rhythm that spreads pulses over steps as evenly as can be (Toussaint 2005), rotated.

    Args:
        pulses: number of strokes, 1..steps.
        steps: number of places.
        rotation: places by which the rhythm starts later.
    """
    return [((step - rotation) * pulses) % steps < pulses for step in range(steps)]
