"""Statistics of the valid pixels of whole images, read window by window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

#: Edge of the windows that are read; fixed, so that sums are the same whoever asks.
_WINDOW = 1024

_HALF = 1 << 16


def band_means(reader: ImageReader) -> NDArray[np.float64]:
    """Return the mean of the valid pixels of every band, in DN; 0 where none is valid."""
    bands = reader.shape[2]
    total, count = np.zeros(bands), 0
    for values in _valid_values(reader):
        total += values.sum(axis=0, dtype=np.float64)
        count += len(values)
    return total / max(count, 1)


def band_medians(reader: ImageReader) -> NDArray[np.float64]:
    """Return the median of the valid pixels of every band, in DN; 0 where none is valid.

    The exact lower median, found by counting: memory does not grow with the image.
    """
    bands = reader.shape[2]
    high = np.zeros((bands, _HALF), np.int64)
    for values in _valid_values(reader):
        for band in range(bands):
            high[band] += np.bincount(_ordered(values[:, band]) >> 16, minlength=_HALF)
    upper, rank = _middle(high)
    low = np.zeros((bands, _HALF), np.int64)
    for values in _valid_values(reader):
        for band in range(bands):
            keys = _ordered(values[:, band])
            keys = keys[keys >> 16 == upper[band]] & (_HALF - 1)
            low[band] += np.bincount(keys, minlength=_HALF)
    lower, _ = _middle(low, rank)
    middle = (upper.astype(np.uint32) << np.uint32(16)) | lower.astype(np.uint32)
    medians = _value(middle, reader.dtype)
    return np.where(high.sum(axis=1) > 0, medians, 0.0)


def band_quantiles(reader: ImageReader, count: int = 1025) -> NDArray[np.float64]:
    """Return (bands, `count`) quantiles of the valid pixels, evenly spread from least to greatest.

    Of an image with more than 2^20 pixels every n-th one counts; 0 where none is valid.
    """
    height, width, bands = reader.shape
    step = max(1, height * width >> 20)
    parts = [values[::step] for values in _valid_values(reader)]
    sample = np.sort(np.concatenate(parts), axis=0) if parts else np.zeros((0, bands))
    if not len(sample):
        return np.zeros((bands, count))
    picked = np.linspace(0, len(sample) - 1, count).astype(np.int64)
    return np.ascontiguousarray(sample[picked].T.astype(np.float64))


def _valid_values(reader: ImageReader) -> Iterator[NDArray[Any]]:
    """Iterate the valid pixels, arrays of shape (N, bands)."""
    for tile in reader.windows(_WINDOW):
        image = reader.read(tile.window)
        flat = image.pixels.reshape(-1, image.bands)
        yield flat if image.mask is None else flat[image.mask.reshape(-1)]


def _middle(
    counts: NDArray[np.int64], rank: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bin that holds the value of `rank` (the middle one), and its rank therein."""
    cumulated = counts.cumsum(axis=1)
    if rank is None:
        rank = np.maximum(cumulated[:, -1] - 1, 0) // 2
    bins = (cumulated <= rank[:, np.newaxis]).sum(axis=1)
    bins = np.minimum(bins, counts.shape[1] - 1)
    before = np.take_along_axis(cumulated - counts, bins[:, np.newaxis], axis=1)[:, 0]
    return bins, rank - before


def _ordered(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers of 32 bits that are in the same order as the values."""
    if values.dtype.kind == "u":
        return values.astype(np.int64) << 16
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.int64)
    return np.where(bits >> 31, 0xFFFFFFFF - bits, bits + (1 << 31))


def _value(keys: NDArray[np.uint32], dtype: str) -> NDArray[np.float64]:
    """Return the values that :func:`_ordered` made `keys` of."""
    if dtype != "float32":
        return (keys >> np.uint32(16)).astype(np.float64)
    sign = np.uint32(1 << 31)
    bits = np.where(keys >= sign, keys - sign, ~keys).astype(np.uint32)
    return bits.view(np.float32).astype(np.float64)
