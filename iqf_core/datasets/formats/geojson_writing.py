"""Writing GeoJSON: from the neutral model, and for a copy of a dataset."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.components.dataset_format import Finding, ImageChange
from iqf_core.datasets.annotations import Annotation, Annotations, Ring
from iqf_core.datasets.formats.geojson_reading import (
    CLASS_KEY,
    CLASS_NAME_KEY,
    IMAGE_KEY,
    load_geojson,
    properties_of,
)
from iqf_core.datasets.geometry import Transform, move_point
from iqf_core.datasets.untrusted import ImageNames, dump_json, number


def rewrite_geojson(source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
    """Rewrite the GeoJSON file; see :meth:`DatasetFormat.rewrite`.

    When nothing changes the copy is the same byte for byte.
    """
    document = load_geojson(source)
    names = ImageNames(changes)
    kept: list[Any] = []
    followed = 0
    for feature in document["features"]:
        file_name = properties_of(feature).get(IMAGE_KEY)
        if file_name is None:
            kept.append(feature)
            continue
        image = names.find(file_name)
        if image is not None:
            new_name = names.renamed(file_name, image, changes[image].new_name)
            kept.append(_followed(feature, new_name, changes[image]))
            followed += 1
    if not followed and len(kept) < len(document["features"]):
        kept = []  # what is left names no image, and would make the copy no annotation file
    if kept == document["features"]:
        shutil.copyfile(source, target)
        return
    new = {**document, "features": kept}
    if any(each.transform is not None and not each.georeferenced for each in changes.values()):
        new.pop("bbox", None)
    dump_json(new, target)


def _followed(feature: dict[str, Any], new_name: str, change: ImageChange) -> dict[str, Any]:
    new = {**feature, "properties": {**feature["properties"], IMAGE_KEY: new_name}}
    if change.transform is not None and not change.georeferenced:
        if "geometry" in feature:
            new["geometry"] = _moved_geometry(feature["geometry"], change.transform)
        new.pop("bbox", None)  # optional, and no longer true
    return new


def _moved_geometry(value: Any, transform: Transform) -> Any:
    if not isinstance(value, dict):
        return value
    new = {key: each for key, each in value.items() if key != "bbox"}
    if "coordinates" in new:
        new["coordinates"] = _moved(new["coordinates"], transform)
    if isinstance(new.get("geometries"), list):
        new["geometries"] = [_moved_geometry(each, transform) for each in new["geometries"]]
    return new


def _moved(value: Any, transform: Transform) -> Any:
    """Move a position, or every position in nested lists; anything else stays as it is."""
    if not isinstance(value, list):
        return value
    if len(value) >= 2 and not isinstance(value[0], list):
        x, y = number(value[0]), number(value[1])
        return value if x is None or y is None else [*move_point(transform, x, y), *value[2:]]
    return [_moved(each, transform) for each in value]


def write_geojson(annotations: Annotations, path: Path) -> list[Finding]:
    """Write `annotations` to `path`; see :meth:`DatasetFormat.write`."""
    lost: Counter[tuple[str, str]] = Counter()
    systems = {each.crs for each in annotations.objects if each.crs is not None}
    crs = min(systems, default=None)
    features = []
    for each in annotations.objects:
        geometry = _geometry(each, lost)
        if geometry is None or (each.crs is not None and each.crs != crs):
            lost["object-not-carried", "objects without a geometry in its reference system"] += 1
            continue
        properties = {**each.attributes, IMAGE_KEY: each.image, CLASS_KEY: each.class_id}
        name = annotations.classes.get(each.class_id, str(each.class_id))
        if name != str(each.class_id):
            properties[CLASS_NAME_KEY] = name
        if each.score is not None:
            properties["score"] = each.score
        feature: dict[str, Any] = {"type": "Feature"}
        if each.id is not None:
            feature["id"] = each.id
        features.append({**feature, "properties": properties, "geometry": geometry})
    document: dict[str, Any] = {"type": "FeatureCollection"}
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    dump_json({**document, "features": features}, path)
    used = {each.class_id for each in annotations.objects}
    empty = [number for number in annotations.classes if number not in used]
    if empty:
        lost["classes-not-carried", "classes without objects"] = len(empty)
    if annotations.masks:
        lost["masks-not-carried", "mask images"] = len(annotations.masks)
    return [
        Finding(code, "warning", f"GeoJSON cannot carry {what} ({count} of them)", path.name)
        for (code, what), count in lost.items()
    ]


def _geometry(each: Annotation, lost: Counter[tuple[str, str]]) -> Any:
    """Return the object's geometry as GeoJSON, None when it has none that GeoJSON can hold."""
    if each.rle is not None:
        lost["mask-not-carried", "run-length masks"] += 1
    if each.keypoints is not None:
        lost["keypoints-not-carried", "keypoints"] += 1
    if each.geometry is not None:
        return each.geometry.__geo_interface__
    if each.polygons:
        polygons = [[_closed(ring) for ring in rings] for rings in each.polygons]
        if len(polygons) == 1:
            return {"type": "Polygon", "coordinates": polygons[0]}
        return {"type": "MultiPolygon", "coordinates": polygons}
    if each.oriented_box is not None:
        return {"type": "Polygon", "coordinates": [_closed(each.oriented_box)]}
    if each.box is not None:
        x, y, width, height = each.box
        corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
        return {"type": "Polygon", "coordinates": [_closed(corners)]}
    return None


def _closed(ring: Ring) -> list[list[float]]:
    points = [list(point) for point in ring]
    return points if points[0] == points[-1] else [*points, points[0]]
