"""Moving annotations from one pixel grid to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iqf_core.imaging.grid import Affine6 as Transform
from iqf_core.imaging.grid import compose, invert, move_point

__all__ = [
    "Transform",
    "area_factor",
    "compose",
    "invert",
    "move_box",
    "move_point",
    "resample_nearest",
]


def move_box(transform: Transform, box: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the upright (x, y, width, height) that encloses the moved `box`."""
    x, y, width, height = box
    corners = [
        move_point(transform, corner_x, corner_y)
        for corner_x in (x, x + width)
        for corner_y in (y, y + height)
    ]
    left, top = (min(corner[axis] for corner in corners) for axis in (0, 1))
    a, b, _, d, e, _ = transform
    # From the sizes, not the corners: an integer factor then keeps integer sizes exact.
    return left, top, abs(a) * width + abs(b) * height, abs(d) * width + abs(e) * height


def area_factor(transform: Transform) -> float:
    """Return by how much areas grow."""
    a, b, _, d, e, _ = transform
    return abs(a * e - b * d)


def resample_nearest(
    labels: NDArray[np.generic], shape: tuple[int, int], transform: Transform
) -> NDArray[np.generic]:
    """Resample labels to a new grid, each new pixel taking the old one its centre falls into.

    Parameters
    ----------
    labels
        (H, W) or (H, W, C) labels, of any dtype.
    shape
        New (height, width).
    transform
        From the old grid to the new one.

    Returns
    -------
    ndarray
        The labels on the new grid; zero where the old image does not reach. A centre that falls
        outside by less than half a new pixel (rounding of the new size) takes the border's label.
    """
    a, b, c, d, e, f = invert(transform)
    columns = np.arange(shape[1]) + 0.5
    reach_x, reach_y = (abs(a) + abs(b)) / 2, (abs(d) + abs(e)) / 2
    result = np.zeros((*shape, *labels.shape[2:]), labels.dtype)
    for row in range(shape[0]):
        x = a * columns + b * (row + 0.5) + c
        y = d * columns + e * (row + 0.5) + f
        inside = (
            (x > -reach_x)
            & (x < labels.shape[1] + reach_x)
            & (y > -reach_y)
            & (y < labels.shape[0] + reach_y)
        )
        old_columns = np.clip(np.floor(x[inside]), 0, labels.shape[1] - 1).astype(np.intp)
        old_rows = np.clip(np.floor(y[inside]), 0, labels.shape[0] - 1).astype(np.intp)
        result[row, inside] = labels[old_rows, old_columns]
    return result
