"""Statistics of annotated objects: one row of numbers for each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from iqf_core.api import Annotation, Annotations, Georeference, Placement
from iqf_dataset_tools.outlines import shapely
from iqf_dataset_tools.pixel_statistics import ImageStatistics
from iqf_dataset_tools.pixels import in_pixels


@dataclass(frozen=True)
class ObjectRow:
    """One object; None where it has no outline, or no ground distance is known.

    Attributes
    ----------
    number
        Its place among the objects, from 0.
    image, class_id, class_name, source_id
        What it is.
    shape
        What it is drawn as: ``box``, ``polygon``, ``oriented box``, ``mask``, ``geometry`` or
        ``points``.
    x, y
        Centroid in pixels.
    width_px, height_px
        Of the upright box around it.
    aspect_ratio
        Width / height of that box.
    area_px, area_m2
        Of the outline; square metres by the image's ground sampling distance.
    box_area_px, box_area_m2
        Of the upright box.
    rotated_width_px, rotated_height_px, rotated_angle_deg
        Of the smallest rotated rectangle: its longer side, its shorter side, and the direction of
        the longer one from the x axis towards y, 0 <= angle < 180.
    compactness
        4 pi area / perimeter², 1 for a circle.
    image_share
        Area as a share of the image.
    attributes
        Further numbers that the source states.
    """

    number: int
    image: str
    class_id: int
    class_name: str
    source_id: Any
    shape: str
    x: float | None = None
    y: float | None = None
    width_px: float | None = None
    height_px: float | None = None
    aspect_ratio: float | None = None
    area_px: float | None = None
    area_m2: float | None = None
    box_area_px: float | None = None
    box_area_m2: float | None = None
    rotated_width_px: float | None = None
    rotated_height_px: float | None = None
    rotated_angle_deg: float | None = None
    compactness: float | None = None
    image_share: float | None = None
    attributes: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as one flat mapping."""
        values = asdict(self)
        extra = values.pop("attributes")
        return {**values, **{f"attributes.{key}": value for key, value in extra.items()}}


@dataclass(frozen=True)
class ClassStatistics:
    """One class.

    Attributes
    ----------
    id, name
        The class.
    objects, images
        How many objects it has, and how many images show it.
    area_px, area_m2
        Sum over images of the area covered by its objects, overlaps counted once.
    coverage
        That area as a share of the area of all images.
    """

    id: int
    name: str
    objects: int
    images: int
    area_px: float
    area_m2: float | None
    coverage: float


def placements(images: Iterable[ImageStatistics]) -> dict[str, Placement | None]:
    """Return where images lie on the map."""
    found: dict[str, Placement | None] = {}
    for each in images:
        found[each.name] = None
        if each.transform is not None:
            a, b, c, d, e, f = each.transform
            reference = Georeference(crs_wkt=each.crs_wkt, transform=(a, b, c, d, e, f))
            found[each.name] = Placement(reference)
    return found


def object_rows(
    annotations: Annotations, images: Mapping[str, ImageStatistics]
) -> tuple[list[ObjectRow], list[Any]]:
    """Return the row of every object, and its outline in pixels (None without)."""
    places = placements(images.values())
    rows, shapes = [], []
    for number, each in enumerate(annotations.objects):
        outline = in_pixels(each, places.get(each.image))
        rows.append(_row(number, each, outline, annotations.classes, images.get(each.image)))
        shapes.append(outline)
    return rows, shapes


def _row(
    number: int,
    each: Annotation,
    outline: Any,
    classes: Mapping[int, str],
    image: ImageStatistics | None,
) -> ObjectRow:
    numbers = {
        key: float(value)
        for key, value in each.attributes.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }
    what = (
        number,
        each.image,
        each.class_id,
        classes.get(each.class_id, str(each.class_id)),
        each.id,
    )
    box = _box(each, outline)
    if box is None:
        return ObjectRow(*what, _shape(each), attributes=numbers)
    x, y, width, height = box
    metres = None if image is None or image.gsd_m is None else image.gsd_m**2
    area = float(each.rle.area) if outline is None and each.rle is not None else float(outline.area)
    around = (width, height, 0.0)
    centre, compactness = (x + width / 2, y + height / 2), None
    if outline is not None and outline.area > 0:
        around = rotated(outline)
        centre = (float(outline.centroid.x), float(outline.centroid.y))
        compactness = 4 * math.pi * area / float(outline.length) ** 2
    return ObjectRow(
        *what,
        _shape(each),
        centre[0],
        centre[1],
        width,
        height,
        width / height if height else None,
        area,
        None if metres is None else area * metres,
        width * height,
        None if metres is None else width * height * metres,
        *around,
        compactness,
        area / image.pixels if image is not None and image.pixels else None,
        numbers,
    )


