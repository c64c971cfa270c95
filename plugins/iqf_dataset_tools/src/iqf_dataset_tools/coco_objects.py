"""One object of a COCO file: what is wrong with it, and mending it."""

from __future__ import annotations

import math
from typing import Any

from iqf_core.api import RunLengthMask, parse_run_length
from iqf_dataset_tools.numbers import finite, is_number, is_side, short
from iqf_dataset_tools.outlines import (
    TOLERANCE_PX,
    Method,
    Size,
    clipped,
    flat_rings,
    mended,
    outline_problems,
    polygon,
    true_area,
)

Found = list[tuple[str, str]]
#: Of the outline's area: rounding and pixel counting differ by less.
_AREA_TOLERANCE = 0.05


def object_problems(entry: dict[str, Any], size: Size | None) -> Found:
    """Return (code, message) for an object in an image of (height, width) `size`."""
    found: Found = []
    box, segmentation, points = (entry.get(key) for key in ("bbox", "segmentation", "keypoints"))
    if box is None and segmentation is None and points is None:
        return [("missing-geometry", "has neither bbox, segmentation nor keypoints")]
    if not box and not segmentation and not points:
        return [("empty-geometry", "its bbox, segmentation and keypoints are all empty")]
    if box is not None:
        found += box_problems(box, size)
    if isinstance(segmentation, dict):
        found += mask_problems(segmentation, size)
    elif segmentation is not None:
        found += segmentation_problems(segmentation, size)
    if points:
        found += keypoint_problems(points)
    if "score" not in entry:  # results of a detector state no area
        found += _area_problems(entry)
    return found


def box_problems(box: Any, size: Size | None) -> Found:
    """Return what is wrong with a ``bbox``."""
    if not isinstance(box, list):
        return [("box-type", f"bbox is {short(box)}, expected [x, y, width, height]")]
    if len(box) != 4:
        return [("box-length", f"bbox has {len(box)} values, expected 4")]
    if not all(map(is_number, box)):
        return [("box-type", f"bbox {short(box)} holds something other than numbers")]
    if not finite(box):
        return [("box-not-finite", f"bbox {short(box)} is not finite")]
    x, y, width, height = box
    if width < 0 or height < 0:
        return [("box-negative", f"bbox {short(box)} has a negative size")]
    found: Found = []
    if width == 0 or height == 0:
        found.append(("empty-box", f"bbox {short(box)} has no area"))
    if size is None:
        return found
    rows, cols = size
    if x >= cols or y >= rows or x + width < 0 or y + height < 0:
        found.append(
            ("box-outside-image", f"bbox {short(box)}, the image has {cols} x {rows} pixels")
        )
    elif (
        min(x, y) < -TOLERANCE_PX
        or x + width > cols + TOLERANCE_PX
        or y + height > rows + TOLERANCE_PX
    ):
        found.append(
            ("box-leaves-image", f"bbox {short(box)}, the image has {cols} x {rows} pixels")
        )
    return found


def segmentation_problems(value: Any, size: Size | None) -> Found:
    """Return what is wrong with polygons."""
    if not isinstance(value, list):
        return [("segmentation-type", f"segmentation is {short(value)}")]
    if value and all(map(is_number, value)):
        return [("segmentation-type", "segmentation is one flat list, expected a list of polygons")]
    found: Found = []
    for number, ring in enumerate(value):
        place = f"segmentation[{number}]: "
        problem = _ring_problem(ring)
        if problem:
            found.append((problem[0], place + problem[1]))
        else:
            found += [(code, place + text) for code, text in outline_problems(_shape(ring), size)]
    return found


def _ring_problem(ring: Any) -> tuple[str, str] | None:
    if not isinstance(ring, list) or not all(map(is_number, ring)):
        return "polygon-type", f"{short(ring)}, expected [x1, y1, x2, y2, …]"
    if len(ring) % 2:
        return "polygon-odd", f"has {len(ring)} coordinates"
    if len(ring) < 6:
        return "polygon-short", f"has {len(ring) // 2} points, expected 3 or more"
    if not finite(ring):
        return "polygon-not-finite", f"{short(ring)} is not finite"
    return None


