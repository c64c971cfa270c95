"""Whether the 8 x 8 blocks of a JPEG show more than the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Window

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

#: Edge of a JPEG's blocks, px.
_BLOCK = 8

#: When steps at another place of the blocks are this share as high, no blocks of 8 show:
#: pixels that were repeated twice or four times have steps at several places.
_ANOTHER = 0.5

#: So much of the image's middle is looked at, px.
_MOST = 1024


def blockiness(reader: ImageReader, band: int) -> float:
    """Return how much stronger steps across the borders of blocks are than other steps.

    Every column's steps to its neighbour are averaged (and every row's); the median over the
    columns 8 px apart at which it is largest is held against that of the others. An image without
    blocks has about 1, whatever its edges; the quality 90 of a JPEG is below 1.5.

    Parameters
    ----------
    reader
        The image; its middle is read, up to 1024 x 1024 px.
    band
        Index of the band.

    Returns
    -------
    float
        The lesser of both directions, since a JPEG has borders in both; 1 for images too small
        to tell.
    """
    height, width, _ = reader.shape
    rows, columns = min(height, _MOST), min(width, _MOST)
    image = reader.read(Window((height - rows) // 2, (width - columns) // 2, rows, columns))
    pixels = image.pixels[:, :, band].astype(np.float32)
    if image.mask is not None:
        pixels[~image.mask] = np.nan
    return min(_across_columns(pixels), _across_columns(pixels.T))


def _across_columns(pixels: NDArray[Any]) -> float:
    if pixels.shape[1] < 4 * _BLOCK:
        return 1.0
    steps = np.abs(np.diff(pixels, axis=1))
    known = np.isfinite(steps)
    counts = known.sum(axis=0)
    lines = np.where(known, steps, 0).sum(axis=0, dtype=np.float64) / np.maximum(counts, 1)
    phases = [np.median(lines[phase::_BLOCK]) for phase in range(_BLOCK)]
    worst = int(np.argmax(phases))
    others = float(np.median(np.delete(lines, np.s_[worst::_BLOCK])))
    second = float(np.partition(phases, -2)[-2])
    if phases[worst] <= 0 or second > _ANOTHER * phases[worst]:
        return 1.0
    return float(phases[worst]) / max(others, 1e-6)
