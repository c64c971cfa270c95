"""Writing the neutral model as COCO json."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from iqf_core.components.dataset_format import Finding
from iqf_core.datasets.annotations import Annotation, Annotations, Polygon
from iqf_core.datasets.untrusted import dump_json


def write_coco(annotations: Annotations, path: Path) -> list[Finding]:
    """Write `annotations` to `path`; see :meth:`DatasetFormat.write`."""
    lost: Counter[tuple[str, str]] = Counter()
    names = sorted({*annotations.images, *(each.image for each in annotations.objects)})
    image_ids = dict(
        zip(names, _ids([_record_id(annotations, name) for name in names]), strict=True)
    )
    images = [_image(annotations, name, image_ids[name]) for name in names]
    ids = _ids([each.id for each in annotations.objects])
    objects = []
    for key, each in zip(ids, annotations.objects, strict=True):
        entry = _object(each, lost)
        if entry is not None:
            objects.append({**entry, "id": key, "image_id": image_ids[each.image]})
    used = {each.class_id for each in annotations.objects} - set(annotations.classes)
    classes = {**annotations.classes, **{number: str(number) for number in used}}
    categories = [
        {**annotations.class_attributes.get(number, {}), "id": number, "name": classes[number]}
        for number in sorted(classes)
    ]
    lists = {"images": images, "annotations": objects, "categories": categories}
    dump_json({**annotations.attributes, **lists}, path)
    if annotations.masks:
        lost["masks-not-carried", "mask images"] = len(annotations.masks)
    return [
        Finding(code, "warning", f"COCO cannot carry {what} ({count} of them)", path.name)
        for (code, what), count in lost.items()
    ]


def _record_id(annotations: Annotations, name: str) -> Any:
    record = annotations.images.get(name)
    return None if record is None else record.id


def _ids(given: list[Any]) -> list[int | float | str]:
    """Keep identifiers that are all there and all different, else number from 1."""
    if None not in given and len(set(given)) == len(given):
        return given
    return list(range(1, len(given) + 1))


def _image(annotations: Annotations, name: str, key: int | float | str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": key, "file_name": name}
    record = annotations.images.get(name)
    if record is None:
        return entry
    sizes = {"height": record.height, "width": record.width}
    stated = {side: value for side, value in sizes.items() if value is not None}
    return {**record.attributes, **entry, **stated}


def _object(each: Annotation, lost: Counter[tuple[str, str]]) -> dict[str, Any] | None:
    entry: dict[str, Any] = {**each.attributes, "category_id": each.class_id}
    polygons = each.polygons
    if polygons is not None and any(len(polygon) > 1 for polygon in polygons):
        lost["holes-not-carried", "holes in polygons"] += 1
    if each.oriented_box is not None and polygons is None:
        lost["oriented-box-as-polygon", "oriented boxes, they became polygons"] += 1
        polygons = ((each.oriented_box,),)
    box = each.box or _enclosing(each, polygons)
    if box is None:
        lost["geometry-not-carried", "objects without pixel geometry, they are left out"] += 1
        return None
    if each.geometry is not None:
        lost["geometry-not-carried", "shapely geometry"] += 1
    segmentation: Any = [_flat(polygon) for polygon in polygons or ()]
    if each.rle is not None:
        segmentation = {
            "size": [each.rle.height, each.rle.width],
            "counts": each.rle.compressed(),
        }
    entry |= {"bbox": list(box), "segmentation": segmentation, "iscrowd": int(each.crowd)}
    entry["area"] = each.area if each.area is not None else _area(each, box, polygons)
    if each.keypoints is not None:
        entry["keypoints"] = [value for point in each.keypoints for value in point]
        entry["num_keypoints"] = sum(point[2] > 0 for point in each.keypoints)
    if each.score is not None:
        entry["score"] = each.score
    return entry


def _flat(polygon: Polygon) -> list[float]:
    return [value for point in polygon[0] for value in point]


def _enclosing(
    each: Annotation, polygons: tuple[Polygon, ...] | None
) -> tuple[float, float, float, float] | None:
    if polygons:
        points = [point for polygon in polygons for point in polygon[0]]
    elif each.rle is not None:
        return each.rle.box()
    else:
        points = [(x, y) for x, y, visibility in each.keypoints or () if visibility]
    if not points:
        return None
    left, top = min(x for x, _ in points), min(y for _, y in points)
    return left, top, max(x for x, _ in points) - left, max(y for _, y in points) - top


def _area(
    each: Annotation,
    box: tuple[float, float, float, float],
    polygons: tuple[Polygon, ...] | None,
) -> float:
    if each.rle is not None:
        return float(each.rle.area)
    if polygons:
        return sum(_shoelace(polygon[0]) for polygon in polygons)
    return box[2] * box[3]


def _shoelace(ring: tuple[tuple[float, float], ...]) -> float:
    pairs = zip(ring, (*ring[1:], ring[0]), strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2
