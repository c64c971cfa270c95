"""Images without annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from iqf_core.components.dataset_format import DatasetFormat, Finding, ImageChange
from iqf_core.datasets.annotations import Annotations, ImageRecord


class PlainFormat(DatasetFormat):
    """No annotations at all: what a dataset has when no other format is found."""

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return nothing: there is no file to find."""
        return []

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Return the images, without objects."""
        return Annotations(images={name: ImageRecord(name) for name in image_names})

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write nothing; every object is what this format cannot carry."""
        count = len(annotations.objects) + len(annotations.masks)
        if not count:
            return []
        message = f"plain images carry no annotations ({count} are lost)"
        return [Finding("annotations-not-carried", "warning", message, path.name)]

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Write nothing: there are no annotations to follow the images."""
