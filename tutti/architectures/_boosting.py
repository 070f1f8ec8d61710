"""A fitted MultiOutputClassifier of gradient-boosted trees as XGBoost's own binary JSON, and its scores.

Universal binary JSON is XGBoost's documented format: read by every later version, half the size of its JSON, equal
bytes for equal models, and nothing in it is executed. The models of all instruments stand in one file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError

if TYPE_CHECKING:
    from xgboost import Booster


@dataclass(frozen=True, eq=False)
class Boosted:
    """The boosted trees of all classes.

    Attributes:
        boosters: one a class; None for a class that was always or never there in training.
        constant: ``(class,)``, the score of such a class, 1 or 0; NaN for the others.
    """

    boosters: "Sequence[Booster | None]"
    constant: NDArray[np.float32]

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability ``(vector, class)`` that each class is there, as ``predict_proba`` does.

        Args:
            vectors: ``(vector, n)``.
        """
        found = np.tile(self.constant, (len(vectors), 1))
        for column, booster in enumerate(self.boosters):
            if booster is not None and len(vectors):
                found[:, column] = booster.inplace_predict(vectors)
        return found

    def save(self, path: Path) -> None:
        """Write all models to one ``.npz`` file: their bytes one after another, and where each ends."""
        raw = [b"" if each is None else bytes(each.save_raw("ubj")) for each in self.boosters]
        with path.open("wb") as file:
            np.savez(
                file,
                models=np.frombuffer(b"".join(raw), np.uint8),
                end=np.cumsum([len(each) for each in raw], dtype=np.int64),
                constant=self.constant,
            )

    @classmethod
    def load(cls, path: Path) -> "Boosted":
        """Read the models (DataError when the file is damaged)."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                models, end, constant = stored["models"], stored["end"], stored["constant"]
            parts = np.split(models, end[:-1])
            return cls([_booster(part.tobytes()) if len(part) else None for part in parts], constant)
        except (OSError, ValueError, KeyError, BadZipFile) as error:  # XGBoost's own errors are ValueErrors
            words = " ".join(str(error).split())[:200]
            raise DataError(f"{path} holds no boosted trees ({words}): run `dvc repro` to train it again") from None


def _booster(raw: bytes) -> "Booster":
    from xgboost import Booster

    booster = Booster()
    booster.load_model(bytearray(raw))
    return booster
