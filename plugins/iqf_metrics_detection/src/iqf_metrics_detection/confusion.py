"""How often one class was taken for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Confusion:
    """Counts of (true class, predicted class).

    Attributes
    ----------
    classes
        In ascending order.
    counts
        (true, predicted), in the order of `classes`.
    """

    classes: tuple[int, ...]
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Confusion:
        """Return the confusion of nothing."""
        return cls((), np.zeros((0, 0), np.int64))

    @classmethod
    def of(cls, truth: NDArray[Any], predicted: NDArray[Any]) -> Confusion:
        """Count two arrays of class numbers of equal shape."""
        classes = np.union1d(truth, predicted)
        size = len(classes)
        rows, columns = np.searchsorted(classes, truth), np.searchsorted(classes, predicted)
        counts = np.bincount((rows * size + columns).ravel(), minlength=size * size)
        return cls(tuple(int(each) for each in classes), counts.reshape(size, size))

    def plus(self, other: Confusion) -> Confusion:
        """Return both together."""
        classes = tuple(sorted({*self.classes, *other.classes}))
        counts = np.zeros((len(classes), len(classes)), np.int64)
        for each in (self, other):
            places = [classes.index(number) for number in each.classes]
            counts[np.ix_(places, places)] += each.counts
        return Confusion(classes, counts)
