"""Phrases of melodic instruments: wind, bowed, plucked and struck."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tutti.composition.phrases import EXPRESSION, VIBRATO, Bend, Control, Note, Phrase, tidy
from tutti.composition.rhythm import Slot, draw_slots, draw_velocities
from tutti.taxonomy import Rendering, Style

SCALES: tuple[tuple[int, ...], ...] = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # natural minor
    (0, 2, 3, 5, 7, 8, 11),  # harmonic minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 1, 4, 5, 7, 8, 10),  # hijaz, phrygian dominant
    (0, 1, 4, 5, 7, 8, 11),  # bhairav, double harmonic
    (0, 2, 4, 7, 9),  # pentatonic
    (0, 2, 3, 7, 8),  # hirajoshi
    (0, 3, 5, 6, 7, 10),  # blues
    tuple(range(12)),  # chromatic
)
_STEPS = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4])
_STEP_WEIGHTS = np.array([0.03, 0.05, 0.13, 0.24, 0.10, 0.24, 0.13, 0.05, 0.03])
_TUNING_CENTS = 12.0  # players differ by about this much
_STACCATO_S = 0.6  # slots from this length on are never played short
_CONTROL_S = 0.05  # between two values of a controller

Notes = list[Note]
Ornament = Callable[[np.random.Generator, Note, Sequence[int]], Notes]  # of chance, a note and its scale


def compose_melody(rng: np.random.Generator, rendering: Rendering, seconds: float) -> Phrase:
    """Compose a phrase for a melodic instrument.

    Args:
        rng: source of chance.
        rendering: an instrument with programs and a register.
        seconds: length of the recording.
    """
    scale = draw_scale(rng, rendering.register or (60, 72))
    slots = draw_slots(rng, seconds)
    velocities = draw_velocities(rng, slots, seconds)
    degrees = draw_contour(rng, len(slots), len(scale))
    hold = _draw_hold(rng, rendering.style)
    notes: Notes = []
    chord_probability = float(rng.choice([0.0, 0.15, 0.5, 0.9])) if rendering.polyphonic else 0.0
    ornament_probability = float(rng.choice([0.0, 0.1, 0.25, 0.5]))
    ornament = _ORNAMENTS[rendering.style][rng.integers(len(_ORNAMENTS[rendering.style]))]
    for slot, velocity, degree in zip(slots, velocities, degrees, strict=True):
        note = Note(slot.onset_s, slot.onset_s + hold(slot), scale[degree], velocity)
        if rng.random() < chord_probability:
            notes += _chord(rng, note, scale, degree, rendering.style)
        elif rng.random() < ornament_probability:
            notes += ornament(rng, note, scale)
        else:
            notes.append(note)
    played = tidy(notes, seconds, polyphonic=rendering.polyphonic)
    return Phrase(
        program=int(rng.choice(rendering.programs)),
        kit=False,
        pitched=True,
        notes=played,
        controls=_controls(rng, rendering.style, seconds),
        bends=_scoops(rng, played, rendering),
        tuning_cents=float(np.clip(rng.normal(0, _TUNING_CENTS), -40, 40)),
    )


def draw_scale(rng: np.random.Generator, register: tuple[int, int]) -> list[int]:
    """Return the keys of a random scale within one to two octaves of a register, ascending.

    Args:
        rng: source of chance.
        register: lowest and highest MIDI key.
    """
    low, high = register
    width = min(int(rng.integers(10, 25)), high - low)
    start = int(rng.integers(low, high - width + 1))
    scale, tonic = SCALES[rng.integers(len(SCALES))], rng.integers(12)
    return [key for key in range(start, start + width + 1) if (key - tonic) % 12 in scale]


def draw_contour(rng: np.random.Generator, n_notes: int, n_degrees: int) -> list[int]:
    """Return a walk over scale degrees 0..n_degrees-1: mostly steps, some leaps, turned back at the ends."""
    steps = rng.choice(_STEPS, size=n_notes, p=_STEP_WEIGHTS)
    position, walk = int(rng.integers(n_degrees)), []
    for step in steps:
        if not 0 <= position + step < n_degrees:
            step = -step
        position = int(np.clip(position + step, 0, n_degrees - 1))
        walk.append(position)
    return walk


def _draw_hold(rng: np.random.Generator, style: Style) -> Callable[[Slot], float]:
    """Return how long a note is held: staccato to legato, or left to ring on strings and bars."""
    if style == "sustained":
        share = float(rng.choice([0.45, 0.7, 0.9, 1.0], p=[0.15, 0.2, 0.3, 0.35]))
        return lambda slot: slot.length_s * (share if slot.length_s < _STACCATO_S else max(share, 0.75))
    share, ring_s = float(rng.choice([0.5, 0.95, 1.0])), float(rng.choice([0.0, 0.6, 1.5]))
    return lambda slot: max(slot.length_s * share, ring_s)


def _chord(rng: np.random.Generator, note: Note, scale: Sequence[int], degree: int, style: Style) -> Notes:
    """Stack thirds or an open fifth and octave on a note; strings are strummed, low to high or high to low."""
    offsets = ((0, 2, 4), (0, 2), (0, 4), (0, 2, 4, 6))[rng.integers(4)]
    keys = sorted({scale[degree + offset] for offset in offsets if degree + offset < len(scale)} | {note.key})
    delay = float(rng.uniform(0.006, 0.03)) if style == "plucked" else 0.0
    if rng.random() < 0.3:
        keys.reverse()
    return [
        replace(note, onset_s=note.onset_s + i * delay, offset_s=max(note.offset_s, note.onset_s + 0.2), key=key)
        for i, key in enumerate(keys)
    ]


def _neighbour(rng: np.random.Generator, key: int, scale: Sequence[int]) -> int:
    index = scale.index(key) + int(rng.choice([-1, 1]))
    return scale[index] if 0 <= index < len(scale) else scale[scale.index(key) - 1]


def _grace(rng: np.random.Generator, note: Note, scale: Sequence[int]) -> Notes:
    """Lean on a neighbouring note first."""
    turn = note.onset_s + float(rng.uniform(0.05, 0.09))
    first = Note(note.onset_s, turn, _neighbour(rng, note.key, scale), note.velocity)
    return [first, replace(note, onset_s=turn, offset_s=max(note.offset_s, turn + 0.05))]


def _repeated(rng: np.random.Generator, note: Note, keys: Sequence[int]) -> Notes:
    """Fill a note's time with quick notes that go round the keys."""
    length = note.offset_s - note.onset_s
    count = max(1, min(16, int(length / rng.uniform(0.07, 0.13))))
    step = length / count
    softer = float(rng.uniform(0.7, 1.0))
    return [
        Note(
            onset_s=note.onset_s + i * step,
            offset_s=note.onset_s + (i + 1) * step,
            key=keys[i % len(keys)],
            velocity=max(20, int(note.velocity * (1.0 if i == 0 else softer))),
        )
        for i in range(count)
    ]


