"""Bands that do not lie exactly on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from iqf_core.api import Modifier, UnsupportedImageError, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import limit, put_band, take_band
from iqf_modifiers_basic.drawing import band_uniform
from iqf_modifiers_basic.filtering import convolve, filter_valid
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

#: Lobes of the interpolation kernel on each side.
_LOBES = 4

#: Shifts beyond this are no misregistration, and would make the kernels long.
_MOST = 32.0


class BandMisregistration(Modifier):
    """Shift the bands against each other, by fractions of a pixel.

    The model of a multi-band sensor whose bands look at the same place at different times or from
    different positions in the focal plane, after imperfect registration: band b shows
    f_b(x - dx_b, y - dy_b). Either every shift is given, or the first band stays and those of the
    others are drawn from the uniform distribution over [-max_shift_px, max_shift_px], which has
    the variance max_shift_px² / 3 on each axis.

    Interpolated with a Lanczos kernel of four lobes (Duchon, "Lanczos filtering in one and two
    dimensions", J. Appl. Meteorol. 18, 1979), normalised to 1: below 0.3 cycles per pixel the
    phase is that of the shift and the modulation 1 to within 1 %. Integers are rounded to nearest
    and clipped to [0, peak]. Reflected borders; invalid pixels stay as they are, for all bands,
    and contribute nothing (see ``blur``).
    """

    random = True
    identity: ClassVar[Mapping[str, float]] = {"max_shift_px": 0}

    class Params(BaseParams):
        """Parameters of the shifts: exactly one of the two."""

        max_shift_px: float | None = parameter(
            None,
            description="largest random shift of a band on each axis",
            unit="px",
            example=0.5,
            ge=0,
            le=_MOST,
        )
        shifts_px: tuple[tuple[float, float], ...] | None = parameter(
            None,
            description="dx (to the right) and dy (downwards) of every band, also as text: "
            "'0 0; 0.3 -0.2'",
            unit="px",
            min_length=1,
        )

        @field_validator("shifts_px", mode="before")
        @classmethod
        def _from_text(cls, value: object) -> object:
            if not isinstance(value, str):
                return value
            return [pair.replace(",", " ").split() for pair in value.split(";")]

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            if (self.max_shift_px is None) == (self.shifts_px is None):
                raise ValueError(
                    "exactly one of max_shift_px (random shifts) and shifts_px (one dx and dy per "
                    "band) is expected, such as max_shift_px=0.5"
                )
            if max(map(abs, sum(self.shifts_px or (), ())), default=0) > _MOST:
                raise ValueError(f"shifts of at most {_MOST:g} px are expected")
            return self

    @classmethod
    def uses_seed(cls, params: Any) -> bool:
        """Return whether shifts are drawn."""
        return params.shifts_px is None

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why images of one band, or of another number than shifts, are not taken."""
        if bands == 1:
            return "shifts bands against each other; the images have only one"
        shifts = self.params.shifts_px
        if shifts is not None and len(shifts) != bands:
            return f"has shifts for {len(shifts)} bands, not for {bands}; give one per band"
        return super().supports(dtype, bands)

    def halo(self) -> int:
        """Return the radius of the longest kernel that may be needed, in pixels."""
        if self.params.shifts_px is None:
            return _radius(self.params.max_shift_px)
        return max(_radius(part) for pair in self.params.shifts_px for part in pair)

    def is_identity(self) -> bool:
        """Return whether no band is shifted."""
        if self.params.shifts_px is None:
            return bool(self.params.max_shift_px == 0)
        return not any(map(any, self.params.shifts_px))

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image with shifted bands; same size, data type and bands."""
        if self.is_identity():
            return image
        refusal = self.supports(image.dtype, image.bands)
        if refusal:
            raise UnsupportedImageError(refusal)
        pixels = np.empty_like(image.pixels)
        for band, (dx, dy) in enumerate(self._shifts(image.bands, context)):
            one = take_band(image.pixels, band)
            if dx or dy:
                plane = image.with_pixels(one[:, :, np.newaxis], band_names=())
                one = _shifted(plane, dx, dy)[:, :, 0]
            put_band(one, pixels, band)
        return image.with_pixels(keep_invalid(image, limit(pixels, image.peak)))

    def _shifts(self, bands: int, context: Context) -> tuple[tuple[float, float], ...]:
        if self.params.shifts_px is not None:
            return tuple(self.params.shifts_px)
        drawn = (2 * band_uniform(context, bands, 2) - 1) * self.params.max_shift_px
        drawn[0] = 0
        return tuple((float(dx), float(dy)) for dx, dy in drawn)


def _shifted(plane: Image, dx: float, dy: float) -> NDArray[Any]:
    horizontal, vertical = shift_kernel(dx), shift_kernel(dy)
    return filter_valid(plane, lambda pixels: convolve(pixels, horizontal, vertical))


def _radius(shift_px: float) -> int:
    return math.ceil(abs(shift_px)) + _LOBES if shift_px else 0


@lru_cache(maxsize=256)
def shift_kernel(shift_px: float) -> NDArray[np.float32]:
    """Return the kernel that moves a row by `shift_px` to the right, for correlation.

    Returns
    -------
    ndarray
        Shape (2 r + 1,), float32, sum 1, read-only.
    """
    radius = _radius(shift_px)
    position = np.arange(-radius, radius + 1) + shift_px
    weights = np.sinc(position) * np.sinc(position / _LOBES) * (np.abs(position) < _LOBES)
    kernel: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    kernel.flags.writeable = False
    return kernel
