"""Log-mel spectrogram: the natural logarithm of a mel spectrogram of magnitudes or powers.

The input of Han, Kim & Lee 2017 (section III-A: the signal divided by its maximum, 128 mel bands of the magnitude of a
1024-point transform every 512 samples, natural logarithm) and of the log-mel systems of Meas & Moieni 2025. Bands are
those of ``librosa.feature.melspectrogram``: Slaney's mel scale and area normalisation, a periodic Hann window, frames
centred on multiples of the hop with zeros outside the signal. So 5 s at 22 050 Hz give 216 frames.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from tutti.features._mel import MelConfig, mel_spectrogram

Float32 = npt.NDArray[np.float32]


class Config(MelConfig):
    """Parameters of the log-mel spectrogram.

    Attributes:
        normalise: ``peak`` divides the signal by its largest absolute value first (Han 2017), ``none`` does not.
        power: exponent of the magnitude: 1 magnitude, 2 power.
        floor: smallest value before the logarithm.
    """

    extractor: Literal["log_mel"]
    normalise: Literal["none", "peak"]
    power: Annotated[float, Field(gt=0, le=4)]
    floor: Annotated[float, Field(ge=1e-30, le=1)]

    @property
    def n_bins(self) -> int:
        """Length of the frequency axis."""
        return self.n_mels


def extract(samples: Float32, config: Config) -> Float32:
    """Return the log-mel spectrogram.

    Args:
        samples: mono signal ``(n,)`` at ``config.sample_rate_hz``, of any length.
        config: the parameters.

    Returns:
        ``(time, frequency)`` float32 with ``config.frames_for(n)`` frames, at least ``log(config.floor)`` everywhere.

    Raises:
        ParameterError: when a band is so narrow that no frequency of the transform falls into it.
    """
    if config.normalise == "peak":
        samples = samples / max(np.float32(np.abs(samples).max(initial=0)), np.finfo(np.float32).tiny)
    bands = mel_spectrogram(samples, config, config.power)
    np.maximum(bands, np.float32(config.floor), out=bands)
    return np.log(bands, out=bands)
