"""Noise of known size, and images turned into what a file holds."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Image

Floats = NDArray[Any]

#: Variance of rounding to integers, DN².
ROUNDING = 1 / 12


def white(pixels: Floats, sigma: float, *key: int) -> Floats:
    """Return `pixels` with white Gaussian noise of `sigma` DN."""
    return pixels + np.random.default_rng(key).normal(0, sigma, pixels.shape)


def poisson_gaussian(pixels: Floats, slope: float, offset: float, *key: int) -> Floats:
    """Return `pixels` with photon noise of `slope` DN and white noise of variance `offset` DN²."""
    rng = np.random.default_rng(key)
    photons = rng.poisson(np.maximum(pixels, 0) / slope)
    return slope * photons + rng.normal(0, np.sqrt(offset), pixels.shape)


def coloured(pixels: Floats, sigma: float, how: str, *key: int) -> Floats:
    """Return noise that is not white: after a JPEG of quality 75, or enlarged 1.5 times."""
    noisy = white(pixels, sigma, *key)
    if how == "jpeg":
        rounded = np.rint(noisy).clip(0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", rounded, [cv2.IMWRITE_JPEG_QUALITY, 75])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.float64)
    return np.asarray(cv2.resize(noisy, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR))


def image_of(pixels: Floats, dtype: str = "uint8", peak: float | None = None) -> Image:
    """Return (H, W) or (H, W, C) DN as an image of `dtype`, rounded and clipped if it is one."""
    if dtype == "float32":
        return Image(np.atleast_3d(pixels.astype(np.float32)), peak or 255)
    peak = peak or float(np.iinfo(dtype).max)
    return Image(np.atleast_3d(np.rint(pixels).clip(0, peak).astype(dtype)), peak)
