"""Predictions over an image: what was found, what was missed, what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iqf_core.datasets.annotations import Annotation, Box, Point
from iqf_core.datasets.untrusted import number, numbers
from iqf_core.html.fragments import Html, html_tag

#: A prediction counts as a hit from this overlap on, the convention of PASCAL VOC.
MATCH_IOU = 0.5

#: Colours that stand out of imagery and that colour-blind readers tell apart; misses are dashed.
STYLE = """
.hit { fill: none; stroke: #35c9ff; stroke-width: 2; }
.extra { fill: none; stroke: #ff8a1f; stroke-width: 2; }
.miss { fill: none; stroke: #ffe14d; stroke-width: 2; stroke-dasharray: 4 3; }
.key { display: inline-block; width: 1em; height: .8em; vertical-align: -.05em; }
.key { margin: 0 .35em 0 1em; } .key:first-child { margin-left: 0; }
.key.hit { border: 2px solid #35c9ff; } .key.extra { border: 2px solid #ff8a1f; }
.key.miss { border: 2px dashed #c9a800; }
"""


#: The corners of an object's outline in order, (x, y) in pixels.
Outline = tuple[Point, ...]


@dataclass(frozen=True)
class Prediction:
    """A predicted object.

    Attributes
    ----------
    outline
        Its corners: a box, an oriented box or a polygon.
    class_id
        Its class.
    score
        Its confidence; 1 where none is given.
    """

    outline: Outline
    class_id: int | None
    score: float


@dataclass(frozen=True)
class Matched:
    """Predictions held against what is there.

    Attributes
    ----------
    hits
        Predictions of an object.
    extra
        Predictions of nothing.
    missed
        Objects that no prediction found.
    """

    hits: tuple[Outline, ...]
    extra: tuple[Outline, ...]
    missed: tuple[Outline, ...]


def read_predictions(
    records: Iterable[Any], image_ids: Mapping[str, str], min_score: float
) -> dict[str, list[Prediction]]:
    """Sort predictions in COCO results form by image.

    Parameters
    ----------
    records
        The content of ``output.json``. The outline is ``segmentation`` (a polygon), ``corners``
        (four), or ``bbox`` (four numbers, or eight for an oriented box), whichever comes first;
        a record with none of them, or without a known image, is left out.
    image_ids
        The text of an image's identifier -> its name.
    min_score
        Predictions below are left out.
    """
    found: dict[str, list[Prediction]] = {}
    for record in records:
        if not isinstance(record, Mapping):
            continue
        outline = _outline(record)
        name = image_ids.get(str(record.get("image_id")))
        score = number(record.get("score", 1.0))
        if outline is None or name is None or score is None or score < min_score:
            continue
        category = record.get("category_id")
        class_id = category if isinstance(category, int) else None
        found.setdefault(name, []).append(Prediction(outline, class_id, score))
    return found


def _outline(record: Mapping[str, Any]) -> Outline | None:
    segmentation = record.get("segmentation")
    if isinstance(segmentation, list) and segmentation:  # the first of several polygons
        ring = numbers(segmentation[0] if isinstance(segmentation[0], list) else segmentation)
        if ring is not None and len(ring) >= 6 and len(ring) % 2 == 0:
            return tuple(zip(ring[::2], ring[1::2], strict=True))
    for value in (record.get("corners"), record.get("bbox")):
        corners = numbers(value, 8)
        if corners is not None:
            return tuple(zip(corners[::2], corners[1::2], strict=True))
    box = numbers(record.get("bbox"), 4)
    return None if box is None else box_outline((box[0], box[1], box[2], box[3]))


def box_outline(box: Box) -> Outline:
    """Return the corners of an upright box."""
    x, y, width, height = box
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def outline_of(each: Annotation) -> Outline | None:
    """Return the outline of an annotated object, None when only a mask or points are known."""
    if each.oriented_box is not None:
        return each.oriented_box
    if each.box is not None:
        return box_outline(each.box)
    return each.polygons[0][0] if each.polygons else None


def match(predictions: Sequence[Prediction], objects: Sequence[Annotation]) -> Matched:
    """Match predictions with the objects of one image, the most confident first.

    Each takes the object of its class with the largest overlap that is still free, if that is at
    least one half (intersection over union). Objects without an outline, and groups, are no one's.
    """
    outlines = [None if each.crowd else outline_of(each) for each in objects]
    free = {place: outline for place, outline in enumerate(outlines) if outline is not None}
    hits, extra = [], []
    for each in sorted(predictions, key=lambda prediction: -prediction.score):
        overlaps = {
            place: overlap(each.outline, outline)
            for place, outline in free.items()
            if each.class_id is None or each.class_id == objects[place].class_id
        }
        best = max(overlaps, key=lambda place: overlaps[place], default=None)
        if best is not None and overlaps[best] >= MATCH_IOU:
            del free[best]
            hits.append(each.outline)
        else:
            extra.append(each.outline)
    return Matched(tuple(hits), tuple(extra), tuple(free.values()))


def overlap(a: Outline, b: Outline) -> float:
    """Return intersection over union of two outlines; those that cross themselves are mended."""
    a_left, a_top, a_right, a_bottom = bounds(a)
    b_left, b_top, b_right, b_bottom = bounds(b)
    if a_right <= b_left or b_right <= a_left or a_bottom <= b_top or b_bottom <= a_top:
        return 0.0
    import shapely as untyped_shapely

    shapely: Any = untyped_shapely
    first, second = (shapely.make_valid(shapely.Polygon(outline)) for outline in (a, b))
    union = first.union(second).area
    return float(first.intersection(second).area / union) if union else 0.0


def bounds(outline: Outline) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of an outline."""
    xs, ys = zip(*outline, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def overlay(matched: Matched, offset: tuple[int, int], shape: tuple[int, int]) -> Html:
    """Return the outlines as elements of SVG, in pixels of a window of the image.

    Parameters
    ----------
    matched
        The outlines.
    offset
        (top, left) of the window.
    shape
        (height, width) of the window; outlines outside of it are left out.
    """
    parts = []
    kinds = (("miss", matched.missed), ("extra", matched.extra), ("hit", matched.hits))
    for kind, outlines in kinds:
        for outline in outlines:
            moved = [(x - offset[1], y - offset[0]) for x, y in outline]
            left, top, right, bottom = bounds(tuple(moved))
            if right < 0 or bottom < 0 or left > shape[1] or top > shape[0]:
                continue
            points = " ".join(f"{round(x, 2):g},{round(y, 2):g}" for x, y in moved)
            parts.append(html_tag("polygon", points=points, class_=kind))
    return Html("".join(parts))


def key(*, predicted: bool) -> Html:
    """Return what the colours mean."""
    if not predicted:
        return html_tag("p", html_tag("i", class_="key miss"), "annotated object", class_="note")
    return html_tag(
        "p",
        html_tag("i", class_="key hit"),
        "found",
        html_tag("i", class_="key extra"),
        "false alarm",
        html_tag("i", class_="key miss"),
        "missed",
        class_="note",
    )
