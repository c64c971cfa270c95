"""A dataset: a folder of images with what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from iqf_core.components.context import Context
from iqf_core.components.dataset_format import DatasetFormat, Finding
from iqf_core.datasets.formats import BUILTIN_FORMATS
from iqf_core.datasets.layout import Kind, Layout, find_layout
from iqf_core.datasets.properties import PROPERTIES_FILE, DatasetProperties, read_properties
from iqf_core.errors import ConfigurationError, DatasetError, IQFError, PluginError

if TYPE_CHECKING:
    from iqf_core.datasets.annotations import Annotations
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.imaging.reading import ImageReader
    from iqf_core.plugins.registry import Registry
    from iqf_core.progress import Bar


class AnnotationFile(NamedTuple):
    """A file or folder of annotations, and the name of its format."""

    format: str
    path: Path


class Dataset:
    """A folder of images, their annotations and what else belongs to them.

    Made by :func:`open_dataset`. Nothing is decoded until asked for.

    Attributes
    ----------
    path
        The folder (or the image file), absolute.
    kind
        ``"dataset"`` (an image folder inside), ``"folder"`` (of images) or ``"image"`` (one file).
    images_folder
        What image names are relative to.
    image_names
        Paths below `images_folder` with ``/``, sorted.
    masks_folder
        The folder of mask images, None when there is none.
    annotation_files
        (format, path) pairs; at most one of each format, masks included.
    companions
        Every other file that belongs to the dataset, ``iqf.yaml`` aside: paths below `path` with
        ``/``, sorted.
    properties
        What ``iqf.yaml`` states.
    peak
        The value of full scale as the caller gave it; goes before ``iqf.yaml``.
    findings
        What looks odd about the folder; those of the annotations are in :meth:`annotations`.
    """

    def __init__(
        self,
        layout: Layout,
        formats: Mapping[str, DatasetFormat],
        annotation_files: tuple[AnnotationFile, ...],
        properties: DatasetProperties,
        peak: float | None,
        findings: tuple[Finding, ...],
    ) -> None:
        self.path: Path = layout.path
        self.kind: Kind = layout.kind
        self.images_folder: Path = layout.images_folder
        self.image_names: tuple[str, ...] = layout.image_names
        self.annotation_files = annotation_files
        self.properties = properties
        self.peak = peak
        self.findings = findings
        self.companions = _companions(layout, annotation_files)
        self._layout = layout
        self._formats = dict(formats)

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r}, {len(self)} images)"

    def __len__(self) -> int:
        return len(self.image_names)

    @property
    def name(self) -> str:
        """The name of the folder or file."""
        return self.path.name

    @property
    def masks_folder(self) -> Path | None:
        """The folder of mask images, None when there is none."""
        return next((each.path for each in self.annotation_files if each.format == "masks"), None)

    def image_path(self, name: str) -> Path:
        """Return the absolute path of the image `name`."""
        return self.images_folder / name

    def format(self, name: str) -> DatasetFormat:
        """Return the format of that name, as :attr:`annotation_files` names it."""
        return self._formats[name]

    def open_image(self, name: str) -> ImageReader:
        """Open the image `name`, with the peak, nodata, GSD and band names stated for the dataset.

        Raises
        ------
        ImageError
            If it cannot be read.
        ConfigurationError
            If its peak is not known, or the stated band names do not fit.
        """
        from iqf_core.imaging.reading import open_image

        return open_image(
            self.image_path(name),
            peak=self._stated_peak,
            nodata=self.properties.nodata,
            gsd_m=self.properties.gsd_m,
            band_names=self.properties.bands,
        )

    def header(self, name: str) -> ImageHeader:
        """Return what is known of the image `name` without decoding it.

        What is stated for the dataset goes before what the file says, as in :meth:`open_image`.

        Raises
        ------
        ImageError
            If it is no image.
        """
        from iqf_core.imaging.header import read_header

        header = read_header(self.image_path(name))
        stated = self.properties
        peak = header.peak if self._stated_peak is None else self._stated_peak
        return replace(
            header,
            peak=header.peak if header.dtype == "uint8" else peak,
            nodata=header.nodata if stated.nodata is None else stated.nodata,
            gsd_m=header.gsd_m if stated.gsd_m is None else stated.gsd_m,
            band_names=header.band_names if stated.bands is None else stated.bands,
        )

    def annotations(self) -> Annotations | None:
        """Return the annotations of all its annotation files as one, None when it has none.

        Raises
        ------
        DatasetError
            If a file is not what it claims to be. Bad objects are findings, not errors.
        """
        return self._annotations

    def image_hash(self, name: str) -> str:
        """Return the content hash of the image `name`.

        Raises
        ------
        DatasetError
            If the file cannot be read.
        """
        return _content_hash(self.image_path(name))

    def fingerprint(self, progress: Bar | None = None) -> str:
        """Return a hash of the names and contents of every file of the dataset.

        It covers images, masks, annotations, companions, ``iqf.yaml`` and a peak given by the
        caller; neither where the dataset lies nor what ``.iqf/`` holds.

        Parameters
        ----------
        progress
            Advanced by one for each file.

        Notes
        -----
        A file that cannot be read counts as such: who needs it says why.
        """
        digest = hashlib.blake2b(digest_size=16)
        for path, name in self.files():
            try:
                content = _content_hash(path)
            except DatasetError:
                content = "unreadable"
            digest.update(f"{name}\0{content}\0".encode())
            if progress is not None:
                progress.advance()
        if self.peak is not None:
            digest.update(f"peak={self.peak!r}".encode())
        return digest.hexdigest()

    def files(self) -> list[tuple[Path, str]]:
        """Return every file of the dataset with its path below it, sorted by that."""
        root = self.path.parent if self.kind == "image" else self.path
        prefix = "" if self.images_folder == root else f"{self.images_folder.name}/"
        names = [prefix + name for name in self.image_names]
        names += self._layout.others
        if self.kind == "image" and (root / PROPERTIES_FILE).is_file():
            names.append(PROPERTIES_FILE)
        return [(root / name, name) for name in sorted(names)]

    @property
    def _stated_peak(self) -> float | None:
        return self.properties.peak if self.peak is None else self.peak

    @cached_property
    def _annotations(self) -> Annotations | None:
        from iqf_core.datasets.annotations import merge

        if not self.annotation_files:
            return None
        return merge(
            (each.path.name, self.read_annotations(each)) for each in self.annotation_files
        )

    def read_annotations(self, file: AnnotationFile) -> Annotations:
        """Read one of :attr:`annotation_files`.

        Raises
        ------
        DatasetError
            If it is not what it claims to be. Bad objects are findings, not errors.
        """
        try:
            return self._formats[file.format].read(file.path, self.image_names)
        except IQFError:
            raise
        except Exception as error:
            raise DatasetError(
                f"{file.path}: the format {file.format!r} cannot read it: "
                f"{type(error).__name__}: {error}"
            ) from error


def open_dataset(
    path: Path | str, *, registry: Registry | None = None, peak: float | None = None
) -> Dataset:
    """Open a dataset: a folder with an image folder inside, a folder of images, or one image.

    Parameters
    ----------
    path
        Where it lies.
    registry
        Where annotation formats are found; None means the built-in ones.
    peak
        The value of full scale, in DN, of its images; goes before ``iqf.yaml`` and the files.

    Raises
    ------
    DatasetError
        If there is nothing at `path`, no image, two candidates for one role (two image folders,
        two mask folders, two annotation files of one format), or ``iqf.yaml`` is wrong.
    ConfigurationError
        If `peak` is not positive and finite.

    Notes
    -----
    No image is opened, and no file but ``iqf.yaml`` and the beginnings of JSON files.
    """
    if peak is not None and not 0 < peak < float("inf"):
        raise ConfigurationError(f"peak is {peak}: expected a positive number, full scale in DN")
    layout = find_layout(path)
    folder = layout.images_folder if layout.kind == "image" else layout.path
    properties = read_properties(folder)
    formats, findings = _formats(registry)
    files: tuple[AnnotationFile, ...] = ()
    if layout.kind != "image":
        files, unusable = _detect(layout, formats)
        findings += unusable
    return Dataset(layout, formats, files, properties, peak, (*layout.findings, *findings))


def _formats(registry: Registry | None) -> tuple[dict[str, DatasetFormat], list[Finding]]:
    formats: dict[str, DatasetFormat] = {}
    findings: list[Finding] = []
    if registry is None:
        for name, target in BUILTIN_FORMATS.items():
            module, _, attribute = target.partition(":")
            formats[name] = getattr(import_module(module), attribute)()
        return formats, findings
    entries = registry.entries("format")
    context = Context(registry=registry)
    for entry in entries:
        shared = sum(each.name == entry.name for each in entries) > 1
        name = entry.qualified_name if shared else entry.name
        try:
            formats[name] = registry.create("format", name, {}, context)
        except PluginError as error:
            # A dataset that has no need of the broken format opens all the same.
            findings.append(Finding("format-unavailable", "warning", str(error)))
    return formats, findings


def _detect(
    layout: Layout, formats: Mapping[str, DatasetFormat]
) -> tuple[tuple[AnnotationFile, ...], list[Finding]]:
    files: list[AnnotationFile] = []
    findings: list[Finding] = []
    claimed: dict[Path, str] = {}
    for name, each in formats.items():
        try:
            paths = each.detect(layout.path, layout.images_folder)
        except Exception as error:
            message = f"format {name!r} cannot look at the folder: {type(error).__name__}: {error}"
            findings.append(Finding("format-unavailable", "warning", message))
            continue
        if len(paths) > 1:
            shown = " and ".join(repr(path.name) for path in paths[:5])
            raise DatasetError(
                f"{layout.path}: {shown} are both {name} annotations, a dataset has one; move the "
                "others out of the folder"
            )
        for path in paths:
            if path in claimed:
                raise DatasetError(
                    f"{path}: claimed by the formats {claimed[path]!r} and {name!r}; disable the "
                    "plugin of one (IQF_DISABLE_PLUGINS)"
                )
            claimed[path] = name
            files.append(AnnotationFile(name, path))
    return tuple(files), findings


def _companions(layout: Layout, files: tuple[AnnotationFile, ...]) -> tuple[str, ...]:
    """Return the other files; what lies in a folder of annotations belongs to those."""
    owned = {each.path.relative_to(layout.path).as_posix() for each in files}
    below = tuple(f"{name}/" for name in owned)
    return tuple(
        name
        for name in layout.others
        if name != PROPERTIES_FILE and name not in owned and not (below and name.startswith(below))
    )


def _content_hash(path: Path) -> str:
    from iqf_core.files import content_hash

    try:
        return content_hash(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
