"""Variants of a few training images, as if they had been taken by sharper and softer cameras.

A network that learns from ten photographs learns how sharp each of them is. What it must not rely
on is varied instead: reduced copies show finer detail per pixel, and copies whose spectrum is
tilted have more or less of it. A tilt changes log power by a multiple of log frequency, which no
Gaussian blur does, so labels keep their meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Image
from iqf_qmrnet.degradation import Source

#: How often reduced copies are smaller.
FACTORS = (1.35, 1.8, 2.4)

#: Exponents of frequency that amplitudes are multiplied with.
TILTS = (0.3,)

#: Collections of more images vary enough by themselves, and variants of them fill the memory.
MOST_IMAGES = 64

#: Frequency (cycles a pixel) that a tilt leaves as it is, and the one below which it is constant.
_PIVOT, _LOWEST = 1 / 16, 1 / 64

#: Pixels that an image is continued by before its transform, so that its borders do not mix.
_MARGIN = 32


def with_variants(sources: Sequence[Source], crop: int) -> list[Source]:
    """Return the images and, when they are few and of 8 bits, variants of each.

    Parameters
    ----------
    sources
        Training images; masters stay first, in their order.
    crop
        Reduced copies are at least a quarter larger than that.
    """
    if len(sources) > MOST_IMAGES:
        return list(sources)
    scaled = list(sources)
    for source in sources:
        if source.image.dtype == "uint8":
            scaled += _reduced(source, crop)
    tilted = [
        _variant(source, f"tilt {exponent}", tilt(source.image.pixels, exponent))
        for source in scaled
        if source.image.dtype == "uint8"
        for exponent in TILTS
    ]
    return scaled + tilted


def _reduced(source: Source, crop: int) -> Iterator[Source]:
    import cv2

    pixels = source.image.pixels
    for factor in FACTORS:
        height, width = (int(side / factor) for side in pixels.shape[:2])
        if min(height, width) < 1.25 * crop:
            return
        smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        yield _variant(source, f"1/{factor}", np.asarray(smaller, np.uint8))


def tilt(pixels: NDArray[np.uint8], exponent: float) -> NDArray[np.uint8]:
    """Multiply amplitudes by (frequency / pivot) ** `exponent`; the mean stays.

    Parameters
    ----------
    pixels
        (H, W, C) uint8.
    exponent
        Positive for more of the fine detail.
    """
    margin = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    wide = np.pad(pixels.astype(np.float64), margin, mode="symmetric")
    rows, columns = wide.shape[:2]
    frequency = np.hypot(np.fft.fftfreq(rows)[:, np.newaxis], np.fft.rfftfreq(columns))
    gain = (np.maximum(frequency, _LOWEST) / _PIVOT) ** exponent
    gain[0, 0] = 1.0
    spectrum = np.fft.rfft2(wide, axes=(0, 1)) * gain[:, :, np.newaxis]
    tilted = np.fft.irfft2(spectrum, s=(rows, columns), axes=(0, 1))
    inner = tilted[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return np.clip(np.rint(inner), 0, 255).astype(np.uint8)


def _variant(source: Source, suffix: str, pixels: NDArray[np.uint8]) -> Source:
    # OpenCV gives images of one band without the axis of bands.
    planes = pixels.reshape(*pixels.shape[:2], -1)
    image = Image(np.ascontiguousarray(planes), source.image.peak)
    return Source(f"{source.name} {suffix}", f"{source.content} {suffix}", image)
