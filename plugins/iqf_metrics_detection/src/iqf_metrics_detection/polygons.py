"""Intersection over union of quadrilaterals, and which of them are rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely as untyped_shapely
from numpy.typing import NDArray

# Its functions are not annotated.
shapely: Any = untyped_shapely

#: Corners off a rectangle by no more than this, in pixels, are one: far below any annotation.
RECTANGLE_TOLERANCE_PX = 1e-4

Corners = NDArray[np.float64]


def upright(box: Sequence[float]) -> Corners:
    """Return the corners (4, 2) of (x, y, width, height)."""
    x, y, width, height = box
    right, bottom = x + width, y + height
    return np.array([(x, y), (right, y), (right, bottom), (x, bottom)], np.float64)


def polygon_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas of quadrilaterals (N, 4, 2), by the shoelace formula."""
    x, y = corners[..., 0], corners[..., 1]
    cross = x * np.roll(y, -1, axis=-1) - y * np.roll(x, -1, axis=-1)
    areas: NDArray[np.float64] = np.abs(cross.sum(axis=-1)) / 2
    return areas


def quadrilateral_iou(
    detections: NDArray[np.float64], truth: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the intersection over union of all pairs of quadrilaterals, (D, G).

    Parameters
    ----------
    detections, truth
        Corners in order, (D, 4, 2) and (G, 4, 2), in pixels.
    crowd
        (G,) where True, the union is the detection alone, as COCO has it for crowds.
    """
    first, second = _polygons(detections), _polygons(truth)
    result = np.zeros((len(first), len(second)))
    tree = shapely.STRtree(first)
    of_truth, of_detections = tree.query(second, predicate="intersects")
    if not len(of_truth):
        return result
    a, b = first[of_detections], second[of_truth]
    shared = shapely.area(shapely.intersection(a, b))
    own, other = shapely.area(a), shapely.area(b)
    union = np.where(crowd[of_truth], own, own + other - shared)
    values = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    result[of_detections, of_truth] = values
    return result


def _polygons(corners: NDArray[np.float64]) -> Any:
    polygons = shapely.polygons(corners.reshape(-1, 4, 2))
    bad = ~shapely.is_valid(polygons)
    if bad.any():
        polygons[bad] = shapely.make_valid(polygons[bad])
    return polygons


def as_rectangles(corners: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return (N, 5) centre x, y, width, height, angle in radians; None if one is no rectangle.

    Parameters
    ----------
    corners
        (N, 4, 2), in order.
    """
    corners = corners.reshape(-1, 4, 2)
    centre = corners.mean(axis=1)
    along = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    across = (corners[:, 3] - corners[:, 0] + corners[:, 2] - corners[:, 1]) / 2
    width, height = np.hypot(*along.T), np.hypot(*across.T)
    angle = np.where(
        width > 0,
        np.arctan2(along[:, 1], along[:, 0]),
        np.arctan2(across[:, 1], across[:, 0]) - np.pi / 2,
    )
    cosine, sine = np.cos(angle), np.sin(angle)
    u = np.stack([cosine, sine], 1) * (width / 2)[:, None]
    v = np.stack([-sine, cosine], 1) * (height / 2)[:, None]
    # Corners may run either way round.
    v *= np.where((across * v).sum(1) < 0, -1, 1)[:, None]
    drawn = np.stack([centre - u - v, centre + u - v, centre + u + v, centre - u + v], axis=1)
    if len(corners) and np.abs(drawn - corners).max() > RECTANGLE_TOLERANCE_PX:
        return None
    return np.column_stack([centre, width, height, angle])
