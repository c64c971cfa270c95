"""COCO json for a copy of a dataset: names and pixel geometry follow, the rest is kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.formats.coco_reading import (
    load_coco,
    parse_box,
    parse_keypoints,
    parse_mask,
    parse_ring,
)
from iqf_core.datasets.geometry import (
    Transform,
    area_factor,
    move_box,
    move_point,
    resample_nearest,
)
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.datasets.untrusted import ImageNames, dump_json, identifier, number


def rewrite_coco(source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
    """Rewrite the COCO file; see :meth:`DatasetFormat.rewrite`.

    When nothing changes the copy is the same byte for byte.
    """
    document = load_coco(source)
    images, followed, renamed = _images(document["images"], changes)
    objects, moved = _objects(document["annotations"], followed)
    dropped = len(images) < len(document["images"]) or len(objects) < len(document["annotations"])
    if renamed or moved or dropped:
        dump_json({**document, "images": images, "annotations": objects}, target)
    else:
        shutil.copyfile(source, target)


def _images(
    entries: list[Any], changes: Mapping[str, ImageChange]
) -> tuple[list[Any], dict[Any, ImageChange], bool]:
    names = ImageNames(changes)
    kept: list[Any] = []
    followed: dict[Any, ImageChange] = {}
    changed = False
    for entry in entries:
        if not isinstance(entry, dict):
            kept.append(entry)
            continue
        name, key = entry.get("file_name"), identifier(entry.get("id"))
        found = names.find(name)
        if found is None:
            continue
        change = changes[found]
        new = {**entry, "file_name": names.renamed(str(name), found, change.new_name)}
        if change.transform is not None:
            new["height"], new["width"] = change.new_shape
        if key is not None:
            followed.setdefault(key, change)
        changed = changed or new != entry
        kept.append(new)
    return kept, followed, changed


def _objects(entries: list[Any], followed: Mapping[Any, ImageChange]) -> tuple[list[Any], bool]:
    kept: list[Any] = []
    moved = False
    for entry in entries:
        if not isinstance(entry, dict):
            kept.append(entry)
            continue
        key = identifier(entry.get("image_id"))
        change = followed.get(key) if key is not None else None
        if change is None:
            continue
        if change.transform is None:
            kept.append(entry)
        else:
            kept.append(_moved(entry, change, change.transform))
            moved = True
    return kept, moved


def _moved(entry: dict[str, Any], change: ImageChange, transform: Transform) -> dict[str, Any]:
    new = dict(entry)
    box = parse_box(entry.get("bbox"))
    if box is not None:
        new["bbox"] = list(move_box(transform, box))
    if entry.get("keypoints"):
        new["keypoints"] = _moved_keypoints(entry["keypoints"], transform)
    if entry.get("segmentation"):
        new["segmentation"] = _moved_segmentation(entry["segmentation"], change, transform)
    area = number(entry.get("area"))
    if area is not None:
        new["area"] = area * area_factor(transform)
    return new


def _moved_keypoints(value: Any, transform: Transform) -> Any:
    points = parse_keypoints(value)
    if points is None:
        return value
    flat: list[float] = []
    for x, y, visibility in points:
        # What is not labelled stands at (0, 0) by convention, wherever the image went.
        flat += [*(move_point(transform, x, y) if visibility else (x, y)), visibility]
    return flat


def _moved_segmentation(value: Any, change: ImageChange, transform: Transform) -> Any:
    if isinstance(value, list):
        return [_moved_ring(each, transform) for each in value]
    if isinstance(value, dict):
        return _moved_mask(value, change, transform)
    return value


def _moved_ring(value: Any, transform: Transform) -> Any:
    ring = parse_ring(value)
    if ring is None:
        return value
    return [coordinate for x, y in ring for coordinate in move_point(transform, x, y)]


def _moved_mask(value: dict[str, Any], change: ImageChange, transform: Transform) -> Any:
    try:
        mask = parse_mask(value)
    except (ValueError, OverflowError):
        return value
    # Only a mask of the image's own size is one of it, and only that is safe to unfold.
    if (mask.height, mask.width) != tuple(change.old_shape):
        return value
    labels = resample_nearest(mask.decode(), change.new_shape, transform)
    new = RunLengthMask.from_mask(labels)
    counts = new.compressed() if isinstance(value["counts"], str) else list(new.counts)
    return {**value, "size": list(change.new_shape), "counts": counts}
