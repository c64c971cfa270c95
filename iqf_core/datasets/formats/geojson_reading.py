"""Reading GeoJSON into the neutral model; every bad feature becomes a finding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.datasets.annotations import Annotation, Annotations, ImageRecord
from iqf_core.datasets.findings import Findings
from iqf_core.datasets.untrusted import (
    MAX_COORDINATE,
    ImageNames,
    identifier,
    load_json,
    number,
    printable,
    refusal,
    whole,
)
from iqf_core.errors import DatasetError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

IMAGE_KEY = "image_filename"
CLASS_KEY = "class_id"
CLASS_NAME_KEY = "class_name"


def read_geojson(path: Path, image_names: Sequence[str]) -> Annotations:
    """Read the GeoJSON file at `path`; see :meth:`DatasetFormat.read`."""
    document = load_geojson(path)
    findings = Findings(path.name)
    features = document["features"]
    _require_column(path, features)
    names = ImageNames(image_names)
    classes = _classes(features, findings)
    crs = _declared_crs(document.get("crs"), findings)
    objects: list[Annotation] = []
    for index, feature in enumerate(features):
        item = f"features[{index}]"
        annotation = _object(feature, names, classes, crs, findings, item)
        if annotation is not None:
            objects.append(annotation)
    images = {each.image: ImageRecord(each.image) for each in objects}
    named = {class_id: str(name) for name, class_id in classes.items()}
    for each in objects:
        name = each.attributes.get(CLASS_NAME_KEY)
        if isinstance(name, str) and named.get(each.class_id) == str(each.class_id):
            named[each.class_id] = printable(name)
    return Annotations(dict(sorted(named.items())), images, tuple(objects), findings=findings.all())


def load_geojson(path: Path) -> dict[str, Any]:
    """Return the parsed feature collection.

    Raises
    ------
    DatasetError
        If it is no JSON object of type FeatureCollection with a list of features.
    """
    document = load_json(path)
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise DatasetError(f"{path}: expected a GeoJSON object of type FeatureCollection")
    if not isinstance(document.get("features"), list):
        raise DatasetError(f"{path}: features: expected a list")
    return document


def properties_of(feature: Any) -> dict[str, Any]:
    """Return the properties of a feature; nothing when it has none or is malformed."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return properties if isinstance(properties, dict) else {}


def _require_column(path: Path, features: list[Any]) -> None:
    if features and not any(IMAGE_KEY in properties_of(feature) for feature in features):
        raise DatasetError(
            f"{path}: no feature has the property {IMAGE_KEY!r}; as annotations of images, "
            f"features need {IMAGE_KEY}, {CLASS_KEY} and a geometry"
        )


def _classes(features: list[Any], findings: Findings) -> dict[int | str, int]:
    """Return class value -> number: numbers stand for themselves, names are numbered."""
    values = [properties_of(feature).get(CLASS_KEY) for feature in features]
    stated = {each for each in map(whole, values) if each is not None}
    words = sorted(
        {printable(value) for value in values if isinstance(value, str) and whole(value) is None}
    )
    classes: dict[int | str, int] = {each: each for each in stated}
    free = 0
    for word in words:
        while free in stated:
            free += 1
        classes[word] = free
        free += 1
    if words:
        numbering = ", ".join(f"{word!r} = {classes[word]}" for word in words[:20])
        findings.info(
            "named-classes", f"{CLASS_KEY} holds names, numbered alphabetically: {numbering}"
        )
    return classes


def _declared_crs(value: Any, findings: Findings) -> str | None:
    if value is None:
        return None
    properties = value.get("properties") if isinstance(value, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        findings.warning("bad-crs", "crs: expected a named reference system", "crs")
        return None
    return printable(name)


def _object(
    feature: Any,
    names: ImageNames,
    classes: dict[int | str, int],
    crs: str | None,
    findings: Findings,
    item: str,
) -> Annotation | None:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        findings.error("bad-feature", "expected a feature with properties", item)
        return None
    properties = feature["properties"]
    file_name, class_value = properties.get(IMAGE_KEY), properties.get(CLASS_KEY)
    if not isinstance(file_name, str):
        findings.error("bad-image", f"{IMAGE_KEY} is missing or no text", item)
        return None
    image = names.find(file_name)
    if image is None:
        reason = refusal(file_name)
        if reason:
            findings.error("unsafe-name", f"{IMAGE_KEY} {file_name!r} {reason}", item)
        else:
            findings.error("missing-image", f"no image {file_name!r} in the image folder", item)
        return None
    numbered = whole(class_value)
    class_id = numbered
    if numbered is None and isinstance(class_value, str):
        class_id = classes[printable(class_value)]
    if class_id is None:
        findings.error("bad-class-id", f"{CLASS_KEY} is missing or no integer", item)
        return None
    geometry = _geometry(feature.get("geometry"), findings, item)
    if geometry is None:
        return None
    return Annotation(
        image=image,
        class_id=class_id,
        geometry=geometry,
        crs=crs,
        score=number(properties.get("score")),
        id=identifier(feature.get("id")),
        attributes={
            key: value
            for key, value in properties.items()
            if key not in (IMAGE_KEY, CLASS_KEY, "score")
        },
    )


def _geometry(value: Any, findings: Findings, item: str) -> BaseGeometry | None:
    import shapely
    from shapely.geometry import shape

    if value is None:
        findings.error("no-geometry", "has no geometry", item)
        return None
    try:
        geometry: BaseGeometry = shape(value)  # type: ignore[no-untyped-call]
        coordinates = shapely.get_coordinates(geometry)
        valid = geometry.is_valid
    except Exception as error:  # shapely raises whatever malformed coordinates lead to
        findings.error("bad-geometry", f"geometry: {type(error).__name__}: {error}"[:200], item)
        return None
    if geometry.is_empty:
        findings.error("empty-geometry", "geometry has no coordinates", item)
        return None
    if not (abs(coordinates) <= MAX_COORDINATE).all():  # false for NaN too
        findings.error("bad-geometry", "geometry has coordinates that are NaN or absurd", item)
        return None
    if not valid:
        reason = shapely.is_valid_reason(geometry)  # type: ignore[no-untyped-call]
        findings.warning("invalid-geometry", f"geometry is not valid: {reason}", item)
    return geometry
