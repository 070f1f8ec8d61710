"""Pairs of a positive and a negative clip, from which one binary learns.

Batches are balanced, as a class may be rare. In the first epochs both clips of a pair have equally many families: the
more sound, the likelier is the class among them, and a binary would learn to count before it learns to hear. The
largest size doubles with each epoch: what a timbre is, is learnt where little else sounds. A share of the negatives is
*confusable*: the twin of the positive, in which another family plays the class' part; or, of several candidates, the
one that scored highest when the binary last saw it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.errors import DataError
from tutti.seeding import generator

Ints = NDArray[np.int64]
_CANDIDATES = 8  # of which the most confusable negative is taken


@dataclass(frozen=True, eq=False)
class Material:
    """The clips from which a binary learns.

    Attributes:
        rows: numbers of the clips in their feature, ``(clip,)``.
        positive: whether the class sounds, ``(clip,)``.
        size: how many families sound, ``(clip,)``.
        twin: place in ``rows`` of the clip's twin, -1 where there is none, ``(clip,)``.
    """

    rows: Ints
    positive: NDArray[np.bool_]
    size: Ints
    twin: Ints

    def check(self, name: str) -> None:
        """Refuse material without a positive or without a negative (DataError).

        Args:
            name: of the class.
        """
        for kind, count in (("holds", self.positive.sum()), ("lacks", (~self.positive).sum())):
            if not count:
                raise DataError(
                    f"no training clip {kind} class {name!r}: a binary needs clips of both kinds; correct its entry "
                    "under classes, or give the corpus more notes"
                )


class Pairs:
    """Draws pairs, and remembers how each clip scored when it was last seen."""

    def __init__(self, material: Material, confusable_share: float, seed: int) -> None:
        self._material, self._confusable, self._seed = material, confusable_share, seed
        self._scores = np.full(len(material.rows), 0.5)
        positive, twin = material.positive, material.twin
        in_pairs = positive & (twin >= 0) & ~positive[twin]
        sizes = np.unique(material.size)
        self._by_size = {
            int(size): tuple(np.flatnonzero((material.size == size) & (positive == which)) for which in (True, False))
            for size in sizes
        }
        self._twins = {int(size): np.flatnonzero(in_pairs & (material.size == size)) for size in sizes}
        self._both = [size for size, found in sorted(self._by_size.items()) if all(len(each) for each in found)]
        self._all = np.flatnonzero(positive), np.flatnonzero(~positive)

    def epoch(self, number: int, count: int, size: int, *, same_size: bool) -> Iterator[Ints]:
        """Yield the batches of an epoch: places in ``rows``, a positive and a negative in turn.

        Args:
            number: of the epoch, from 0; another one gives other pairs, and with ``same_size`` larger sizes.
            count: pairs in the epoch.
            size: clips in a batch.
            same_size: whether both clips of a pair have equally many families, where the material has such pairs.
        """
        random, sizes = generator(self._seed, "pairs", number), self._sizes(number) if same_size else []
        for first in range(0, count, size // 2):
            pairs = [self._pair(random, sizes) for _ in range(min(size // 2, count - first))]
            yield np.asarray(pairs, np.int64).ravel()

    def remember(self, places: Ints, scores: NDArray[np.float32]) -> None:
        """Keep the scores of clips, 0..1."""
        self._scores[places] = scores

    def _sizes(self, number: int) -> list[int]:
        """Return the sizes of an epoch: those with clips of both kinds, up to one that doubles with each epoch."""
        return [size for size in self._both if size <= 2**number] or self._both[:1]

    def _pair(self, random: np.random.Generator, sizes: Sequence[int]) -> tuple[int, int]:
        """Return a positive and a negative of one of the sizes; of any where there are none."""
        confusable = random.random() < self._confusable
        positives, negatives = self._all
        if sizes:
            size = sizes[int(random.integers(len(sizes)))]
            positives, negatives = self._by_size[size]
            twins = self._twins[size]
            if confusable and len(twins):
                place = int(twins[random.integers(len(twins))])
                return place, int(self._material.twin[place])
        positive = int(positives[random.integers(len(positives))])
        if not (sizes and confusable):
            return positive, int(negatives[random.integers(len(negatives))])
        candidates = negatives[random.integers(len(negatives), size=_CANDIDATES)]
        return positive, int(candidates[np.argmax(self._scores[candidates])])
