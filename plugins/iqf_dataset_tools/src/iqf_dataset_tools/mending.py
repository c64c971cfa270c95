"""Mending annotation documents: changes are recorded, what can be repaired is not dropped."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from iqf_core.api import DatasetError
from iqf_dataset_tools import coco_objects
from iqf_dataset_tools.catalogue import CODES, DROPS, REPAIRS
from iqf_dataset_tools.geojson import GeoJsonView, feature_problems, parse_geometry
from iqf_dataset_tools.labels import is_header, label_of, line_problems
from iqf_dataset_tools.numbers import short
from iqf_dataset_tools.outlines import Method, Size, areas, clipped, mended, polygon, shapely
from iqf_dataset_tools.problems import Problems


@dataclass(frozen=True)
class Choices:
    """What may be left out, what is mended, and how.

    Attributes
    ----------
    drop, repair
        Groups of :data:`~iqf_dataset_tools.catalogue.DROPS` and ``REPAIRS``.
    method
        How outlines that cross themselves are mended.
    """

    drop: frozenset[str] = frozenset(DROPS)
    repair: frozenset[str] = frozenset(REPAIRS)
    method: Method = "make_valid"

    def repairs(self, code: str) -> bool:
        """Return whether problems of this kind are mended."""
        return CODES[code].repair in self.repair

    def drops(self, code: str) -> bool:
        """Return whether what has a problem of this kind is left out."""
        return CODES[code].drop in self.drop

    def refused(self, found: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """Return the first problem for which something is left out."""
        return next((each for each in found if self.drops(each[0]) and _is_error(each[0])), None)


def _is_error(code: str) -> bool:
    # Something that merely looks odd is left out only when that is its sole remedy.
    return CODES[code].severity == "error" or not CODES[code].repair


@dataclass(frozen=True)
class Change:
    """One change: where, why, and what it was before and after (cut when long)."""

    file: str
    item: str
    code: str
    action: str
    before: str = ""
    after: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass
class Changes:
    """The changes made to one file."""

    file: str
    made: list[Change] = field(default_factory=list)

    def add(self, item: str, code: str, action: str, before: Any = "", after: Any = "") -> None:
        """Record a change."""
        texts = ["" if each == "" else short(each) for each in (before, after)]
        self.made.append(Change(self.file, item, code, action, *texts))


def mend_coco(
    document: dict[str, Any],
    problems: Problems,
    images: dict[Any, tuple[str | None, Size | None]],
    unreadable: set[str],
    choices: Choices,
    changes: Changes,
) -> dict[str, Any]:
    """Return a mended COCO document."""
    found = problems.by_item()
    result = dict(document)
    result["categories"] = _kept(document.get("categories"), "categories", found, choices, changes)
    entries, renamed, gone = _mend_images(document, found, images, unreadable, choices, changes)
    result["images"] = entries
    used: set[Any] = set()
    kept = []
    objects = document.get("annotations")
    known = {each.get("id") for each in objects or [] if isinstance(each, dict) and _hashable(each)}
    free = max((each for each in known if type(each) is int), default=0) + 1
    for index, source in enumerate(objects if isinstance(objects, list) else []):
        item, entry = f"annotations[{index}]", copy.deepcopy(source)
        codes = [(each.code, each.message) for each in found.get(item, [])]
        if isinstance(entry, dict) and _image_key(entry) in gone:
            changes.add(item, gone[_image_key(entry)], "left out with its image")
            continue
        size = None
        if isinstance(entry, dict):
            key = _image_key(entry)
            size = images[key][1] if key in images else None
            if key in renamed:
                changes.add(item, "duplicate-image", "given to the first entry", key, renamed[key])
                entry["image_id"] = renamed[key]
            _mend_object(entry, size, codes, item, choices, changes)
            own = {"duplicate-id"} if choices.repairs("duplicate-id") else set()
            geometric = {code for code, _ in coco_objects.object_problems(entry, size)}
            codes = [
                each
                for each in codes
                if each[0] not in own and (each[0] in geometric or not _is_geometric(each[0]))
            ]
        refused = choices.refused(codes)
        if refused:
            changes.add(item, refused[0], "left out", refused[1])
            continue
        if isinstance(entry, dict) and _hashable(entry):
            if entry.get("id") in used and choices.repairs("duplicate-id"):
                changes.add(item, "duplicate-id", "renumbered", entry["id"], free)
                entry["id"] = free
                free += 1
            used.add(entry.get("id"))
        kept.append(entry)
    result["annotations"] = kept
    return result


def _hashable(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("id"), (int, float, str))


def _image_key(entry: dict[str, Any]) -> Any:
    key = entry.get("image_id")
    return key if isinstance(key, (int, float, str)) else None


#: Problems that an object has for itself, and that a look at the mended object confirms.
_GEOMETRIC = ("box", "polygon", "empty", "invalid", "missing-area", "bad-area", "area", "bad-rle",
              "rle", "bad-keypoints", "segmentation", "missing-geometry", "no-overlap")  # fmt: skip


def _is_geometric(code: str) -> bool:
    return code.startswith(_GEOMETRIC)


def _kept(
    entries: Any,
    key: str,
    found: dict[str, list[Any]],
    choices: Choices,
    changes: Changes,
) -> list[Any]:
    kept = []
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        item = f"{key}[{index}]"
        refused = choices.refused((each.code, each.message) for each in found.get(item, []))
        if refused:
            changes.add(item, refused[0], "left out", refused[1])
        else:
            kept.append(entry)
    return kept


def _mend_images(
    document: dict[str, Any],
    found: dict[str, list[Any]],
    images: dict[Any, tuple[str | None, Size | None]],
    unreadable: set[str],
    choices: Choices,
    changes: Changes,
) -> tuple[list[Any], dict[Any, Any], dict[Any, str]]:
    """Return the entries, ids that now mean another entry, and ids that are gone (with why)."""
    kept: list[Any] = []
    renamed: dict[Any, Any] = {}
    gone: dict[Any, str] = {}
    first: dict[str, Any] = {}
    entries = document.get("images")
    for index, source in enumerate(entries if isinstance(entries, list) else []):
        item, entry = f"images[{index}]", source
        codes = [(each.code, each.message) for each in found.get(item, [])]
        key = entry.get("id") if isinstance(entry, dict) and _hashable(entry) else None
        name, size = images.get(key, (None, None))
        if name in unreadable and "unreadable" in choices.drop:
            codes.append(("unreadable-image", f"image {name!r} is left out"))
        refused = choices.refused(codes)
        if refused:
            changes.add(item, refused[0], "left out", refused[1])
            if refused[0] == "duplicate-image" and name is not None:
                renamed[key] = first.get(name, key)
            elif refused[0] != "duplicate-image-id" and key is not None:
                gone[key] = refused[0]
            continue
        if name is not None:
            first.setdefault(name, key)
        if size is not None and any(choices.repairs(code) for code, _ in codes):
            before = {side: entry.get(side) for side in ("height", "width")}
            entry = {**entry, "height": size[0], "width": size[1]}
            code = next(code for code, _ in codes if choices.repairs(code))
            changes.add(item, code, "true size", before, {"height": size[0], "width": size[1]})
        kept.append(entry)
    return kept, renamed, gone


def _mend_object(
    entry: dict[str, Any],
    size: Size | None,
    found: list[tuple[str, str]],
    item: str,
    choices: Choices,
    changes: Changes,
) -> None:
    codes = {code for code, _ in found if choices.repairs(code)}
    reshaped = codes & {"invalid-geometry", "polygon-leaves-image"}
    if reshaped and isinstance(entry.get("segmentation"), list):
        before = entry["segmentation"]
        within = size if "polygon-leaves-image" in codes else None
        method = choices.method if "invalid-geometry" in codes else None
        coco_objects.repair_outline(entry, within, method)
        if entry["segmentation"] != before:
            action = f"mended with {method}" if method else "clipped"
            changes.add(item, sorted(reshaped)[0], action, before, entry["segmentation"])
            around = coco_objects.box_of_outline(entry)
            if "bbox" in entry and around is not None:
                changes.add(item, sorted(reshaped)[0], "box follows", entry["bbox"], around)
                entry["bbox"] = around
            if "areas" in choices.repair:
                codes.add("area-mismatch")
    boxes = codes & {"box-type", "box-length", "box-not-finite", "box-negative", "empty-box"}
    if boxes:
        around = coco_objects.box_of_outline(entry)
        if around is not None:
            changes.add(item, sorted(boxes)[0], "box of the outline", entry.get("bbox"), around)
            entry["bbox"] = around
    if "box-leaves-image" in codes and size is not None and isinstance(entry.get("bbox"), list):
        inside = coco_objects.clip_box(entry["bbox"], size)
        if inside != entry["bbox"]:
            changes.add(item, "box-leaves-image", "clipped", entry["bbox"], inside)
            entry["bbox"] = inside
            if not entry.get("segmentation"):
                codes.add("area-mismatch")
    if codes & {"bad-area", "missing-area", "area-mismatch"}:
        area = coco_objects.outline_area(entry)
        if area is not None and area != entry.get("area"):
            code = sorted(codes & {"bad-area", "missing-area", "area-mismatch"})[0]
            changes.add(item, code, "computed area", entry.get("area", "none"), area)
            entry["area"] = area


def mend_geojson(
    view: GeoJsonView, problems: Problems, unreadable: set[str], choices: Choices, changes: Changes
) -> dict[str, Any]:
    """Return a mended GeoJSON document."""
    found = problems.by_item()
    kept: list[Any] = []
    used: set[Any] = set()
    features = view.document.get("features")
    for index, source in enumerate(features if isinstance(features, list) else []):
        item = f"features[{index}]"
        feature = dict(source) if isinstance(source, dict) else source
        codes = [(each.code, each.message) for each in found.get(item, [])]
        name = view.image_of(feature)
        if name in unreadable and "unreadable" in choices.drop:
            changes.add(item, "unreadable-image", "left out with its image")
            continue
        if isinstance(feature, dict) and any(choices.repairs(code) for code, _ in codes):
            _mend_feature(feature, name, view, codes, item, choices, changes)
            codes = [
                *feature_problems(feature, view),
                *(each for each in codes if each[0] == "duplicate-object"),
            ]
        refused = choices.refused(codes)
        if refused:
            changes.add(item, refused[0], "left out", refused[1])
            continue
        key = feature.get("id") if isinstance(feature, dict) else None
        if isinstance(key, (int, float, str)):
            if key in used and choices.repairs("duplicate-id"):
                new = f"{key}-{index}"
                changes.add(item, "duplicate-id", "renumbered", key, new)
                feature["id"] = new
            used.add(key)
        kept.append(feature)
    return {**view.document, "features": kept}


def _mend_feature(
    feature: dict[str, Any],
    name: str | None,
    view: GeoJsonView,
    found: list[tuple[str, str]],
    item: str,
    choices: Choices,
    changes: Changes,
) -> None:
    codes = {code for code, _ in found if choices.repairs(code)}
    before = feature.get("geometry")
    try:
        geometry = parse_geometry(before)
    except Exception:  # it is dropped, or stays, as malformed
        return
    if "invalid-geometry" in codes and not geometry.is_valid:
        geometry = mended(geometry, choices.method)
        if geometry is None:
            return
        feature["geometry"] = _spelled(geometry)
        changes.add(item, "invalid-geometry", f"mended with {choices.method}", before,
                    feature["geometry"])  # fmt: skip
    size = None if name is None else view.size_of(name)
    if "polygon-leaves-image" in codes and name is not None and size is not None:
        outline = _clip_on_map(geometry, name, size, view)
        if outline is not None:
            changes.add(item, "polygon-leaves-image", "clipped", feature["geometry"],
                        _spelled(outline))  # fmt: skip
            feature["geometry"] = _spelled(outline)


def _clip_on_map(geometry: Any, name: str, size: Size, view: GeoJsonView) -> Any | None:
    """Return what of a polygon lies within the image, in the coordinates of the file."""
    if not areas(geometry):
        return None
    placement = view.placement_of(name)
    height, width = size
    frame = shapely.box(0, 0, width, height)
    if placement is None:
        return clipped(geometry, size)
    try:
        corners = placement.to_map(frame, placement.system(geometry, view.crs))
    except DatasetError:
        return None
    parts = areas(shapely.intersection(geometry, corners))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _spelled(geometry: Any) -> dict[str, Any]:
    import json

    from shapely.geometry import mapping

    result: dict[str, Any] = json.loads(json.dumps(mapping(geometry)))  # type: ignore[no-untyped-call]
    return result


def mend_lines(
    format_: str,
    lines: list[str],
    size: Size | None,
    choices: Choices,
    changes: Changes,
) -> list[str]:
    """Return the mended lines of a label file."""
    kept: list[str] = []
    seen: set[str] = set()
    for number, source in enumerate(lines, 1):
        item, line = f"line {number}", source
        if not line.strip() or is_header(format_, line):
            kept.append(line)
            continue
        codes = line_problems(format_, line, size)
        wanted = [code for code, _ in codes if choices.repairs(code)]
        if wanted:
            new = _mended_line(format_, line, size, wanted, choices.method)
            if new is not None and new != line:
                changes.add(item, wanted[0], "mended", line, new)
                line = new
                codes = line_problems(format_, line, size)
        words = " ".join(line.split())
        if words in seen:
            codes.append(("duplicate-object", "appears before"))
        refused = choices.refused(codes)
        if refused:
            changes.add(item, refused[0], "left out", line)
            continue
        seen.add(words)
        kept.append(line)
    return kept


def _mended_line(
    format_: str, line: str, size: Size | None, codes: list[str], method: Method
) -> str | None:
    """Return a line with its outline mended and clipped, None when it cannot be."""
    label = label_of(format_, line)
    if label is None:
        return None
    words = line.split()
    is_box = format_ == "yolo" and len(words) in (5, 6)
    outline = polygon(label.points)
    if "invalid-geometry" in codes:
        outline = mended(outline, method)
    if outline is not None and "polygon-leaves-image" in codes:
        whole = (1, 1) if format_ == "yolo" else size
        outline = None if whole is None else clipped(outline, whole)
    if outline is None or not outline.area:
        return None
    if is_box:
        left, top, right, bottom = outline.bounds
        values = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
        return " ".join([words[0], *(f"{value:.12g}" for value in values), *words[5:]])
    corners = _corners(outline)
    text = [f"{value:.12g}" for x, y in corners for value in (x, y)]
    return " ".join([*text, *words[8:]] if format_ == "dota" else [words[0], *text])


def _corners(outline: Any) -> list[tuple[float, float]]:
    """Return four corners: the outline's own if it has four, else the rectangle around it."""
    parts = areas(outline)
    ring = list(parts[0].exterior.coords)[:-1]
    if len(parts) == 1 and len(ring) == 4:
        return [(float(x), float(y)) for x, y in ring]
    around = shapely.minimum_rotated_rectangle(outline)
    return [(float(x), float(y)) for x, y in list(around.exterior.coords)[:4]]
