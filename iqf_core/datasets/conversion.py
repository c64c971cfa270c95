"""Writing a dataset anew with its annotations in another format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.dataset_format import DatasetFormat, Finding, ImageChange
from iqf_core.datasets.annotations import Annotation, Annotations, ImageRecord, merge
from iqf_core.datasets.atomic import cannot_write, locked, partial_folder
from iqf_core.datasets.deriving import (
    copy_properties,
    open_unchanged,
    readable_headers,
    require_outside,
)
from iqf_core.datasets.following import (
    below,
    link_or_copy,
    make_folders,
    write_companions,
)
from iqf_core.datasets.shapes import CRS84, Placement, name_crs, parse_crs, pixel_shape, polygons_of
from iqf_core.datasets.tiling_annotations import write_with
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import AnnotationFile, Dataset
    from iqf_core.imaging.header import ImageHeader


@dataclass(frozen=True)
class ConvertedDataset:
    """A dataset in another format.

    Attributes
    ----------
    path
        Its folder.
    annotations
        The annotation file or folder in it.
    objects
        How many objects were read.
    findings
        What is wrong with the source, and what could not be carried over.
    """

    path: Path
    annotations: Path
    objects: int
    findings: tuple[Finding, ...]


def convert_dataset(
    dataset: Dataset,
    target: Path,
    format_: DatasetFormat,
    *,
    source: str | None = None,
    quiet: bool = False,
) -> ConvertedDataset:
    """Write a complete new dataset with the annotations of `dataset` in another format.

    Images are linked where the file system can; masks, tables and ``iqf.yaml`` are copied.

    Parameters
    ----------
    dataset
        The source; it is not changed.
    target
        The folder of the new dataset, which must not exist.
    format_
        The format to write.
    source
        The format to read, where the dataset has annotations in several.
    quiet
        Show no progress.

    Raises
    ------
    ConfigurationError
        If the format cannot be written, or it is not clear what to read.
    DatasetError
        If the target exists, files cannot be read, or the target cannot be written. Nothing is left
        behind.
    """
    target = Path(target).absolute()
    if not format_.default_name:
        raise ConfigurationError(
            f"annotations cannot be converted to {type(format_).__name__}: it holds no objects"
        )
    if dataset.kind == "image":
        raise ConfigurationError(f"{dataset.path}: one image has no annotations to convert")
    require_outside(dataset, target)
    if target.exists() or target.is_symlink():
        raise DatasetError(f"{target}: exists already; give a new folder")
    file = _chosen(dataset, source)
    converted = {each.path for each in dataset.annotation_files if each.format != "masks"}
    taken = [
        name
        for name in dataset.companions
        if name.partition("/")[0] == format_.default_name
        and dataset.path / name.partition("/")[0] not in converted
    ]
    if taken:
        raise DatasetError(
            f"{dataset.path / taken[0]}: is in the way, new annotations are called "
            f"{format_.default_name!r}; move it away"
        )
    headers = readable_headers(dataset, quiet=quiet)
    with progress(f"Converting {file.path.name}", quiet=quiet):
        read = dataset.read_annotations(file)
        converter = _Converter(dataset, headers, format_.map_coordinates, file.path.name)
        annotations = converter.converted(read)
    findings = [*read.findings, *converter.findings()]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        locked(target.parent, target.name, quiet=quiet),
        partial_folder(target.parent, target.name, target) as partial,
    ):
        try:
            _write_rest(dataset, partial, target, headers, quiet=quiet)
            new = partial / format_.default_name
            findings += write_with(format_, annotations, new, file)
        except OSError as error:
            raise cannot_write(target.parent, error) from error
    return ConvertedDataset(
        target, target / format_.default_name, len(read.objects), tuple(findings)
    )


def _chosen(dataset: Dataset, source: str | None) -> AnnotationFile:
    files = {each.format: each for each in dataset.annotation_files if each.format != "masks"}
    if source is not None:
        if source not in files:
            has = ", ".join(files) or "no annotations of objects"
            raise ConfigurationError(f"{dataset.path}: has no {source} annotations; it has {has}")
        return files[source]
    if not files:
        what = "mask images only" if dataset.annotation_files else "no annotations"
        raise ConfigurationError(f"{dataset.path}: has {what}; there is nothing to convert")
    if len(files) > 1:
        listed = " and ".join(f"{each.format} ({each.path.name})" for each in files.values())
        raise ConfigurationError(f"{dataset.path}: has {listed}; say which with --from")
    return next(iter(files.values()))


def _write_rest(
    dataset: Dataset,
    target: Path,
    final: Path,
    headers: Mapping[str, ImageHeader],
    *,
    quiet: bool,
) -> None:
    """Write everything but the annotations of objects."""
    images = target / below(dataset)
    make_folders(images, dataset.image_names)
    with progress(f"Linking {dataset.name}", len(dataset), quiet=quiet) as bar:
        for name in dataset.image_names:
            link_or_copy(dataset.image_path(name), images / name)
            bar.advance()
    changes = {
        name: ImageChange(name, header.shape[:2], header.shape[:2])
        for name, header in headers.items()
    }
    masks = dataset.masks_folder
    if masks is not None:
        dataset.format("masks").rewrite(masks, target / masks.name, changes)
    write_companions(dataset, target, final, changes, set(dataset.image_names))
    copy_properties(dataset, target)


class _Converter:
    """Brings annotations to true image sizes, and to pixels or to the map."""

    def __init__(
        self,
        dataset: Dataset,
        headers: Mapping[str, ImageHeader],
        to_map: bool,
        file: str,
    ) -> None:
        self._dataset, self._headers, self._to_map = dataset, headers, to_map
        self._file = file
        self._placements: dict[str, Placement] = {}
        self._crs: str | None = None
        self._lies: list[str] = []
        self._lost: Counter[str] = Counter()

    def converted(self, read: Annotations) -> Annotations:
        """Return `read` with a record of every image, and with coordinates as the target has."""
        images = {name: self._record(name, read) for name in self._dataset.image_names}
        objects = self._on_map(read.objects) if self._to_map else self._in_pixels(read.objects)
        return merge([(self._file, replace(read, images=images, objects=tuple(objects)))])

    def findings(self) -> Iterable[Finding]:
        """Yield what is wrong and what was lost."""
        if self._lies:
            more = f" and of {len(self._lies) - 1} more images" if len(self._lies) > 1 else ""
            message = f"the stated size of {self._lies[0]!r}{more} is not that of the file"
            yield Finding("size-mismatch", "warning", f"{message}; the file's is taken", self._file)
        for reason, count in self._lost.items():
            yield Finding(
                "not-placed", "error", f"{count} objects are left out: {reason}", self._file
            )

    def _record(self, name: str, read: Annotations) -> ImageRecord:
        header = self._headers[name]
        record = read.images.get(name) or ImageRecord(name)
        stated = (record.height or header.height, record.width or header.width)
        if stated != (header.height, header.width):
            self._lies.append(name)
        return replace(record, height=header.height, width=header.width)

    def _in_pixels(self, objects: Sequence[Annotation]) -> Iterable[Annotation]:
        for each in objects:
            if each.geometry is None:
                yield each
                continue
            try:
                geometry: Any = each.geometry
                if self._headers[each.image].georeferenced:
                    geometry = self._placement(each.image).to_pixels(geometry, each.crs)
            except DatasetError as error:
                self._lost[str(error)] += 1
                continue
            polygons = polygons_of(geometry)
            if not polygons:
                self._lost["points and lines have no area in pixels"] += 1
                continue
            left, top, right, bottom = geometry.bounds
            yield replace(
                each,
                box=(left, top, right - left, bottom - top),
                polygons=polygons,
                area=float(geometry.area),
                geometry=None,
                crs=None,
            )

    def _on_map(self, objects: Sequence[Annotation]) -> Iterable[Annotation]:
        system = self._common_system(objects)
        for each in objects:
            if each.geometry is not None or not self._headers[each.image].georeferenced:
                yield each
                continue
            shape = pixel_shape(each)
            if shape is None and each.rle is not None:
                x, y, width, height = each.rle.box()
                shape = pixel_shape(replace(each, box=(x, y, width, height)))
            if shape is None:
                self._lost["they have no outline"] += 1
                continue
            try:
                target = None if system is None else parse_crs(system)
                geometry = self._placement(each.image).to_map(shape, target)
            except DatasetError as error:
                self._lost[str(error)] += 1
                continue
            yield replace(each, geometry=geometry, crs=system)

    def _common_system(self, objects: Sequence[Annotation]) -> str | None:
        """Return the reference system of all georeferenced images; CRS84 if they have several."""
        names: set[str | None] = set()
        for image in {each.image for each in objects if self._headers[each.image].georeferenced}:
            try:
                crs = self._placement(image).crs
            except DatasetError:
                continue  # its objects are reported where they are converted
            names.add(None if crs is None else name_crs(crs) or CRS84)
        return next(iter(names)) if len(names) == 1 else (CRS84 if names else None)

    def _placement(self, name: str) -> Placement:
        if name not in self._placements:
            with open_unchanged(self._dataset, name, self._headers[name]) as reader:
                assert reader.georeference is not None
                self._placements[name] = Placement(reader.georeference)
        return self._placements[name]
