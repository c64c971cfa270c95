"""Mask images, read and on a new pixel grid: class numbers stay class numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.geometry import Transform, compose, invert, resample_nearest
from iqf_core.errors import ImageError
from iqf_core.imaging.header import is_image_name
from iqf_core.imaging.windows import Window

_PNG_DTYPES = ("uint8", "uint16")


def read_mask(path: Path) -> NDArray[Any]:
    """Return the labels of a mask image, (H, W): of one with a palette the indices.

    Raises
    ------
    ImageError
        If it cannot be read, or has several bands.
    """
    with _opened(path) as mask:
        labels: NDArray[Any] = mask.read()
    if len(labels) != 1:
        raise ImageError(path, f"has {len(labels)} bands; a mask has one, the class of each pixel")
    band: NDArray[Any] = labels[0]
    return band


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
    if change.transform is None:
        raise ValueError("the grid did not change")
    with _opened(source) as mask:
        labels, kind = mask.read(), _Kind.of(mask)
    moving = _from_own_grid(change.transform, change.old_shape, labels.shape[1:])
    resampled = resample_nearest(np.moveaxis(labels, 0, 2), change.new_shape, moving)
    return _write(target, np.moveaxis(resampled, 2, 0), kind, moving)


def cut_mask(source: Path, scene: tuple[int, int], parts: Sequence[tuple[Path, Window]]) -> None:
    """Cut the mask at `source` into tiles, reading no more of it at a time than a tile needs.

    Parameters
    ----------
    source
        The mask of a scene; its grid may be coarser or finer than the scene's, a tile's is not.
    scene
        (height, width) of the scene in pixels.
    parts
        Where each tile is written, and its place in the scene. The suffix may change as in
        :func:`resample_mask`.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    from rasterio.windows import Window as RasterioWindow

    with _opened(source) as mask:
        kind = _Kind.of(mask)
        own = (mask.height, mask.width)
        for target, window in parts:
            # Each pixel of the tile takes the label that its centre falls into.
            rows = _centres(window.row, window.height, own[0] / scene[0], own[0])
            cols = _centres(window.col, window.width, own[1] / scene[1], own[1])
            top, left = int(rows[0]), int(cols[0])
            height, width = int(rows[-1]) - top + 1, int(cols[-1]) - left + 1
            labels = mask.read(window=RasterioWindow(left, top, width, height))
            labels = labels[:, (rows - top)[:, np.newaxis], cols - left]
            shift = (1.0, 0.0, -float(window.col), 0.0, 1.0, -float(window.row))
            _write(target, labels, kind, _from_own_grid(shift, scene, own))


def _centres(first: int, count: int, scale: float, length: int) -> NDArray[np.intp]:
    positions = (np.arange(first, first + count) + 0.5) * scale
    inside: NDArray[np.intp] = np.clip(np.floor(positions), 0, length - 1).astype(np.intp)
    return inside


@dataclass(frozen=True)
class _Kind:
    """What a mask file is besides its labels."""

    profile: dict[str, Any]
    transform: Any
    palette: Any
    is_tiff: bool

    @classmethod
    def of(cls, mask: Any) -> _Kind:
        return cls(
            {
                "count": mask.count,
                "dtype": mask.dtypes[0],
                "nodata": mask.nodata,
                "crs": mask.crs,
            },
            mask.transform,
            mask.colormap(1) if mask.count == 1 and _has_palette(mask) else None,
            mask.driver == "GTiff",
        )


@contextmanager
def _opened(source: Path) -> Iterator[Any]:
    import rasterio
    from rasterio.errors import RasterioError

    from iqf_core.imaging.raster import DRIVERS, quiet
    from iqf_core.imaging.signatures import open_checked

    source = source.absolute()
    stream, name = open_checked(source)
    stream.close()
    driver = "JPEG" if name == "JPEG" else DRIVERS[name]
    try:
        with quiet(), rasterio.open(source, driver=driver) as mask:
            yield mask
    except RasterioError as error:
        raise ImageError(source, f"the mask cannot be read ({error})") from None


def _write(target: Path, labels: NDArray[Any], kind: _Kind, moving: Transform) -> Path:
    """Write (C, H, W) labels; `moving` leads from the grid of the source to theirs."""
    import rasterio
    from affine import Affine
    from rasterio.errors import RasterioError

    from iqf_core.imaging.raster import quiet

    target = _lossless(target, kind.is_tiff, kind.profile)
    profile = {**kind.profile, "height": labels.shape[1], "width": labels.shape[2]}
    if target.suffix.lower() == ".png":
        options: dict[str, Any] = {"driver": "PNG"}
        profile.pop("crs")
    else:
        options = {"driver": "GTiff", "compress": "deflate"}
        if not kind.transform.is_identity:
            options["transform"] = Affine(*compose(kind.transform[:6], invert(moving)))
    try:
        with quiet(), rasterio.open(target.absolute(), "w", **profile, **options) as written:
            if kind.palette is not None:
                written.write_colormap(1, kind.palette)
            written.write(labels)
    except RasterioError as error:
        raise ImageError(target, f"the mask cannot be written ({error})") from None
    # GDAL leaves what a PNG cannot hold in a file beside it; a mask needs none of that.
    target.with_name(target.name + ".aux.xml").unlink(missing_ok=True)
    return target


def _has_palette(mask: Any) -> bool:
    from rasterio.enums import ColorInterp

    return mask.colorinterp[0] == ColorInterp.palette and mask.dtypes[0] in _PNG_DTYPES


def _from_own_grid(transform: Transform, image: tuple[int, int], own: tuple[int, ...]) -> Transform:
    """Return the change as seen from the mask's grid, which may be coarser than the image's."""
    a, b, c, d, e, f = transform
    to_image_y, to_image_x = (
        of_image / of_mask for of_image, of_mask in zip(image, own, strict=True)
    )
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
