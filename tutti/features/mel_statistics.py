"""Statistics of a log-mel spectrogram over a clip: one short vector that costs little more than the spectrogram.

For each mel band of the magnitude (natural logarithm, as in ``log_mel``) its mean and deviation over time, and the mean
absolute change from frame to frame: what a sound is made of, how much it moves, and how fast.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from tutti.features._mel import MelConfig, mel_spectrogram

Float32 = npt.NDArray[np.float32]

_MAGNITUDE = 1.0
_STATISTICS = 3


class Config(MelConfig):
    """Parameters of the statistics.

    Attributes:
        floor: smallest magnitude before the logarithm.
    """

    extractor: Literal["mel_statistics"]
    floor: Annotated[float, Field(ge=1e-30, le=1)]

    @property
    def frame_rate_hz(self) -> float:
        """Zero: the vector sums up a whole clip."""
        return 0.0

    @property
    def n_bins(self) -> int:
        """Length of the vector."""
        return _STATISTICS * self.n_mels

    def frames_for(self, n_samples: int) -> int:
        """Return 1, whatever the length."""
        del n_samples
        return 1


def extract(samples: Float32, config: Config) -> Float32:
    """Return the vector of a clip.

    Args:
        samples: mono signal ``(n,)`` at ``config.sample_rate_hz``, of any length.
        config: the parameters.

    Returns:
        ``(1, 3 * n_mels)`` float32: all means, then all deviations, then all mean absolute changes; a signal too short
        for a second frame does not change.

    Raises:
        ParameterError: when a band is so narrow that no frequency of the transform falls into it.
    """
    bands = mel_spectrogram(samples, config, _MAGNITUDE)
    logarithms = np.log(np.maximum(bands, np.float32(config.floor)), dtype=np.float64)
    changes = np.abs(np.diff(logarithms, axis=0)) if len(logarithms) > 1 else np.zeros_like(logarithms)
    vector = np.concatenate([logarithms.mean(axis=0), logarithms.std(axis=0), changes.mean(axis=0)])
    return vector.astype(np.float32)[None]
