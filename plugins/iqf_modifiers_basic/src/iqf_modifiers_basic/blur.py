"""Gaussian blur."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

#: Half the kernel in units of sigma: what lies outside weighs 6e-5.
REACH = 4.0

#: No filter of cv2's takes more samples at once (32 of 8 bits in an AVX2 register). What is left
#: of a row after its last full vector goes through another loop, whose rounding may differ: it is
#: computed again, further from the end of the row, so that results do not depend on the width.
_LANES = 32

#: How much less than 1 the valid weight under the kernel must be to count as less.
_WEIGHT_TOLERANCE = 1e-6

_BORDER = cv2.BORDER_REFLECT


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

    def halo(self) -> int:
        """Return the radius of the kernel in pixels."""
        return kernel_radius(self.params.sigma_px)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the blurred image; same size, data type and bands."""
        if self.is_identity():
            return image
        kernel = gaussian_kernel(self.params.sigma_px)
        mask = image.mask
        if mask is None or mask.all():
            return image.with_pixels(keep_invalid(image, convolve(image.pixels, kernel)))
        return image.with_pixels(keep_invalid(image, _convolve_valid(image.pixels, mask, kernel)))


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

    def weights(width: float) -> NDArray[np.float64]:
        sampled: NDArray[np.float64] = np.exp(-0.5 * (position / width) ** 2)
        sampled /= sampled.sum()
        return sampled

    # The moment grows with the width: bisection between a single pixel and twice too wide.
    low, high = 1e-2, 2 * sigma_px + 1
    for _ in range(60):
        middle = (low + high) / 2
        if (weights(middle) * position**2).sum() < sigma_px**2:
            low = middle
        else:
            high = middle
    kernel = weights((low + high) / 2).astype(np.float32)
    centre = len(kernel) // 2
    kernel[centre] = 1 - 2 * kernel[:centre].sum(dtype=np.float64)
    kernel.flags.writeable = False
    return kernel


def convolve(pixels: NDArray[Any], kernel: NDArray[np.float32]) -> NDArray[Any]:
    """Convolve every band with the separable `kernel`, reflected borders.

    Parameters
    ----------
    pixels
        Shape (H, W, C); uint8, uint16 or float32.
    kernel
        Shape (2 r + 1,), float32, symmetric, sum 1.

    Returns
    -------
    ndarray
        Shape and data type of `pixels`; integers rounded to nearest. The value of a pixel depends
        on the (2 r + 1)² around it only, to the last bit, whatever the size of the array.
    """
    width, bands = pixels.shape[1:]
    result = _filter(pixels, kernel)
    radius, tail = len(kernel) // 2, -(-_LANES // bands)
    start, first = max(0, width - tail - radius), max(0, width - tail)
    strip = cv2.copyMakeBorder(pixels[:, start:], 0, 0, 0, radius + tail, _BORDER)
    strip = strip.reshape(len(pixels), -1, bands)
    result[:, first:] = _filter(strip, kernel)[:, first - start : width - start]
    return result


def _filter(pixels: NDArray[Any], kernel: NDArray[np.float32]) -> NDArray[Any]:
    """Convolve; the last samples of a row may be rounded in another way than the rest."""
    # cv2's own 16-bit filter is several times slower than that in floating point.
    source = pixels.astype(np.float32) if pixels.dtype == np.uint16 else pixels
    # For 8-bit images and kernels of sum 1 cv2 may round the weights to multiples of 1/256, which
    # takes the tails away. Scaling by powers of two changes no result and avoids it.
    blurred = cv2.sepFilter2D(source, -1, kernel * 2, kernel / 2, borderType=_BORDER)
    if pixels.dtype == np.uint16:
        blurred = np.rint(blurred, out=blurred).astype(np.uint16)
    return blurred.reshape(pixels.shape)


def _convolve_valid(
    pixels: NDArray[Any], mask: NDArray[np.bool_], kernel: NDArray[np.float32]
) -> NDArray[Any]:
    """Convolve the valid pixels only; the others' values in the result mean nothing."""
    filled = np.where(mask[:, :, np.newaxis], pixels, pixels.dtype.type(0))
    result = convolve(filled, kernel)
    weight = convolve(mask.astype(np.float32)[:, :, np.newaxis], kernel)[:, :, 0]
    partial = mask & (weight < 1 - _WEIGHT_TOLERANCE)
    if partial.any():
        summed = convolve(filled.astype(np.float32), kernel)[partial]
        values = summed / weight[partial][:, np.newaxis]
        if pixels.dtype.kind == "u":
            values = np.minimum(np.rint(values), np.iinfo(pixels.dtype).max)
        result[partial] = values.astype(pixels.dtype)
    return result
