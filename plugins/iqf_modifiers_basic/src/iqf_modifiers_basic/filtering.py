"""Convolution that leaves invalid pixels out and does not depend on where a window ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_modifiers_basic.arithmetic import MOST_CHANNELS

if TYPE_CHECKING:
    from iqf_core.imaging.image import Image

#: Pixels of shape (H, W, C) to filtered ones of the same shape and data type.
Filter = Callable[[NDArray[Any]], NDArray[Any]]

#: No filter of cv2's takes more samples at once (32 of 8 bits in an AVX2 register). What is left
#: of a row after its last full vector goes through another loop, whose rounding may differ: it is
#: computed again, further from the end of the row, so that results do not depend on the width.
_LANES = 32

#: How much less than 1 the valid weight under the kernel must be to count as less.
_WEIGHT_TOLERANCE = 1e-6

#: From about this many weights on, cv2.filter2D computes through a Fourier transform of the whole
#: array, whose rounding depends on its size (130 or 50 by processor, modules/imgproc/filter).
_MOST_WEIGHTS = 49

_BORDER = cv2.BORDER_REFLECT


def filter_valid(image: Image, convolve: Filter) -> NDArray[Any]:
    """Filter the valid pixels of `image`; the others stay as they are.

    Parameters
    ----------
    image
        The image, or a window of it with its halo.
    convolve
        A convolution with a kernel of sum 1, for any data type and number of bands.

    Returns
    -------
    ndarray
        Shape and data type of the image's pixels. Invalid pixels contribute nothing: the weights
        of the valid ones are normalised anew (normalised convolution: Knutsson & Westin, CVPR
        1993).
    """
    pixels, mask = image.pixels, image.mask
    if mask is None or mask.all():
        return convolve(pixels)
    filled = np.where(mask[:, :, np.newaxis], pixels, pixels.dtype.type(0))
    result = convolve(filled)
    weight = convolve(mask.astype(np.float32)[:, :, np.newaxis])[:, :, 0]
    partial = mask & (weight < 1 - _WEIGHT_TOLERANCE)
    if partial.any():
        summed = convolve(filled.astype(np.float32))[partial]
        values = summed / weight[partial][:, np.newaxis]
        if result.dtype.kind == "u":
            values = np.clip(np.rint(values), 0, np.iinfo(pixels.dtype).max)
        result[partial] = values.astype(result.dtype)
    invalid = ~mask
    result[invalid] = pixels[invalid]
    return result


def convolve(
    pixels: NDArray[Any],
    kernel: NDArray[np.float32],
    vertical: NDArray[np.float32] | None = None,
    *,
    exact: bool = False,
) -> NDArray[Any]:
    """Correlate every band with a separable kernel, reflected borders.

    Parameters
    ----------
    pixels
        Shape (H, W, C); uint8, uint16 or float32.
    kernel
        Shape (2 r + 1,), float32, sum 1: along the rows.
    vertical
        The same along the columns, by default as `kernel`.
    exact
        Return integers unrounded, as float32.

    Returns
    -------
    ndarray
        Shape and data type of `pixels`; integers rounded to nearest, unless `exact`. The value of a
        pixel depends on the pixels under the kernel only, to the last bit, whatever the size of
        the array.
    """
    column = kernel if vertical is None else vertical

    def separable(source: NDArray[Any]) -> NDArray[Any]:
        # For 8-bit images and kernels of sum 1 cv2 may round the weights to multiples of 1/256,
        # which takes the tails away. Scaling by powers of two changes no result and avoids it.
        depth = cv2.CV_32F if exact else -1
        return cv2.sepFilter2D(source, depth, kernel * 2, column / 2, borderType=_BORDER)

    if exact and pixels.dtype == np.uint16:
        pixels = pixels.astype(np.float32)
    return _whatever_width(pixels, len(kernel) // 2, separable)


def convolve_plane(pixels: NDArray[Any], kernel: NDArray[np.float32]) -> NDArray[Any]:
    """Correlate every band with a kernel that is not separable, reflected borders.

    Parameters
    ----------
    pixels
        Shape (H, W, C); uint8, uint16 or float32.
    kernel
        Shape (2 p + 1, 2 q + 1), float32, sum 1.

    Returns
    -------
    ndarray
        As :func:`convolve`.
    """
    if kernel.size <= _MOST_WEIGHTS:

        def direct(source: NDArray[Any]) -> NDArray[Any]:
            return cv2.filter2D(source, -1, kernel, borderType=_BORDER)

        return _whatever_width(pixels, kernel.shape[1] // 2, direct)
    source = pixels if pixels.dtype == np.float32 else pixels.astype(np.float32)
    summed = _whatever_width(source, kernel.shape[1] // 2, lambda part: _by_pieces(part, kernel))
    if pixels.dtype.kind == "u":
        np.rint(summed, out=summed)
        np.clip(summed, 0, np.iinfo(pixels.dtype).max, out=summed)
    return summed.astype(pixels.dtype, copy=False)


def _by_pieces(source: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum the correlations with pieces of the kernel, each small enough to be direct."""
    height, width, bands = source.shape
    below, beside = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = cv2.copyMakeBorder(source, below, below, beside, beside, _BORDER)
    padded = padded.reshape(height + 2 * below, width + 2 * beside, bands)
    total: NDArray[np.float32] | None = None
    for top, left, piece in _pieces(kernel):
        rows, columns = piece.shape
        part = padded[top : top + height + rows - 1, left : left + width + columns - 1]
        # From the anchor on: what lies beyond the part is not looked at for what is kept.
        found = cv2.filter2D(part, -1, piece, anchor=(0, 0), borderType=cv2.BORDER_ISOLATED)
        found = found.reshape(*part.shape)[:height, :width]
        total = np.ascontiguousarray(found) if total is None else np.add(total, found, out=total)
    assert total is not None
    return total


