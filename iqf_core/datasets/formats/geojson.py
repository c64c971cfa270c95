"""GeoJSON: features that name their image (``image_filename``) and their class (``class_id``).

RFC 7946 for the geometry; the ``crs`` member of the 2008 format is read and kept. Coordinates are
map coordinates when the image is georeferenced, else pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from iqf_core.components.dataset_format import DatasetFormat, Finding, ImageChange
from iqf_core.datasets.annotations import Annotations
from iqf_core.datasets.json_scan import json_files, mentions, top_level


class GeoJsonFormat(DatasetFormat):
    """A FeatureCollection beside the image folder."""

    default_name: ClassVar[str] = "annotations.geojson"
    map_coordinates: ClassVar[bool] = True

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return the feature collections in `folder` that name images.

        A single ``.geojson`` file counts even without ``image_filename``, so that reading it can
        say what is missing; beside others it is some other file (an area of interest).
        """
        candidates = [
            path
            for path in json_files(folder, (".geojson", ".json"))
            if path.suffix.lower() == ".geojson" or _is_feature_collection(path)
        ]
        naming = [path for path in candidates if mentions(path, '"image_filename"')]
        if naming or len(candidates) != 1:
            return naming
        return [path for path in candidates if path.suffix.lower() == ".geojson"]

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Read the features as shapely geometries, with their declared reference system.

        Class names (text in ``class_id``) are numbered in alphabetical order, with a finding; a
        property ``class_name`` names the class that ``class_id`` numbers.
        """
        from iqf_core.datasets.formats.geojson_reading import read_geojson

        return read_geojson(path, image_names)

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write one feature per object; run-length masks and keypoints cannot be carried."""
        from iqf_core.datasets.formats.geojson_writing import write_geojson

        return write_geojson(annotations, path)

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Rename images; move coordinates of images without georeference to the new grid.

        A malformed geometry stays as it is, and :meth:`check` reports it in the copy too.
        """
        from iqf_core.datasets.formats.geojson_writing import rewrite_geojson

        rewrite_geojson(source, target, changes)


def _is_feature_collection(path: Path) -> bool:
    if not mentions(path, "FeatureCollection"):
        return False
    return any(key == "type" and value == "FeatureCollection" for key, value in top_level(path))
