"""Reading COCO json into the neutral model; every bad object becomes a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from iqf_core.datasets.annotations import (
    Annotation,
    Annotations,
    Box,
    ImageRecord,
    Keypoint,
    Polygon,
)
from iqf_core.datasets.findings import Findings
from iqf_core.datasets.run_length import RunLengthMask, parse_run_length
from iqf_core.datasets.untrusted import (
    ImageNames,
    identifier,
    load_json,
    number,
    numbers,
    printable,
    refusal,
    side,
    whole,
)
from iqf_core.errors import DatasetError

_IMAGE_FIELDS = {"id", "file_name", "height", "width"}
_OBJECT_FIELDS = {
    "id",
    "image_id",
    "category_id",
    "bbox",
    "segmentation",
    "keypoints",
    "area",
    "iscrowd",
    "score",
}
_FIELDS = {"images", "annotations", "categories"}

Key = int | float | str


class _Image(NamedTuple):
    """What an ``image_id`` leads to."""

    record: ImageRecord
    in_dataset: bool


def read_coco(path: Path, image_names: Sequence[str]) -> Annotations:
    """Read the COCO file at `path`; see :meth:`DatasetFormat.read`."""
    document = load_coco(path)
    findings = Findings(path.name)
    classes = _classes(document.get("categories"), findings)
    images = _images(document["images"], ImageNames(image_names), findings)
    objects = _objects(document["annotations"], images, classes, findings)
    records = {each.record.name: each.record for each in images.values() if each.in_dataset}
    return Annotations(
        classes,
        records,
        tuple(objects),
        findings=findings.all(),
        class_attributes=_class_attributes(document.get("categories"), classes),
        attributes={name: value for name, value in document.items() if name not in _FIELDS},
    )


def load_coco(path: Path) -> dict[str, Any]:
    """Return the parsed COCO file.

    Raises
    ------
    DatasetError
        If it is no JSON object with the lists ``images`` and ``annotations``.
    """
    document = load_json(path)
    if not isinstance(document, dict):
        raise DatasetError(f"{path}: expected a COCO object, found a {type(document).__name__}")
    for key in ("images", "annotations"):
        if not isinstance(document.get(key), list):
            found = type(document[key]).__name__ if key in document else "nothing"
            raise DatasetError(f"{path}: {key}: expected a list, found {found}")
    return document


def _classes(categories: Any, findings: Findings) -> dict[int, str]:
    classes: dict[int, str] = {}
    if categories is None:
        categories = []
    if not isinstance(categories, list):
        findings.error("bad-class", "expected a list of categories", "categories")
        return classes
    for index, category in enumerate(categories):
        item = f"categories[{index}]"
        values = category if isinstance(category, dict) else {}
        class_id, name = whole(values.get("id")), values.get("name")
        if class_id is None or not isinstance(name, str):
            findings.error("bad-class", "expected an object with id (integer) and name", item)
        elif class_id in classes:
            findings.error("duplicate-class", f"class {class_id} appears twice", item)
        else:
            classes[class_id] = printable(name)
    return classes


def _class_attributes(categories: Any, classes: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for category in categories if isinstance(categories, list) else ():
        values = category if isinstance(category, dict) else {}
        class_id = whole(values.get("id"))
        others = {name: value for name, value in values.items() if name not in ("id", "name")}
        if class_id is not None and class_id in classes and others:
            found.setdefault(class_id, others)
    return found


def _images(entries: list[Any], names: ImageNames, findings: Findings) -> dict[Key, _Image]:
    images: dict[Key, _Image] = {}
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        item = f"images[{index}]"
        values = entry if isinstance(entry, dict) else {}
        key, file_name = identifier(values.get("id")), values.get("file_name")
        if key is None or not isinstance(file_name, str):
            findings.error("bad-image", "expected an object with id and file_name", item)
            continue
        if key in images:
            findings.error("duplicate-image-id", f"image id {key!r} appears twice", item)
            continue
        found = names.find(file_name)
        reason = refusal(file_name)
        if reason:
            findings.error("unsafe-name", f"file_name {file_name!r} {reason}", item)
        elif found is None:
            findings.error("missing-image", f"no image {file_name!r} in the image folder", item)
        if found is not None and found in seen:
            findings.warning("duplicate-image", f"image {found!r} appears twice", item)
        seen.add(found or "")
        height, width = side(values.get("height")), side(values.get("width"))
        for stated, value in (("height", height), ("width", width)):
            if value is None and values.get(stated) is not None:
                findings.warning(
                    "bad-size", f"{stated} is {_short(values[stated])}, expected pixels", item
                )
        attributes = {name: value for name, value in values.items() if name not in _IMAGE_FIELDS}
        record = ImageRecord(found or printable(file_name), height, width, key, attributes)
        images[key] = _Image(record, found is not None)
    return images


def _objects(
    entries: list[Any], images: Mapping[Key, _Image], classes: dict[int, str], findings: Findings
) -> list[Annotation]:
    objects: list[Annotation] = []
    ids: set[Key] = set()
    unknown_classes: Counter[int] = Counter()
    for index, entry in enumerate(entries):
        item = f"annotations[{index}]"
        if not isinstance(entry, dict):
            findings.error("bad-object", f"expected an object, found {_short(entry)}", item)
            continue
        image_key, key = identifier(entry.get("image_id")), identifier(entry.get("id"))
        image = images.get(image_key) if image_key is not None else None
        if image is None:
            shown = _short(entry.get("image_id"))
            findings.error("unknown-image", f"image_id {shown} is not among images", item)
            continue
        class_id = whole(entry.get("category_id"))
        if class_id is None:
            shown = _short(entry.get("category_id"))
            findings.error("bad-class-id", f"category_id is {shown}, expected an integer", item)
            continue
        if class_id not in classes:
            unknown_classes[class_id] += 1
        if key is not None:
            if key in ids:
                findings.warning("duplicate-id", f"annotation id {key!r} appears twice", item)
            ids.add(key)
        annotation = _object(entry, image.record, class_id, key, _Place(findings, item))
        if annotation is not None and image.in_dataset:
            objects.append(annotation)
    for class_id, count in sorted(unknown_classes.items()):
        findings.error(
            "unknown-class", f"class {class_id} is not among categories, {count} objects have it"
        )
    return objects


class _Place(NamedTuple):
    """One object of the file, for reporting on it."""

    findings: Findings
    item: str

    def error(self, code: str, message: str) -> None:
        self.findings.error(code, message, self.item)

    def warning(self, code: str, message: str) -> None:
        self.findings.warning(code, message, self.item)


def _object(
    entry: dict[str, Any], image: ImageRecord, class_id: int, key: Key | None, place: _Place
) -> Annotation | None:
    box = _box(entry.get("bbox"), image, place)
    polygons, rle = _segmentation(entry.get("segmentation"), image, place)
    points = _keypoints(entry.get("keypoints"), place)
    if box is None and polygons is None and rle is None and points is None:
        if not any(entry.get(name) for name in ("bbox", "segmentation", "keypoints")):
            place.error("no-geometry", "has neither bbox, segmentation nor keypoints")
        return None
    area = number(entry.get("area"))
    if entry.get("area") is not None and (area is None or area < 0):
        place.warning("bad-area", f"area is {_short(entry['area'])}, expected a number >= 0")
        area = None
    return Annotation(
        image=image.name,
        class_id=class_id,
        box=box,
        polygons=polygons,
        keypoints=points,
        rle=rle,
        area=area,
        crowd=entry.get("iscrowd") in (1, True),
        score=number(entry.get("score")),
        id=key,
        attributes={name: value for name, value in entry.items() if name not in _OBJECT_FIELDS},
    )


def parse_box(value: Any) -> Box | None:
    """Return a COCO ``bbox`` as (x, y, width, height), None when it is malformed."""
    box = numbers(value, 4)
    if box is None or box[2] < 0 or box[3] < 0:
        return None
    return box[0], box[1], box[2], box[3]


def parse_keypoints(value: Any) -> tuple[Keypoint, ...] | None:
    """Return COCO ``keypoints`` as (x, y, visibility) triples, None when they are malformed."""
    flat = numbers(value)
    if not flat or len(flat) % 3 or any(each not in (0, 1, 2) for each in flat[2::3]):
        return None
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return tuple((x, y, int(visibility)) for x, y, visibility in triples)


def parse_ring(value: Any) -> tuple[tuple[float, float], ...] | None:
    """Return one flat COCO polygon as points, None when it is malformed (under three points)."""
    flat = numbers(value)
    if flat is None or len(flat) < 6 or len(flat) % 2:
        return None
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def parse_mask(value: Any) -> RunLengthMask:
    """Return a COCO ``segmentation`` object, compressed or not, as a mask.

    Raises
    ------
    ValueError
        If it is malformed; says why.
    """
    size, counts = value.get("size"), value.get("counts")
    sides = tuple(side(each) for each in size) if isinstance(size, list) else ()
    if len(sides) != 2 or None in sides:
        raise ValueError(f"size is {_short(size)}, expected [height, width]")
    if not isinstance(counts, (str, list)):
        raise ValueError("counts is neither text nor a list")
    if isinstance(counts, list) and any(type(each) is not int for each in counts):
        raise ValueError("counts holds something other than integers")
    return parse_run_length((sides[0] or 0, sides[1] or 0), counts)


def _box(value: Any, image: ImageRecord, place: _Place) -> Box | None:
    if value is None:
        return None
    box = parse_box(value)
    if box is None:
        place.error(
            "bad-box",
            f"bbox is {_short(value)}, expected [x, y, width, height], finite, sizes >= 0",
        )
        return None
    x, y, width, height = box
    if width == 0 or height == 0:
        place.warning("empty-box", f"bbox {_short(value)} has no area")
    # One pixel of tolerance: both pixel indices and pixel corners are in use.
    if (
        x < -1
        or y < -1
        or (image.width is not None and x + width > image.width + 1)
        or (image.height is not None and y + height > image.height + 1)
    ):
        place.warning("box-outside-image", f"bbox {_short(value)} leaves image {image.name!r}")
    return box


def _segmentation(
    value: Any, image: ImageRecord, place: _Place
) -> tuple[tuple[Polygon, ...] | None, RunLengthMask | None]:
    if value is None or value == []:
        return None, None
    if isinstance(value, dict):
        return None, _mask(value, image, place)
    if not isinstance(value, list):
        place.error(
            "bad-segmentation", f"segmentation is {_short(value)}, expected polygons or a mask"
        )
        return None, None
    rings = [parse_ring(each) for each in value]
    for number_, ring in enumerate(rings):
        if ring is None:
            place.error(
                "bad-polygon",
                f"segmentation[{number_}]: expected [x1, y1, x2, y2, x3, y3, …], finite",
            )
    polygons = tuple((ring,) for ring in rings if ring is not None)
    return polygons or None, None


def _mask(value: dict[str, Any], image: ImageRecord, place: _Place) -> RunLengthMask | None:
    try:
        mask = parse_mask(value)
    except (ValueError, OverflowError) as error:
        place.error("bad-mask", f"segmentation: {error}")
        return None
    stated = (image.height, image.width)
    if None not in stated and (mask.height, mask.width) != stated:
        place.warning(
            "mask-size",
            f"mask is {mask.height} x {mask.width}, image {image.name!r} {stated[0]} x {stated[1]}",
        )
    return mask


def _keypoints(value: Any, place: _Place) -> tuple[Keypoint, ...] | None:
    if value is None or value == []:
        return None
    points = parse_keypoints(value)
    if points is None:
        place.error("bad-keypoints", "keypoints: expected [x, y, visibility 0|1|2, …], finite")
    return points


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
