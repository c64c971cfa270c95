"""Writing images without loss: PNG where it carries everything, else GeoTIFF; always atomically."""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from iqf_core.errors import ImageError
from iqf_core.imaging.header import ImageHeader, absolute, fits_png
from iqf_core.imaging.image import Image
from iqf_core.imaging.plain import opencv_order
from iqf_core.imaging.reading import ImageReader, combined_mask, holds

if TYPE_CHECKING:
    from iqf_core.imaging.geotiff import ImageWriter

__all__ = ["ImageWriter", "container_for", "write_image"]


def __getattr__(name: str) -> object:
    """Import the windowed writer, and rasterio with it, when it is asked for."""
    if name == "ImageWriter":
        from iqf_core.imaging.geotiff import ImageWriter

        return ImageWriter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def container_for(image: ImageHeader | Image) -> Literal[".png", ".tif"]:
    """Return the ending of the lossless format that carries an image whole.

    PNG for plain pictures: those of 1, 3 or 4 bands that come from a PNG, JPEG, BMP or WebP file
    or from none, 8 bits deep (16 where PNG was the source). GeoTIFF for everything else.
    """
    if isinstance(image, ImageHeader):
        return ".png" if fits_png(image) else ".tif"
    is_plain = image.mask is None and image.metadata.is_plain
    return ".png" if is_plain and fits_png(ImageReader.of(image).header) else ".tif"


def write_image(path: Path | str, image: Image, *, cog: bool = False) -> None:
    """Write an image without loss, in the format that the path's ending names.

    The file appears whole or not at all. Invalid pixels get the nodata value where there is one,
    and a GeoTIFF gets a mask wherever nodata and NaN alone would tell valid pixels wrongly. An
    image of a declared bit depth saturates there.

    Parameters
    ----------
    path
        A ``.png``, ``.tif`` or ``.tiff`` path (:func:`container_for` tells which carries all); an
        existing file is replaced.
    image
        The image.
    cog
        Write a Cloud Optimized GeoTIFF, with overviews. It carries all but tags in domains other
        than the default one, which GDAL's COG driver cannot copy together with the others.

    Raises
    ------
    ImageError
        If the path cannot be written, or PNG cannot carry the image.
    """
    path = absolute(path)
    suffix = path.suffix.lower()
    if suffix == ".png" and not cog:
        data = encode_png(path, image)
        with temporary_path(path) as partial:
            try:
                partial.write_bytes(data)
            except OSError as error:
                raise ImageError(path, f"cannot be written: {error.strerror}") from None
            publish(path, partial)
    elif suffix in (".tif", ".tiff"):
        from iqf_core.imaging.geotiff import write_geotiff

        write_geotiff(path, image, cog=cog)
    else:
        expected = ".tif or .tiff" if cog else ".png, .tif or .tiff"
        raise ImageError(path, f"is written in another format; expected a name with {expected}")


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Give an unused path in the folder of `path`; what is there when the block ends is removed."""
    partial = path.with_name(f".iqf-{uuid.uuid4().hex}.partial")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def publish(path: Path, partial: Path) -> None:
    """Let a complete file take its place.

    Raises
    ------
    ImageError
        If the system refuses.
    """
    try:
        os.replace(partial, path)  # noqa: PTH105
    except OSError as error:
        raise ImageError(path, f"cannot be written: {error.strerror}") from None


def encode_png(path: Path, image: Image) -> bytes | memoryview:
    """Return an image as a PNG file's bytes, with OpenCV's default compression.

    Raises
    ------
    ImageError
        If PNG cannot carry its data type, band count or mask; names `path`.
    """
    import cv2

    if image.dtype == "float32" or image.bands not in (1, 3, 4):
        raise ImageError(
            path,
            f"PNG takes 1, 3 or 4 bands of uint8 or uint16, not {image.bands} of {image.dtype}; "
            "write a .tif",
        )
    image = prepared(image)
    if image.mask is not None and image.nodata is None:
        raise ImageError(path, "PNG cannot carry a mask of invalid pixels; write a .tif")
    success, encoded = cv2.imencode(".png", opencv_order(image.pixels))
    if not success:
        raise ImageError(path, "cannot be encoded as PNG")
    data = encoded.data
    nbits = image.metadata.nbits
    return _with_significant_bits(data, image.bands, nbits) if nbits else data


def _with_significant_bits(data: memoryview, bands: int, nbits: int) -> bytes:
    """Insert an sBIT chunk behind the header, which is 33 bytes with the signature."""
    body = b"sBIT" + bytes([nbits] * bands)
    chunk = struct.pack(">I", bands) + body + struct.pack(">I", zlib.crc32(body))
    return b"".join((data[:33], chunk, data[33:]))


def prepared(image: Image) -> Image:
    """Return an image as a file holds it: saturated at its bit depth, nodata where invalid."""
    pixels = image.pixels
    if image.metadata.nbits and image.sample_max is not None:
        pixels = np.minimum(pixels, pixels.dtype.type(image.sample_max))
    if image.mask is not None and image.nodata is not None and holds(pixels.dtype, image.nodata):
        pixels = np.where(image.mask[:, :, np.newaxis], pixels, pixels.dtype.type(image.nodata))
    return image if pixels is image.pixels else image.with_pixels(pixels)


def needs_mask(image: Image) -> bool:
    """Return whether nodata and NaN alone would tell the image's valid pixels wrongly."""
    told = combined_mask(image.pixels, None, image.nodata)
    if told is None:
        return image.mask is not None and not image.mask.all()
    return not np.array_equal(told, image.valid)
