"""Resampling by any factor, without aliasing when shrinking."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_modifiers_basic.arithmetic import MOST_CHANNELS, put_band, take_band

Interpolation = Literal["nearest", "bilinear", "bicubic", "area", "lanczos"]

#: Rows (or columns) of the result that are computed with one matrix product.
_BLOCK = 32


def new_size(size: int, factor: float) -> int:
    """Return how many pixels, `factor` times as large, stand for `size` of them; at least 1."""
    return max(1, round(size / factor))


def resample(
    pixels: NDArray[Any], factor: float, shape: tuple[int, int], interpolation: Interpolation
) -> NDArray[np.float32]:
    """Return the image on a grid of pixels `factor` times as large, from the same corner on.

    Parameters
    ----------
    pixels
        Shape (H, W, C), any real data type.
    factor
        Above 1 for fewer pixels. The centre of the new pixel i lies at (i + 1/2) `factor` of the
        old grid, pixel corners counting from 0.
    shape
        New (height, width).
    interpolation
        ``"nearest"`` takes the pixel that the centre falls into. ``"area"`` averages over the new
        pixel's area. ``"bilinear"`` (triangle), ``"bicubic"`` (Keys, IEEE TASSP 29, 1981, with
        a = -1/2) and ``"lanczos"`` (three lobes) weigh with that kernel, widened by the factor
        when shrinking. At the borders the weights that remain are normalised anew.

    Returns
    -------
    ndarray
        Shape (*`shape`, C), float32, neither rounded nor clipped.
    """
    if interpolation == "nearest":
        rows, columns = (_nearest(n, m, factor) for n, m in zip(pixels.shape, shape, strict=False))
        return pixels[rows[:, np.newaxis], columns].astype(np.float32)
    down = _blocks(pixels.shape[0], shape[0], factor, interpolation)
    across = _blocks(pixels.shape[1], shape[1], factor, interpolation)
    height, width, bands = pixels.shape
    lines = np.ascontiguousarray(pixels, np.float32).reshape(height, -1)
    low = np.empty((shape[0], lines.shape[1]), np.float32)
    for new, old, weights in down:
        np.matmul(weights, lines[old], out=low[new])
    result = np.empty((*shape, bands), np.float32)
    for band in range(bands):
        plane = take_band(low.reshape(shape[0], width, bands), band)
        narrow = np.empty(shape, np.float32)
        for new, old, weights in across:
            np.matmul(plane[:, old], weights.T, out=narrow[:, new])
        put_band(narrow, result, band)
    return result


def average(pixels: NDArray[Any], factor: float, shape: tuple[int, int]) -> NDArray[Any] | None:
    """Return what :func:`resample` by area gives, rounded, where cv2 can do it at once."""
    if factor < 1 or min(pixels.shape[:2]) < factor or pixels.shape[2] > MOST_CHANNELS:
        return None
    small = cv2.resize(pixels, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return small.reshape(*shape, -1) if small.shape[:2] == shape else None


def _nearest(size: int, count: int, factor: float) -> NDArray[np.intp]:
    centres = (np.arange(count) + 0.5) * factor
    nearest: NDArray[np.intp] = np.clip(np.floor(centres), 0, size - 1).astype(np.intp)
    return nearest


@lru_cache(maxsize=16)
def _blocks(
    size: int, count: int, factor: float, interpolation: Interpolation
) -> tuple[tuple[slice, slice, NDArray[np.float32]], ...]:
    """Return, block by block of new pixels, the old ones they depend on, and the weights."""
    kernel, reach = _KERNELS[interpolation]
    widened = max(factor, 1.0)
    blocks = []
    for start in range(0, count, _BLOCK):
        centres = (np.arange(start, min(start + _BLOCK, count)) + 0.5) * factor
        first = int(max(0, np.floor(centres[0] - reach * widened)))
        last = int(min(size, np.ceil(centres[-1] + reach * widened) + 1))
        old = np.arange(first, last) + 0.5
        distance = old - centres[:, np.newaxis]
        if interpolation == "area":
            weights = _overlap(distance, factor)
        else:
            weights = kernel(distance / widened)
        total = weights.sum(axis=1, keepdims=True)
        # Half a new pixel may lie beyond the border, where an area covers nothing.
        nearest = np.abs(distance) == np.abs(distance).min(axis=1, keepdims=True)
        weights = np.where(total > 0, weights, nearest)
        weights /= weights.sum(axis=1, keepdims=True)
        blocks.append(
            (slice(start, start + len(centres)), slice(first, last), weights.astype(np.float32))
        )
    return tuple(blocks)


def _overlap(distance: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return what a new pixel of size `factor` covers of the old one at `distance`."""
    low = np.maximum(distance - 0.5, -factor / 2)
    high = np.minimum(distance + 0.5, factor / 2)
    covered: NDArray[np.float64] = np.maximum(high - low, 0)
    return covered


def _triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    weight: NDArray[np.float64] = np.maximum(1 - np.abs(x), 0)
    return weight


def _keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


#: Kernel and how far it reaches, in new pixels.
_KERNELS: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], float]] = {
    "area": (_triangle, 1.0),
    "bilinear": (_triangle, 1.0),
    "bicubic": (_keys, 2.0),
    "lanczos": (_lanczos, 3.0),
}
