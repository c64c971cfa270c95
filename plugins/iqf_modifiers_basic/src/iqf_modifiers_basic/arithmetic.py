"""Arithmetic on pixels: rounded to nearest, within the peak, the same in every window."""

from __future__ import annotations

import math
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
    one = np.ascontiguousarray(first).reshape(1, -1)
    two = np.ascontiguousarray(second).reshape(1, -1)
    depth = _DEPTH[str(first.dtype)]
    result = np.empty_like(one)
    whole = one.shape[1] // _LANES * _LANES
    for start in range(0, whole, _CACHED):
        part = (slice(None), slice(start, min(start + _CACHED, whole)))
        cv2.addWeighted(one[part], alpha, two[part], beta, gamma, dst=result[part], dtype=depth)
        limit(result[part], peak)
    left = one.shape[1] - whole
    if left:
        padding = ((0, 0), (0, _LANES - left))
        tails = [np.pad(array[:, whole:], padding) for array in (one, two)]
        tail = cv2.addWeighted(tails[0], alpha, tails[1], beta, gamma, dtype=depth)
        result[:, whole:] = limit(tail.reshape(1, -1), peak)[:, :left]
    return result.reshape(first.shape)


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
