"""Every format but JPEG and PNG, through rasterio (GDAL) with an explicit driver."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from iqf_core.errors import ImageError
from iqf_core.imaging.georeference import Georeference, GroundControlPoint
from iqf_core.imaging.header import ImageHeader, known_peak
from iqf_core.imaging.image import ImageMetadata, Tags
from iqf_core.imaging.signatures import Format
from iqf_core.imaging.tiff import check_complete_tiff
from iqf_core.imaging.windows import Window

#: The only driver that may read each format. Without it GDAL asks all of them, and one that takes
#: text files (VRT, for one) opens whatever other file the text names.
DRIVERS: dict[Format, str] = {
    "TIFF": "GTiff",
    "JPEG 2000": "JP2OpenJPEG",
    "PNG": "PNG",
    "BMP": "BMP",
    "WebP": "WEBP",
}
_LOSSY_COMPRESSIONS = ("JPEG", "YCbCr JPEG", "WEBP", "LERC", "JXL", "JPEG2000")
# Domains that GDAL derives from the file, and XML ones, which rasterio cannot write back.
_DERIVED_DOMAINS = ("IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "SUBDATASETS", "RPC", "xml:")


def open_raster(path: Path, name: Format) -> Any:
    """Open a file of the format `name` as a rasterio dataset, to be closed by the caller.

    Parameters
    ----------
    path
        An absolute path.
    name
        The format that the file's signature tells.

    Raises
    ------
    ImageError
        If it cannot be opened, is truncated, or holds several images.
    """
    if name == "TIFF":
        check_complete_tiff(path)
    # The options count while a file is opened; an Env that lived as long as the dataset would have
    # to end in the reverse order of all others.
    environment: Any = rasterio.Env
    with reading_errors(path), quiet(), environment(GDAL_DISABLE_READDIR_ON_OPEN="TRUE"):
        dataset = rasterio.open(path, driver=DRIVERS[name])
    images = len(dataset.subdatasets)
    if images:
        dataset.close()
        raise ImageError(path, f"holds {images} images; expected one image a file")
    return dataset


@contextmanager
def quiet() -> Iterator[None]:
    """Keep rasterio from saying of every plain image that it has no georeference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn what rasterio raises into ImageError."""
    try:
        yield
    except (RasterioError, rasterio._err.CPLE_BaseError) as error:
        cause = error.__cause__ or error
        raise ImageError(path, f"cannot be read, truncated or damaged: {cause}") from None
    except UnicodeEncodeError:
        raise ImageError(path, "GDAL takes names in UTF-8 only; rename the file") from None


def raster_header(path: Path, dataset: Any) -> ImageHeader:
    """Return the header of an open rasterio dataset."""
    place = georeference_of(dataset)
    nbits = _nbits(dataset)
    table = colour_table(dataset)
    dtype = str(dataset.dtypes[0])
    names = tuple(name or "" for name in dataset.descriptions)
    return ImageHeader(
        path=path,
        height=dataset.height,
        width=dataset.width,
        bands=dataset.count if table is None else table.shape[1],
        dtype=dtype,
        driver=dataset.driver,
        peak=known_peak(dtype, nbits),
        nodata=None if table is not None else dataset.nodatavals[0],
        band_names=names if any(names) and table is None else (),
        georeferenced=place is not None,
        gsd_m=None if place is None else place.gsd_m((dataset.height, dataset.width)),
        nbits=None if table is not None else nbits,
        lossy=_is_lossy(dataset),
        nbytes=path.stat().st_size,
    )


def _nbits(dataset: Any) -> int | None:
    declared = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
    is_integer = dataset.dtypes[0] in ("uint8", "uint16")
    return int(declared) if declared and is_integer else None


def _is_lossy(dataset: Any) -> bool:
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    reversibility = structure.get("COMPRESSION_REVERSIBILITY", "")
    if reversibility:
        return not reversibility.startswith("LOSSLESS")
    compression = structure.get("COMPRESSION", "")
    return dataset.driver in ("JP2OpenJPEG", "WEBP") or compression.startswith(_LOSSY_COMPRESSIONS)


def georeference_of(dataset: Any) -> Georeference | None:
    """Return where a dataset lies, None when it does not say."""
    points, points_crs = dataset.gcps
    transform = dataset.transform
    place = Georeference(
        crs_wkt=dataset.crs.to_wkt() if dataset.crs else None,
        transform=None if transform.is_identity else tuple(transform[:6]),
        gcps=tuple(
            GroundControlPoint(p.row, p.col, p.x, p.y, p.z, p.id or None, p.info or None)
            for p in points
        ),
        gcps_crs=points_crs.to_wkt() if points_crs else None,
        rpcs=dataset.rpcs.to_dict() if dataset.rpcs else {},
    )
    return None if place == Georeference() else place


def metadata_of(dataset: Any) -> ImageMetadata:
    """Return everything else that must survive; a palette is gone, as it is expanded."""
    if colour_table(dataset) is not None:
        return ImageMetadata(driver=dataset.driver, tags=_tags(dataset))
    bands = range(1, dataset.count + 1)
    units = tuple(unit or "" for unit in dataset.units)
    scaled = any(scale != 1 for scale in dataset.scales) or any(dataset.offsets)
    band_tags = tuple(_tags(dataset, band) for band in bands)
    return ImageMetadata(
        driver=dataset.driver,
        tags=_tags(dataset),
        band_tags=band_tags if any(band_tags) else (),
        scales=tuple(dataset.scales) if scaled else (),
        offsets=tuple(dataset.offsets) if scaled else (),
        units=units if any(units) else (),
        colour_interpretation=tuple(colour.name for colour in dataset.colorinterp),
        nbits=_nbits(dataset),
    )


def _tags(dataset: Any, band: int = 0) -> Tags:
    tags: dict[str, Mapping[str, str]] = {}
    for domain in ("", *dataset.tag_namespaces(band)):
        if domain.startswith(_DERIVED_DOMAINS):
            continue
        found = dataset.tags(band, ns=domain) if domain else dataset.tags(band)
        kept = {key: value for key, value in found.items() if not key.startswith("STATISTICS_")}
        if kept:
            tags[domain] = kept
    return tags


def has_mask(dataset: Any) -> bool:
    """Return whether there is a mask of its own; an alpha band stays a band and is none."""
    flags = dataset.mask_flag_enums[0]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags


def colour_table(dataset: Any) -> NDArray[np.uint8] | None:
    """Return the palette of a one-band dataset as (256, bands): gray, RGB or RGBA; else None."""
    if dataset.count != 1 or dataset.colorinterp[0] != ColorInterp.palette:
        return None
    table = np.zeros((256, 4), np.uint8)
    for index, colour in dataset.colormap(1).items():
        table[index] = colour
    used = table[: max(dataset.colormap(1)) + 1]
    if (used[:, 3] != 255).any():
        return table
    is_gray = (used[:, :1] == used[:, :3]).all()
    return np.ascontiguousarray(table[:, :1] if is_gray else table[:, :3])


def read_pixels(
    path: Path, dataset: Any, window: Window | None
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Read (H, W, C) pixels and, where the dataset has a mask of its own, (H, W) validity.

    Raises
    ------
    ImageError
        If the file is truncated or damaged there.
    """
    part = None
    if window is not None:
        part = RasterioWindow(window.col, window.row, window.width, window.height)
    table = colour_table(dataset)
    with reading_errors(path):
        planes = dataset.read(window=part)
        valid = dataset.read_masks(1, window=part) != 0 if has_mask(dataset) else None
    if table is not None:
        return table[planes[0]], valid
    return np.ascontiguousarray(np.moveaxis(planes, 0, 2)), valid