def _pieces(kernel: NDArray[np.float32]) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Cut a kernel into pieces of few weights: where each begins, and its weights."""
    height, width = kernel.shape
    for left in range(0, width, _MOST_WEIGHTS):
        strip = kernel[:, left : left + _MOST_WEIGHTS]
        top = 0
        while top < height:
            rows, span = 1, _used(strip[top : top + 1])
            while span is not None and top + rows < height:
                wider = _used(strip[top : top + rows + 1])
                if wider is None or (wider.stop - wider.start) * (rows + 1) > _MOST_WEIGHTS:
                    break
                rows, span = rows + 1, wider
            if span is not None:
                piece = np.ascontiguousarray(strip[top : top + rows, span])
                yield top, left + span.start, piece
            top += rows


def _used(rows: NDArray[np.float32]) -> slice | None:
    """Return the columns that hold weights, None when there are none."""
    columns = np.flatnonzero(rows.any(axis=0))
    return slice(int(columns[0]), int(columns[-1]) + 1) if columns.size else None


def _whatever_width(pixels: NDArray[Any], radius: int, operation: Filter) -> NDArray[Any]:
    """Filter, and compute the last samples of every row once more, further from its end."""
    width, bands = pixels.shape[1:]
    if bands > MOST_CHANNELS:
        groups = np.array_split(pixels, -(-bands // MOST_CHANNELS), axis=2)
        parts = [_whatever_width(np.ascontiguousarray(g), radius, operation) for g in groups]
        return np.concatenate(parts, axis=2)
    result = _filtered(pixels, operation)
    tail = -(-_LANES // bands)
    start, first = max(0, width - tail - radius), max(0, width - tail)
    strip = cv2.copyMakeBorder(pixels[:, start:], 0, 0, 0, radius + tail, _BORDER)
    strip = strip.reshape(len(pixels), -1, bands)
    result[:, first:] = _filtered(strip, operation)[:, first - start : width - start]
    return result


def _filtered(pixels: NDArray[Any], operation: Filter) -> NDArray[Any]:
    # cv2's own 16-bit filters are several times slower than those in floating point.
    source = pixels.astype(np.float32) if pixels.dtype == np.uint16 else pixels
    filtered = operation(source)
    if pixels.dtype == np.uint16:
        np.rint(filtered, out=filtered)
        np.clip(filtered, 0, np.iinfo(np.uint16).max, out=filtered)
        filtered = filtered.astype(np.uint16)
    return filtered.reshape(pixels.shape)
