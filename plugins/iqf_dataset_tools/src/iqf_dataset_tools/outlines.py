"""Outlines of objects as shapely geometries: what is wrong with them, and mending them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import shapely as untyped_shapely

# Its functions are not annotated.
shapely: Any = untyped_shapely

Method = Literal["make_valid", "buffer"]
Size = tuple[int, int]
#: Pixels: both pixel indices and pixel corners are in use.
TOLERANCE_PX = 1.0


def polygon(points: Sequence[Sequence[float]]) -> Any:
    """Return the polygon of at least three (x, y) points."""
    return shapely.Polygon(points)


def outline_problems(geometry: Any, size: Size | None) -> list[tuple[str, str]]:
    """Return (code, message) for an outline in pixels of an image of (height, width) `size`."""
    found: list[tuple[str, str]] = []
    if geometry.geom_type in ("Polygon", "MultiPolygon") and true_area(geometry) == 0:
        found.append(("empty-polygon", "the outline has no area"))
    elif not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        found.append(("invalid-geometry", f"the outline is not valid: {reason}"))
    return found + outside_problems(geometry, size)


def true_area(geometry: Any) -> float:
    """Return the area that a line encloses; the halves of a figure of eight do not cancel."""
    return float((geometry if geometry.is_valid else shapely.make_valid(geometry)).area)


def outside_problems(geometry: Any, size: Size | None) -> list[tuple[str, str]]:
    """Return (code, message) where an outline reaches beyond its image."""
    if size is None:
        return []
    left, top, right, bottom = geometry.bounds
    height, width = size
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        where = f"x {left:.6g} to {right:.6g}, y {top:.6g} to {bottom:.6g}"
        return [("polygon-outside-image", f"{where}, the image has {width} x {height} pixels")]
    if (
        left < -TOLERANCE_PX
        or top < -TOLERANCE_PX
        or right > width + TOLERANCE_PX
        or bottom > height + TOLERANCE_PX
    ):
        over = max(-left, -top, right - width, bottom - height)
        return [("polygon-leaves-image", f"reaches {over:.6g} px beyond the image")]
    return []


def mended(geometry: Any, method: Method) -> Any | None:
    """Return a valid geometry with the areas of `geometry`, None when nothing is left of it.

    ``make_valid`` keeps every part that the line encloses; ``buffer`` (by 0) is the field's custom
    and drops one lobe of a figure of eight.
    """
    result = geometry.buffer(0) if method == "buffer" else shapely.make_valid(geometry)
    parts = areas(result)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def clipped(geometry: Any, size: Size) -> Any | None:
    """Return what of `geometry` lies within the image, None when nothing does."""
    height, width = size
    parts = areas(shapely.intersection(geometry, shapely.box(0, 0, width, height)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def areas(geometry: Any) -> list[Any]:
    """Return the polygons of a geometry."""
    if geometry.geom_type == "Polygon":
        return [geometry] if geometry.area > 0 else []
    return [part for each in getattr(geometry, "geoms", ()) for part in areas(each)]


def flat_rings(geometry: Any) -> list[list[float]]:
    """Return the outer rings as COCO stores them: x1, y1, x2, y2 …"""
    rings = []
    for part in areas(geometry):
        points = np.asarray(part.exterior.coords)[:-1]
        rings.append([round(float(value), 4) for value in points.ravel()])
    return rings
