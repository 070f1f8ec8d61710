"""VGGish embeddings: one vector of 128 values for each 0.96 s.

Hershey et al. 2017, "CNN architectures for large-scale audio classification"; the input of the bi-LSTM of Meas & Moieni
2025: 5 s give 5 x 128.

A SavedModel computes them, a callable from a waveform ``(n,)`` at 16 kHz within -1..1 to ``(n_vectors, 128)``, which
``tensorflow_hub.load`` fetches by its handle: ``trained`` for the one that the stage ``embedding`` trains on the task's
own solo recordings, the address of a published one, or a folder that holds one. Its digest stands in the specification
of every stored feature, so what produced an embedding is named in every result.

A vector stands for 96 windows of 25 ms, 10 ms apart; the rest of a clip is left out, and a clip shorter than one patch
is filled up with silence, so that every clip has a vector.
"""

import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import field_validator

from tutti.config import FeatureConfig
from tutti.errors import DataError, ParameterError, SetupError
from tutti.process import quiet_libraries
from tutti.sections import Text

Float32 = npt.NDArray[np.float32]

TRAINED = "trained"
SIZE = 128  # values of a vector
RATE_HZ = 16000
WINDOW, HOP, PATCH = 400, 160, 96  # samples, samples, windows
SHORTEST = WINDOW + (PATCH - 1) * HOP  # samples: 0.975 s
FOLDER = "saved_model"  # in the folder of a task's own embedding
_SAVED_MODEL = "saved_model.pb"
_EACH_OTHER = "fingerprint.pb"  # TensorFlow's own, with a random number: says nothing about the model
_ALLOWED = f"give `{TRAINED}`, the address of a published model, or the folder of a SavedModel"


class Config(FeatureConfig):
    """Parameters of the embeddings.

    Attributes:
        sample_rate_hz: 16000, which the network wants.
        handle: ``trained``, the address of a published SavedModel, or a folder that holds one.
    """

    in_processes: ClassVar[bool] = False

    extractor: Literal["vggish"]
    handle: Text

    @field_validator("sample_rate_hz")
    @classmethod
    def _check_rate(cls, rate_hz: int) -> int:
        if rate_hz != RATE_HZ:
            raise ValueError(f"must be {RATE_HZ}, the only sample rate that VGGish takes")
        return rate_hz

    @property
    def frame_rate_hz(self) -> float:
        """Vectors per second: one each 0.96 s."""
        return RATE_HZ / (PATCH * HOP)

    @property
    def n_bins(self) -> int:
        """Length of a vector."""
        return SIZE

    def frames_for(self, n_samples: int) -> int:
        """Return the number of vectors of a signal of ``n_samples`` samples: its whole patches, at least one."""
        return max(1, (1 + (n_samples - WINDOW) // HOP) // PATCH)

    def located(self, trained: Path) -> Self:
        """Return the section with the SavedModel of the task's own embedding in place of ``trained``."""
        return self.model_copy(update={"handle": str(trained / FOLDER)}) if self.handle == TRAINED else self

    def origin(self) -> dict[str, str]:
        """Return the digest of the SavedModel; the section must be located.

        Raises:
            DataError, ParameterError, SetupError: when the handle leads to no SavedModel.
        """
        return {"model_sha256": _digest(_resolve(self.handle))}


def extract(samples: Float32, config: Config) -> Float32:
    """Return the embeddings.

    Args:
        samples: mono signal ``(n,)`` at 16 kHz, of any length.
        config: the parameters, located.

    Returns:
        ``(time, 128)`` float32 with ``config.frames_for(n)`` rows.

    Raises:
        ParameterError: when the handle leads to no SavedModel, or to one with another output.
        SetupError: when a published model cannot be fetched.
    """
    model = _load(config.handle)
    padded = np.pad(np.asarray(samples, np.float32), (0, max(0, SHORTEST - len(samples))))
    try:
        values = np.asarray(model(padded), np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"handle {config.handle!r} takes no waveform (n,) ({_first_line(error)}): {_ALLOWED}"
        ) from None
    expected = (config.frames_for(len(samples)), SIZE)
    if values.shape != expected:
        raise ParameterError(
            f"handle {config.handle!r} gives {values.shape} for {len(padded)} samples, but VGGish gives {expected}: "
            + _ALLOWED
        )
    return values


@lru_cache(maxsize=4)
def _load(handle: str) -> Callable[[Float32], Any]:
    folder = _resolve(handle)
    try:
        with quiet_libraries():
            model: Any = _hub().load(str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise ParameterError(f"handle {handle!r} holds no SavedModel ({_first_line(error)}): {_ALLOWED}") from None
    if not callable(model):
        raise ParameterError(f"handle {handle!r} holds a SavedModel that cannot be called: {_ALLOWED}")
    return model  # type: ignore[no-any-return]


@lru_cache(maxsize=4)
def _resolve(handle: str) -> Path:
    """Return the folder that a handle leads to; a published model is fetched once and kept."""
    if "://" in handle:
        try:
            return Path(_hub().resolve(handle))
        except Exception as error:  # whatever the network, the server and the archive may raise
            raise SetupError(
                f"handle {handle!r} cannot be fetched ({_first_line(error)}): connect to the network, or download "
                f"the model elsewhere and give its folder, or `{TRAINED}`"
            ) from None
    if not (Path(handle) / _SAVED_MODEL).is_file():
        raise ParameterError(f"handle {handle!r} is a folder without {_SAVED_MODEL} or no folder: {_ALLOWED}")
    return Path(handle)


@lru_cache(maxsize=4)
def _digest(folder: Path) -> str:
    """Return the SHA-256 of a SavedModel: of the names and bytes of its files."""
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _EACH_OTHER):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()},{len(content)};".encode() + content)
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check its permissions") from None
    return digest.hexdigest()


def _hub() -> Any:
    """Import TensorFlow Hub when it is needed: it brings TensorFlow, which takes seconds."""
    with quiet_libraries(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # on pkg_resources, which it still uses
        import tensorflow_hub

    return tensorflow_hub


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).strip(" .")
