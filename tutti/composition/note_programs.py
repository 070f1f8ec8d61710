"""Which programs of a General MIDI bank play the instruments of each of NSynth's families, and in which register.

The truth about the stand-in of NSynth that ``tutti.composition.notes`` renders. Every sampled string, pipe, reed, bar
or voice is called ``acoustic``, amplified ones too (electric basses, electric pianos, drawbar organs): else the family
bass would have one instrument. Oscillators only are ``synthetic``.

Within FluidR3_GM no two programs of this table share a sample, as ``tests/test_notes.py`` checks in the file itself:
the split by instrument would not hold what it promises otherwise. That is why programs are missing here, such as 84
(Charang), which plays samples of 7 (Clavinet). TimGM6mb shares some; its instruments all stand on one side, and
``LEFT_OUT`` names those whose sound is for the most part that of another family: their labels would be ambiguous.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """The instruments of one family.

    Attributes:
        source: ``acoustic``, ``electronic`` or ``synthetic``.
        registers: lowest and highest MIDI pitch by General MIDI program, counted from 0.
    """

    source: str
    registers: Mapping[int, tuple[int, int]]


FAMILIES: Mapping[str, Family] = {
    "bass": Family("acoustic", dict.fromkeys((32, 33, 34, 35, 36, 37), (28, 60))),
    "brass": Family(
        "acoustic",
        {56: (54, 84), 57: (40, 72), 58: (29, 58), 59: (54, 84), 60: (41, 76), 61: (40, 84)},
    ),
    "flute": Family(
        "acoustic",
        {72: (74, 100), 73: (60, 93), 74: (67, 93), 75: (60, 88), 77: (60, 86), 78: (67, 96), 79: (65, 89)},
    ),
    "guitar": Family(
        "acoustic",
        {25: (40, 81), 26: (40, 81), 27: (40, 84), 28: (40, 76), 31: (52, 88), 105: (48, 81)},
    ),
    "keyboard": Family(
        "acoustic",
        {0: (30, 94), 2: (30, 94), 4: (30, 90), 5: (30, 90), 6: (36, 86), 7: (36, 84), 8: (60, 100)},
    ),
    "mallet": Family(
        "acoustic",
        {
            9: (72, 100), 10: (60, 96), 11: (53, 89), 12: (45, 89), 13: (62, 98), 14: (55, 79), 108: (53, 86),
            114: (55, 84),
        },
    ),
    "organ": Family("acoustic", dict.fromkeys((16, 17, 18, 19, 20), (36, 88))),
    "reed": Family(
        "acoustic",
        {
            22: (60, 89), 64: (56, 86), 65: (49, 80), 66: (44, 76), 67: (36, 68), 68: (58, 88),
            69: (52, 80), 70: (34, 70), 71: (50, 89), 109: (57, 79), 111: (56, 82),
        },
    ),
    "string": Family(
        "acoustic",
        {40: (55, 93), 41: (48, 84), 42: (36, 74), 43: (28, 57), 45: (36, 88), 48: (36, 88)},
    ),
    "synth_lead": Family("synthetic", dict.fromkeys((80, 81, 82, 83), (48, 84))),
    "vocal": Family("acoustic", dict.fromkeys((52, 53, 54, 85), (45, 79))),
}  # fmt: skip
LEFT_OUT: Mapping[str, frozenset[int]] = {"TimGM6mb.sf2": frozenset({82, 83, 85})}  # all three: the pan flute, 75
