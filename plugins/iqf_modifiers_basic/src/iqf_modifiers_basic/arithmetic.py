"""Arithmetic on pixels: rounded to nearest, within the peak, the same in every window."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: More bands than cv2 5 takes as channels (512 before) are computed in groups.
MOST_CHANNELS = 128

_DEPTH = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U, "float32": cv2.CV_32F}

#: Samples after the last full vector register go through another loop of cv2's, whose rounding
#: may differ; no register holds more.
_LANES = 64

#: Samples blended at a time, so that limiting them finds them in the cache.
_CACHED = 1 << 20

#: Samples computed at a time where a table is looked up: their indices stay in the cache.
_CHUNK = 1 << 16


def limit(pixels: NDArray[Any], peak: float) -> NDArray[Any]:
    """Limit integer `pixels` to `peak`, in place: a sensor cannot exceed its full scale."""
    if pixels.dtype.kind == "u":
        largest = np.iinfo(pixels.dtype).max
        full_scale = math.floor(min(peak, largest))
        if full_scale < largest and (pixels.size < _LANES or not pixels.flags.c_contiguous):
            # cv2 cannot tell a very small array from a scalar.
            np.minimum(pixels, pixels.dtype.type(full_scale), out=pixels)
        elif full_scale < largest:
            flat = pixels.reshape(1, -1)
            cv2.min(flat, full_scale, dst=flat)  # type: ignore[call-overload]
    return pixels


def store(values: NDArray[np.float32], dtype: np.dtype[Any], peak: float) -> NDArray[Any]:
    """Return computed `values` in the image's data type; may overwrite `values`.

    Integers are rounded to nearest and clipped to [0, `peak`]; floating point is kept as it is.
    """
    if dtype.kind == "f":
        return values
    np.rint(values, out=values)
    np.clip(values, 0, math.floor(min(peak, np.iinfo(dtype).max)), out=values)
    return values.astype(dtype)


def add(pixels: NDArray[Any], change: NDArray[np.float32], peak: float) -> NDArray[Any]:
    """Return `pixels` + `change` in the pixels' data type; overwrites `change`."""
    if pixels.dtype.kind == "f":
        change += pixels
        return change
    shape = pixels.shape
    # As one band: cv2 adds, rounds to nearest and saturates in one pass.
    flat, flat_change = pixels.reshape(shape[0], -1), change.reshape(shape[0], -1)
    summed: NDArray[Any] = cv2.add(flat, flat_change, dtype=_DEPTH[str(pixels.dtype)])
    return limit(summed.reshape(shape), peak)


def blend(
    first: NDArray[Any],
    alpha: float,
    second: NDArray[Any],
    beta: float,
    peak: float,
    gamma: float = 0.0,
) -> NDArray[Any]:
    """Return alpha `first` + beta `second` + gamma in the data type of `first`.

    Integers are rounded to nearest once and clipped to [0, `peak`].
    """
    depth = _DEPTH[str(first.dtype)]

    def add_weighted(*sources: NDArray[Any], dst: NDArray[Any]) -> None:
        cv2.addWeighted(sources[0], alpha, sources[1], beta, gamma, dst=dst, dtype=depth)

    return _in_full_vectors(add_weighted, (first, second), peak)


def linear(pixels: NDArray[Any], gain: float, offset: float, peak: float) -> NDArray[Any]:
    """Return gain x `pixels` + offset in their data type; integers as :func:`blend` gives them."""
    if pixels.dtype.kind == "f":
        changed: NDArray[Any] = np.float32(gain) * pixels + np.float32(offset)
        return changed
    if pixels.dtype != np.uint8 or gain < 0 or offset < 0:
        return blend(pixels, gain, pixels, 0.0, peak, offset)

    def scale(*sources: NDArray[Any], dst: NDArray[Any]) -> None:
        # It would take the absolute value of a negative sum.
        cv2.convertScaleAbs(sources[0], alpha=gain, beta=offset, dst=dst)

    return _in_full_vectors(scale, (pixels,), peak)


def _in_full_vectors(
    operation: Callable[..., None], sources: tuple[NDArray[Any], ...], peak: float
) -> NDArray[Any]:
    """Compute sample by sample, in arrays of whole vector registers; limit integers to `peak`."""
    flat = [np.ascontiguousarray(source).reshape(1, -1) for source in sources]
    result = np.empty_like(flat[0])
    whole = result.size // _LANES * _LANES
    for start in range(0, whole, _CACHED):
        part = (slice(None), slice(start, min(start + _CACHED, whole)))
        operation(*(array[part] for array in flat), dst=result[part])
        limit(result[part], peak)
    left = result.size - whole
    if left:
        padding = ((0, 0), (0, _LANES - left))
        tail = np.empty((1, _LANES), result.dtype)
        operation(*(np.pad(array[:, whole:], padding) for array in flat), dst=tail)
        result[:, whole:] = limit(tail, peak)[:, :left]
    return result.reshape(sources[0].shape)


@lru_cache(maxsize=1)
def _has_large_tables() -> bool:
    """Return whether this cv2 looks up 16-bit values too (from 4.12 on)."""
    try:
        cv2.LUT(np.zeros((1, 1), np.uint16), np.zeros(1 << 16, np.uint16))
    except cv2.error:
        return False
    return True


def take_band(pixels: NDArray[Any], band: int) -> NDArray[Any]:
    """Return one band of `pixels`, shape (H, W), an array of its own."""
    if pixels.shape[2] > MOST_CHANNELS:
        return np.ascontiguousarray(pixels[:, :, band])
    return cv2.extractChannel(pixels, band)


def put_band(plane: NDArray[Any], pixels: NDArray[Any], band: int) -> None:
    """Write one band, shape (H, W), into `pixels`."""
    if pixels.shape[2] > MOST_CHANNELS:
        pixels[:, :, band] = plane
    else:
        cv2.insertChannel(plane, pixels, band)


def look_up(pixels: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return ``table[pixels]`` for integer pixels and a table of all their values."""
    if pixels.dtype == np.uint8 or _has_large_tables():
        return cv2.LUT(pixels.reshape(len(pixels), -1), table).reshape(pixels.shape)
    # Without an index array of 64-bit integers for the whole image.
    source = pixels.reshape(-1)
    result = np.empty_like(source)
    for start in range(0, source.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        np.take(table, source[part], out=result[part], mode="clip")
    return result.reshape(pixels.shape)
