"""Whether the 8 x 8 blocks of a JPEG show more than the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
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


#: Coarsest steps of the lowest two frequencies that leave edges, of 255 DN: quality 20 has 27.
_COARSE = range(40, 256)

#: What rounding of pixels and saturation make of a coefficient, DN: more is not zero.
_ROUNDED, _ZERO = 3.0, 8.0

#: Of the lowest frequencies, across and down: those whose step is told, and others that must agree.
_TOLD, _OTHERS = ((0, 1), (1, 0)), ((1, 1), (0, 2), (2, 0))

#: So many coefficients of a frequency must be there, and this share of them be multiples.
_COEFFICIENTS, _MULTIPLES = 20, 0.4

#: So many coefficients of a frequency are enough.
_ENOUGH = 2000

#: In blocks that lie half a block off, both ways, at most this share of that may be multiples. Of
#: JPEG photographs 0.28 are at most (mostly 0.15), at every frequency. Straight edges at 45 degrees
#: look alike from all blocks, in both: 0.6 and more.
_OFF_GRID = 0.35

#: Luma of red, green and blue, which a JPEG codes (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def coarse_step(reader: ImageReader, band: int) -> int:
    """Return the step to which a JPEG rounded the lowest frequencies of its blocks, if coarse.

    Coefficients of the blocks' discrete cosine transform that are multiples of one step, in these
    blocks but not in others, are no scene's, whatever its edges. Only 8-bit images are looked at.

    Parameters
    ----------
    reader
        The image; its middle is read, up to 1024 x 1024 px. Of three bands the luma is taken.
    band
        Index of the band.

    Returns
    -------
    int
        The lesser of both directions' steps, DN; 0 where there is none of 40 DN or more.
    """
    if reader.dtype != "uint8":
        return 0
    height, width, bands = reader.shape
    rows, columns = min(height, _MOST), min(width, _MOST)
    window = Window((height - rows) // 2, (width - columns) // 2, rows, columns)
    values = reader.read(window).pixels.astype(np.float32)
    pixels = values @ _LUMA if bands == 3 else values[:, :, band]
    if min(pixels.shape) < 4 * _BLOCK:
        return 0
    row, column, half = _begin(pixels.T), _begin(pixels), _BLOCK // 2
    on_grid = _lowest(pixels[row:, column:])
    told = _multiples(on_grid, _TOLD)
    if min((share for _, share in told.values()), default=0) < _MULTIPLES:
        return 0
    off_grid = _multiples(_lowest(pixels[row + half :, column + half :]), _TOLD + _OTHERS)
    for frequency, (_, share) in (told | _multiples(on_grid, _OTHERS)).items():
        if frequency not in off_grid or off_grid[frequency][1] > _OFF_GRID * share:
            return 0
    return min(step for step, _ in told.values())


def _begin(pixels: NDArray[Any]) -> int:
    """Return the first column of a block: behind the columns of the highest steps."""
    lines = np.abs(np.diff(pixels, axis=1)).mean(axis=0)
    phases = [float(lines[phase::_BLOCK].mean()) for phase in range(_BLOCK)]
    return (int(np.argmax(phases)) + 1) % _BLOCK


def _lowest(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the (3, 3, N) lowest coefficients of the N blocks' cosine transform."""
    down, across = (length // _BLOCK for length in pixels.shape)
    cosines = scipy.fft.dct(np.eye(_BLOCK, dtype=np.float32), axis=0, norm="ortho")[:3]
    rows = cosines @ pixels[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, -1)
    both = rows.reshape(down, 3, across, _BLOCK) @ cosines.T
    return np.asarray(both.transpose(1, 3, 0, 2).reshape(3, 3, -1))


def _multiples(
    lowest: NDArray[Any], frequencies: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, float]]:
    """Return the step that most coefficients are multiples of, and their share, by frequency.

    Coefficients of zero do not count; frequencies that have too few others are missing.
    """
    steps = np.array(_COARSE, np.float32)[:, np.newaxis]
    found = {}
    for frequency in frequencies:
        sizes = np.abs(lowest[frequency])
        sizes = sizes[sizes > _ZERO]
        sizes = sizes[:: max(1, len(sizes) // _ENOUGH)]
        if len(sizes) < _COEFFICIENTS:
            continue
        off = np.abs(sizes - steps * np.rint(sizes / steps))
        shares = ((off < _ROUNDED) & (sizes > steps / 2)).mean(axis=1)
        best = int(shares.argmax())
        found[frequency] = _COARSE[best], float(shares[best])
    return found
