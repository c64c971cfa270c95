"""Point spread functions on the pixel grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Points of a line, or columns of a disk, per pixel.
_OVERSAMPLING = 32

#: How far the transfer function of a truncated kernel may be from the one asked for.
_TRANSFER_TOLERANCE = 2e-3

#: The largest radius of a kernel made from a transfer function, beyond what its width asks for.
_MOST_TAIL = 16


@lru_cache(maxsize=64)
def line_kernel(length_px: float, angle_deg: float) -> NDArray[np.float32]:
    """Return the point spread function of uniform linear motion.

    Parameters
    ----------
    length_px
        Length of the path in pixels, positive.
    angle_deg
        Its direction: 0 along the rows, 90 along the columns, counter-clockwise as seen on a
        screen.

    Returns
    -------
    ndarray
        Shape (2 p + 1, 2 q + 1), float32, sum 1, point symmetric, read-only. A line whose points
        are shared by the four pixels around them; its second moment along the path is exactly
        length² / 12.
    """
    angle = math.radians(angle_deg)
    # Exact zeros on the axes: no pixel beside the path gets a share from rounding.
    along = (round(math.cos(angle), 12), round(-math.sin(angle), 12))

    def drawn(length: float) -> NDArray[np.float64]:
        return _splatted(length, along, length_px)

    def moment(kernel: NDArray[np.float64]) -> float:
        y, x = _grid(kernel.shape)
        return float((kernel * (x * along[0] + y * along[1]) ** 2).sum())

    return _finished(_fitted(drawn, moment, length_px**2 / 12, 2 * length_px + 1))


@lru_cache(maxsize=64)
def disk_kernel(radius_px: float) -> NDArray[np.float32]:
    """Return the point spread function of a defocused lens: a uniform disk.

    Parameters
    ----------
    radius_px
        Its radius in pixels, positive.

    Returns
    -------
    ndarray
        Shape (2 r + 1, 2 r + 1), float32, sum 1, symmetric, read-only. A pixel weighs what a disk
        covers of it; the disk's second moment on the grid is exactly radius² / 4 per axis.
    """

    def drawn(radius: float) -> NDArray[np.float64]:
        return _covered(radius, math.ceil(radius_px + 1))

    def moment(kernel: NDArray[np.float64]) -> float:
        _, x = _grid(kernel.shape)
        return float((kernel * x**2).sum())

    return _finished(_fitted(drawn, moment, radius_px**2 / 4, radius_px + 1))


def kernel_of_transfer(
    transfer: Callable[[NDArray[np.float64]], NDArray[np.float64]], width_px: float
) -> NDArray[np.float32]:
    """Return the kernel whose transfer function is `transfer` up to the Nyquist frequency.

    Parameters
    ----------
    transfer
        An even function of the frequency in cycles per pixel, 1 at 0.
    width_px
        How far the point spread function reaches to both sides, about.

    Returns
    -------
    ndarray
        Shape (2 r + 1,), float32, sum 1, symmetric: the Fourier coefficients
        h(n) = int H(f) cos(2 pi f n) df over one period, as few as bring the transfer function
        within 0.002 of the one asked for, or 16 more than the width has. Weights may be negative.
    """
    reach = math.ceil(width_px) + _MOST_TAIL
    # The trapezoidal rule converges as fast as the function is smooth; the grid is far finer than
    # the kernel is long.
    count = max(4096, 1 << (8 * reach).bit_length())
    frequency = np.fft.rfftfreq(count)
    wanted = transfer(np.asarray(frequency, np.float64))
    weights = np.asarray(np.fft.irfft(wanted, count)[: reach + 1], np.float64)
    for radius in range(reach + 1):
        half = weights[: radius + 1]
        kernel = _normalised(np.concatenate([half[:0:-1], half]))
        centred = np.zeros(count)
        centred[: radius + 1] = kernel[radius:]
        centred[count - radius :] = kernel[:radius]
        if np.abs(np.fft.rfft(centred).real - wanted).max() < _TRANSFER_TOLERANCE:
            break
    return _finished(kernel)


def _fitted(
    drawn: Callable[[float], NDArray[np.float64]],
    moment: Callable[[NDArray[np.float64]], float],
    wanted: float,
    most: float,
) -> NDArray[np.float64]:
    """Return the kernel of the size, between 0 and `most`, that gives the `wanted` moment."""
    low, high = 0.0, most
    for _ in range(50):
        middle = (low + high) / 2
        if moment(drawn(middle)) < wanted:
            low = middle
        else:
            high = middle
    return drawn((low + high) / 2)


def _splatted(length: float, along: tuple[float, float], length_px: float) -> NDArray[np.float64]:
    radius = [math.ceil(length_px * abs(part) / 2 + 1) for part in along]
    kernel = np.zeros((2 * radius[1] + 1, 2 * radius[0] + 1))
    count = _OVERSAMPLING * math.ceil(length_px + 1)
    position = ((np.arange(count) + 0.5) / count - 0.5) * length
    # The moments of the line itself would be those of its points' midpoints; see _fitted.
    x, y = position * along[0] + radius[0], position * along[1] + radius[1]
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for column, row in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share_x = x - left if column else 1 - (x - left)
        share_y = y - top if row else 1 - (y - top)
        rows = np.minimum(top + row, kernel.shape[0] - 1)
        columns = np.minimum(left + column, kernel.shape[1] - 1)
        np.add.at(kernel, (rows, columns), share_x * share_y)
    return _normalised(kernel)


def _covered(radius: float, reach: int) -> NDArray[np.float64]:
    """Return what share of each pixel a centred disk covers, sum 1."""
    if radius <= 0:
        radius = 1e-9
    edges = np.arange(-reach, reach + 2) - 0.5
    # Exact along the columns, 32 lines per pixel across them.
    lines = (np.arange((2 * reach + 1) * _OVERSAMPLING) + 0.5) / _OVERSAMPLING - reach - 0.5
    half = np.sqrt(np.maximum(radius**2 - lines**2, 0))
    covered = np.diff(np.clip(edges[:, np.newaxis], -half, half), axis=0)
    kernel = covered.reshape(2 * reach + 1, 2 * reach + 1, _OVERSAMPLING).sum(axis=2)
    if kernel.sum() == 0:
        kernel[reach, reach] = 1
    return _normalised((kernel + kernel.T) / 2)


def _normalised(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    normalised: NDArray[np.float64] = kernel / kernel.sum()
    return normalised


def _grid(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return y (downwards) and x of every pixel of a kernel, from its centre."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    return y - shape[0] // 2, x - shape[1] // 2


def _finished(kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the kernel in the precision it is applied with: no empty border, sum 1, read-only."""
    plane = np.atleast_2d(kernel)
    while plane.shape[0] > 1 and not plane[0].any() and not plane[-1].any():
        plane = plane[1:-1]
    while plane.shape[1] > 1 and not plane[:, 0].any() and not plane[:, -1].any():
        plane = plane[:, 1:-1]
    result = np.ascontiguousarray(plane.reshape(-1) if kernel.ndim == 1 else plane, np.float32)
    centre = tuple(size // 2 for size in result.shape)
    result[centre] += np.float32(1 - result.sum(dtype=np.float64))
    result.flags.writeable = False
    return result
