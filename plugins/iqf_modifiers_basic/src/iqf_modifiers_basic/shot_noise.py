"""Signal-dependent noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import add
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class ShotNoise(Modifier):
    """Add noise whose variance grows with the signal: variance = ``b`` + ``a`` x signal.

    Photon noise is Poisson distributed: with a gain of a DN per electron its variance is a times
    the signal; read-out and other noise of constant variance b comes on top. The normal
    approximation of this sum, independent from pixel to pixel and from band to band, is the
    heteroscedastic model of Foi, Trimeche, Katkovnik & Egiazarian, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE TIP 17, 2008,
    equations 3 to 5; it is close from about ten electrons on. Where b + a x signal is negative
    there is no noise.

    Drawn in 32-bit floating point. Integers are rounded to nearest, which adds a variance of
    1/12, and clipped to [0, peak]; floating-point images are neither. Invalid pixels stay as they
    are.
    """

    random = True
    identity: ClassVar[Mapping[str, float]] = {"a": 0, "b": 0}

    class Params(BaseParams):
        """Parameters of the variance line."""

        a: float = parameter(
            description="slope of the variance: the gain, in DN per electron",
            unit="DN",
            example=0.5,
            ge=0,
        )
        b: float = parameter(
            0.0, description="variance where there is no signal", unit="DN²", example=4, ge=0
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the noisy image; same size, data type and bands."""
        if self.is_identity():
            return image
        variance = image.pixels * np.float32(self.params.a)
        variance += np.float32(self.params.b)
        np.maximum(variance, 0, out=variance)
        np.sqrt(variance, out=variance)
        variance *= context.standard_normal(image.shape)
        return image.with_pixels(keep_invalid(image, add(image.pixels, variance, image.peak)))
