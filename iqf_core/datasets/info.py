"""What a dataset consists of, and what is wrong with it; headers are read, never pixels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iqf_core.components.dataset_format import Finding
from iqf_core.errors import DatasetError, ImageError

if TYPE_CHECKING:
    from iqf_core.datasets.annotations import Annotations
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.progress import Bar

SCHEMA = "iqf.dataset-info/1"


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs."""

    id: int
    name: str
    objects: int


@dataclass(frozen=True)
class DatasetInfo:
    """What a dataset consists of.

    Attributes
    ----------
    path, name, kind
        As in :class:`~iqf_core.datasets.dataset.Dataset`.
    images
        Number of image files.
    unreadable
        How many of them cannot be read; each is a finding.
    sizes
        (height, width) in pixels -> number of images, the most frequent first.
    dtypes, bands, drivers
        Data type, number of bands, file type -> number of images.
    peaks
        Value of full scale -> number of images; None stands for unknown.
    gsd_m
        (least, greatest) ground sampling distance in metres, None when no image has one.
    georeferenced, lossy
        Number of images with a georeference, and of those a codec has degraded.
    nbytes
        Size of all images' files.
    formats
        Format of the annotations -> its file, below the dataset; ``plain`` when there are none.
    classes
        Number of objects of each class.
    objects, masks
        Number of annotated objects, and of mask images.
    images_without_annotations
        Names of images without object and mask; empty when there are no annotations at all.
    companions
        Number of other files that belong to the dataset.
    properties
        What ``iqf.yaml`` states.
    findings
        Everything noteworthy: of the folder, the images and the annotations.
    """

    path: str
    name: str
    kind: str
    images: int
    unreadable: int
    sizes: Mapping[tuple[int, int], int]
    dtypes: Mapping[str, int]
    bands: Mapping[int, int]
    drivers: Mapping[str, int]
    peaks: Mapping[float | None, int]
    gsd_m: tuple[float, float] | None
    georeferenced: int
    lossy: int
    nbytes: int
    formats: Mapping[str, str]
    classes: tuple[ClassCount, ...]
    objects: int
    masks: int
    images_without_annotations: tuple[str, ...]
    companions: int
    properties: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @property
    def smallest(self) -> tuple[int, int] | None:
        """(height, width) of the image with the fewest pixels."""
        return min(self.sizes, key=lambda size: (size[0] * size[1], size), default=None)

    @property
    def largest(self) -> tuple[int, int] | None:
        """(height, width) of the image with the most pixels."""
        return max(self.sizes, key=lambda size: (size[0] * size[1], size), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with ``schema``."""
        return {
            "schema": SCHEMA,
            "path": self.path,
            "name": self.name,
            "kind": self.kind,
            "images": {
                "count": self.images,
                "unreadable": self.unreadable,
                "bytes": self.nbytes,
                "sizes": [
                    {"height": height, "width": width, "count": count}
                    for (height, width), count in self.sizes.items()
                ],
                "smallest": _size(self.smallest),
                "largest": _size(self.largest),
                "dtypes": dict(self.dtypes),
                "bands": {str(bands): count for bands, count in self.bands.items()},
                "drivers": dict(self.drivers),
                "peaks": [{"peak": peak, "count": count} for peak, count in self.peaks.items()],
                "gsd_m": None if self.gsd_m is None else list(self.gsd_m),
                "georeferenced": self.georeferenced,
                "lossy": self.lossy,
            },
            "annotations": {
                "formats": dict(self.formats),
                "objects": self.objects,
                "masks": self.masks,
                "classes": [vars(each) for each in self.classes],
                "images_without_annotations": list(self.images_without_annotations),
            },
            "companions": self.companions,
            "properties": _finite(self.properties),
            "findings": [vars(each) for each in self.findings],
        }


def dataset_info(dataset: Dataset, progress: Bar | None = None) -> DatasetInfo:
    """Look at every image's header and at the annotations.

    Parameters
    ----------
    dataset
        The dataset.
    progress
        Advanced by one for each image.
    """
    findings = list(dataset.findings)
    annotations = _annotations(dataset, findings)
    headers = _Headers()
    for name in dataset.image_names:
        try:
            header = dataset.header(name)
        except ImageError as error:
            headers.unreadable += 1
            findings.append(Finding("unreadable-image", "error", error.reason, name))
        else:
            headers.add(header)
            findings += _mismatches(dataset, annotations, name, header)
        if progress is not None:
            progress.advance()
    if headers.peaks[None]:
        findings.append(
            Finding(
                "unknown-peak",
                "warning",
                f"the value of full scale of {headers.peaks[None]} image(s) is unknown; give it as "
                "'peak' in iqf.yaml or with --peak",
            )
        )
    if annotations is not None:
        findings += annotations.findings
    formats = {
        each.format: each.path.relative_to(dataset.path).as_posix()
        for each in dataset.annotation_files
    }
    return DatasetInfo(
        path=str(dataset.path),
        name=dataset.name,
        kind=dataset.kind,
        images=len(dataset),
        unreadable=headers.unreadable,
        sizes=_ordered(headers.sizes),
        dtypes=_ordered(headers.dtypes),
        bands=_ordered(headers.bands),
        drivers=_ordered(headers.drivers),
        peaks=_ordered(headers.peaks),
        gsd_m=headers.gsd_m,
        georeferenced=headers.georeferenced,
        lossy=headers.lossy,
        nbytes=headers.nbytes,
        formats=formats or {"plain": ""},
        classes=_classes(annotations),
        objects=0 if annotations is None else len(annotations.objects),
        masks=0 if annotations is None else len(annotations.masks),
        images_without_annotations=_bare(dataset, annotations),
        companions=len(dataset.companions),
        properties=dataset.properties.stated(),
        findings=tuple(findings),
    )


class _Headers:
    """Sums over the headers of images."""

    def __init__(self) -> None:
        self.unreadable = self.georeferenced = self.lossy = self.nbytes = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.dtypes: Counter[str] = Counter()
        self.bands: Counter[int] = Counter()
        self.drivers: Counter[str] = Counter()
        self.peaks: Counter[float | None] = Counter()
        self.gsd_m: tuple[float, float] | None = None

    def add(self, header: ImageHeader) -> None:
        self.sizes[header.height, header.width] += 1
        self.dtypes[header.dtype] += 1
        self.bands[header.bands] += 1
        self.drivers[header.driver] += 1
        self.peaks[header.peak] += 1
        self.georeferenced += header.georeferenced
        self.lossy += header.lossy
        self.nbytes += header.nbytes
        if header.gsd_m is not None:
            least, greatest = self.gsd_m or (header.gsd_m, header.gsd_m)
            self.gsd_m = min(least, header.gsd_m), max(greatest, header.gsd_m)


def _annotations(dataset: Dataset, findings: list[Finding]) -> Annotations | None:
    try:
        return dataset.annotations()
    except DatasetError as error:
        findings.append(Finding("unreadable-annotations", "error", str(error)))
        return None


def _mismatches(
    dataset: Dataset, annotations: Annotations | None, name: str, header: ImageHeader
) -> list[Finding]:
    from iqf_core.components.modifier import DTYPES

    found = []
    if header.dtype not in DTYPES:
        message = f"holds {header.dtype} pixels; IQF takes {', '.join(DTYPES)}"
        found.append(Finding("unsupported-dtype", "error", message, name))
    bands = dataset.properties.bands
    if bands is not None and len(bands) != header.bands:
        message = f"has {header.bands} bands, iqf.yaml names {len(bands)}"
        found.append(Finding("band-count", "error", message, name))
    record = annotations.images.get(name) if annotations is not None else None
    if record is not None:
        stated = (record.height or header.height, record.width or header.width)
        if stated != (header.height, header.width):
            message = (
                f"is {header.height} x {header.width} pixels, "
                f"its annotations say {stated[0]} x {stated[1]}"
            )
            found.append(Finding("size-mismatch", "error", message, name))
    return found


def _classes(annotations: Annotations | None) -> tuple[ClassCount, ...]:
    if annotations is None:
        return ()
    counts = annotations.objects_per_class()
    return tuple(
        ClassCount(number, annotations.classes.get(number, str(number)), count)
        for number, count in counts.items()
    )


def _bare(dataset: Dataset, annotations: Annotations | None) -> tuple[str, ...]:
    if annotations is None:
        return ()
    annotated = annotations.annotated_images()
    return tuple(name for name in dataset.image_names if name not in annotated)


def _ordered(counts: Counter[Any]) -> dict[Any, int]:
    return {key: count for key, count in counts.most_common() if count}


def _size(size: tuple[int, int] | None) -> dict[str, int] | None:
    return None if size is None else {"height": size[0], "width": size[1]}


def _finite(value: Any) -> Any:
    """Return `value` with NaN and infinity, which JSON does not know, as text."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
