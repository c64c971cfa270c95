"""Local means and variances of two planes in a sliding window, in 32-bit floating point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_metrics_similarity.pairs import Plane, Validity

Float = NDArray[np.float32]

#: Pixels per strip: what the maps of a strip need stays in a core's cache.
_STRIP_PIXELS = 1 << 16


@dataclass(frozen=True)
class Weighting:
    """A window of `size` x `size` pixels, all equal or Gaussian with `sigma` (px)."""

    shape: Literal["gaussian", "uniform"]
    size: int
    sigma: float = 0.0

    def means(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return the weighted mean in every window that lies within `plane`, in its data type."""
        if self.shape == "uniform":
            filtered = cv2.blur(plane, (self.size, self.size))
        else:
            kernel = cv2.getGaussianKernel(self.size, self.sigma, cv2.CV_64F).astype(plane.dtype)
            filtered = cv2.sepFilter2D(plane, -1, kernel, kernel)
        return inside(filtered, self.size // 2)


class Statistics(NamedTuple):
    """Maps over the windows of one strip, each for a sum s = x + y or a difference d = x - y.

    With them x y = (s² - d²) / 4 and x² + y² = (s² + d²) / 2, so four filterings do for five, and
    what tells the planes apart is never the difference of two large numbers.

    Attributes
    ----------
    mean_sum, mean_difference, variance_sum, variance_difference
        (h, w) float32; weighted (population) variances, never negative.
    valid
        Where no pixel of the window is invalid; None for everywhere.
    """

    mean_sum: Float
    mean_difference: Float
    variance_sum: Float
    variance_difference: Float
    valid: Validity


def inside(plane: NDArray[Any], margin: int) -> NDArray[Any]:
    """Return `plane` without a margin on every side."""
    height, width = plane.shape[:2]
    return plane[margin : height - margin, margin : width - margin]


def windows_valid(valid: Validity, size: int) -> Validity:
    """Return, for every window within the plane, whether all of its pixels are valid."""
    if valid is None:
        return None
    eroded = cv2.erode(valid.astype(np.uint8), np.ones((size, size), np.uint8))
    return inside(eroded, size // 2).astype(bool)


def strips(
    x: Plane, y: Plane, valid: Validity, size: int, dtype: type[np.floating[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any], float, Validity]]:
    """Iterate two planes in strips of rows, overlapping so that every window lies in one.

    Each strip is shifted by its own mean: the variance of 16-bit values around 60,000 is lost in 32
    bits otherwise.

    Parameters
    ----------
    x, y
        (H, W), at least as large as the window, finite.
    valid
        (H, W) bool or None.
    size
        The window's edge, odd.
    dtype
        Data type of what is returned.

    Yields
    ------
    tuple
        Both strips less the shift, the shift, and which of the strip's windows are valid.
    """
    height, width = x.shape
    overlap = size - 1
    step = max(4 * size, _STRIP_PIXELS // width)
    for top in range(0, height - overlap, step):
        rows = slice(top, min(top + step + overlap, height))
        shift = dtype((cv2.mean(x[rows])[0] + cv2.mean(y[rows])[0]) / 2)
        one, other = (np.subtract(plane[rows], shift, dtype=dtype) for plane in (x, y))
        yield one, other, float(shift), windows_valid(None if valid is None else valid[rows], size)


def statistics(x: Plane, y: Plane, valid: Validity, weighting: Weighting) -> Iterator[Statistics]:
    """Iterate local statistics of two planes; parameters as for :func:`strips`."""
    for one, other, shift, keep in strips(x, y, valid, weighting.size, np.float32):
        total, difference = one + other, one - other
        mean_sum, mean_difference = weighting.means(total), weighting.means(difference)
        variance_sum = weighting.means(total * total)
        variance_sum -= mean_sum * mean_sum
        variance_difference = weighting.means(difference * difference)
        variance_difference -= mean_difference * mean_difference
        yield Statistics(
            mean_sum + np.float32(2 * shift),
            mean_difference,
            np.maximum(variance_sum, 0, out=variance_sum),
            np.maximum(variance_difference, 0, out=variance_difference),
            keep,
        )
