"""Gaussian blur."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.filtering import convolve, filter_valid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

#: Half the kernel in units of sigma: what lies outside weighs 6e-5.
REACH = 4.0


class GaussianBlur(Modifier):
    """Convolve every band with a Gaussian of standard deviation ``sigma_px``.

    The model of a defocused, turbulent or moving camera whose point spread function is
    exp(-(x² + y²) / (2 sigma²)), with the modulation transfer function
    exp(-2 pi² sigma² f²), f in cycles per pixel (Gonzalez & Woods, *Digital Image
    Processing*, 4th ed., sections 3.5 and 5.5). The blur adds to that already in the image:
    variances of consecutive blurs add up.

    The kernel is a sampled Gaussian of radius ``ceil(4 sigma)``, normalised to 1, whose width is
    set so that its second moment on the grid is exactly sigma² in each direction (a Gaussian that
    is simply sampled has another one when sigma is below about 0.6 pixels, and truncation takes
    some away at any sigma). Computed in 32-bit floating point; integers are rounded to nearest.

    ``kernel_px`` cuts the kernel to a fixed size, as programs with a fixed kernel do: the sampled
    Gaussian, normalised to 1, whose second moment is then less than sigma² (with 7 pixels and a
    sigma of 2.5 that of 1.77 pixels) and whose transfer function has zeros.

    Beyond its borders the image is continued by reflection (``d c b a | a b c d | d c b a``),
    which keeps its mean. Invalid pixels stay as they are and contribute nothing: the weights of
    the valid ones are normalised anew (normalised convolution: Knutsson & Westin, CVPR 1993).
    """

    version = "1"
    identity: ClassVar[Mapping[str, float]] = {"sigma_px": 0}

    class Params(BaseParams):
        """Parameters of the blur."""

        sigma_px: float = parameter(
            description="standard deviation of the Gaussian",
            unit="px",
            example=1.5,
            ge=0,
            le=1000,
        )
        kernel_px: int = parameter(
            0,
            description="odd size of the kernel, cut to it; 0 for as wide as sigma_px needs",
            unit="px",
            ge=0,
            le=8001,
        )

        @field_validator("kernel_px")
        @classmethod
        def _has_a_centre(cls, value: int) -> int:
            if value and value % 2 == 0:
                raise ValueError("a kernel has an odd number of pixels, or 0 for as many as needed")
            return value

    def halo(self) -> int:
        """Return the radius of the kernel in pixels."""
        return (self.params.kernel_px or 2 * kernel_radius(self.params.sigma_px)) // 2

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the blurred image; same size, data type and bands."""
        if self.is_identity():
            return image
        sigma_px, kernel_px = self.params.sigma_px, self.params.kernel_px
        kernel = cut_kernel(sigma_px, kernel_px) if kernel_px else gaussian_kernel(sigma_px)
        return image.with_pixels(filter_valid(image, lambda pixels: convolve(pixels, kernel)))


def kernel_radius(sigma_px: float) -> int:
    """Return half the kernel's extent in pixels, the centre not counted."""
    return math.ceil(REACH * sigma_px)


@lru_cache(maxsize=64)
def gaussian_kernel(sigma_px: float) -> NDArray[np.float32]:
    """Return a sampled Gaussian whose second moment is exactly ``sigma_px**2``.

    Parameters
    ----------
    sigma_px
        Standard deviation in pixels, positive.

    Returns
    -------
    ndarray
        Shape (2 ``ceil(4 sigma_px)`` + 1,), float32, symmetric, sum 1, read-only.
    """
    position = np.arange(-kernel_radius(sigma_px), kernel_radius(sigma_px) + 1, dtype=np.float64)
    # The moment grows with the width: bisection between a single pixel and twice too wide.
    low, high = 1e-2, 2 * sigma_px + 1
    for _ in range(60):
        middle = (low + high) / 2
        if (_sampled(position, middle) * position**2).sum() < sigma_px**2:
            low = middle
        else:
            high = middle
    kernel = _sampled(position, (low + high) / 2)
    return _single_precision(kernel)


@lru_cache(maxsize=64)
def cut_kernel(sigma_px: float, kernel_px: int) -> NDArray[np.float32]:
    """Return a sampled Gaussian of `kernel_px` pixels (odd), float32, sum 1, read-only."""
    position = np.arange(kernel_px, dtype=np.float64) - kernel_px // 2
    return _single_precision(_sampled(position, sigma_px))


def _sampled(position: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    sampled: NDArray[np.float64] = np.exp(-0.5 * (position / width) ** 2)
    sampled /= sampled.sum()
    return sampled


def _single_precision(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return symmetric weights in 32 bits whose sum stays 1."""
    kernel = weights.astype(np.float32)
    centre = len(kernel) // 2
    kernel[centre] = 1 - 2 * kernel[:centre].sum(dtype=np.float64)
    kernel.flags.writeable = False
    return kernel
