"""Mel-frequency cepstral coefficients: the cosine transform of the decibels of a mel spectrogram of powers.

The input of the C-RNN of Meas & Moieni 2025 (section 3.3): 24 coefficients, transforms of 512 samples every 160, 40 mel
bands, a periodic Hann window. The values are those of ``librosa.feature.mfcc`` with its defaults: decibels of the power
(reference 1, at least 1e-10), none further than ``range_db`` below the clip's loudest band, then the orthonormal cosine
transform of type II. So the floor, and nothing else, depends on the clip's level.

The paper prints 24 x 2756, which 5 s at 22 050 Hz do not give: frames centred on multiples of the hop are
1 + 110 250 // 160 = 690 (as librosa counts them too), so a clip is 690 x 24 here, in this project's order of axes.
"""

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from tutti.config import Count
from tutti.features._mel import MelConfig, mel_spectrogram

Float32 = npt.NDArray[np.float32]

_LEAST_POWER = np.float32(1e-10)  # librosa's amin


class Config(MelConfig):
    """Parameters of the MFCCs.

    Attributes:
        n_mfcc: number of coefficients, the lowest ones, at most ``n_mels``.
        range_db: decibels below the loudest band of the clip at which values are cut.
    """

    extractor: Literal["mfcc"]
    n_mfcc: Count
    range_db: Annotated[float, Field(gt=0, le=200)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc {self.n_mfcc} must be at most n_mels {self.n_mels}")
        return self

    @property
    def n_bins(self) -> int:
        """Length of the frequency axis: the coefficients."""
        return self.n_mfcc


def extract(samples: Float32, config: Config) -> Float32:
    """Return the MFCCs.

    Args:
        samples: mono signal ``(n,)`` at ``config.sample_rate_hz``, of any length.
        config: the parameters.

    Returns:
        ``(time, coefficient)`` float32 with ``config.frames_for(n)`` frames; the first coefficient is the level.

    Raises:
        ParameterError: when a band is so narrow that no frequency of the transform falls into it.
    """
    import scipy.fft  # here, not above: reading params.yaml needs none of it

    bands = mel_spectrogram(samples, config, 2.0)
    np.maximum(bands, _LEAST_POWER, out=bands)
    np.log10(bands, out=bands)
    bands *= 10
    np.maximum(bands, bands.max() - np.float32(config.range_db), out=bands)
    coefficients = scipy.fft.dct(bands, axis=1, type=2, norm="ortho")
    return np.ascontiguousarray(coefficients[:, : config.n_mfcc], np.float32)
