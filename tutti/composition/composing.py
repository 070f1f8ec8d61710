"""One entry to all styles."""

import numpy as np

from tutti.composition.melody import compose_melody
from tutti.composition.patterns import compose_pattern
from tutti.composition.phrases import Phrase
from tutti.taxonomy import Rendering


def compose(rng: np.random.Generator, rendering: Rendering, seconds: float) -> Phrase:
    """Compose one recording's phrase in the style of an instrument.

    Args:
        rng: source of chance; the same state gives the same phrase.
        rendering: how a sound bank plays the instrument.
        seconds: length of the recording, at least 1.
    """
    if rendering.style == "percussion":
        return compose_pattern(rng, rendering, seconds)
    return compose_melody(rng, rendering, seconds)
