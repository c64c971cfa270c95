"""What is known of an image file without decoding its pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.imaging.plain import BAND_NAMES, PlainStructure, parse_jpeg, parse_png
from iqf_core.imaging.signatures import (
    IMAGE_SUFFIXES,
    Format,
    is_image_name,
    open_checked,
)

if TYPE_CHECKING:
    from iqf_core.imaging.image import ImageMetadata

__all__ = ["IMAGE_SUFFIXES", "ImageHeader", "is_image_name", "read_header"]


@dataclass(frozen=True)
class ImageHeader:
    """An image file without its pixels.

    Attributes
    ----------
    path
        The file, absolute.
    height, width, bands
        Size of the pixels as they are read, palettes expanded.
    dtype
        Data type of the pixels, also one that cannot be opened (``"int16"``).
    driver
        GDAL's name of the format: ``"PNG"``, ``"JPEG"``, ``"GTiff"``, ``"JP2OpenJPEG"``, ``"BMP"``,
        ``"WEBP"``; empty for an image in memory.
    peak
        The value of full scale, None when the file does not say it.
    nodata
        The value of invalid pixels that the file declares, None for none.
    band_names
        One per band or empty.
    georeferenced
        Whether it has a CRS, transform, control points or rational polynomial coefficients.
    gsd_m
        Ground sampling distance in metres, None when unknown.
    nbits
        Declared bits per sample when fewer than the data type holds, else None.
    lossy
        Whether the format lost information when the file was written.
    nbytes
        Size of the file.
    """

    path: Path
    height: int
    width: int
    bands: int
    dtype: str
    driver: str
    peak: float | None
    nodata: float | None
    band_names: tuple[str, ...]
    georeferenced: bool
    gsd_m: float | None
    nbits: int | None
    lossy: bool
    nbytes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        return self.height, self.width, self.bands


def read_header(path: Path | str) -> ImageHeader:
    """Read what an image file says about itself, without decoding its pixels.

    PNG and JPEG take a look at the file's first bytes; other formats are opened with rasterio.

    Raises
    ------
    ImageError
        If the file is missing, empty, damaged at its beginning, no image, or of another format
        than its name says.
    """
    path = absolute(path)
    stream, name = open_checked(path)
    with stream:
        if name in ("PNG", "JPEG"):
            nbytes = os.fstat(stream.fileno()).st_size
            parse = parse_png if name == "PNG" else parse_jpeg
            return plain_header(path, name, parse(path, stream), nbytes)
    from iqf_core.imaging.raster import open_raster, raster_header

    with open_raster(path, name) as dataset:
        return raster_header(path, dataset)


def absolute(path: Path | str) -> Path:
    """Return the path as GDAL must see it: a relative ``s3:a.tif`` it takes for a remote file."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def plain_header(path: Path, name: Format, structure: PlainStructure, nbytes: int) -> ImageHeader:
    """Return the header of a JPEG or PNG file."""
    bits = structure.significant_bits
    return ImageHeader(
        path=path,
        height=structure.height,
        width=structure.width,
        bands=structure.bands,
        dtype=f"uint{structure.bits}",
        driver=name,
        peak=known_peak(f"uint{structure.bits}", bits),
        nodata=structure.nodata,
        band_names=BAND_NAMES[structure.bands],
        georeferenced=False,
        gsd_m=None,
        nbits=bits,
        lossy=name == "JPEG",
        nbytes=nbytes,
    )


def known_peak(dtype: str, nbits: int | None) -> float | None:
    """Return the peak that a data type and a declared bit depth imply, None when they do not."""
    if dtype == "uint8":
        return 255.0
    return float((1 << nbits) - 1) if nbits and dtype == "uint16" else None


_PLAIN_DRIVERS = frozenset({"", "PNG", "JPEG", "BMP", "WEBP"})


def fits_png(header: ImageHeader) -> bool:
    """Return whether a PNG carries the whole image: plain pixels of a plain picture format."""
    depths = ("uint8", "uint16") if header.driver in ("", "PNG") else ("uint8",)
    return (
        header.driver in _PLAIN_DRIVERS
        and header.dtype in depths
        and header.bands in (1, 3, 4)
        and header.nodata is None
        and not header.georeferenced
    )


def plain_metadata(header: ImageHeader) -> ImageMetadata:
    """Return the metadata of an image of which only the header is known."""
    from iqf_core.imaging.image import ImageMetadata

    return ImageMetadata(driver=header.driver, nbits=header.nbits)