def _trill(rng: np.random.Generator, note: Note, scale: Sequence[int]) -> Notes:
    return _repeated(rng, note, (note.key, _neighbour(rng, note.key, scale)))


def _tremolo(rng: np.random.Generator, note: Note, _scale: Sequence[int]) -> Notes:
    return _repeated(rng, note, (note.key,))


def _arpeggio(rng: np.random.Generator, note: Note, scale: Sequence[int]) -> Notes:
    degree = scale.index(note.key)
    return _repeated(rng, note, tuple(scale[(degree + third) % len(scale)] for third in (0, 2, 4)))


_ORNAMENTS: dict[Style, tuple[Ornament, ...]] = {
    "sustained": (_grace, _trill, _tremolo),
    "plucked": (_grace, _tremolo, _arpeggio),
    "struck": (_grace, _tremolo, _trill, _arpeggio),
}


def _controls(rng: np.random.Generator, style: Style, seconds: float) -> tuple[Control, ...]:
    """Vibrato and slow swells for what a player can shape after the attack."""
    if style != "sustained":
        return ()
    vibrato = Control(0.0, VIBRATO, int(rng.choice([0, 0, 20, 45, 70])))
    depth, rate, phase = rng.choice([0.0, 15.0, 35.0]), rng.uniform(0.15, 0.8), rng.uniform(0, 2 * np.pi)
    times = np.arange(0, seconds, _CONTROL_S)
    swell = np.rint(127 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * rate * times + phase)))
    return (vibrato, *(Control(float(t), EXPRESSION, int(v)) for t, v in zip(times, swell, strict=True)))


def _scoops(rng: np.random.Generator, notes: Sequence[Note], rendering: Rendering) -> tuple[Bend, ...]:
    """Let a single-voiced instrument slide into some of its notes from below or above."""
    probability = float(rng.choice([0.0, 0.0, 0.2, 0.5]))
    if rendering.polyphonic or rendering.style == "struck" or probability == 0:
        return ()
    bends = []
    for note in notes:
        if note.offset_s - note.onset_s > 0.2 and rng.random() < probability:
            start, length = float(rng.uniform(-120, 60)), float(rng.uniform(0.04, 0.12))
            bends += [Bend(note.onset_s + length * share, start * (1 - share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    return tuple(bends)
