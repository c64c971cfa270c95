"""Predictions and annotations, read into one matching task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iqf_core.api import (
    Annotation,
    Annotations,
    Dataset,
    DatasetError,
    Placement,
    PredictionsInput,
    RunLengthMask,
    open_image,
    parse_run_length,
    polygons_of,
)
from iqf_metrics_detection.naming import ClassNames, ImageNames, stated_class, stated_image
from iqf_metrics_detection.polygons import polygon_areas, upright
from iqf_metrics_detection.task import NEVER_COUNTED, IoU, MatchingTask, Objects

_MOST_NAMED = 5
_MAX = 1e9

Size = tuple[int, int]


@dataclass(frozen=True)
class Read:
    """A matching task, and what was seen while it was read.

    Attributes
    ----------
    task
        What is matched.
    labels
        Name of each class.
    gsd_m
        Of each image, NaN where unknown.
    unknown_class
        Detections of classes that the dataset does not have; they are left out.
    not_counted
        Crowds and difficult objects.
    """

    task: MatchingTask
    labels: tuple[str, ...]
    gsd_m: Any
    unknown_class: int
    not_counted: int


def read_task(subject: PredictionsInput, iou: IoU, *, count_difficult: bool) -> Read:
    """Read predictions and ground truth.

    Raises
    ------
    DatasetError
        If the dataset has no annotations, or records are malformed or belong to no image of it;
        names the first few.
    """
    dataset = subject.dataset
    annotations = dataset.annotations()
    if annotations is None:
        raise DatasetError(f"{dataset.path}: has no annotations to hold predictions against")
    names = dataset.image_names
    index = {name: position for position, name in enumerate(names)}
    classes = ClassNames(annotations)
    place = {number: position for position, number in enumerate(classes.numbers)}
    headers = [dataset.header(name) for name in names]
    sizes = [(header.height, header.width) for header in headers]
    truth = _truth(dataset, annotations, index, place, sizes, iou, count_difficult)
    detections, unknown = _detections(
        subject, ImageNames(names, annotations), classes, index, place, sizes, iou
    )
    hidden = int((truth.crowd | (truth.area >= NEVER_COUNTED)).sum())
    gsd = np.array([np.nan if h.gsd_m is None else h.gsd_m for h in headers], np.float64)
    task = MatchingTask(iou, sizes, len(classes.numbers), truth, detections)
    labels = tuple(classes.labels[number] for number in classes.numbers)
    return Read(task, labels, gsd, unknown, hidden)


def _objects(rows: Sequence[tuple[Any, ...]], scored: bool) -> Objects:
    image, category, area, geometry, score, crowd = zip(*rows, strict=True) if rows else ((),) * 6
    return Objects(
        np.array(image, np.int64),
        np.array(category, np.int64),
        np.array(area, np.float64),
        list(geometry),
        np.array(score if scored else (), np.float64),
        np.array(crowd, bool),
    )


# Ground truth


def _truth(
    dataset: Dataset,
    annotations: Annotations,
    index: Mapping[str, int],
    place: Mapping[int, int],
    sizes: Sequence[Size],
    iou: IoU,
    count_difficult: bool,
) -> Objects:
    placements: dict[str, Placement | None] = {}
    rows = []
    without = 0
    for each in annotations.objects:
        image = index.get(each.image)
        if image is None:
            continue
        found = _shape(_in_pixels(each, dataset, placements), sizes[image], iou)
        if found is None:
            without += 1
            continue
        geometry, area = found
        if each.area is not None:
            area = each.area
        if not count_difficult and each.attributes.get("difficult") in (1, 2, True):
            area = NEVER_COUNTED
        rows.append((image, place[each.class_id], area, geometry, 0.0, each.crowd))
    if without:
        raise DatasetError(
            f"{dataset.path}: {without} annotated objects have no {_NEEDED[iou]}; choose another "
            "iou (box, mask, oriented)"
        )
    return _objects(rows, scored=False)


_NEEDED = {
    "box": "box or outline",
    "mask": "outline or mask",
    "oriented": "box or outline of four corners",
}


def _in_pixels(
    each: Annotation, dataset: Dataset, placements: dict[str, Placement | None]
) -> Annotation:
    """Return an object whose geometry, if it has one, is polygons in pixels."""
    if each.geometry is None:
        return each
    if each.image not in placements:
        header = dataset.header(each.image)
        placement = None
        if header.georeferenced:
            # The pixels do not matter, so any peak will do.
            with open_image(header.path, peak=header.peak or 1.0) as reader:
                if reader.georeference is not None:
                    placement = Placement(reader.georeference)
        placements[each.image] = placement
    placement = placements[each.image]
    geometry: Any = each.geometry
    if placement is not None:
        geometry = placement.to_pixels(geometry, each.crs)
    return replace(each, polygons=polygons_of(geometry) or None, geometry=None)


def _shape(each: Annotation, size: Size, iou: IoU) -> tuple[Any, float] | None:
    """Return the geometry that `iou` needs and its area, None when the object has none."""
    if iou == "mask":
        mask = _encoded(each, size)
        return None if mask is None else (mask, float(_mask_area(mask)))
    if iou == "oriented":
        corners = _corners(each)
        return None if corners is None else (corners, float(polygon_areas(corners)))
    box = _box(each)
    return None if box is None else (box, box[2] * box[3])


def _box(each: Annotation) -> list[float] | None:
    if each.box is not None:
        return list(each.box)
    if each.rle is not None:
        return list(each.rle.box())
    points = [p for polygon in each.polygons or () for p in polygon[0]]
    points = points or list(each.oriented_box or ())
    if not points:
        return None
    left, top = np.min(points, axis=0)
    right, bottom = np.max(points, axis=0)
    return [float(left), float(top), float(right - left), float(bottom - top)]


def _corners(each: Annotation) -> Any:
    if each.oriented_box is not None:
        return np.array(each.oriented_box, np.float64)
    if each.polygons and len(each.polygons) == 1 and len(each.polygons[0]) == 1:
        ring = list(each.polygons[0][0])
        if len(ring) == 5 and ring[0] == ring[-1]:
            ring.pop()
        if len(ring) == 4:
            return np.array(ring, np.float64)
    if each.polygons is None and each.box is not None:
        return upright(each.box)
    return None


def _encoded(each: Annotation, size: Size) -> dict[str, Any] | None:
    """Return an object's mask as COCO draws it."""
    if each.rle is not None:
        return {"size": [each.rle.height, each.rle.width], "counts": each.rle.compressed()}
    polygons = each.polygons
    if not polygons and each.oriented_box is not None:
        polygons = ((each.oriented_box,),)
    return draw(polygons, size) if polygons else None


