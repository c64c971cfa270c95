"""Cutting annotated objects at the edges of a tile.

The rules: an object is kept in a tile when at least the asked fraction of what the scene shows of
it lies inside. One that lies wholly inside is only moved; of any other

* polygons and shapely geometries are intersected with the tile,
* a box is intersected with it, and shrunk to what is left of the object's polygons or mask,
* an oriented box becomes the smallest rectangle of the same orientation around what is left of it,
  which may reach over the tile's edge,
* a run-length mask is cut,
* keypoints outside become "not labelled".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely as untyped_shapely
from shapely.geometry.base import BaseGeometry

from iqf_core.datasets.annotations import Annotation, Box, Keypoint, Point
from iqf_core.datasets.annotations import Polygon as Rings
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.datasets.shapes import (
    Placement,
    intersection,
    pixel_shape,
    polygons_of,
    simplest,
    valid,
)
from iqf_core.imaging.windows import Window

# Its functions are not annotated.
shapely: Any = untyped_shapely

Bounds = tuple[float, float, float, float]

#: The original identifier of an object, of which several tiles may show a part.
SOURCE_ID = "source_id"


@dataclass(frozen=True)
class Region:
    """An object with what is needed to cut it.

    Attributes
    ----------
    each
        The object, in pixels of its scene (its geometry maybe on the map).
    shape
        The part that the scene shows, in pixels; None when the object is a run-length mask.
    bounds
        (left, top, right, bottom) of everything it consists of.
    placement
        Where the scene lies; None when the object's geometry is in pixels.
    """

    each: Annotation
    shape: BaseGeometry | None
    bounds: Bounds
    placement: Placement | None = None


def region_of(
    each: Annotation, scene: tuple[int, int], placement: Placement | None
) -> Region | None:
    """Prepare an object for cutting.

    Parameters
    ----------
    each
        The object.
    scene
        (height, width) of its image in pixels.
    placement
        Where the image lies, when it is georeferenced.

    Returns
    -------
    Region or None
        None when the scene shows nothing of it.
    """
    height, width = scene
    if each.rle is not None and ((each.rle.height, each.rle.width) != scene or not each.rle.area):
        each = replace(each, rle=None)  # a mask of another image, or of nothing
    geometry = None
    if each.geometry is not None:
        geometry = each.geometry
        if placement is not None:
            geometry = placement.to_pixels(geometry, each.crs)
        if not np.isfinite(shapely.get_coordinates(geometry)).all():
            return None
    if each.rle is not None:
        return Region(each, None, _bounds(each, geometry), placement)
    whole = pixel_shape(each) if geometry is None else valid(geometry)
    if whole is None:
        labelled = [point[:2] for point in each.keypoints or () if point[2]]
        if not labelled:
            return None
        whole = shapely.multipoints(labelled)
    shown = intersection(whole, shapely.box(0, 0, width, height))
    if shown.is_empty:
        return None
    return Region(each, shown, _bounds(each, geometry), placement)


def cut(region: Region, tile: Window, keep: float) -> Annotation | None:
    """Return an object as a tile shows it, in pixels of the tile.

    Parameters
    ----------
    region
        The object.
    tile
        Where the tile lies in the scene.
    keep
        The least fraction of the object, 0 to 1, that must lie in the tile.

    Returns
    -------
    Annotation or None
        None when less than `keep` of it, or nothing, lies in the tile. Its image is still the
        scene, and its identifier has moved to the attribute ``source_id``.
    """
    each = region.each
    left, top, right, bottom = region.bounds
    edges = (tile.col, tile.row, tile.col + tile.width, tile.row + tile.height)
    if right < edges[0] or bottom < edges[1] or left > edges[2] or top > edges[3]:
        return None
    attributes = dict(each.attributes)
    if each.id is not None:
        attributes.setdefault(SOURCE_ID, each.id)
    each = replace(each, id=None, attributes=attributes)
    if left >= edges[0] and top >= edges[1] and right <= edges[2] and bottom <= edges[3]:
        return _moved(each, tile, region.placement)
    if region.shape is None:
        return _cut_mask(each, tile, edges, keep)
    part = intersection(region.shape, shapely.box(*edges))
    fraction = _fraction(part, region.shape)
    if fraction <= 0 or fraction < keep:
        return None
    return _cut_shape(each, part, fraction, tile, edges, region.placement)


def _bounds(each: Annotation, geometry: BaseGeometry | None) -> Bounds:
    """Return the extent of everything an object consists of."""
    parts: list[Bounds] = []
    if each.box is not None:
        x, y, width, height = each.box
        parts.append((x, y, x + width, y + height))
    if each.rle is not None:
        x, y, width, height = each.rle.box()
        parts.append((x, y, x + width, y + height))
    if geometry is not None:
        parts.append(geometry.bounds)
    points: list[Point] = [point for rings in each.polygons or () for point in rings[0]]
    points += each.oriented_box or ()
    points += [(x, y) for x, y, visibility in each.keypoints or () if visibility]
    if points:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        parts.append((min(xs), min(ys), max(xs), max(ys)))
    lows, highs = [part[:2] for part in parts], [part[2:] for part in parts]
    return (
        min(low[0] for low in lows),
        min(low[1] for low in lows),
        max(high[0] for high in highs),
        max(high[1] for high in highs),
    )


def _fraction(part: BaseGeometry, whole: BaseGeometry) -> float:
    """Return the fraction of the area; of lines that of the length, of points of their number."""
    if whole.area > 0:
        return float(part.area / whole.area)
    if whole.length > 0:
        return float(part.length / whole.length)
    return len(shapely.get_coordinates(part)) / len(shapely.get_coordinates(whole))


def _moved(each: Annotation, tile: Window, placement: Placement | None) -> Annotation:
    dx, dy = -float(tile.col), -float(tile.row)
    rle = None if each.rle is None else each.rle.cut(*tile.offset, *tile.shape)
    geometry = each.geometry
    if geometry is not None and placement is None:
        geometry = _shifted(geometry, dx, dy)
    return replace(
        each,
        box=each.box and (each.box[0] + dx, each.box[1] + dy, each.box[2], each.box[3]),
        polygons=each.polygons
        and tuple(
            tuple(tuple((x + dx, y + dy) for x, y in ring) for ring in rings)
            for rings in each.polygons
        ),
        oriented_box=each.oriented_box and _four((x + dx, y + dy) for x, y in each.oriented_box),
        keypoints=_moved_keypoints(each.keypoints, tile),
        rle=rle,
        geometry=geometry,
    )


def _cut_mask(each: Annotation, tile: Window, edges: Bounds, keep: float) -> Annotation | None:
    assert each.rle is not None
    part: RunLengthMask = each.rle.cut(*tile.offset, *tile.shape)
    fraction = part.area / each.rle.area
    if fraction <= 0 or fraction < keep:
        return None
    x, y, width, height = part.box()
    left = (x + tile.col, y + tile.row, x + tile.col + width, y + tile.row + height)
    polygons = _cut_polygons(each.polygons, edges)
    kept = replace(each, rle=None, polygons=None, box=None, oriented_box=None, geometry=None)
    moved = _moved(
        replace(kept, polygons=polygons, box=_cut_box(each.box, edges, left)), tile, None
    )
    return replace(moved, rle=part, area=None if each.area is None else each.area * fraction)


def _cut_shape(
    each: Annotation,
    part: BaseGeometry,
    fraction: float,
    tile: Window,
    edges: Bounds,
    placement: Placement | None,
) -> Annotation:
    part = simplest(part)
    geometry = None
    if each.geometry is not None:
        # Moved with the rest when it is in pixels.
        geometry = part if placement is None else _on_the_map(part, each, placement)
    kept = replace(
        each,
        box=_cut_box(each.box, edges, part.bounds),
        polygons=_cut_polygons(each.polygons, edges),
        oriented_box=each.oriented_box and around(each.oriented_box, part),
        geometry=geometry,
        area=None if each.area is None else each.area * fraction,
    )
    return _moved(kept, tile, placement)


def _on_the_map(part: BaseGeometry, each: Annotation, placement: Placement) -> BaseGeometry:
    assert each.geometry is not None
    return placement.to_map(part, placement.system(each.geometry, each.crs))


def _cut_box(value: Box | None, edges: Bounds, part: Bounds) -> Box | None:
    """Intersect a box with the tile and with the bounds of what is left of the object."""
    if value is None:
        return None
    inside = _overlap((value[0], value[1], value[0] + value[2], value[1] + value[3]), edges)
    # Where the box lies elsewhere than the outline of its object, the outline is right.
    left, top, right, bottom = (inside and _overlap(inside, part)) or _overlap(part, edges) or part
    return left, top, right - left, bottom - top


def _overlap(first: Bounds, second: Bounds) -> Bounds | None:
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    return (left, top, right, bottom) if right >= left and bottom >= top else None


def _cut_polygons(polygons: tuple[Rings, ...] | None, edges: Bounds) -> tuple[Rings, ...] | None:
    if polygons is None:
        return None
    square = shapely.box(*edges)
    kept: list[Rings] = []
    for rings in polygons:
        kept += polygons_of(intersection(valid(shapely.Polygon(rings[0], rings[1:])), square))
    return tuple(kept) or None


def around(corners: Sequence[Point], part: BaseGeometry) -> tuple[Point, Point, Point, Point]:
    """Return the smallest rectangle around `part` in the orientation of an oriented box.

    Parameters
    ----------
    corners
        The four corners of the oriented box; its orientation is that of its first edge.
    part
        What is left of it.

    Returns
    -------
    tuple
        Four corners, in the order and sense of rotation of `corners`.
    """
    (x0, y0), (x1, y1) = corners[0], corners[1]
    length = math.hypot(x1 - x0, y1 - y0)
    if length == 0:
        (x0, y0), (x1, y1) = corners[1], corners[2]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
    along = np.array((x1 - x0, y1 - y0)) / length
    across = np.array((-along[1], along[0]))
    points = shapely.get_coordinates(part)
    u, v = points @ along, points @ across
    # The second edge of the original says on which side of the first one the box lies.
    third = np.array(corners[2]) - np.array(corners[1])
    near, far = (v.min(), v.max()) if third @ across >= 0 else (v.max(), v.min())
    frame = ((u.min(), near), (u.max(), near), (u.max(), far), (u.min(), far))
    return _four((float(p[0]), float(p[1])) for p in (a * along + b * across for a, b in frame))


def _four(points: Any) -> tuple[Point, Point, Point, Point]:
    first, second, third, fourth = points
    return first, second, third, fourth


def _moved_keypoints(
    points: tuple[Keypoint, ...] | None, tile: Window
) -> tuple[Keypoint, ...] | None:
    if points is None:
        return None
    moved: list[Keypoint] = []
    for x, y, visibility in points:
        here = (x - tile.col, y - tile.row)
        inside = 0 <= here[0] <= tile.width and 0 <= here[1] <= tile.height
        moved.append((*here, visibility) if visibility and inside else (0.0, 0.0, 0))
    return tuple(moved)


def _shifted(geometry: BaseGeometry, dx: float, dy: float) -> BaseGeometry:
    moved: BaseGeometry = shapely.transform(geometry, lambda points: points + np.array((dx, dy)))
    return moved
