"""Checking a GeoJSON file, also one that the strict reader refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from iqf_core.api import DatasetError, ImageNames, Placement
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.numbers import is_whole, short
from iqf_dataset_tools.outlines import Size, outline_problems, outside_problems, shapely
from iqf_dataset_tools.problems import Problems

Found = list[tuple[str, str]]
#: Of an image's sides: an outline that reaches further out may mean a shifted georeference.
_AREA_TYPES = ("Polygon", "MultiPolygon", "GeometryCollection")


class GeoJsonView:
    """A GeoJSON document with what its features mean.

    Parameters
    ----------
    document
        The parsed file.
    names
        The images of the dataset.
    facts
        What is known of them.
    """

    def __init__(
        self, document: dict[str, Any], names: Sequence[str], facts: Mapping[str, ImageFacts]
    ) -> None:
        self.document = document
        self.objects = 0
        self.annotated: set[str] = set()
        self._names = ImageNames(names)
        self._facts = facts
        self._placements: dict[str, Placement | None] = {}

    @property
    def crs(self) -> str | None:
        """The reference system that the file declares."""
        value = self.document.get("crs")
        properties = value.get("properties") if isinstance(value, dict) else None
        name = properties.get("name") if isinstance(properties, dict) else None
        return name if isinstance(name, str) else None

    def image_of(self, feature: Any) -> str | None:
        """Return the image of the dataset that a feature belongs to."""
        name = properties_of(feature).get("image_filename")
        return self._names.find(name)

    def size_of(self, name: str) -> Size | None:
        """Return (height, width) of an image."""
        facts = self._facts.get(name)
        return None if facts is None else facts.size

    def placement_of(self, name: str) -> Placement | None:
        """Return where an image lies on the map."""
        if name not in self._placements:
            facts = self._facts.get(name)
            self._placements[name] = None if facts is None else facts.placement
        return self._placements[name]

    def in_pixels(self, geometry: Any, name: str) -> Any:
        """Return a geometry in pixels of its image.

        Raises
        ------
        DatasetError
            If the declared reference system is unknown.
        """
        placement = self.placement_of(name)
        return geometry if placement is None else placement.to_pixels(geometry, self.crs)


def properties_of(feature: Any) -> dict[str, Any]:
    """Return the properties of a feature; nothing when it has none."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return properties if isinstance(properties, dict) else {}


def check_geojson(view: GeoJsonView, problems: Problems) -> None:
    """Report everything wrong with a GeoJSON document."""
    document = view.document
    if document.get("type") != "FeatureCollection":
        found = short(document.get("type"))
        problems.add("annotations-unreadable", f"type is {found}, expected FeatureCollection")
    features = document.get("features")
    if not isinstance(features, list):
        problems.add("annotations-unreadable", f"features is {short(features)}, expected a list")
        return
    if document.get("crs") is not None and view.crs is None:
        problems.add("bad-crs", "crs: expected a named reference system", "crs")
    ids: set[Any] = set()
    same: dict[str, str] = {}
    for index, feature in enumerate(features):
        item = f"features[{index}]"
        view.objects += 1
        for code, message in feature_problems(feature, view):
            problems.add(code, message, item)
        if not isinstance(feature, dict):
            continue
        key = feature.get("id")
        if isinstance(key, (int, float, str)):
            if key in ids:
                problems.add("duplicate-id", f"id {key!r} is in use before", item)
            ids.add(key)
        properties = properties_of(feature)
        outline = json.dumps(
            [properties.get("image_filename"), properties.get("class_id"), feature.get("geometry")]
        )
        first = same.setdefault(outline, item)
        if first != item and feature.get("geometry") is not None:
            problems.add("duplicate-object", f"is the same as {first}", item)


def feature_problems(feature: Any, view: GeoJsonView) -> Found:
    """Return (code, message) for one feature."""
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        return [("bad-object", f"is {short(feature)}, expected a feature with properties")]
    found: Found = []
    properties = feature["properties"]
    file_name, class_value = properties.get("image_filename"), properties.get("class_id")
    image = view.image_of(feature)
    if not isinstance(file_name, str):
        found.append(("unknown-image", f"image_filename is {short(file_name)}"))
    elif image is None:
        found.append(("missing-image", f"no image {file_name!r} in the image folder"))
    else:
        view.annotated.add(image)
    is_class = is_whole(class_value) or (isinstance(class_value, str) and class_value.strip())
    if not is_class:
        found.append(("bad-class-id", f"class_id is {short(class_value)}"))
    return found + _geometry_problems(feature.get("geometry"), image, view)


def parse_geometry(value: Any) -> Any:
    """Return the shapely geometry of a GeoJSON one; raises what shapely raises."""
    from shapely.geometry import shape

    return shape(value)  # type: ignore[no-untyped-call]


def _geometry_problems(value: Any, image: str | None, view: GeoJsonView) -> Found:
    if value is None:
        return [("missing-geometry", "geometry is null or not there")]
    coordinates = (
        value.get("coordinates", value.get("geometries")) if isinstance(value, dict) else 0
    )
    if coordinates in ([], [[]], [[[]]]):
        return [("empty-geometry", f"{value.get('type')} without coordinates")]
    try:
        geometry = parse_geometry(value)
        points = shapely.get_coordinates(geometry)
    except Exception as error:  # shapely raises whatever malformed coordinates lead to
        return [("bad-geometry", f"{type(error).__name__}: {error}"[:160])]
    if geometry.is_empty:
        return [("empty-geometry", f"{geometry.geom_type} without coordinates")]
    if not (np.abs(points) <= 1e9).all():  # false for NaN too
        return [("polygon-not-finite", "coordinates are NaN or absurd")]
    found = outline_problems(geometry, None)
    if image is None or (found and found[0][0] == "empty-polygon"):
        return found
    size = view.size_of(image)
    if size is None:
        return found
    try:
        outside = outside_problems(view.in_pixels(geometry, image), size)
    except DatasetError as error:
        return [*found, ("bad-crs", str(error))]
    is_georeferenced = view.placement_of(image) is not None
    return found + [
        ("no-overlap" if code == "polygon-outside-image" and is_georeferenced else code, message)
        for code, message in outside
    ]
