"""Songs: some instruments lead, others accompany quietly, in stereo.

Each player has a phrase of its own (``tutti.composition.composing``), is brought to a common loudness, set to a level
and placed between left and right. Nothing ties the phrases together in key or metre: what is asked of a song is which
sounds stand out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutti.audio import Samples, level_dbfs
from tutti.composition.composing import compose
from tutti.composition.synthesizer import synthesizer
from tutti.errors import DataError
from tutti.taxonomy import Rendering

LOUDNESS_DBFS = -26.0  # of a leading player before its level
_ATTEMPTS = 8
_WIDEST_PAN = 0.7  # of the way from the middle to one side


@dataclass(frozen=True)
class Player:
    """One player of a song.

    Attributes:
        instrument: name in the taxonomy.
        rendering: how a sound bank plays it.
        level_db: above or below the common loudness.
        pan: from -1, left, to 1, right.
    """

    instrument: str
    rendering: Rendering
    level_db: float
    pan: float


@dataclass(frozen=True)
class Stage:
    """Where songs are played.

    Attributes:
        bank: the SoundFont 2 file.
        sample_rate_hz: of the samples.
        peak_dbfs: peak level of a song.
    """

    bank: Path
    sample_rate_hz: int
    peak_dbfs: float


def draw_pan(rng: np.random.Generator) -> float:
    """Return a random place between left and right."""
    return float(rng.uniform(-_WIDEST_PAN, _WIDEST_PAN))


def play_song(players: Sequence[Player], leads: int, stage: Stage, seconds: float, rng: np.random.Generator) -> Samples:
    """Compose and play a song.

    Args:
        players: those who lead first.
        leads: how many lead; each of them is heard in every third of the song.
        stage: bank, rate and peak.
        seconds: length of the song.
        rng: source of chance.

    Returns:
        samples ``(n, 2)`` float32, at the peak level of the stage.

    Raises:
        DataError: when the bank is silent for a player.
    """
    n_samples = round(seconds * stage.sample_rate_hz)
    song = np.zeros((n_samples, 2))
    for number, player in enumerate(players):
        samples = _part(player, number < leads, stage, seconds, rng)
        level = level_dbfs(samples, stage.sample_rate_hz)
        gain = 10 ** ((LOUDNESS_DBFS + player.level_db - level) / 20)
        angle = (player.pan + 1) * np.pi / 4
        song += gain * samples[:, None] * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(song * (10 ** (stage.peak_dbfs / 20) / np.abs(song).max()), np.float32)


def _part(player: Player, leads: bool, stage: Stage, seconds: float, rng: np.random.Generator) -> Samples:
    """Return one player's part ``(n,)``; the most present of several where it should lead and pauses too long."""
    n_samples = round(seconds * stage.sample_rate_hz)
    best, most = np.zeros(n_samples, np.float32), 0.0
    for _ in range(_ATTEMPTS):
        phrase = compose(rng, player.rendering, max(seconds, 1.0))
        samples, _ = synthesizer(stage.bank, stage.sample_rate_hz, False).play(phrase, n_samples)
        heard = _presence(samples)
        if heard > most:
            best, most = samples, heard
        if most > (0.1 if leads else 0.0):
            return best
    if most == 0:
        raise DataError(f"sound bank {stage.bank} gives silence for {player.instrument}: correct its rendering")
    return best


def _presence(samples: Samples) -> float:
    """Return the level of a part's quietest third relative to its loudest one, 0..1; 0 where nothing sounds."""
    levels = [float(np.sqrt(np.square(third, dtype=np.float64).mean())) for third in np.array_split(samples, 3)]
    return max(min(levels) / max(levels), 1e-6) if max(levels) > 0 else 0.0