def _box(each: Annotation, outline: Any) -> tuple[float, float, float, float] | None:
    if each.box is not None:
        return each.box
    if outline is not None and not outline.is_empty:
        left, top, right, bottom = map(float, outline.bounds)
        return left, top, right - left, bottom - top
    return each.rle.box() if each.rle is not None and each.rle.area else None


def _shape(each: Annotation) -> str:
    kinds = (
        ("polygon", each.polygons),
        ("oriented box", each.oriented_box),
        ("mask", each.rle),
        ("geometry", each.geometry),
        ("box", each.box),
    )
    return next((name for name, value in kinds if value is not None), "points")


def rotated(outline: Any) -> tuple[float, float, float]:
    """Return longer side, shorter side and angle (degrees) of the smallest rotated rectangle.

    The angle is that of the longer side from the x axis towards y, 0 <= angle < 180; 0 for a square
    that stands upright.
    """
    rectangle = shapely.minimum_rotated_rectangle(outline)
    if rectangle.geom_type != "Polygon":
        return float(rectangle.length), 0.0, 0.0
    points = list(rectangle.exterior.coords)
    sides = [
        (points[index + 1][0] - points[index][0], points[index + 1][1] - points[index][1])
        for index in range(2)
    ]
    lengths = [math.hypot(*side) for side in sides]
    longer = 0 if lengths[0] > lengths[1] * (1 + 1e-9) else 1
    if abs(lengths[0] - lengths[1]) <= 1e-9 * max(lengths):  # of a square, the flatter side
        longer = min((0, 1), key=lambda index: abs(sides[index][1]))
    angle = math.degrees(math.atan2(sides[longer][1], sides[longer][0])) % 180
    return lengths[longer], lengths[1 - longer], 0.0 if 180 - angle < 1e-9 else angle


def class_statistics(
    annotations: Annotations,
    rows: Sequence[ObjectRow],
    shapes: Sequence[Any],
    images: Mapping[str, ImageStatistics],
) -> list[ClassStatistics]:
    """Return the statistics of every class; overlapping objects of a class count once."""
    total = sum(each.pixels for each in images.values())
    members: dict[int, dict[str, list[int]]] = {}
    for row in rows:
        members.setdefault(row.class_id, {}).setdefault(row.image, []).append(row.number)
    counts = annotations.objects_per_class()
    result = []
    for number, objects in counts.items():
        area, metres, has_metres = 0.0, 0.0, True
        for name, indices in members.get(number, {}).items():
            covered = _covered(annotations, indices, shapes, images.get(name))
            area += covered
            gsd = images[name].gsd_m if name in images else None
            has_metres &= gsd is not None
            metres += covered * (gsd or 0.0) ** 2
        name = annotations.classes.get(number, str(number))
        share = area / total if total else 0.0
        seen = len(members.get(number, {}))
        result.append(
            ClassStatistics(
                number, name, objects, seen, area, metres if seen and has_metres else None, share
            )
        )
    return result


def _covered(
    annotations: Annotations, indices: Sequence[int], shapes: Sequence[Any], image: Any
) -> float:
    """Return the area that objects of one image cover together, clipped to the image."""
    outlines = [shapely.make_valid(shapes[index]) for index in indices if shapes[index] is not None]
    masks = [
        rle.decode()
        for index in indices
        if shapes[index] is None and (rle := annotations.objects[index].rle) is not None
    ]
    area = 0.0
    if outlines:
        union = shapely.union_all(outlines)
        if image is not None and image.pixels:
            union = shapely.intersection(union, shapely.box(0, 0, image.width, image.height))
        area += float(union.area)
    if masks:
        joined = masks[0]
        for each in masks[1:]:
            if each.shape == joined.shape:
                joined = joined | each
        area += float(joined.sum())
    return area


def co_occurrence(rows: Iterable[ObjectRow]) -> dict[tuple[int, int], int]:
    """Return (class, other class) -> number of images that show both; smaller number first."""
    classes: dict[str, set[int]] = {}
    for row in rows:
        classes.setdefault(row.image, set()).add(row.class_id)
    counted: Counter[tuple[int, int]] = Counter()
    for found in classes.values():
        counted.update(combinations(sorted(found), 2))
    return dict(counted)