def draw(polygons: Sequence[Any], size: Size) -> dict[str, Any]:
    """Return the run-length mask of polygons (outer ring, holes …), drawn by the COCO API."""
    masks = _coco_masks()
    outer = _rings([polygon[0] for polygon in polygons], size)
    holes = [ring for polygon in polygons for ring in polygon[1:]]
    drawn = masks.merge(outer)
    if holes:
        pixels = masks.decode(drawn) & ~masks.decode(masks.merge(_rings(holes, size))) & 1
        drawn = masks.encode(np.asfortranarray(pixels))
    return {"size": list(size), "counts": drawn["counts"].decode("ascii")}


def _coco_masks() -> Any:
    """Return the COCO API's functions of masks, which are not annotated."""
    from pycocotools import mask

    return mask


def _rings(rings: Sequence[Any], size: Size) -> Any:
    masks = _coco_masks()
    return masks.frPyObjects([np.asarray(ring, float).ravel().tolist() for ring in rings], *size)


def _mask_area(mask: Mapping[str, Any]) -> float:
    masks = _coco_masks()
    return float(masks.area({**mask, "counts": mask["counts"].encode("ascii")}))


# Detections


def _detections(
    subject: PredictionsInput,
    images: ImageNames,
    classes: ClassNames,
    index: Mapping[str, int],
    place: Mapping[int, int],
    sizes: Sequence[Size],
    iou: IoU,
) -> tuple[Objects, int]:
    rows: list[tuple[Any, ...]] = []
    unknown = 0
    wrong: list[str] = []
    for position, record in enumerate(subject.predictions):
        if not isinstance(record, Mapping):
            raise DatasetError(
                "the predictions are paths of images; detection reads records with image_id, "
                "category_id, score and bbox or segmentation"
            )
        try:
            name = images.find(record)
            if name is None:
                raise ValueError(f"{_short(stated_image(record))} is no image of the dataset")
            score = _number(record.get("score"))
            if score is None:
                raise ValueError(f"score is {_short(record.get('score'))}, expected a number")
            if stated_class(record) is None:
                raise ValueError("has no category_id")
            image = index[name]
            geometry, area = _READERS[iou](record, sizes[image])
        except ValueError as error:
            wrong.append(f"record {position}: {error}")
            continue
        number = classes.find(record)
        if number is None:
            unknown += 1
            continue
        rows.append((image, place[number], area, geometry, score, False))
    if wrong:
        more = len(wrong) - _MOST_NAMED
        shown = "; ".join(wrong[:_MOST_NAMED]) + (f"; … and {more} more" if more > 0 else "")
        raise DatasetError(f"the predictions do not fit {subject.dataset.path}: {shown}")
    return _objects(rows, scored=True), unknown


