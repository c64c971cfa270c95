"""GeoTIFF: writing an image with all it carries, whole or window by window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.rpc import RPC
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window as RasterioWindow

from iqf_core.errors import ImageError
from iqf_core.imaging.georeference import Georeference
from iqf_core.imaging.header import absolute
from iqf_core.imaging.image import Image, ImageMetadata, Tags
from iqf_core.imaging.raster import quiet
from iqf_core.imaging.reading import ImageReader, combined_mask, holds
from iqf_core.imaging.tiff import check_complete_tiff
from iqf_core.imaging.windows import Window
from iqf_core.imaging.writing import needs_mask, prepared, publish, temporary_path

#: Edge of the tiles of large images in pixels; windows should begin at multiples of it.
TILE = 512
# Smaller images are written in strips, of about this many bytes: they compress better.
_TILED_FROM = 1024
_STRIP_BYTES = 1 << 18
# Above this many bands each is stored on its own, so that one block stays small in memory.
_INTERLEAVED_BANDS = 4


@dataclass(frozen=True)
class _Layout:
    """Everything about an image but its pixels."""

    shape: tuple[int, int, int]
    dtype: str
    peak: float
    nodata: float | None
    band_names: tuple[str, ...]
    georeference: Georeference | None
    metadata: ImageMetadata

    @classmethod
    def of(cls, template: Image | ImageReader) -> _Layout:
        return cls(
            template.shape,
            template.dtype,
            template.peak,
            template.nodata,
            template.band_names,
            template.georeference,
            template.metadata,
        )


def write_geotiff(path: Path, image: Image, *, cog: bool = False) -> None:
    """Write a whole image as GeoTIFF; called by :func:`iqf_core.imaging.writing.write_image`."""
    image = prepared(image)
    masked = needs_mask(image)
    with temporary_path(path) as partial, temporary_path(path) as optimized:
        with _writing(path):
            dataset = _create(partial, _Layout.of(image))
            with dataset:
                _write_planes(dataset, image.pixels, None)
                if masked:
                    dataset.write_mask(image.valid)
            if cog:
                _copy_as_cog(partial, optimized, _Layout.of(image))
        publish(path, _complete(path, optimized if cog else partial))


def _copy_as_cog(source: Path, target: Path, layout: _Layout) -> None:
    bits = layout.metadata.nbits
    packing = {"NBITS": str(bits)} if _packed_bits(layout) else {"PREDICTOR": "YES"}
    copy_raster(
        source,
        target,
        driver="COG",
        COMPRESS="DEFLATE",
        BIGTIFF="IF_SAFER",
        **packing,
    )


def _complete(path: Path, partial: Path) -> Path:
    """Return `partial` if it holds all its blocks: GDAL may close a file on a full disk quietly."""
    try:
        check_complete_tiff(partial)
    except ImageError as error:
        raise ImageError(path, f"cannot be written: {error.reason}") from None
    return partial


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """GDAL's options for writing, and its errors as ImageError.

    Without PAM all metadata goes into the TIFF or nowhere: no .aux.xml file is left beside it.
    """
    options = {"GDAL_PAM_ENABLED": "NO", "GDAL_TIFF_INTERNAL_MASK": "YES"}
    environment: Any = rasterio.Env
    try:
        with environment(**options), quiet():
            yield
    except (RasterioError, rasterio._err.CPLE_BaseError, OSError) as error:
        raise ImageError(path, f"cannot be written: {error.__cause__ or error}") from error


def _packed_bits(layout: _Layout) -> bool:
    """Return whether samples are stored in fewer bits than whole bytes."""
    return layout.metadata.nbits is not None and layout.dtype != "float32"


def _create(path: Path, layout: _Layout) -> Any:
    """Create a GeoTIFF and store everything but pixels and mask."""
    height, width, bands = layout.shape
    place = layout.georeference or Georeference()
    dataset = rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=bands,
        dtype=layout.dtype,
        nodata=layout.nodata if holds(np.dtype(layout.dtype), layout.nodata) else None,
        crs=CRS.from_wkt(place.crs_wkt) if place.crs_wkt else None,
        transform=Affine(*place.transform) if place.transform else None,
        **_options(layout),
    )
    try:
        _store_place(dataset, place)
        _store_metadata(dataset, layout)
    except BaseException:
        dataset.close()
        raise
    return dataset


def _options(layout: _Layout) -> dict[str, Any]:
    height, width, bands = layout.shape
    options: dict[str, Any] = {"compress": "deflate", "BIGTIFF": "IF_SAFER"}
    options["interleave"] = "pixel" if bands <= _INTERLEAVED_BANDS else "band"
    if _packed_bits(layout):
        options["nbits"] = layout.metadata.nbits
    else:
        options["predictor"] = 3 if layout.dtype == "float32" else 2
    if max(height, width) > _TILED_FROM:
        options |= {"tiled": True, "blockxsize": TILE, "blockysize": TILE}
    else:
        planes = bands if options["interleave"] == "pixel" else 1
        row_bytes = width * planes * np.dtype(layout.dtype).itemsize
        options["blockysize"] = max(1, min(height, _STRIP_BYTES // row_bytes))
    colours = layout.metadata.colour_interpretation
    is_rgb = colours[:3] == ("red", "green", "blue") or (not colours and bands in (3, 4))
    options["photometric"] = "RGB" if is_rgb and layout.dtype != "float32" else "MINISBLACK"
    return options


def _store_place(dataset: Any, place: Georeference) -> None:
    if place.gcps:
        make: Any = GroundControlPoint
        points = [make(p.row, p.col, p.x, p.y, p.z, p.id, p.info) for p in place.gcps]
        dataset.gcps = (points, CRS.from_wkt(place.gcps_crs) if place.gcps_crs else CRS())
    if place.rpcs:
        dataset.rpcs = RPC(**place.rpcs)


def _store_metadata(dataset: Any, layout: _Layout) -> None:
    metadata = layout.metadata
    if metadata.colour_interpretation:
        dataset.colorinterp = [ColorInterp[name] for name in metadata.colour_interpretation]
    _store_tags(dataset, metadata.tags)
    for band, tags in enumerate(metadata.band_tags, 1):
        _store_tags(dataset, tags, band)
    for band, name in enumerate(layout.band_names, 1):
        if name:
            dataset.set_band_description(band, name)
    if metadata.scales:
        dataset.scales, dataset.offsets = metadata.scales, metadata.offsets
    if metadata.units:
        dataset.units = metadata.units


def _store_tags(dataset: Any, tags: Tags, band: int = 0) -> None:
    for domain, items in tags.items():
        if domain:
            dataset.update_tags(band, ns=domain, **items)
        else:
            dataset.update_tags(band, **items)


def _write_planes(dataset: Any, pixels: NDArray[Any], window: Window | None) -> None:
    dataset.write(np.moveaxis(pixels, 2, 0), window=_rasterio_window(window))


def _rasterio_window(window: Window | None) -> RasterioWindow | None:
    if window is None:
        return None
    return RasterioWindow(window.col, window.row, window.width, window.height)


class ImageWriter:
    """Writes a GeoTIFF window by window; made by :meth:`like`, used as a context manager.

    The file appears when the block ends well; after an exception there is none.
    """

    def __init__(self, path: Path, layout: _Layout, masked: bool, cog: bool = False) -> None:
        self.path = path
        self._cog = cog
        self.shape = layout.shape
        self._layout = layout
        self._masked = masked
        self._written = 0
        self._partial = ExitStack()
        self._partial_path = path
        self._dataset: Any = None

    @classmethod
    def like(
        cls,
        path: Path | str,
        template: Image | ImageReader,
        *,
        shape: tuple[int, int, int] | None = None,
        dtype: str | None = None,
        peak: float | None = None,
        georeference: Georeference | None = None,
        masked: bool | None = None,
        cog: bool = False,
    ) -> ImageWriter:
        """Return a writer of an image that carries what `template` does.

        Parameters
        ----------
        path
            A ``.tif`` or ``.tiff`` path; an existing file is replaced.
        template
            The image, or the open reader of one, whose metadata the new one gets.
        shape, dtype, peak
            Where they differ from the template's. With another band count, what belongs to single
            bands is dropped.
        georeference
            The georeference of an image of another size or grid.
        masked
            Whether pixels may be invalid other than by nodata or NaN; by default when the
            template's may be.
        cog
            Let the finished file be a Cloud Optimized GeoTIFF, with overviews; it is copied once
            more for that, block by block.

        Raises
        ------
        ValueError
            If height or width change and the template's georeference would be wrong.
        """
        path = absolute(path)
        if path.suffix.lower() not in (".tif", ".tiff"):
            raise ImageError(path, "is written in windows; expected a name with .tif or .tiff")
        layout = _Layout.of(template)
        if shape is not None and shape[2] != layout.shape[2]:
            metadata = layout.metadata.without_bands()
            layout = replace(layout, band_names=(), metadata=metadata)
        changes_size = shape is not None and shape[:2] != layout.shape[:2]
        if changes_size and layout.georeference is not None and georeference is None:
            raise ValueError("the image's size changes: say what becomes of its georeference")
        layout = replace(
            layout,
            shape=shape or layout.shape,
            dtype=dtype or layout.dtype,
            peak=peak or layout.peak,
            georeference=georeference or layout.georeference,
        )
        if masked is None:
            masked = (
                template.masked
                if isinstance(template, ImageReader)
                else template.mask is not None or template.nodata is not None
            )
        return cls(path, layout, masked, cog)

    def __enter__(self) -> Self:
        with ExitStack() as partial, _writing(self.path):
            self._partial_path = partial.enter_context(temporary_path(self.path))
            self._dataset = _create(self._partial_path, self._layout)
            self._partial = partial.pop_all()
        return self

    def write(self, pixels: NDArray[Any] | Image, window: Window | None = None) -> None:
        """Write one window; every pixel of the image must be written once.

        Parameters
        ----------
        pixels
            An image, whose mask counts, or an array (H, W, C), in which nodata and NaN tell the
            invalid pixels.
        window
            Where they belong; None for the whole image. Windows that begin at multiples of 512
            pixels are written fastest.

        Raises
        ------
        ValueError
            If the pixels do not fit the window, the window the image, or the image has invalid
            pixels that this file cannot mark.
        """
        height, width, bands = self.shape
        window = window or Window(0, 0, height, width)
        if not window.is_inside(height, width):
            raise ValueError(f"{window} reaches beyond the image of {height} x {width} pixels")
        if isinstance(pixels, Image):
            part = pixels
        else:
            mask = combined_mask(pixels, None, self._layout.nodata)
            part = Image(pixels, self._layout.peak, mask=mask)
        if part.shape != (*window.shape, bands) or part.dtype != self._layout.dtype:
            raise ValueError(
                f"pixels are {part.dtype} {part.shape}; expected {self._layout.dtype} "
                f"{(*window.shape, bands)}"
            )
        part = replace(part, nodata=self._layout.nodata, metadata=self._layout.metadata)
        part = prepared(part)
        if not self._masked and needs_mask(part):
            raise ValueError(f"{self.path}: has invalid pixels; open the writer with masked=True")
        with _writing(self.path):
            _write_planes(self._dataset, part.pixels, window)
            if self._masked:
                self._dataset.write_mask(part.valid, window=_rasterio_window(window))
        self._written += window.height * window.width

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._partial:
            with _writing(self.path):
                self._dataset.close()
            if error is None:
                self._require_all_written()
                if self._cog:
                    self._publish_cog()
                else:
                    publish(self.path, _complete(self.path, self._partial_path))

    def _publish_cog(self) -> None:
        _complete(self.path, self._partial_path)
        with temporary_path(self.path) as optimized:
            with _writing(self.path):
                _copy_as_cog(self._partial_path, optimized, self._layout)
            publish(self.path, _complete(self.path, optimized))

    def _require_all_written(self) -> None:
        height, width, _ = self.shape
        if self._written != height * width:
            raise ImageError(
                self.path,
                f"cannot be written: {self._written} of {height * width} pixels were given; "
                "every pixel must be written once",
            )
