"""Reading images, whole or window by window."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from iqf_core.errors import ConfigurationError, ImageError
from iqf_core.imaging import plain
from iqf_core.imaging.georeference import Georeference
from iqf_core.imaging.header import ImageHeader, absolute, plain_header, plain_metadata
from iqf_core.imaging.image import DTYPES, Image, ImageMetadata
from iqf_core.imaging.signatures import Format, open_checked
from iqf_core.imaging.windows import Tile, Window, tiles, with_halo

Pixels = NDArray[Any]
Mask = NDArray[np.bool_] | None


class _Source(Protocol):
    """Where a reader's pixels come from: (H, W, C) pixels and the mask the file itself has."""

    def read(self, window: Window | None) -> tuple[Pixels, Mask]: ...


class ImageReader:
    """An open image; made by :func:`open_image` or :meth:`of`, used as a context manager.

    Attributes
    ----------
    path
        The file; None for an image in memory.
    header
        What the file says.
    peak, nodata, gsd_m, band_names
        Those of the file, or what the caller knows better.
    georeference, metadata
        As in :class:`~iqf_core.imaging.image.Image`.
    masked
        Whether some pixels may be invalid.
    """

    def __init__(
        self,
        source: _Source,
        header: ImageHeader,
        *,
        path: Path | None,
        peak: float,
        nodata: float | None,
        gsd_m: float | None,
        band_names: tuple[str, ...],
        georeference: Georeference | None,
        metadata: ImageMetadata,
        has_mask: bool,
        resources: ExitStack,
    ) -> None:
        self._source = source
        self._resources = resources
        self.header = header
        self.path = path
        self.peak = peak
        self.nodata = nodata
        self.gsd_m = gsd_m
        self.band_names = band_names
        self.georeference = georeference
        self.metadata = metadata
        self.masked = has_mask or nodata is not None or header.dtype == "float32"

    @classmethod
    def of(cls, image: Image) -> ImageReader:
        """Return a reader of an image in memory."""
        header = ImageHeader(
            path=Path(),
            height=image.height,
            width=image.width,
            bands=image.bands,
            dtype=image.dtype,
            driver=image.metadata.driver,
            peak=image.peak,
            nodata=image.nodata,
            band_names=image.band_names,
            georeferenced=image.georeference is not None,
            gsd_m=image.gsd_m,
            nbits=image.metadata.nbits,
            lossy=False,
            nbytes=image.pixels.nbytes,
        )
        # The image's own mask counts, also where it says that all pixels are valid.
        mask = None if image.mask is None and image.nodata is None else image.valid
        return cls(
            _InMemory(image.pixels, mask),
            header,
            path=None,
            peak=image.peak,
            nodata=image.nodata,
            gsd_m=image.gsd_m,
            band_names=image.band_names,
            georeference=image.georeference,
            metadata=image.metadata,
            has_mask=image.mask is not None,
            resources=ExitStack(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._resources.close()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        return self.header.shape

    @property
    def dtype(self) -> str:
        """Name of the pixels' data type."""
        return self.header.dtype

    def read(self, window: Window | None = None) -> Image:
        """Read the whole image or a window of it.

        A pixel is invalid where the file's own mask says so, where all bands hold the nodata
        value, or where any band of a floating-point image is not finite.

        Raises
        ------
        ImageError
            If the file is truncated or damaged.
        ValueError
            If the window reaches beyond the image.
        """
        height, width, _ = self.shape
        if window is not None and not window.is_inside(height, width):
            raise ValueError(f"{window} reaches beyond the image of {height} x {width} pixels")
        pixels, valid = self._source.read(window)
        self._check_peak(pixels)
        place = self.georeference
        if place is not None and window is not None:
            place = place.shifted(window.row, window.col)
        # A file's own mask knows better than the nodata value it comes with.
        nodata = None if valid is not None and self.nodata == self.header.nodata else self.nodata
        return Image(
            pixels,
            peak=self.peak,
            mask=combined_mask(pixels, valid, nodata),
            nodata=self.nodata,
            band_names=self.band_names,
            gsd_m=self.gsd_m,
            georeference=place,
            metadata=self.metadata,
        )

    def windows(self, size: int = 1024, halo: int = 0) -> Iterator[Tile]:
        """Iterate the steps through the image: read ``outer``, cut ``inner``, write ``window``.

        Parameters
        ----------
        size
            Edge of a window in pixels.
        halo
            How many pixels around each window are read with it.
        """
        height, width, _ = self.shape
        for window in tiles(height, width, size):
            yield Tile(window, *with_halo(window, halo, height, width))

    def _check_peak(self, pixels: Pixels) -> None:
        """Refuse a 16-bit PNG whose samples exceed the bit depth it declares.

        By its specification such a file holds samples scaled to 16 bits, in practice many hold
        them as they are: only the user knows which.
        """
        header = self.header
        if header.driver != "PNG" or not header.nbits or self.peak != header.peak:
            return
        largest = int(pixels.max())
        if largest > self.peak:
            raise ConfigurationError(
                f"{self.path}: declares {header.nbits} significant bits but holds {largest}; "
                "say what full scale is: 'peak' in the dataset's iqf.yaml, or --peak"
            )


def open_image(
    path: Path | str,
    *,
    peak: float | None = None,
    nodata: float | None = None,
    gsd_m: float | None = None,
    band_names: Sequence[str] | None = None,
) -> ImageReader:
    """Open an image file.

    JPEG, and PNG of 1, 3 or 4 bands, are decoded as a whole at the first read; every other
    format is read window by window.

    Parameters
    ----------
    path
        The file.
    peak
        The value of full scale of images that are not uint8 (there it is 255).
    nodata, gsd_m, band_names
        What the caller knows better than the file.

    Raises
    ------
    ImageError
        If the file is missing, empty, truncated, no image, of another format than its name says,
        or holds a data type other than uint8, uint16 and float32.
    ConfigurationError
        If the peak is not known, or the band names do not fit.
    """
    path = absolute(path)
    stream, name = open_checked(path)
    with stream, ExitStack() as resources:
        source: _Source
        place, has_mask = None, False
        structure = None
        if name in ("PNG", "JPEG"):
            data = stream.read()
            structure = _complete_structure(path, name, data)
        if structure is not None and structure.by_opencv:
            header = plain_header(path, name, structure, len(data))
            metadata = plain_metadata(header)
            source = _Plain(path, data, structure)
        else:
            from iqf_core.imaging import raster

            dataset = resources.enter_context(raster.open_raster(path, name))
            header = raster.raster_header(path, dataset)
            metadata = raster.metadata_of(dataset)
            place, has_mask = raster.georeference_of(dataset), raster.has_mask(dataset)
            source = _Raster(path, dataset)
        names = header.band_names if band_names is None else tuple(band_names)
        _check(header, names)
        return ImageReader(
            source,
            header,
            path=path,
            peak=_peak(header, peak),
            nodata=header.nodata if nodata is None else float(nodata),
            gsd_m=header.gsd_m if gsd_m is None else gsd_m,
            band_names=names,
            georeference=place,
            metadata=metadata,
            has_mask=has_mask,
            resources=resources.pop_all(),
        )


def read_image(
    path: Path | str,
    *,
    peak: float | None = None,
    nodata: float | None = None,
    gsd_m: float | None = None,
    band_names: Sequence[str] | None = None,
) -> Image:
    """Read a whole image file; parameters and errors are those of :func:`open_image`."""
    with open_image(path, peak=peak, nodata=nodata, gsd_m=gsd_m, band_names=band_names) as reader:
        return reader.read()


def combined_mask(pixels: Pixels, valid: Mask, nodata: float | None) -> Mask:
    """Return (H, W) validity from a mask, a nodata value and non-finite values; None for all."""
    parts: list[NDArray[np.bool_]] = [] if valid is None else [valid]
    if pixels.dtype.kind == "f":
        parts.append(np.asarray(np.isfinite(pixels).all(axis=2)))
    if nodata is not None and holds(pixels.dtype, nodata):
        parts.append(np.asarray((pixels != pixels.dtype.type(nodata)).any(axis=2)))
    parts = [part for part in parts if not part.all()]
    return np.asarray(np.logical_and.reduce(parts)) if parts else None


def holds(dtype: np.dtype[Any], value: float | None) -> bool:
    """Return whether pixels of `dtype` can have this (nodata) value."""
    if dtype.kind == "f" or value is None:
        return value is not None
    return float(value).is_integer() and 0 <= value <= np.iinfo(dtype).max


def _complete_structure(path: Path, name: Format, data: bytes) -> plain.PlainStructure:
    if name == "PNG":
        structure = plain.parse_png(path, io.BytesIO(data))
        plain.check_complete_png(path, data, structure.position)
    else:
        structure = plain.parse_jpeg(path, io.BytesIO(data))
        plain.check_complete_jpeg(path, data, structure.position)
    return structure


def _check(header: ImageHeader, band_names: tuple[str, ...]) -> None:
    if header.dtype not in DTYPES:
        raise ImageError(
            header.path,
            f"holds {header.dtype} pixels; IQF takes {', '.join(DTYPES)}: convert it first",
        )
    if band_names and len(band_names) != header.bands:
        raise ConfigurationError(
            f"{header.path}: {len(band_names)} band names ({', '.join(band_names)}) for "
            f"{header.bands} bands"
        )


def _peak(header: ImageHeader, given: float | None) -> float:
    if header.dtype == "uint8":
        return 255.0
    peak = header.peak if given is None else float(given)
    if peak is None:
        raise ConfigurationError(
            f"{header.path}: the value of full scale of this {header.dtype} image is unknown; "
            "give it as 'peak' in the dataset's iqf.yaml, or with --peak"
        )
    return peak


class _InMemory:
    def __init__(self, pixels: Pixels, mask: Mask) -> None:
        self._pixels, self._mask = pixels, mask

    def read(self, window: Window | None) -> tuple[Pixels, Mask]:
        if window is None:
            return self._pixels, self._mask
        mask = None if self._mask is None else self._mask[window.slices]
        return self._pixels[window.slices], mask


class _Plain:
    """A JPEG or PNG file: decoded once, at the first read."""

    def __init__(self, path: Path, data: bytes, structure: plain.PlainStructure) -> None:
        self._path, self._data, self._structure = path, data, structure
        self._decoded: _InMemory | None = None

    def read(self, window: Window | None) -> tuple[Pixels, Mask]:
        if self._decoded is None:
            pixels = plain.decode(self._path, self._data, self._structure)
            self._decoded, self._data = _InMemory(pixels, None), b""
        return self._decoded.read(window)


class _Raster:
    """A file that rasterio reads, window by window."""

    def __init__(self, path: Path, dataset: Any) -> None:
        self._path, self._dataset = path, dataset

    def read(self, window: Window | None) -> tuple[Pixels, Mask]:
        from iqf_core.imaging import raster

        return raster.read_pixels(self._path, self._dataset, window)
