"""Image files enlarged, with memory bounded by the tile where the file allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.api import Image, ImageReader, ImageWriter, UnsupportedImageError, Window, write_image
from iqf_sr_msrn.inference.enlarging import Enlarger, enlarge
from iqf_sr_msrn.inference.forward import TILE_PX, tile_grid

if TYPE_CHECKING:
    from iqf_core.api import Georeference

#: Results of more samples than this are written window by window, as GeoTIFF.
LARGE_SAMPLES = 64_000_000


def suffix_for(reader: ImageReader, scale: int) -> str:
    """Return the ending of the result's file: ``.png`` for plain pictures, else ``.tif``."""
    height, width, bands = reader.shape
    plain = reader.header.driver in ("PNG", "JPEG") and bands in (1, 3, 4)
    large = height * width * bands * scale**2 > LARGE_SAMPLES
    return ".png" if plain and not large else ".tif"


def steps(reader: ImageReader, tile_px: int = TILE_PX) -> int:
    """Return how many tiles an image has."""
    height, width, _ = reader.shape
    return -(-height // tile_px) * -(-width // tile_px)


def enlarge_file(
    reader: ImageReader,
    path: Path,
    enlarger: Enlarger,
    *,
    tile_px: int = TILE_PX,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Enlarge an open image into the file `path`, tile by tile.

    Parameters
    ----------
    reader
        The image; GeoTIFF is read window by window.
    path
        ``.tif``: written window by window; ``.png``: kept whole in memory until it is written.
    enlarger
        What enlarges.
    tile_px
        Edge of a tile in input pixels.
    advance
        Called after every tile.

    Raises
    ------
    UnsupportedImageError
        If the band count is not taken; names the file.
    """
    height, width, bands = reader.shape
    refusal = enlarger.refusal(bands)
    if refusal:
        raise UnsupportedImageError(f"{reader.path}: {refusal}")
    if path.suffix == ".png":
        write_image(path, _whole(reader, enlarger, tile_px, advance))
        return
    scale = enlarger.scale
    writer = ImageWriter.like(
        path,
        reader,
        shape=(height * scale, width * scale, bands),
        georeference=_regridded(reader, scale),
    )
    with writer:
        for tile, window in _tiles(reader, enlarger, tile_px):
            writer.write(tile, window)
            advance()


def _whole(
    reader: ImageReader, enlarger: Enlarger, tile_px: int, advance: Callable[[], None]
) -> Image:
    import numpy as np

    height, width, bands = reader.shape
    scale = enlarger.scale
    pixels = np.empty((height * scale, width * scale, bands), reader.dtype)
    last = None
    for tile, window in _tiles(reader, enlarger, tile_px):
        pixels[window.slices] = tile.pixels
        last = tile
        advance()
    assert last is not None
    return last.with_pixels(pixels, mask=None, georeference=None)


def _tiles(reader: ImageReader, enlarger: Enlarger, tile_px: int) -> Iterator[tuple[Image, Window]]:
    height, width, _ = reader.shape
    scale = enlarger.scale
    # The nearest valid neighbour of a pixel in the halo may lie as far beyond it.
    halo = enlarger.halo * (2 if reader.masked else 1)
    for part, outer, inner in tile_grid(height, width, tile_px, halo):
        rows, columns = outer
        read = Window(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
        tile = enlarge(reader.read(read), enlarger, max(read.shape))
        cut = tuple(slice(each.start * scale, each.stop * scale) for each in inner)
        window = Window(
            part[0].start * scale,
            part[1].start * scale,
            (part[0].stop - part[0].start) * scale,
            (part[1].stop - part[1].start) * scale,
        )
        yield tile.cut((cut[0], cut[1])), window


def _regridded(reader: ImageReader, scale: int) -> Georeference | None:
    change = (float(scale), 0.0, 0.0, 0.0, float(scale), 0.0)
    return reader.georeference and reader.georeference.regridded(change)
