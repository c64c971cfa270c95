"""Boxes of objects, from whatever outline they have."""

from __future__ import annotations

from typing import Any, cast

import shapely as untyped_shapely

from iqf_core.api import Annotation

# Its functions are not annotated.
shapely: Any = untyped_shapely

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
Box = tuple[float, float, float, float]


def upright_box(each: Annotation) -> Box | None:
    """Return (x, y, width, height) of an object, None when it has no outline in pixels."""
    if each.box is not None:
        return each.box
    points = list(each.oriented_box or ())
    points += [point for rings in each.polygons or () for point in rings[0]]
    if not points:
        return each.rle.box() if each.rle is not None and each.rle.area else None
    left, top = min(x for x, _ in points), min(y for _, y in points)
    return left, top, max(x for x, _ in points) - left, max(y for _, y in points) - top


def corners(each: Annotation) -> tuple[Corners, bool] | None:
    """Return the four corners of an object, and whether they say less than its outline did.

    They are those of its oriented box; of its polygon when that has four corners; of the smallest
    rectangle around its polygons; of its upright box. None when it has no outline in pixels.
    """
    if each.oriented_box is not None:
        return each.oriented_box, False
    if each.polygons:
        ring = _open(each.polygons[0][0])
        if len(each.polygons) == 1 and len(each.polygons[0]) == 1 and len(ring) == 4:
            return ring, False
        points = [point for rings in each.polygons for point in rings[0]]
        rectangle = shapely.MultiPoint(points).minimum_rotated_rectangle
        if rectangle.geom_type == "Polygon":
            around = [(float(x), float(y)) for x, y in rectangle.exterior.coords[:4]]
            return cast(Corners, tuple(around)), True
    box = upright_box(each)
    if box is None:
        return None
    x, y, width, height = box
    upright = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return upright, each.rle is not None


def _open(ring: tuple[Point, ...]) -> tuple[Point, ...]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def moved(transform: tuple[float, ...], x: float, y: float) -> Point:
    """Return where the point (x, y) of the old grid lies in the new one."""
    a, b, c, d, e, f = transform
    return a * x + b * y + c, d * x + e * y + f


def spelled(value: float) -> str:
    """Return a coordinate with twelve significant digits, the shortest way."""
    return f"{value:.12g}"
