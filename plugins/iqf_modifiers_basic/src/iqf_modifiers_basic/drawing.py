"""Random numbers that belong to a place of the full image, in whatever window it is seen.

The blocks of a context have indices from (0, 0) on. Streams with a negative row index never
belong to pixels: those of rows and columns of detectors, and those of whole bands, are drawn there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.api import Context

Axis = Literal["columns", "rows"]

#: Columns (or rows) of detectors that share a stream.
_LINES = 256

_STREAMS: dict[Axis, int] = {"columns": -1, "rows": -2}
_BANDS = -3


def uniform(context: Context, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return numbers of [0, 1) for a window of `shape` (H, W, C), float32."""
    height, width, bands = shape
    drawn = np.empty(shape, np.float32)
    for block in context.blocks(height, width):
        values = context.rng(block.index).random((*block.shape, bands), np.float32)
        drawn[block.in_window] = values[block.in_block]
    return drawn


def line_normal(
    context: Context, axis: Axis, count: int, bands: int, values: int = 1
) -> NDArray[np.float32]:
    """Return standard normal numbers for the columns (or rows) of a window.

    Parameters
    ----------
    context
        Where the window begins.
    axis
        ``"columns"`` or ``"rows"``.
    count
        How many the window has.
    bands, values
        How many numbers each of them has: `values` for each band.

    Returns
    -------
    ndarray
        Shape (values, count, bands), float32: a function of the column's place in the full image.
    """
    return _by_line(context, axis, count, bands, values, normal=True)


def line_uniform(context: Context, axis: Axis, count: int, bands: int) -> NDArray[np.float32]:
    """Return numbers of [0, 1) as :func:`line_normal` does, shape (count, bands)."""
    drawn: NDArray[np.float32] = _by_line(context, axis, count, bands, 1, normal=False)[0]
    return drawn


def band_uniform(context: Context, bands: int, values: int) -> NDArray[np.float64]:
    """Return `values` numbers of [0, 1) for every band of the image, shape (bands, values)."""
    return context.rng((_BANDS, 0)).random((bands, values), np.float64)


def _by_line(
    context: Context, axis: Axis, count: int, bands: int, values: int, *, normal: bool
) -> NDArray[np.float32]:
    first = context.offset[1 if axis == "columns" else 0]
    groups = range(first // _LINES, -(-(first + count) // _LINES))
    drawn = []
    for group in groups:
        random = context.rng((_STREAMS[axis], group))
        shape = (values, _LINES, bands)
        drawn.append(
            random.standard_normal(shape, np.float32)
            if normal
            else random.random(shape, np.float32)
        )
    start = first - groups[0] * _LINES
    lines: NDArray[np.float32] = np.concatenate(drawn, axis=1)[:, start : start + count]
    return lines
