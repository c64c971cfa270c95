"""COCO json: boxes, polygons, run-length masks and keypoints of many images in one file.

Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from iqf_core.components.dataset_format import DatasetFormat, Finding, ImageChange
from iqf_core.datasets.annotations import Annotations
from iqf_core.datasets.json_scan import json_files, mentions, top_level


class CocoFormat(DatasetFormat):
    """A ``.json`` file with the lists ``images`` and ``annotations``, beside the image folder."""

    default_name: ClassVar[str] = "annotations.json"

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return the COCO files in `folder`, whatever the order of their keys."""
        return [path for path in json_files(folder, (".json",)) if is_coco(path)]

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Read boxes, polygons, run-length masks and keypoints.

        Other fields of images and objects are kept in their ``attributes``.
        """
        from iqf_core.datasets.formats.coco_reading import read_coco

        return read_coco(path, image_names)

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write `annotations`; holes, oriented boxes and map coordinates cannot be carried."""
        from iqf_core.datasets.formats.coco_writing import write_coco

        return write_coco(annotations, path)

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Rename images; move boxes, polygons, masks, keypoints and areas to the new grid.

        A malformed value stays as it is, and :meth:`check` reports it in the copy too.
        """
        from iqf_core.datasets.formats.coco_rewriting import rewrite_coco

        rewrite_coco(source, target, changes)


def is_coco(path: Path) -> bool:
    """Return whether the file is a JSON object with the lists ``images`` and ``annotations``.

    Reads no further than to the second of them.
    """
    if not mentions(path, '"images"', '"annotations"'):
        return False
    wanted = {"images", "annotations"}
    for key, value in top_level(path):
        if key in wanted:
            if value != "[":
                return False
            wanted.remove(key)
            if not wanted:
                return True
    return False
