"""Writing YOLO labels: from the neutral model, and for a copy of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from iqf_core.api import (
    Annotation,
    Annotations,
    DatasetError,
    Finding,
    ImageChange,
    ImageRecord,
    open_dataset,
)
from iqf_formats_detection import label_files
from iqf_formats_detection.classes import DATA_FILES, counted_from_zero, data_file, read_data
from iqf_formats_detection.label_files import Line
from iqf_formats_detection.outlines import Point, corners, moved, spelled, upright_box
from iqf_formats_detection.yolo_reading import parse

Lost = Counter[tuple[str, str]]

#: A label that reaches outside by less than this fraction of the image does so by rounding.
_ROUNDING = 1e-6


def write_labels(annotations: Annotations, path: Path, task: str) -> list[Finding]:
    """Write `annotations` into the folder `path`; see :meth:`DatasetFormat.write`."""
    lost: Lost = Counter()
    task = _task(annotations.objects) if task == "auto" else task
    numbers = _numbers(annotations, lost)
    lines: dict[str, list[str]] = {name: [] for name in annotations.images}
    for each in annotations.objects:
        record = annotations.images.get(each.image) or ImageRecord(each.image)
        values = _values(each, task, record, path, lost)
        if values is None:
            continue
        _count_lost(each, task, lost)
        words = [str(numbers[each.class_id]), *map(spelled, values)]
        words += [] if each.score is None else [spelled(each.score)]
        lines.setdefault(each.image, []).append(" ".join(words))
    label_files.require_own_labels(lines, path)
    path.mkdir(parents=True, exist_ok=True)
    for image, objects in lines.items():
        label_files.write_lines(path / label_files.label_name(image), objects)
    folder = _image_folder(path.parent)
    names = {new: annotations.classes.get(old, str(old)) for old, new in numbers.items()}
    _write_data(path.parent, folder, names)
    if annotations.masks:
        lost["masks-not-carried", "mask images"] = len(annotations.masks)
    findings = [
        Finding(code, "warning", f"YOLO cannot carry {what} ({count} of them)", path.name)
        for (code, what), count in lost.items()
        if count
    ]
    if folder != "images":
        message = f"trainers look for labels/ beside images/; the image folder is {folder!r}"
        findings.append(Finding("image-folder", "warning", message, path.name))
    return findings


def _task(objects: Iterable[Annotation]) -> str:
    polygons = boxes = False
    for each in objects:
        if each.oriented_box is not None:
            return "oriented"
        polygons = polygons or each.polygons is not None
        boxes = boxes or each.box is not None
    return "polygons" if polygons and not boxes else "boxes"


def _numbers(annotations: Annotations, lost: Lost) -> dict[int, int]:
    """Return class number -> the number that is written: they must count from 0."""
    used = {*annotations.classes, *(each.class_id for each in annotations.objects)}
    numbers = counted_from_zero(used)
    if any(old != new for old, new in numbers.items()):
        what = "class numbers with gaps, classes are counted from 0"
        lost["classes-renumbered", what] = len(used)
    return numbers


def _values(
    each: Annotation, task: str, record: ImageRecord, path: Path, lost: Lost
) -> list[float] | None:
    """Return what stands behind the class number, None when nothing of the object is left."""
    if not record.width or not record.height:
        raise DatasetError(
            f"{path}: the size of image {each.image!r} is not known, and YOLO counts in fractions "
            "of it"
        )
    width, height = record.width, record.height
    if task == "boxes":
        box = upright_box(each)
        if box is None:
            lost["object-not-carried", "objects without an outline in pixels"] += 1
            return None
        return _box_values(box, width, height, lost)
    points = _points(each, task, lost)
    if points is None:
        lost["object-not-carried", "objects without an outline in pixels"] += 1
        return None
    fractions = [(x / width, y / height) for x, y in points]
    clipped = [(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in fractions]
    if len({x for x, _ in clipped}) < 2 or len({y for _, y in clipped}) < 2:
        lost["outside-image", "objects outside their image"] += 1
        return None
    reach = max(
        abs(a - b)
        for point, inside in zip(fractions, clipped, strict=True)
        for a, b in zip(point, inside, strict=True)
    )
    lost["clipped", "what lies outside the image, corners were moved to its edge"] += (
        reach > _ROUNDING
    )
    return [value for point in clipped for value in point]


def _box_values(
    box: tuple[float, float, float, float], width: int, height: int, lost: Lost
) -> list[float] | None:
    left, top = box[0] / width, box[1] / height
    right, bottom = (box[0] + box[2]) / width, (box[1] + box[3]) / height
    edges = [min(max(edge, 0.0), 1.0) for edge in (left, top, right, bottom)]
    if (edges[2] <= edges[0] and box[2] > 0) or (edges[3] <= edges[1] and box[3] > 0):
        lost["outside-image", "objects outside their image"] += 1
        return None
    reach = max(abs(a - b) for a, b in zip(edges, (left, top, right, bottom), strict=True))
    lost["clipped", "what lies outside the image, boxes were clipped"] += reach > _ROUNDING
    left, top, right, bottom = edges
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _points(each: Annotation, task: str, lost: Lost) -> Sequence[Point] | None:
    if task == "polygons" and each.polygons:
        rings = max(each.polygons, key=lambda rings: abs(_signed_area(rings[0])))
        is_less = len(each.polygons) > 1 or len(rings) > 1
        lost["parts-not-carried", "holes and smaller parts of polygons"] += is_less
        return rings[0]
    found = corners(each)
    if found is None:
        return None
    lost["outline-not-carried", "outlines, they became rectangles"] += found[1]
    return found[0]


def _signed_area(ring: Sequence[Point]) -> float:
    pairs = zip(ring, (*ring[1:], ring[0]), strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs) / 2


def _count_lost(each: Annotation, task: str, lost: Lost) -> None:
    lost["outline-not-carried", "outlines, they became boxes"] += task == "boxes" and bool(
        each.polygons or each.rle is not None or each.oriented_box is not None
    )
    lost["keypoints-not-carried", "keypoints"] += each.keypoints is not None
    lost["crowd-not-carried", "marks of groups of objects"] += each.crowd
    lost["difficulty-not-carried", "marks of difficult objects"] += bool(
        each.attributes.get("difficult")
    )


def _image_folder(folder: Path) -> str:
    """Return the name of the image folder, which is there before its labels."""
    try:
        dataset = open_dataset(folder)
    except DatasetError:
        return "images"
    return "." if dataset.images_folder == folder else dataset.images_folder.name


def _write_data(folder: Path, images: str, names: dict[int, str]) -> None:
    path = data_file(folder)
    data: dict[str, Any] = {"train": images, "val": images} if path is None else read_data(path)
    data.pop("nc", None)
    data["names"] = names
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    (path or folder / DATA_FILES[0]).write_text(text, encoding="utf-8")


def moved_line(line: Line, change: ImageChange) -> str:
    """Return a line of labels for an image whose pixel grid changed."""
    parsed = parse(line)
    if parsed is None or change.transform is None:
        return line.text
    old_height, old_width = change.old_shape
    new_height, new_width = change.new_shape
    if parsed.is_box:
        x, y, w, h = parsed.values
        a, b, _, d, e, _ = change.transform
        centre = moved(change.transform, x * old_width, y * old_height)
        size = (w * old_width, h * old_height)
        values = [
            centre[0] / new_width,
            centre[1] / new_height,
            (abs(a) * size[0] + abs(b) * size[1]) / new_width,
            (abs(d) * size[0] + abs(e) * size[1]) / new_height,
        ]
    else:
        values = []
        for x, y in zip(parsed.values[::2], parsed.values[1::2], strict=True):
            point = moved(change.transform, x * old_width, y * old_height)
            values += [point[0] / new_width, point[1] / new_height]
    behind = line.words[1 + len(parsed.values) :]
    return " ".join([line.words[0], *map(spelled, values), *behind])
