"""A picture for people of any image: three bands, eight bits, stretched where that is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.imaging.image import Image

#: Percentiles between which images of more than 8 bits are stretched, the field's custom.
_LOW, _HIGH = 2.0, 98.0
#: Words that sensors call their visible bands, from red to blue.
_VISIBLE = ("red", "green", "blue")


def preview(image: Image, size: int | None = None, *, stretch: bool | None = None) -> NDArray[Any]:
    """Return a picture of an image.

    Parameters
    ----------
    image
        Any image.
    size
        Longest side of the picture in pixels; larger images are averaged down. None keeps the size.
    stretch
        Whether each band is stretched linearly from its 2nd to its 98th percentile of the valid
        pixels; else full scale is white. Default: only where a pixel has more than 8 bits.

    Returns
    -------
    ndarray
        uint8 (H, W) for images of one or two bands, else (H, W, 3): the bands named or coloured
        red, green and blue, or the first three. Invalid pixels are black.
    """
    import cv2

    chosen = _bands(image)
    pixels = image.pixels[..., chosen].astype(np.float32)
    valid: NDArray[np.bool_] = np.asarray(np.isfinite(pixels).all(axis=-1))
    if image.mask is not None:
        valid &= image.mask
    stretched = image.pixels.dtype != np.uint8 if stretch is None else stretch
    low, high = _limits(pixels, valid, image.peak, stretched)
    scaled = np.clip((pixels - low) / (high - low), 0, 1) * 255
    scaled[~valid] = 0
    longest = max(image.height, image.width)
    if size is not None and longest > size:
        shape = (max(1, image.width * size // longest), max(1, image.height * size // longest))
        scaled = cv2.resize(scaled, shape, interpolation=cv2.INTER_AREA)
    picture: NDArray[Any] = np.rint(scaled).astype(np.uint8)
    return picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture


def _bands(image: Image) -> list[int]:
    count = image.pixels.shape[2]
    if count < 3:
        return [0]
    for names in (image.band_names, image.metadata.colour_interpretation):
        lowered = [name.lower() for name in names]
        if all(name in lowered for name in _VISIBLE):
            return [lowered.index(name) for name in _VISIBLE]
    return [0, 1, 2]


def _limits(
    pixels: NDArray[np.float32], valid: NDArray[np.bool_], peak: float, stretched: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    bands = pixels.shape[2]
    if not stretched or not valid.any():
        return np.zeros(bands, np.float32), np.full(bands, peak, np.float32)
    low, high = np.percentile(pixels[valid], (_LOW, _HIGH), axis=0).astype(np.float32)
    flat = high <= low
    return np.where(flat, 0, low), np.where(flat, peak, high)
