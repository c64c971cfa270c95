"""The annotations of scenes, cut for their tiles."""

from __future__ import annotations

import shutil
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.components.dataset_format import Finding
from iqf_core.datasets.annotations import Annotation, Annotations, ImageRecord
from iqf_core.datasets.cutting import Region, cut, region_of
from iqf_core.datasets.deriving import open_unchanged
from iqf_core.datasets.shapes import Placement
from iqf_core.errors import DatasetError, IQFError
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.components.dataset_format import DatasetFormat
    from iqf_core.datasets.dataset import AnnotationFile, Dataset
    from iqf_core.datasets.tiling import Tile
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.imaging.windows import Window

Tiles = Mapping[str, Sequence["Tile"]]


def tile_annotations(
    dataset: Dataset,
    target: Path,
    headers: Mapping[str, ImageHeader],
    tiles: Tiles,
    keep: float,
    *,
    quiet: bool,
) -> tuple[list[Finding], int, int]:
    """Cut every annotation file of `dataset` for the dataset of tiles at `target`.

    Returns
    -------
    list of Finding, int, int
        What is noteworthy, the number of objects, and how many of them are in no tile.
    """
    findings: list[Finding] = []
    objects = dropped = 0
    for file in dataset.annotation_files:
        new = target / file.path.relative_to(dataset.path)
        new.parent.mkdir(parents=True, exist_ok=True)
        if file.format == "masks":
            tile_masks(file.path, new, headers, tiles)
            continue
        annotations = dataset.read_annotations(file)
        findings += annotations.findings
        with progress(f"Cutting {file.path.name}", len(tiles), quiet=quiet) as bar:
            cutter = _Cutter(dataset, headers, annotations, file.path.name, keep)
            for scene, each in tiles.items():
                cutter.add(scene, each)
                bar.advance()
        objects += len(annotations.objects)
        dropped += cutter.dropped
        findings += cutter.findings()
        findings += write_with(dataset.format(file.format), cutter.result(), new, file)
    return findings, objects, dropped


def write_with(
    format_: DatasetFormat, annotations: Annotations, path: Path, file: AnnotationFile
) -> list[Finding]:
    """Write annotations in a format; what a plugin raises names the file.

    Raises
    ------
    DatasetError
        If the format cannot.
    """
    try:
        return format_.write(annotations, path)
    except (IQFError, OSError):
        raise
    except Exception as error:
        raise DatasetError(
            f"{file.path}: the format {file.format!r} cannot write it: "
            f"{type(error).__name__}: {error}"
        ) from error


class _Cutter:
    """Collects the objects of tiles, scene by scene."""

    def __init__(
        self,
        dataset: Dataset,
        headers: Mapping[str, ImageHeader],
        annotations: Annotations,
        file: str,
        keep: float,
    ) -> None:
        self._dataset, self._headers, self._annotations = dataset, headers, annotations
        self._file, self._keep = file, keep
        self._objects: list[Annotation] = []
        self._images: dict[str, ImageRecord] = {}
        self._by_scene: dict[str, list[Annotation]] = {}
        for each in annotations.objects:
            self._by_scene.setdefault(each.image, []).append(each)
        self._unplaced: dict[str, list[str]] = {}
        self.dropped = 0

    def add(self, scene: str, tiles: Sequence[Tile]) -> None:
        """Cut the objects of one scene."""
        record = self._annotations.images.get(scene)
        if record is not None:
            for tile in tiles:
                self._images[tile.name] = ImageRecord(
                    tile.name, *tile.window.shape, attributes=record.attributes
                )
        regions = self._regions(scene)
        grid = _Grid([tile.window for tile in tiles])
        parts: list[list[Annotation]] = [[] for _ in tiles]
        for region in regions:
            seen = False
            for index in grid.touching(region):
                part = cut(region, tiles[index].window, self._keep)
                if part is not None:
                    parts[index].append(replace(part, image=tiles[index].name))
                    seen = True
            self.dropped += not seen
        self._objects += [each for part in parts for each in part]

    def _regions(self, scene: str) -> list[Region]:
        objects = self._by_scene.get(scene, [])
        header = self._headers[scene]
        placement: Placement | None = None
        regions: list[Region] = []
        for each in objects:
            try:
                if each.geometry is not None and header.georeferenced and placement is None:
                    placement = self._placement(scene, header)
                on_map = placement if each.geometry is not None else None
                region = region_of(each, (header.height, header.width), on_map)
            except DatasetError as error:
                self._unplaced.setdefault(str(error), []).append(scene)
                region = None
            if region is None:
                self.dropped += 1
            else:
                regions.append(region)
        return regions

    def _placement(self, scene: str, header: ImageHeader) -> Placement:
        with open_unchanged(self._dataset, scene, header) as reader:
            assert reader.georeference is not None
            return Placement(reader.georeference)

    def findings(self) -> Iterable[Finding]:
        """Yield what could not be cut, and how much is in no tile."""
        for reason, scenes in self._unplaced.items():
            message = f"{len(scenes)} objects are left out: {reason}"
            yield Finding("not-placed", "error", message, self._file, scenes[0])
        hidden = self.dropped - sum(map(len, self._unplaced.values()))
        if hidden:
            message = (
                f"{hidden} of {len(self._annotations.objects)} objects are in no tile: none "
                f"shows at least {self._keep:g} of them"
            )
            yield Finding("objects-in-no-tile", "warning", message, self._file)

    def result(self) -> Annotations:
        """Return the annotations of all tiles."""
        source = self._annotations
        return Annotations(
            source.classes,
            self._images,
            tuple(self._objects),
            class_attributes=source.class_attributes,
            attributes=source.attributes,
        )


class _Grid:
    """The tiles of a scene as a grid, to find those that an object may touch."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._rows = sorted({window.row for window in windows})
        self._cols = sorted({window.col for window in windows})
        self._height, self._width = windows[0].shape

    def touching(self, region: Region) -> list[int]:
        left, top, right, bottom = region.bounds
        rows = range(bisect_left(self._rows, top - self._height), bisect_right(self._rows, bottom))
        cols = range(bisect_left(self._cols, left - self._width), bisect_right(self._cols, right))
        return [row * len(self._cols) + col for row in rows for col in cols]


def tile_masks(
    source: Path, target: Path, headers: Mapping[str, ImageHeader], tiles: Tiles
) -> None:
    """Cut mask images; a mask that is coarser than its scene keeps its classes, not its grid.

    Raises
    ------
    ImageError
        If a mask cannot be read.
    """
    from iqf_core.datasets.formats.mask_resampling import cut_mask
    from iqf_core.datasets.formats.masks import list_masks, match_masks, renamed_mask

    masks, others = list_masks(source)
    target.mkdir(exist_ok=True)
    for name in others:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    found, _ = match_masks(masks, list(tiles))
    for scene, mask in found.items():
        names = [renamed_mask(mask, scene, tile.name) for tile in tiles[scene]]
        for parent in {(target / name).parent for name in names}:
            parent.mkdir(parents=True, exist_ok=True)
        header = headers[scene]
        cut_mask(
            source / mask,
            (header.height, header.width),
            [(target / name, tile.window) for name, tile in zip(names, tiles[scene], strict=True)],
        )
