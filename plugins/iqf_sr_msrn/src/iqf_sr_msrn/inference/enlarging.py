"""An image enlarged: pixels, mask, place and ground sampling distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Geometry, Image, UnsupportedImageError, to_dtype
from iqf_sr_msrn.channels import unit_planes
from iqf_sr_msrn.inference.forward import TILE_PX, Function, tiled

if TYPE_CHECKING:
    from iqf_sr_msrn.model_file import ModelConfiguration


@dataclass(frozen=True)
class Enlarger:
    """What enlarges planes, and what must be known to do it in tiles.

    Attributes
    ----------
    function
        Maps (C, h, w), 1 for the peak, to (C, scale h, scale w).
    scale
        The factor.
    halo
        Input pixels around a pixel that its result depends on.
    bands
        Band counts it takes; empty for any.
    name
        What messages call it.
    """

    function: Function
    scale: int
    halo: int
    bands: tuple[int, ...] = ()
    name: str = "the upscaler"

    def refusal(self, bands: int) -> str | None:
        """Return why images of `bands` bands are not taken, None when they are."""
        if not self.bands or bands in self.bands:
            return None
        return (
            f"{self.name} takes images of {' or '.join(map(str, self.bands))} bands, not of {bands}"
        )

    def geometry(self, shape: tuple[int, int]) -> Geometry:
        """Return the new grid."""
        scale = float(self.scale)
        size = (shape[0] * self.scale, shape[1] * self.scale)
        return Geometry(size, (scale, 0.0, 0.0, 0.0, scale, 0.0))


def taken_bands(configuration: ModelConfiguration) -> tuple[int, ...]:
    """Return the band counts that a model takes."""
    return (1, 3) if configuration.channels == "y" else (configuration.bands,)


def enlarge(image: Image, enlarger: Enlarger, tile_px: int = TILE_PX) -> Image:
    """Return the enlarged image; mask, georeference and GSD follow.

    Invalid pixels count as their nearest valid neighbour, so that they leave no edge, and stay
    invalid. Integers are rounded to nearest and clipped to [0, peak].

    Raises
    ------
    UnsupportedImageError
        If the band count is not taken.
    """
    refusal = enlarger.refusal(image.bands)
    if refusal:
        raise UnsupportedImageError(refusal)
    planes = unit_planes(filled(image), image.peak)
    return finished(tiled(planes, enlarger.function, enlarger.scale, enlarger.halo, tile_px), image)


def finished(planes: NDArray[np.float32], image: Image) -> Image:
    """Return enlarged planes as an image of the data type, mask and place of `image`."""
    scale = planes.shape[1] // image.height
    limit = None if image.dtype == "float32" else image.peak
    pixels = to_dtype(np.moveaxis(planes, 0, 2) * np.float32(image.peak), image.dtype, limit=limit)
    mask = image.mask
    if mask is not None:
        mask = mask.repeat(scale, axis=0).repeat(scale, axis=1)
        if image.nodata is not None:
            pixels[~mask] = np.asarray(image.nodata).astype(pixels.dtype)
    place = image.georeference
    change = (float(scale), 0.0, 0.0, 0.0, float(scale), 0.0)
    return image.with_pixels(
        np.ascontiguousarray(pixels),
        mask=mask,
        georeference=place and place.regridded(change),
        gsd_m=image.gsd_m and image.gsd_m / scale,
    )


def filled(image: Image) -> NDArray[Any]:
    """Return the pixels with the nearest valid pixel's values where they are invalid."""
    if image.mask is None or image.mask.all():
        return image.pixels
    if not image.mask.any():
        return np.zeros_like(image.pixels)
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(
        ~image.mask, return_distances=False, return_indices=True
    )
    return np.asarray(image.pixels[rows, columns])
