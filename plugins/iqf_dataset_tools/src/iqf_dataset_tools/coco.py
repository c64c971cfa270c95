"""Checking a COCO file, also one that the strict reader refuses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.api import ImageNames
from iqf_dataset_tools.coco_objects import object_problems
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.numbers import is_number, is_side, is_whole, short
from iqf_dataset_tools.outlines import Size
from iqf_dataset_tools.problems import Problems


@dataclass
class CocoView:
    """A COCO document with what its parts mean.

    Attributes
    ----------
    document
        The parsed file.
    images
        Id of an image entry -> (name in the dataset or None, true size or None).
    classes
        Numbers of the classes.
    objects
        How many objects were looked at.
    annotated
        Names of images that have an object.
    """

    document: dict[str, Any]
    images: dict[Any, tuple[str | None, Size | None]] = field(default_factory=dict)
    classes: set[int] = field(default_factory=set)
    objects: int = 0
    annotated: set[str] = field(default_factory=set)


def load(path: Path, problems: Problems) -> dict[str, Any] | None:
    """Return a parsed JSON object, None (and a problem) when it is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        problems.add("annotations-unreadable", f"is no valid JSON: {error}")
        return None
    if not isinstance(document, dict):
        found = type(document).__name__
        problems.add("annotations-unreadable", f"expected a JSON object, found a {found}")
        return None
    return document


def check_coco(
    document: dict[str, Any],
    names: Sequence[str],
    facts: Mapping[str, ImageFacts],
    problems: Problems,
) -> CocoView:
    """Report everything wrong with a COCO document."""
    view = CocoView(document)
    lists = {}
    for key in ("images", "annotations", "categories"):
        value = document.get(key)
        if (value is None and key in document) or key not in document:
            value = []
            if key != "categories" or not document.get("annotations"):
                problems.add("annotations-unreadable", "is missing, expected a list", key)
        elif not isinstance(value, list):
            problems.add("annotations-unreadable", f"is {short(value)}, expected a list", key)
            value = []
        lists[key] = value
    _classes(lists["categories"], view, problems)
    _images(lists["images"], ImageNames(names), facts, view, problems)
    _objects(lists["annotations"], view, problems)
    return view


def _classes(entries: list[Any], view: CocoView, problems: Problems) -> None:
    for index, entry in enumerate(entries):
        item = f"categories[{index}]"
        values = entry if isinstance(entry, dict) else {}
        key, name = values.get("id"), values.get("name")
        if not is_whole(key) or not isinstance(name, str):
            problems.add("bad-class", f"{short(entry)}, expected id and name", item)
        elif int(key) in view.classes:
            problems.add("duplicate-class", f"class {key} is defined before", item)
        else:
            view.classes.add(int(key))


def _images(
    entries: list[Any],
    names: ImageNames,
    facts: Mapping[str, ImageFacts],
    view: CocoView,
    problems: Problems,
) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        item = f"images[{index}]"
        values = entry if isinstance(entry, dict) else {}
        key, name = values.get("id"), values.get("file_name")
        if not isinstance(key, (int, float, str)) or not isinstance(name, str) or not name:
            problems.add("bad-image-entry", f"{short(entry)}, expected id and file_name", item)
            continue
        if key in view.images:
            problems.add("duplicate-image-id", f"id {key!r} is in use before", item)
            continue
        found = names.find(name)
        known = facts.get(found) if found is not None else None
        stated = _stated_size(values)
        true = known.size if known is not None else stated
        view.images[key] = (found, true)
        if _is_unsafe(name):
            problems.add("unsafe-name", f"file_name {name!r} leaves the dataset", item)
        elif found is None:
            problems.add("missing-image", f"no image {name!r} in the image folder", item)
        elif found in seen:
            problems.add("duplicate-image", f"image {found!r} has an entry before", item)
        seen.add(found or "")
        _sizes(values, stated, known, item, problems)


def _sizes(
    values: dict[str, Any],
    stated: Size | None,
    known: ImageFacts | None,
    item: str,
    problems: Problems,
) -> None:
    if stated is None:
        given = {key: values.get(key) for key in ("height", "width")}
        problems.add("bad-size", f"states {given}, expected pixels", item)
    elif known is not None and known.size is not None and stated != known.size:
        problems.add(
            "size-mismatch",
            f"states {stated[0]} x {stated[1]} (height x width), the image has "
            f"{known.height} x {known.width}",
            item,
        )
    bands = next((values[key] for key in ("bands", "channels", "nbands") if key in values), None)
    if known is not None and known.bands and is_whole(bands) and bands != known.bands:
        problems.add("band-mismatch", f"states {bands} bands, the image has {known.bands}", item)


def _stated_size(values: dict[str, Any]) -> Size | None:
    height, width = values.get("height"), values.get("width")
    return (int(height), int(width)) if is_side(height) and is_side(width) else None


def _is_unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or name.startswith(("/", "\\")) or "\0" in name or name[1:2] == ":"


def _objects(entries: list[Any], view: CocoView, problems: Problems) -> None:
    ids: set[Any] = set()
    same: dict[str, str] = {}
    unknown: Counter[int] = Counter()
    for index, entry in enumerate(entries):
        item = f"annotations[{index}]"
        view.objects += 1
        if not isinstance(entry, dict):
            problems.add("bad-object", f"is {short(entry)}", item)
            continue
        key = entry.get("id")
        if isinstance(key, (int, float, str)):
            if key in ids:
                problems.add("duplicate-id", f"id {key!r} is in use before", item)
            ids.add(key)
        size = _place(entry, view, item, problems)
        class_id = entry.get("category_id")
        if not is_whole(class_id):
            problems.add("bad-class-id", f"category_id is {short(class_id)}", item)
        elif int(class_id) not in view.classes:
            unknown[int(class_id)] += 1
            problems.add("unknown-class", f"class {class_id} is not among categories", item)
        for code, message in object_problems(entry, size):
            problems.add(code, message, item)
        outline = json.dumps(
            [entry.get(name) for name in ("image_id", "category_id", "bbox", "segmentation")]
            + [entry.get("keypoints")]
        )
        first = same.setdefault(outline, item)
        if first != item:
            problems.add("duplicate-object", f"is the same as {first}", item)


def _place(entry: dict[str, Any], view: CocoView, item: str, problems: Problems) -> Size | None:
    key = entry.get("image_id")
    usable = isinstance(key, str) or is_number(key)
    if not usable or key not in view.images:
        problems.add("unknown-image", f"image_id {short(key)} is not among images", item)
        return None
    name, size = view.images[key]
    if name is not None:
        view.annotated.add(name)
    return size
