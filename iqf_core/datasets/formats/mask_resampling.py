"""Mask images on a new pixel grid: class numbers stay class numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.geometry import Transform, compose, invert, resample_nearest
from iqf_core.errors import ImageError
from iqf_core.imaging.header import is_image_name

_PNG_DTYPES = ("uint8", "uint16")


def resample_mask(source: Path, target: Path, change: ImageChange) -> Path:
    """Resample the mask at `source` as its image was changed, and write it beside `target`.

    Palette indices, colour tables, nodata and georeference are kept.

    Returns
    -------
    Path
        The file written: `target`, with another suffix where its type would not be lossless.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    import rasterio
    from affine import Affine
    from rasterio.errors import RasterioError

    from iqf_core.imaging.raster import DRIVERS, quiet
    from iqf_core.imaging.signatures import open_checked

    if change.transform is None:
        raise ValueError("the grid did not change")
    source = source.absolute()
    stream, name = open_checked(source)
    stream.close()
    driver = "JPEG" if name == "JPEG" else DRIVERS[name]
    try:
        with quiet(), rasterio.open(source, driver=driver) as mask:
            labels = mask.read()
            profile = {
                "count": mask.count,
                "dtype": mask.dtypes[0],
                "nodata": mask.nodata,
                "crs": mask.crs,
            }
            transform = mask.transform
            palette = mask.colormap(1) if mask.count == 1 and _has_palette(mask) else None
            is_tiff = mask.driver == "GTiff"
    except RasterioError as error:
        raise ImageError(source, f"the mask cannot be read ({error})") from None
    moving = _from_own_grid(change, labels.shape[1:])
    resampled = resample_nearest(np.moveaxis(labels, 0, 2), change.new_shape, moving)
    target = _lossless(target, is_tiff, profile)
    profile["height"], profile["width"] = change.new_shape
    if target.suffix.lower() == ".png":
        options: dict[str, Any] = {"driver": "PNG"}
        profile.pop("crs")
    else:
        options = {"driver": "GTiff", "compress": "deflate"}
        if not transform.is_identity:
            options["transform"] = Affine(*compose(transform[:6], invert(moving)))
    with quiet(), rasterio.open(target.absolute(), "w", **profile, **options) as written:
        if palette is not None:
            written.write_colormap(1, palette)
        written.write(np.moveaxis(resampled, 2, 0))
    # GDAL leaves what a PNG cannot hold in a file beside it; a mask needs none of that.
    target.with_name(target.name + ".aux.xml").unlink(missing_ok=True)
    return target


def _has_palette(mask: Any) -> bool:
    from rasterio.enums import ColorInterp

    return mask.colorinterp[0] == ColorInterp.palette and mask.dtypes[0] in _PNG_DTYPES


def _from_own_grid(change: ImageChange, shape: tuple[int, ...]) -> Transform:
    """Return the change as seen from the mask's grid, which may be coarser than the image's."""
    a, b, c, d, e, f = change.transform or (1, 0, 0, 0, 1, 0)
    to_image_y, to_image_x = (old / own for old, own in zip(change.old_shape, shape, strict=True))
    return a * to_image_x, b * to_image_y, c, d * to_image_x, e * to_image_y, f


def _lossless(target: Path, is_tiff: bool, profile: dict[str, Any]) -> Path:
    if is_tiff:
        return target
    holds = profile["dtype"] in _PNG_DTYPES and profile["count"] <= 4
    suffix = ".png" if holds else ".tif"
    if target.suffix.lower() == suffix:
        return target
    # `a.jpg_mask` has no suffix to replace.
    return target.with_name((target.stem if is_image_name(target.name) else target.name) + suffix)
