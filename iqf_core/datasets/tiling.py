"""Cutting the scenes of a dataset and their annotations into tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.dataset_format import Finding
from iqf_core.datasets.atomic import cannot_write, locked, partial_folder
from iqf_core.datasets.deriving import (
    copy_properties,
    find_made,
    holding_folder,
    open_unchanged,
    readable_headers,
    require_images,
)
from iqf_core.datasets.folder_names import fitting
from iqf_core.datasets.following import below, copy_companions, make_folders
from iqf_core.datasets.image_names import new_image_names
from iqf_core.datasets.tile_record import (
    KIND,
    TILES_FILE,
    SceneEntry,
    TileEntry,
    TileRecord,
    read_tiles,
    write_tiles,
)
from iqf_core.errors import ConfigurationError
from iqf_core.files import hash_json
from iqf_core.imaging.windows import Window
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.header import ImageHeader
    from iqf_core.progress import Bar

#: Raise it when the same parameters make other tiles.
_VERSION = 1

#: GDAL's cache of decoded blocks in bytes: neighbouring tiles share blocks.
_BLOCK_CACHE = 256_000_000


@dataclass(frozen=True)
class Tile:
    """One tile: the name of its image, and its place in the scene."""

    name: str
    window: Window


@dataclass(frozen=True)
class TiledDataset:
    """A dataset of tiles.

    Attributes
    ----------
    path
        Its folder.
    record
        Which tile shows which part of which scene.
    findings
        What is noteworthy: unusable annotations, what could not be carried over. Empty when the
        dataset was there already.
    reused
        Whether it was there already.
    """

    path: Path
    record: TileRecord
    findings: tuple[Finding, ...]
    reused: bool


def tile_starts(length: int, size: int, overlap: int) -> list[int]:
    """Return where tiles begin along an edge of a scene.

    They follow each other every ``size - overlap`` pixels; the last one is shifted inward to end
    with the scene, so that every tile is full. A scene that is shorter than a tile is one tile.
    """
    if length <= size:
        return [0]
    return [*range(0, length - size, size - overlap), length - size]


def tile_dataset(
    dataset: Dataset,
    *,
    size: int = 1024,
    overlap: int = 128,
    keep: float = 0.3,
    out: Path | None = None,
    quiet: bool = False,
) -> TiledDataset:
    """Cut a dataset into tiles, or find the tiles that are there.

    Parameters
    ----------
    dataset
        The source; it is not changed.
    size
        Edge of a tile in pixels; a scene that is smaller stays as it is.
    overlap
        How many pixels neighbouring tiles share at least.
    keep
        The least fraction of an object's area that a tile must show for the object to be in it
        (0 to 1); :mod:`iqf_core.datasets.cutting` has the rules.
    out
        The folder that will hold the tiles' dataset; by default the one that holds the source.
    quiet
        Show no progress.

    Returns
    -------
    TiledDataset
        The dataset ``<source>#tile-size=…,overlap=…,keep=…``. Its tiles are named after the scene
        and the position of their first pixel, ``<scene>__x<column>_y<row>``, and stored without
        loss.

    Raises
    ------
    ConfigurationError
        If the numbers make no sense.
    DatasetError
        If images cannot be read, or the tiles cannot be written. Nothing is left behind.

    Notes
    -----
    Images other than PNG and JPEG are read window by window.
    """
    _check(size, overlap, keep)
    folder = holding_folder(dataset, out)
    name = fitting(f"{dataset.name}#tile-size={size},overlap={overlap},keep={keep:g}")
    with progress(f"Reading {dataset.name}", len(dataset), quiet=quiet) as bar:
        source = dataset.fingerprint(bar)
    fingerprint = hash_json(
        {"source": source, "tile": [size, overlap, float(keep)], "version": _VERSION}
    )
    with locked(folder, name, quiet=quiet):
        path, document = find_made(folder, name, fingerprint, TILES_FILE, KIND)
        if document is not None:
            record = read_tiles(path)
            assert record is not None
            require_images(path / record.image_folder, [tile.name for tile in record.tiles])
            return TiledDataset(path, record, (), reused=True)
        headers = readable_headers(dataset, quiet=quiet)
        tiles = plan_tiles(headers, size, overlap)
        with partial_folder(folder, name, path) as partial:
            try:
                findings, objects, dropped = _write(
                    dataset, partial, headers, tiles, keep, quiet=quiet
                )
                record = TileRecord(
                    source=dataset.name,
                    source_folder=str(dataset.path),
                    source_fingerprint=source,
                    size=size,
                    overlap=overlap,
                    keep=keep,
                    fingerprint=fingerprint,
                    image_folder=below(dataset),
                    objects=objects,
                    objects_dropped=dropped,
                    scenes=[
                        SceneEntry(name=scene, height=header.height, width=header.width)
                        for scene, header in headers.items()
                    ],
                    tiles=_entries(dataset, tiles),
                    created=datetime.now(UTC).isoformat(timespec="seconds"),
                )
                write_tiles(partial, record)
            except OSError as error:
                raise cannot_write(folder, error) from error
    return TiledDataset(path, record, tuple(findings), reused=False)


def _check(size: int, overlap: int, keep: float) -> None:
    if size < 1:
        raise ConfigurationError(f"size is {size}: expected at least 1 pixel")
    if not 0 <= overlap < size:
        raise ConfigurationError(f"overlap is {overlap}: expected 0 to {size - 1} pixels")
    if not 0 <= keep <= 1:
        raise ConfigurationError(f"keep is {keep}: expected a fraction, 0 to 1")


def plan_tiles(
    headers: Mapping[str, ImageHeader], size: int, overlap: int
) -> dict[str, tuple[Tile, ...]]:
    """Return the tiles of every scene, row by row; no two have one name."""
    from iqf_core.imaging.writing import container_for

    # Scenes of one stem (a.jpg, a.tif) keep their endings: a.jpg__x0_y0.png.
    stems = new_image_names(dict.fromkeys(headers, ""))
    plan: dict[str, tuple[Tile, ...]] = {}
    for scene, header in headers.items():
        suffix = container_for(header)
        height, width = min(size, header.height), min(size, header.width)
        plan[scene] = tuple(
            Tile(f"{stems[scene]}__x{col}_y{row}{suffix}", Window(row, col, height, width))
            for row in tile_starts(header.height, size, overlap)
            for col in tile_starts(header.width, size, overlap)
        )
    return plan


def _write(
    dataset: Dataset,
    target: Path,
    headers: Mapping[str, ImageHeader],
    tiles: Mapping[str, Sequence[Tile]],
    keep: float,
    *,
    quiet: bool,
) -> tuple[list[Finding], int, int]:
    """Write everything but the record; return findings, objects, and those that are in no tile."""
    from iqf_core.datasets.tiling_annotations import tile_annotations

    images = target / below(dataset)
    make_folders(images, [tile.name for each in tiles.values() for tile in each])
    total = sum(map(len, tiles.values()))
    with progress(f"Cutting {dataset.name}", total, quiet=quiet) as bar:
        for scene, header in headers.items():
            _write_images(dataset, images, scene, header, tiles[scene], bar)
    findings = [
        Finding(
            "table-of-scenes",
            "warning",
            "lists the scenes by name; it was copied as it is and does not know the tiles",
            name,
        )
        for name in copy_companions(dataset, target)
    ]
    copy_properties(dataset, target)
    more, objects, dropped = tile_annotations(dataset, target, headers, tiles, keep, quiet=quiet)
    return findings + more, objects, dropped


def _write_images(
    dataset: Dataset,
    images: Path,
    scene: str,
    header: ImageHeader,
    tiles: Sequence[Tile],
    bar: Bar,
) -> None:
    from iqf_core.imaging.writing import write_image

    with _bounded_cache(header), open_unchanged(dataset, scene, header) as reader:
        for tile in tiles:
            write_image(images / tile.name, reader.read(tile.window))
            bar.advance()


@contextmanager
def _bounded_cache(header: ImageHeader) -> Iterator[None]:
    if header.driver in ("PNG", "JPEG"):
        yield  # read in one piece, without GDAL
        return
    import rasterio

    environment: Any = rasterio.Env
    with environment(GDAL_CACHEMAX=_BLOCK_CACHE):
        yield


def _entries(dataset: Dataset, tiles: Mapping[str, Sequence[Tile]]) -> list[TileEntry]:
    before = read_tiles(dataset.path) if dataset.kind != "image" else None
    origins = {tile.name: tile.origin for tile in before.tiles} if before else {}
    return [
        TileEntry(
            name=tile.name,
            scene=scene,
            origin=origins.get(scene, scene),
            row=tile.window.row,
            col=tile.window.col,
            height=tile.window.height,
            width=tile.window.width,
        )
        for scene, each in tiles.items()
        for tile in each
    ]
