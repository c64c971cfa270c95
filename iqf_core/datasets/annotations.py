"""The format-neutral model of annotations.

Coordinates are pixels: (0, 0) is the outer corner of the first pixel, x runs right, y down, and an
image spans [0, width] x [0, height]. Only :attr:`Annotation.geometry` may be in map coordinates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.dataset_format import Finding

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from iqf_core.datasets.run_length import RunLengthMask

Point = tuple[float, float]
#: A closed line, (x, y) in pixels; the first point need not be repeated at the end.
Ring = tuple[Point, ...]
#: The outer ring, then its holes.
Polygon = tuple[Ring, ...]
#: (x, y, width, height): left, top, and size, in pixels.
Box = tuple[float, float, float, float]
#: (x, y, visibility): 0 not labelled, 1 labelled but hidden, 2 visible.
Keypoint = tuple[float, float, int]


@dataclass(frozen=True)
class ImageRecord:
    """What the annotations say about one image.

    Attributes
    ----------
    name
        Path below the image folder, with ``/``.
    height, width
        Size in pixels as stated; None when not stated.
    id
        Its identifier in the source file.
    attributes
        Other fields of the source, unchanged.
    """

    name: str
    height: int | None = None
    width: int | None = None
    id: int | float | str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation:
    """One object in one image.

    An object has at least one of box, polygons, oriented box, keypoints, run-length mask and
    geometry; what the source does not state is None, nothing is derived.

    Attributes
    ----------
    image
        Name of the image, as in :class:`ImageRecord`.
    class_id
        Its class, a key of :attr:`Annotations.classes`.
    box
        (x, y, width, height) in pixels.
    polygons
        One object may consist of several; each is an outer ring and its holes, in pixels.
    oriented_box
        The four corners in order, in pixels.
    keypoints
        (x, y, visibility) in the order the class defines.
    rle
        A mask of the size of the image.
    geometry
        A shapely geometry as the source states it: in map coordinates when the image is
        georeferenced, else in pixels.
    crs
        The coordinate reference system the source declares for `geometry`, as
        ``rasterio.crs.CRS.from_user_input`` takes it; None when it declares none.
    area
        As stated by the source, in square pixels.
    crowd
        Whether it stands for a group of objects (COCO ``iscrowd``).
    score
        Confidence of a prediction; None for ground truth.
    id
        Its identifier in the source file.
    attributes
        Other fields of the source, unchanged.
    """

    image: str
    class_id: int
    box: Box | None = None
    polygons: tuple[Polygon, ...] | None = None
    oriented_box: tuple[Point, Point, Point, Point] | None = None
    keypoints: tuple[Keypoint, ...] | None = None
    rle: RunLengthMask | None = None
    geometry: BaseGeometry | None = None
    crs: str | None = None
    area: float | None = None
    crowd: bool = False
    score: float | None = None
    id: int | float | str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotations:
    """All annotations of a dataset.

    Attributes
    ----------
    classes
        Class number -> name.
    images
        Name -> what the annotations say about the image. An image of the dataset that they do not
        mention is not in it.
    objects
        The annotated objects.
    masks
        Name of an image -> the mask image that holds its class per pixel.
    findings
        What is wrong with the source; objects that cannot be used are reported here and left out.
    class_attributes
        Class number -> other fields of the source about the class (its parent, names of its
        keypoints), unchanged.
    attributes
        Other fields of the source about the whole, unchanged.
    """

    classes: Mapping[int, str] = field(default_factory=dict)
    images: Mapping[str, ImageRecord] = field(default_factory=dict)
    objects: tuple[Annotation, ...] = ()
    masks: Mapping[str, Path] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    class_attributes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def objects_per_class(self) -> dict[int, int]:
        """Count the objects of every class; a declared class without objects counts zero."""
        counts = Counter(each.class_id for each in self.objects)
        return {number: counts[number] for number in sorted({*self.classes, *counts})}

    def annotated_images(self) -> set[str]:
        """Return the names of the images that have an object or a mask."""
        return {each.image for each in self.objects} | set(self.masks)

    def of_image(self, name: str) -> tuple[Annotation, ...]:
        """Return the objects of one image."""
        return tuple(each for each in self.objects if each.image == name)


def merge(parts: Iterable[tuple[str, Annotations]]) -> Annotations:
    """Join the annotations of several sources into one.

    Parameters
    ----------
    parts
        (source, annotations) pairs; the source is named in findings.

    Notes
    -----
    Where two sources name a class differently the first one's name stays, with a finding.
    """
    classes: dict[int, str] = {}
    images: dict[str, ImageRecord] = {}
    objects: list[Annotation] = []
    masks: dict[str, Path] = {}
    findings: list[Finding] = []
    class_attributes: dict[int, Mapping[str, Any]] = {}
    attributes: dict[str, Any] = {}
    for source, part in parts:
        for number, name in part.classes.items():
            if classes.setdefault(number, name) != name:
                findings.append(
                    Finding(
                        "class-name-conflict",
                        "warning",
                        f"class {number} is {name!r} here and {classes[number]!r} elsewhere",
                        file=source,
                    )
                )
        for name, record in part.images.items():
            images.setdefault(name, record)
        objects.extend(part.objects)
        masks.update(part.masks)
        findings.extend(part.findings)
        class_attributes = {**part.class_attributes, **class_attributes}
        attributes = {**part.attributes, **attributes}
    return Annotations(
        classes, images, tuple(objects), masks, tuple(findings), class_attributes, attributes
    )
