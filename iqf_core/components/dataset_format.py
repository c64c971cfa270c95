"""Dataset formats: how annotations are stored beside the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from iqf_core.components.base import BaseComponent
from iqf_core.components.modifier import Geometry

if TYPE_CHECKING:
    from iqf_core.datasets.annotations import Annotations


@dataclass(frozen=True)
class ImageChange:
    """What became of one image in a copy of a dataset.

    Attributes
    ----------
    new_name
        Its path below the copy's image folder, with ``/``.
    old_shape, new_shape
        (height, width) in pixels before and after.
    transform
        Pixel mapping as in :class:`~iqf_core.components.modifier.Geometry`; None when the grid
        stayed the same.
    georeferenced
        Whether the image carries a georeference (annotations in map coordinates then stay).
    """

    new_name: str
    old_shape: tuple[int, int]
    new_shape: tuple[int, int]
    transform: tuple[float, float, float, float, float, float] | None = None
    georeferenced: bool = False

    @property
    def geometry(self) -> Geometry | None:
        """The change of the grid, None when there is none."""
        return Geometry(self.new_shape, self.transform) if self.transform else None


@dataclass(frozen=True)
class Finding:
    """Something noteworthy in a dataset.

    Attributes
    ----------
    code
        Stable identifier in kebab-case (``missing-image``).
    severity
        ``"error"``, ``"warning"`` or ``"info"``.
    message
        What is wrong and what was expected.
    file, item
        Where: the file, and the object in it (``annotations[12]``).
    """

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    file: str = ""
    item: str = ""


class DatasetFormat(BaseComponent):
    """A way of storing annotations in a dataset folder.

    Attributes
    ----------
    default_name
        What a new file or folder of this format is called, directly in the dataset folder; empty
        when new ones are not made.
    map_coordinates
        Whether objects of georeferenced images are written in map coordinates
        (``Annotation.geometry``); the others are always in pixels.
    """

    kind: ClassVar[str] = "format"
    default_name: ClassVar[str] = ""
    map_coordinates: ClassVar[bool] = False

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        """Return the files or folders in the dataset `folder` that are annotations of this format.

        Cheap: it looks at names and at the beginning of files. More than one path for one format
        is reported as an ambiguity by the caller.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement detect()")

    def read(self, path: Path, image_names: Sequence[str]) -> Annotations:
        """Read the annotations at `path`.

        Parameters
        ----------
        path
            What :meth:`detect` found.
        image_names
            The images of the dataset, paths below the image folder with ``/``.

        Raises
        ------
        DatasetError
            If the file is not what it claims to be; names the file and the place in it. Single
            bad objects are no error: they become findings of the result.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement read()")

    def write(self, annotations: Annotations, path: Path) -> list[Finding]:
        """Write `annotations` to `path`; return what this format cannot carry."""
        raise NotImplementedError(f"{type(self).__name__} does not implement write()")

    def rewrite(self, source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
        """Copy the annotations at `source` to `target` for a copy of the dataset.

        Everything that does not depend on file names or on the pixel grid is kept as it is,
        unknown fields included.

        Parameters
        ----------
        changes
            What became of each image, by old name; images left out of the copy are not in it, and
            their annotations are dropped.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement rewrite()")

    def check(self, path: Path, image_names: Sequence[str]) -> list[Finding]:
        """Return the problems of the annotations at `path`, without reading any image."""
        return list(self.read(path, image_names).findings)
