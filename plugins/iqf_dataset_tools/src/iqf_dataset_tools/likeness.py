"""Images that look the same: perceptual hashes, and near neighbours among very many of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Window

_GRID = 32
_SMALL = 16
#: Bits in which two hashes of the same picture differ at most, recompressed or rescaled.
MOST_BITS = 5
#: Correlation of two thumbnails from which on they show the same.
LEAST_CORRELATION = 0.97
#: A picture whose thumbnail varies less, of its range, shows nothing to compare.
_LEAST_CONTRAST = 1e-3


class Thumbnail:
    """The mean grey value in each cell of a 32 x 32 grid, collected window by window.

    Parameters
    ----------
    height, width
        Size of the image in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self._rows = np.minimum(np.arange(height) * _GRID // height, _GRID - 1)
        self._cols = np.minimum(np.arange(width) * _GRID // width, _GRID - 1)
        self._sum = np.zeros((_GRID, _GRID))
        self._count = np.zeros((_GRID, _GRID))

    def add(self, window: Window, pixels: NDArray[np.generic], valid: NDArray[np.bool_]) -> None:
        """Add the (H, W, C) pixels of a window; invalid ones do not count."""
        grey = np.where(valid, pixels.mean(axis=2, dtype=np.float64), 0.0)
        rows = self._rows[window.row : window.row + window.height]
        cols = self._cols[window.col : window.col + window.width]
        for total, values in ((self._sum, grey), (self._count, valid.astype(np.float64))):
            np.add(total, _binned(_binned(values, rows).T, cols).T, out=total)

    def grey(self) -> NDArray[np.float64]:
        """Return the (32, 32) means; cells that no pixel falls into take those of their row."""
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self._sum / self._count
        # Images narrower than the grid leave cells empty: stretch what there is.
        rows = np.flatnonzero((self._count > 0).any(axis=1))
        cols = np.flatnonzero((self._count > 0).any(axis=0))
        if not rows.size:
            return np.zeros((_GRID, _GRID))
        kept = means[np.ix_(rows, cols)]
        kept = np.where(np.isfinite(kept), kept, np.nanmean(kept))
        resized = cv2.resize(kept, (_GRID, _GRID), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.float64)

    @staticmethod
    def small(grey: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return 16 x 16 values scaled to their range."""
        shrunk = grey.reshape(_SMALL, 2, _SMALL, 2).mean(axis=(1, 3))
        low, high = shrunk.min(), shrunk.max()
        scaled = (shrunk - low) / (high - low) * 255 if high > low else np.zeros_like(shrunk)
        return np.asarray(np.rint(scaled), np.uint8)


def _binned(values: NDArray[np.float64], bins: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum rows of `values` that share a bin (bins ascend)."""
    result = np.zeros((_GRID, values.shape[1]))
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    result[bins[starts]] = np.add.reduceat(values, starts, axis=0)
    return result


def perceptual_hash(grey: NDArray[np.float64]) -> int | None:
    """Return 64 bits that are alike for pictures that look alike; None for one of one tone.

    The signs, about their median, of the 8 x 8 lowest frequencies of the cosine transform of the
    (32, 32) picture, the mean left out. (Zauner, Implementation and benchmarking of perceptual
    image hash functions, 2010, section 3.2.1.)
    """
    spread = float(grey.max() - grey.min())
    if not spread > _LEAST_CONTRAST * max(1.0, float(np.abs(grey).max())):
        return None
    spectrum = np.asarray(cv2.dct(grey))[:8, :8].ravel()
    bits = spectrum > np.median(spectrum[1:])
    bits[0] = False  # the mean says nothing
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_pairs(
    hashes: NDArray[np.uint64], most: int = MOST_BITS
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Iterate pairs (indices, other indices) of different hashes at most `most` bits apart.

    Two such hashes agree in at least one of `most` + 1 groups of bits. So only those that share a
    group are compared, with vector instructions. A pair may come more than once.

    Parameters
    ----------
    hashes
        Different from each other.
    """
    borders = np.linspace(0, 64, most + 2).astype(int)
    for low, high in pairwise(borders.tolist()):
        group = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(group, kind="stable")
        keys, sorted_hashes = group[order], hashes[order]
        step = 1
        while step < len(keys):
            same = np.flatnonzero(keys[step:] == keys[:-step])
            if not same.size:
                break
            apart = np.bitwise_count(sorted_hashes[same] ^ sorted_hashes[same + step])
            close = same[apart <= most]
            if close.size:
                yield order[close], order[close + step]
            step += 1
