"""Synthetic images for tests: textured, seeded, of any data type and band count."""

from __future__ import annotations

from typing import Any

import numpy as np

from iqf_core.imaging.image import Image

#: Data type -> the peak a synthetic image gets when none is given; 12 bits in uint16.
PEAKS = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}

#: The band counts every suite tries: grey, RGB, RGBA or RGB + near infrared, and more than cv2's
#: four.
BAND_COUNTS = (1, 3, 4, 5, 13)


def make_image(
    height: int = 72,
    width: int = 91,
    bands: int = 3,
    dtype: str = "uint8",
    *,
    peak: float | None = None,
    seed: int = 0,
    border: int = 0,
    **fields: Any,
) -> Image:
    """Return a textured image: waves, a sharp edge and fine grain, different in every band.

    Parameters
    ----------
    height, width, bands
        Its size in pixels and its number of bands.
    dtype
        ``"uint8"``, ``"uint16"`` or ``"float32"``.
    peak
        Full scale; by default 255, 4095 (12 bits) and 1.
    seed
        Another seed gives another image.
    border
        When positive, a frame this wide is invalid: nodata value 0 and a mask.
    **fields
        Other fields of :class:`~iqf_core.imaging.image.Image` (``gsd_m``, ``band_names`` …).

    Returns
    -------
    Image
        Its arrays are read-only. Values lie between 4 % and 96 % of the peak, so that a valid
        pixel never holds the nodata value.
    """
    full_scale = PEAKS[dtype] if peak is None else peak
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    field = np.empty((height, width, bands), np.float32)
    for band in range(bands):
        frequency_y, frequency_x = rng.uniform(0.02, 0.3, 2)
        phase, angle, offset = rng.uniform(0, 2 * np.pi, 3)
        wave = np.sin(frequency_y * y + frequency_x * x + phase)
        across = np.cos(angle) * (y - height / 2) + np.sin(angle) * (x - width / 2)
        edge = np.where(across > offset, 1.0, -1.0)
        grain = rng.standard_normal((height, width))
        field[:, :, band] = 0.5 + 0.18 * wave + 0.16 * edge + 0.03 * grain
    values = np.clip(field, 0.04, 0.96) * full_scale
    pixels = (np.rint(values) if dtype != "float32" else values).astype(dtype)
    if border > 0:
        mask = np.zeros((height, width), bool)
        mask[border:-border, border:-border] = True
        pixels[~mask] = 0
        mask.flags.writeable = False
        fields = {"mask": mask, "nodata": 0.0, **fields}
    pixels.flags.writeable = False
    return Image(pixels, peak=full_scale, **fields)
