"""Ground sampling distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from iqf_core.api import Geometry, Modifier, UnsupportedImageError, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import store
from iqf_modifiers_basic.resampling import Interpolation, average, new_size, resample

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

#: A new pixel is valid where at least so much of its weight comes from valid ones.
_LEAST_VALID = 0.5

#: With less valid weight than this an average says nothing: kernels with negative lobes cancel.
_LEAST_REACHED = 0.05


class GroundSampling(Modifier):
    """Sample the scene with pixels ``factor`` times as large: 2 makes 0.30 m into 0.60 m.

    The model of the same sensor from further away, or of a coarser one: every new pixel is the
    mean over its area (``interpolation=area``, the detector's own integration), or weighed with a
    wider kernel that keeps aliasing out; ``nearest`` alone does not (see Schowengerdt, *Remote
    Sensing*, 3rd ed., sections 3.4 and 7.3). Below 1 the image is enlarged.

    With ``restore_size`` the coarse image is interpolated back to the old grid in the same way:
    size, georeference and annotations stay, as for a study whose models take images of one size.
    Without it the image is really smaller, and annotations, georeference and GSD follow. New
    pixels are exactly ``factor`` old ones, from the upper left corner on; the last ones may reach
    beyond the border by less than half of one.

    Integers are rounded to nearest and clipped to [0, peak], floating-point images are neither.
    Invalid pixels contribute nothing. A pixel of a smaller image is invalid where less than half
    of its weight is valid; on the old grid the same pixels are invalid as before.
    """

    scope = "global"
    identity: ClassVar[Mapping[str, float]] = {"factor": 1}

    class Params(BaseParams):
        """Parameters of the grid: a factor or the new distance."""

        factor: float | None = parameter(
            None,
            description="what the ground sampling distance is multiplied by",
            unit="",
            example=2,
            gt=0.01,
            le=1000,
        )
        target_gsd_m: float | None = parameter(
            None, description="the new ground sampling distance", unit="m", example=0.6, gt=0
        )
        interpolation: Interpolation = parameter(
            "area", description="how pixels are weighed: area, nearest, or a kernel"
        )
        restore_size: bool = parameter(
            True, description="interpolate back to the old grid", primary=True
        )

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            if (self.factor is None) == (self.target_gsd_m is None):
                raise ValueError(
                    "exactly one of factor and target_gsd_m (in metres) is expected, such as "
                    "factor=2"
                )
            return self

    def geometry(self, shape: tuple[int, int], gsd_m: float | None = None) -> Geometry | None:
        """Return the new grid, None where the old one is restored."""
        if self.params.restore_size or self.is_identity():
            return None
        factor = self._factor(gsd_m)
        height, width = (new_size(size, factor) for size in shape)
        return Geometry((height, width), (1 / factor, 0.0, 0.0, 0.0, 1 / factor, 0.0))

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the resampled image; its size is that of :meth:`geometry`."""
        if self.is_identity():
            return image
        factor = self._factor(image.gsd_m)
        shape = (new_size(image.height, factor), new_size(image.width, factor))
        if self.params.restore_size:
            return image.with_pixels(_restored(image, factor, shape, self.params.interpolation))
        pixels, mask = _smaller(image, factor, shape, self.params.interpolation)
        place = image.georeference
        change = (1 / factor, 0.0, 0.0, 0.0, 1 / factor, 0.0)
        return image.with_pixels(
            pixels,
            mask=mask,
            georeference=place and place.regridded(change),
            gsd_m=image.gsd_m and image.gsd_m * factor,
        )

    def _factor(self, gsd_m: float | None) -> float:
        if self.params.factor is not None:
            return float(self.params.factor)
        if gsd_m is None:
            raise UnsupportedImageError(
                "the ground sampling distance of the image is not known, so target_gsd_m cannot "
                "be reached: state gsd_m in the dataset's iqf.yaml, or give a factor"
            )
        return float(self.params.target_gsd_m / gsd_m)


def _smaller(
    image: Image, factor: float, shape: tuple[int, int], interpolation: Interpolation
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return pixels and mask on the new grid."""
    dtype = image.pixels.dtype
    if image.mask is None or image.mask.all():
        mask = None if image.mask is None else np.ones(shape, bool)
        pixels = average(image.pixels, factor, shape) if interpolation == "area" else None
        if pixels is None:
            values = resample(image.pixels, factor, shape, interpolation)
            pixels = store(values, dtype, image.peak)
        return pixels, mask
    values, weight = _normalised(image.pixels, image.mask, factor, shape, interpolation)
    mask = weight >= _LEAST_VALID
    pixels = store(values, dtype, image.peak)
    if image.nodata is None:
        under = resample(image.pixels, factor, shape, "nearest")[~mask]
        pixels[~mask] = under.astype(dtype)
    else:
        pixels[~mask] = np.asarray(image.nodata).astype(dtype)
    return pixels, mask


def _restored(
    image: Image, factor: float, shape: tuple[int, int], interpolation: Interpolation
) -> NDArray[Any]:
    """Return the pixels after sampling them on the coarse grid, on their own grid."""
    dtype, size = image.pixels.dtype, image.shape[:2]
    if image.mask is None or image.mask.all():
        coarse = resample(image.pixels, factor, shape, interpolation)
        return store(resample(coarse, 1 / factor, size, interpolation), dtype, image.peak)
    coarse, weight = _normalised(image.pixels, image.mask, factor, shape, interpolation)
    reached = weight > _LEAST_REACHED
    values, weight = _normalised(coarse, reached, 1 / factor, size, interpolation)
    pixels = store(values, dtype, image.peak)
    kept = ~image.mask | (weight <= _LEAST_REACHED)
    pixels[kept] = image.pixels[kept]
    return pixels


def _normalised(
    pixels: NDArray[Any],
    mask: NDArray[np.bool_],
    factor: float,
    shape: tuple[int, int],
    interpolation: Interpolation,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the resampled valid pixels, and the share of the weight that they have."""
    valid = mask[:, :, np.newaxis]
    summed = resample(np.where(valid, pixels, 0), factor, shape, interpolation)
    weight = resample(valid, factor, shape, interpolation)
    summed /= np.where(weight > _LEAST_REACHED, weight, 1)
    return summed, weight[:, :, 0]
