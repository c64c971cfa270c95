"""Luma and chroma, and pixels as the networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Red, green, blue -> Y, Cb, Cr, full range (JFIF 1.02, after ITU-R BT.601).
_JFIF = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
_FROM_JFIF = np.linalg.inv(_JFIF.astype(np.float64)).astype(np.float32)


def unit_planes(pixels: NDArray[Any], peak: float) -> NDArray[np.float32]:
    """Return (C, H, W) float32, 1 for the peak, of pixels (H, W, C)."""
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0) / np.float32(peak), np.float32)


def to_luma_chroma(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Y, Cb, Cr (3, H, W) of red, green, blue; chroma around 0."""
    return np.asarray(np.einsum("ij,jhw->ihw", _JFIF, planes))


def from_luma_chroma(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return red, green, blue of Y, Cb, Cr; the inverse of :func:`to_luma_chroma`."""
    return np.asarray(np.einsum("ij,jhw->ihw", _FROM_JFIF, planes))


def evaluation_luma(planes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Y that papers on super-resolution measure PSNR on, in [16, 235] / 255.

    ITU-R BT.601 with foot and head room, as MATLAB's ``rgb2ycbcr``; of images without red, green
    and blue, the mean of the bands.

    Parameters
    ----------
    planes
        (C, H, W), 1 is full scale; the first three of 3 or 4 bands are red, green, blue.
    """
    values = planes.astype(np.float64)
    if len(values) not in (3, 4):
        return np.asarray(values.mean(axis=0))
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return np.asarray(16 / 255 + np.einsum("i,ihw->hw", weights, values[:3]))