def mask_problems(value: dict[str, Any], size: Size | None) -> Found:
    """Return what is wrong with a run-length mask."""
    try:
        mask = _mask(value)
    except (ValueError, OverflowError, TypeError) as error:
        return [("bad-rle", f"segmentation: {error}")]
    if size is not None and (mask.height, mask.width) != size:
        text = f"mask is {mask.height} x {mask.width}, the image {size[0]} x {size[1]}"
        return [("rle-size", text)]
    return [] if mask.area else [("empty-rle", "mask holds no pixel")]


def keypoint_problems(points: Any) -> Found:
    """Return what is wrong with keypoints."""
    fits = (
        isinstance(points, list)
        and len(points) % 3 == 0
        and all(map(is_number, points))
        and finite(points)
        and all(each in (0, 1, 2) for each in points[2::3])
    )
    return [] if fits else [("bad-keypoints", "keypoints: expected [x, y, visibility 0|1|2, …]")]


def _area_problems(entry: dict[str, Any]) -> Found:
    true = outline_area(entry)
    if "area" not in entry or entry["area"] is None:
        return [] if true is None else [("missing-area", f"states no area; it is {true:.6g} px²")]
    stated = entry["area"]
    if not is_number(stated) or not math.isfinite(stated) or stated < 0:
        return [("bad-area", f"area is {short(stated)}")]
    is_outline = bool(entry.get("segmentation"))
    if true is None or not is_outline or abs(stated - true) <= max(1.0, _AREA_TOLERANCE * true):
        return []
    return [("area-mismatch", f"area is {stated:.6g}, the outline has {true:.6g} px²")]


def outline_area(entry: dict[str, Any]) -> float | None:
    """Return the area of the outline, or else of the box, in px²; None when it has neither."""
    segmentation = entry.get("segmentation")
    if isinstance(segmentation, dict):
        try:
            return float(_mask(segmentation).area)
        except (ValueError, OverflowError, TypeError):
            return None
    if isinstance(segmentation, list) and segmentation:
        rings = [ring for ring in segmentation if _ring_problem(ring) is None]
        if len(rings) < len(segmentation):
            return None
        return float(sum(true_area(_shape(ring)) for ring in rings))
    box = entry.get("bbox")
    if isinstance(box, list) and not {code for code, _ in box_problems(box, None)}:
        return float(box[2]) * float(box[3])
    return None


def _shape(ring: list[float]) -> Any:
    return polygon(list(zip(ring[::2], ring[1::2], strict=True)))


def _mask(value: dict[str, Any]) -> RunLengthMask:
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(map(is_side, size)):
        raise ValueError(f"size is {short(size)}, expected [height, width]")
    if isinstance(counts, list) and not all(type(each) is int for each in counts):
        raise ValueError("counts holds something other than integers")
    if not isinstance(counts, (str, list)):
        raise ValueError("counts is neither text nor a list")
    return parse_run_length((int(size[0]), int(size[1])), counts)


def repair_outline(entry: dict[str, Any], size: Size | None, method: Method | None) -> None:
    """Mend the polygons of `entry` in place; with a `size`, clip them to the image.

    Polygons that cannot be used stay as they are.
    """
    kept: list[Any] = []
    for ring in entry.get("segmentation") or []:
        if _ring_problem(ring) is not None:
            kept.append(ring)
            continue
        shape = _shape(ring)
        if method is not None and not shape.is_valid:
            shape = mended(shape, method)
        elif size is None:
            kept.append(ring)
            continue
        if shape is not None and size is not None and shape.is_valid:
            shape = clipped(shape, size)
        kept += [ring] if shape is None else flat_rings(shape)
    entry["segmentation"] = kept


def clip_box(box: list[float], size: Size) -> list[float]:
    """Return the part of a box within the image."""
    x, y, width, height = box
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(float(size[1]), x + width), min(float(size[0]), y + height)
    return [left, top, right - left, bottom - top]


def box_of_outline(entry: dict[str, Any]) -> list[float] | None:
    """Return the box around the outline, None when there is no usable one."""
    segmentation = entry.get("segmentation")
    if isinstance(segmentation, dict):
        try:
            mask = _mask(segmentation)
        except (ValueError, OverflowError, TypeError):
            return None
        return list(mask.box()) if mask.area else None
    rings = segmentation if isinstance(segmentation, list) else []
    if not rings or any(_ring_problem(ring) is not None for ring in rings):
        return None
    xs = [x for ring in rings for x in ring[::2]]
    ys = [y for ring in rings for y in ring[1::2]]
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return [float(value) for value in box] if box[2] > 0 and box[3] > 0 else None