def _read_box(record: Mapping[str, Any], size: Size) -> tuple[list[float], float]:
    box = _numbers(record.get("bbox"), 4)
    if box is None and record.get("bbox") is None and record.get("segmentation"):
        segmentation = _segmentation(record["segmentation"], size)
        box = list(_run_length(segmentation).box())
    if box is None or box[2] < 0 or box[3] < 0:
        raise ValueError(
            f"bbox is {_short(record.get('bbox'))}, expected [x, y, width, height] in pixels"
        )
    return box, box[2] * box[3]


def _read_mask(record: Mapping[str, Any], size: Size) -> tuple[dict[str, Any], float]:
    mask = _segmentation(record.get("segmentation"), size)
    return mask, _mask_area(mask)


def _read_corners(record: Mapping[str, Any], size: Size) -> tuple[Any, float]:
    box = record.get("bbox")
    flat = _numbers(record.get("corners"), 8) or _numbers(box, 8)
    if flat is None and isinstance(record.get("segmentation"), list):
        rings = record["segmentation"]
        flat = _numbers(rings[0], 8) if len(rings) == 1 else None
    if flat is not None:
        corners = np.array(flat).reshape(4, 2)
    else:
        four = _numbers(box, 4)
        if four is None:
            raise ValueError(
                "expected corners [x1, y1, … x4, y4], the same as bbox or segmentation, or an "
                "upright bbox"
            )
        corners = upright(four)
    return corners, float(polygon_areas(corners))


_READERS: dict[IoU, Callable[[Mapping[str, Any], Size], tuple[Any, float]]] = {
    "box": _read_box,
    "mask": _read_mask,
    "oriented": _read_corners,
}


def _segmentation(value: Any, size: Size) -> dict[str, Any]:
    """Return a COCO ``segmentation`` (polygons or a mask) as a mask of the image's size."""
    if isinstance(value, Mapping):
        stated, counts = value.get("size"), value.get("counts")
        if not isinstance(stated, list) or list(size) != stated:
            raise ValueError(f"segmentation has size {_short(stated)}, the image {list(size)}")
        if isinstance(counts, list) and any(type(count) is not int for count in counts):
            raise ValueError("segmentation: counts holds something other than integers")
        if not isinstance(counts, (str, list)):
            raise ValueError("segmentation: counts is neither text nor a list")
        mask = parse_run_length(size, counts)
        return {"size": list(size), "counts": mask.compressed()}
    if isinstance(value, list) and value:
        rings = [_numbers(ring) for ring in value]
        if all(ring is not None and len(ring) >= 6 and len(ring) % 2 == 0 for ring in rings):
            return draw([(np.array(ring).reshape(-1, 2),) for ring in rings], size)
    raise ValueError(f"segmentation is {_short(value)}, expected polygons or a run-length mask")


def _run_length(mask: Mapping[str, Any]) -> RunLengthMask:
    height, width = mask["size"]
    return parse_run_length((height, width), mask["counts"])


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -_MAX <= value <= _MAX else None


def _numbers(value: Any, count: int | None = None) -> list[float] | None:
    if not isinstance(value, list) or (count is not None and len(value) != count):
        return None
    numbers = [_number(each) for each in value]
    return None if None in numbers else [each for each in numbers if each is not None]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
