"""A fitted MultiOutputClassifier of Random Forests as plain arrays, and its scores.

skops, the safe format for scikit-learn, turns 63 forests of 100 trees into 31 000 members of a 150 MB archive that
takes longer to write than to fit, with other bytes every time. The arrays below are the same trees in a few
megabytes, the same bytes every time, and reading them executes nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError

if TYPE_CHECKING:
    from sklearn.multioutput import MultiOutputClassifier

_NAMES = ("left", "right", "column", "threshold", "share", "root", "class_of_tree", "n_classes")
_SAMPLES_AT_ONCE = 256


class Forest:
    """Decision trees of all classes in flat arrays.

    Attributes:
        arrays: per node ``left`` and ``right`` (node numbers, -1 at a leaf), ``column`` (of the vector), ``threshold``
            and ``share`` (of positives); per tree ``root`` (its first node) and ``class_of_tree``; ``n_classes``.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    @classmethod
    def of(cls, fitted: "MultiOutputClassifier") -> "Forest":
        """Flatten a fitted classifier of Random Forests."""
        trees = list(_trees(fitted))
        sizes = [len(tree["left"]) for tree, _ in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
        arrays: dict[str, NDArray[Any]] = {
            name: np.concatenate([tree[name] for tree, _ in trees]) for name in ("column", "threshold", "share")
        }
        for side in ("left", "right"):
            moved = [
                np.where(tree[side] < 0, -1, tree[side] + root) for (tree, _), root in zip(trees, roots, strict=True)
            ]
            arrays[side] = np.concatenate(moved).astype(np.int32)
        arrays["root"] = roots
        arrays["class_of_tree"] = np.array([number for _, number in trees], dtype=np.int32)
        arrays["n_classes"] = np.array(len(fitted.estimators_), dtype=np.int32)
        return cls(arrays)

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean share of positives ``(vector, class)`` over each class' trees, as scikit-learn does.

        Args:
            vectors: ``(vector, n)``.
        """
        parts = [
            self._scores(vectors[first : first + _SAMPLES_AT_ONCE])
            for first in range(0, len(vectors), _SAMPLES_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, int(self.arrays["n_classes"])), np.float32)

    def _scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        arrays = self.arrays
        node = np.tile(arrays["root"], (len(vectors), 1))
        while True:
            inner = arrays["left"][node] >= 0
            if not inner.any():
                break
            value = np.take_along_axis(vectors, arrays["column"][node], axis=1)
            child = np.where(value <= arrays["threshold"][node], arrays["left"][node], arrays["right"][node])
            node = np.where(inner, child, node)
        return _mean_by_class(arrays["share"][node], arrays["class_of_tree"], int(arrays["n_classes"]))

    def save(self, path: Path) -> None:
        """Write the arrays to an ``.npz`` file."""
        with path.open("wb") as file:
            np.savez(
                file,
                left=self.arrays["left"],
                right=self.arrays["right"],
                column=self.arrays["column"],
                threshold=self.arrays["threshold"],
                share=self.arrays["share"],
                root=self.arrays["root"],
                class_of_tree=self.arrays["class_of_tree"],
                n_classes=self.arrays["n_classes"],
            )

    @classmethod
    def load(cls, path: Path) -> "Forest":
        """Read the arrays (DataError when the file is damaged)."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls({name: stored[name] for name in _NAMES})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(f"{path} is not a forest ({error}): run `dvc repro` to train it again") from None


def _trees(fitted: "MultiOutputClassifier") -> Iterator[tuple[dict[str, NDArray[Any]], int]]:
    for number, forest in enumerate(fitted.estimators_):
        positive = list(forest.classes_).index(1) if 1 in forest.classes_ else None
        for estimator in forest.estimators_:
            tree = estimator.tree_
            value = tree.value[:, 0, :]
            share = np.zeros(len(value)) if positive is None else value[:, positive] / value.sum(axis=1)
            yield (
                {
                    "left": tree.children_left,
                    "right": tree.children_right,
                    "column": np.maximum(tree.feature, 0).astype(np.int16),
                    "threshold": tree.threshold.astype(np.float64),
                    "share": share.astype(np.float32),
                },
                number,
            )


def _mean_by_class(
    shares: NDArray[np.float32], class_of_tree: NDArray[np.int32], n_classes: int
) -> NDArray[np.float32]:
    weights = np.zeros((len(class_of_tree), n_classes), np.float64)
    weights[np.arange(len(class_of_tree)), class_of_tree] = 1.0
    mean: NDArray[np.float32] = (shares.astype(np.float64) @ (weights / weights.sum(axis=0))).astype(np.float32)
    return mean
