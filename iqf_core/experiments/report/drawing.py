"""Predictions over an image: what was found, what was missed, what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iqf_core.datasets.annotations import Annotation, Box
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


@dataclass(frozen=True)
class Prediction:
    """A predicted object.

    Attributes
    ----------
    box
        (x, y, width, height) in pixels.
    class_id
        Its class.
    score
        Its confidence; 1 where none is given.
    """

    box: Box
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
        Boxes of objects that no prediction found.
    """

    hits: tuple[Box, ...]
    extra: tuple[Box, ...]
    missed: tuple[Box, ...]


def read_predictions(
    records: Iterable[Any], image_ids: Mapping[str, str], min_score: float
) -> dict[str, list[Prediction]]:
    """Sort predictions in COCO results form by image.

    Parameters
    ----------
    records
        The content of ``output.json``. What has no box of four finite numbers is left out.
    image_ids
        The text of an image's identifier -> its name.
    min_score
        Predictions below are left out.
    """
    found: dict[str, list[Prediction]] = {}
    for record in records:
        if not isinstance(record, Mapping):
            continue
        box = numbers(record.get("bbox"), 4)
        name = image_ids.get(str(record.get("image_id")))
        score = number(record.get("score", 1.0))
        if box is None or name is None or score is None or score < min_score:
            continue
        category = record.get("category_id")
        class_id = category if isinstance(category, int) else None
        left, top, width, height = box
        found.setdefault(name, []).append(Prediction((left, top, width, height), class_id, score))
    return found


def match(predictions: Sequence[Prediction], objects: Sequence[Annotation]) -> Matched:
    """Match predictions with the objects of one image, the most confident first.

    Each takes the object of its class with the largest overlap that is still free, if that is at
    least one half (intersection over union). Objects without a box, and groups, are no one's.
    """
    free = {
        place: each.box
        for place, each in enumerate(objects)
        if each.box is not None and not each.crowd
    }
    hits, extra = [], []
    for each in sorted(predictions, key=lambda prediction: -prediction.score):
        overlaps = {
            place: overlap(each.box, box)
            for place, box in free.items()
            if each.class_id is None or each.class_id == objects[place].class_id
        }
        best = max(overlaps, key=lambda place: overlaps[place], default=None)
        if best is not None and overlaps[best] >= MATCH_IOU:
            del free[best]
            hits.append(each.box)
        else:
            extra.append(each.box)
    return Matched(tuple(hits), tuple(extra), tuple(free.values()))


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def overlay(matched: Matched, offset: tuple[int, int], shape: tuple[int, int]) -> Html:
    """Return the boxes as elements of SVG, in pixels of a window of the image.

    Parameters
    ----------
    matched
        The boxes.
    offset
        (top, left) of the window.
    shape
        (height, width) of the window; boxes outside of it are left out.
    """
    parts = []
    kinds = (("miss", matched.missed), ("extra", matched.extra), ("hit", matched.hits))
    for kind, boxes in kinds:
        for left, top, width, height in boxes:
            x, y = left - offset[1], top - offset[0]
            if x + width < 0 or y + height < 0 or x > shape[1] or y > shape[0]:
                continue
            corner = {"x": round(x, 2), "y": round(y, 2)}
            size = {"width": round(width, 2), "height": round(height, 2)}
            parts.append(html_tag("rect", **corner, **size, class_=kind))
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
