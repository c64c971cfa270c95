"""Additive white Gaussian noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import add
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class GaussianNoise(Modifier):
    """Add zero-mean Gaussian noise of one standard deviation to every pixel and band.

    The model of signal-independent sensor noise (read-out, thermal, quantization in sum):
    g = f + n with n drawn from N(0, sigma²), independent from pixel to pixel and from band to
    band (Gonzalez & Woods, *Digital Image Processing*, 4th ed., section 5.2). The
    signal-to-noise ratio of a uniform area of brightness f becomes f / sigma when the image had no
    noise before.

    The noise is drawn in 32-bit floating point. Integer images are rounded to nearest and clipped
    to [0, peak]: a sensor cannot exceed its full scale. Clipping moves the mean and takes variance
    away within about three sigma of 0 and of the peak. Floating-point images are neither rounded
    nor clipped. Invalid pixels stay as they are.
    """

    version = "1"
    random = True
    identity: ClassVar[Mapping[str, float]] = {"sigma_dn": 0, "sigma_rel": 0}

    class Params(BaseParams):
        """Parameters of the noise: exactly one of the two."""

        sigma_dn: float | None = parameter(
            None,
            description="standard deviation in the image's own numbers",
            unit="DN",
            example=8,
            ge=0,
        )
        sigma_rel: float | None = parameter(
            None,
            description="standard deviation as a fraction of the image's peak",
            unit="peak",
            example=0.03,
            ge=0,
        )

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            if (self.sigma_dn is None) == (self.sigma_rel is None):
                raise ValueError(
                    "exactly one of sigma_dn (in DN) and sigma_rel (a fraction of the peak) is "
                    "expected, such as sigma_dn=8"
                )
            return self

    def is_identity(self) -> bool:
        """Return whether sigma is 0."""
        return not (self.params.sigma_dn or self.params.sigma_rel)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the noisy image; same size, data type and bands."""
        if self.is_identity():
            return image
        sigma = self.params.sigma_dn
        if sigma is None:
            sigma = self.params.sigma_rel * image.peak
        noise = context.standard_normal(image.shape)
        noise *= np.float32(sigma)
        return image.with_pixels(keep_invalid(image, add(image.pixels, noise, image.peak)))
