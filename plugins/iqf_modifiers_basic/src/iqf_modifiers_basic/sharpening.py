"""Sharper and softer: torchvision's sharpness, and the unsharp mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import blend, store
from iqf_modifiers_basic.blur import gaussian_kernel, kernel_radius
from iqf_modifiers_basic.filtering import convolve, convolve_plane, filter_valid
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image

_SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / np.float32(13)


class AdjustSharpness(Modifier):
    """Mix the image with a smoothed one, as torchvision's ``adjust_sharpness`` does.

    g = factor f + (1 - factor) s, where s is the image smoothed with the 3 x 3 kernel
    [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13 except for its outermost pixels, which stay
    (``torchvision.transforms.functional.adjust_sharpness``, after Pillow's
    ``ImageEnhance.Sharpness``). 0 gives the smoothed image, 1 the image itself, more a sharper
    one. The transfer function is factor + (1 - factor) S(fx, fy) with
    S = (5 + 2 cos x + 2 cos y + 4 cos x cos y) / 13, x = 2 pi fx, y = 2 pi fy.

    s is rounded in integer images, as there; g is rounded to nearest (there towards 0: the two
    differ by at most one grey level) and clipped to [0, peak]. Floating-point images are not
    clipped. Invalid pixels stay as they are and contribute nothing to s.
    """

    identity: ClassVar[Mapping[str, float]] = {"factor": 1}

    class Params(BaseParams):
        """Parameters of the sharpness."""

        factor: float = parameter(
            description="0 smooths, 1 changes nothing, more sharpens",
            unit="",
            example=2,
            ge=0,
            le=1000,
        )

    def halo(self) -> int:
        """Return the radius of the kernel in pixels."""
        return 1

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the sharper or softer image; same size, data type and bands."""
        if self.is_identity():
            return image
        smooth = filter_valid(image, lambda pixels: convolve_plane(pixels, _SMOOTHING))
        _keep_border(image.pixels, smooth, context)
        factor = self.params.factor
        mixed = _mixed(image.pixels, factor, smooth, 1 - factor, image.peak)
        return image.with_pixels(keep_invalid(image, mixed))


class UnsharpMask(Modifier):
    """Add ``amount`` times the difference from a blurred image: g = f + amount (f - blurred).

    Unsharp masking and, above an amount of 1, high-boost filtering (Gonzalez & Woods, *Digital
    Image Processing*, 4th ed., section 3.6, equation 3-56), with the Gaussian of the modifier
    ``blur``: the transfer function is 1 + amount (1 - exp(-2 pi² sigma² f²)). Where the
    difference is smaller than ``threshold_dn``, such as noise in flat areas, nothing changes.

    Computed in 32-bit floating point. Integers are rounded to nearest and clipped to [0, peak],
    floating-point images are neither. Invalid pixels stay as they are and contribute nothing.
    """

    identity: ClassVar[Mapping[str, float]] = {"amount": 0}

    class Params(BaseParams):
        """Parameters of the mask."""

        amount: float = parameter(
            description="share of the difference that is added", unit="", example=1, ge=0, le=1000
        )
        sigma_px: float = parameter(
            1.0,
            description="standard deviation of the Gaussian",
            unit="px",
            gt=0,
            le=1000,
            primary=True,
        )
        threshold_dn: float = parameter(
            0.0, description="smaller differences are left alone", unit="DN", ge=0
        )

    def halo(self) -> int:
        """Return the radius of the Gaussian's kernel in pixels."""
        return kernel_radius(self.params.sigma_px)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the sharpened image; same size, data type and bands."""
        if self.is_identity():
            return image
        kernel = gaussian_kernel(self.params.sigma_px)
        blurred = filter_valid(image, lambda pixels: convolve(pixels, kernel, exact=True))
        amount = self.params.amount
        sharp = _mixed(image.pixels, 1 + amount, blurred, -amount, image.peak)
        if self.params.threshold_dn:
            difference = np.abs(np.subtract(image.pixels, blurred, dtype=np.float32))
            small = difference < np.float32(self.params.threshold_dn)
            np.copyto(sharp, image.pixels, where=small)
        return image.with_pixels(keep_invalid(image, sharp))


def _mixed(
    pixels: NDArray[Any], alpha: float, other: NDArray[Any], beta: float, peak: float
) -> NDArray[Any]:
    if pixels.dtype.kind == "f":
        mixed = pixels * np.float32(alpha)
        mixed += other * np.float32(beta)
        return store(mixed, pixels.dtype, peak)
    return blend(pixels, alpha, other, beta, peak)


def _keep_border(pixels: NDArray[Any], smooth: NDArray[Any], context: Context) -> None:
    """Put the outermost pixels of the full image back into `smooth`, where the window has them."""
    height, width = pixels.shape[:2]
    top, left = context.offset
    full_height, full_width = context.full_shape[:2] if context.full_shape else (height, width)
    for row in (-top, full_height - 1 - top):
        if 0 <= row < height:
            smooth[row] = pixels[row]
    for column in (-left, full_width - 1 - left):
        if 0 <= column < width:
            smooth[:, column] = pixels[:, column]
