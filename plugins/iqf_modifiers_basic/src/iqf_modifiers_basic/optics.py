"""Motion, defocus, and the transfer function of a whole sensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import limit
from iqf_modifiers_basic.blur import kernel_radius
from iqf_modifiers_basic.filtering import convolve, convolve_plane, filter_valid
from iqf_modifiers_basic.kernels import disk_kernel, kernel_of_transfer, line_kernel

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class MotionBlur(Modifier):
    """Smear the image along a straight path of ``length_px``.

    Uniform linear motion during the exposure (platform motion, or a time-delay integration that
    runs out of step): the transfer function along the path is sinc(length f) =
    sin(pi length f) / (pi length f), f in cycles per pixel (Gonzalez & Woods, *Digital Image
    Processing*, 4th ed., section 5.6; Holst, *Electro-Optical Imaging System Performance*, 5th
    ed., section 9.1).

    The kernel is a line, each of its points shared by the four pixels around it, whose second
    moment along the path is exactly that of the path, length² / 12. Across an oblique path the
    sharing blurs by up to half a pixel. Integers are rounded to nearest. Reflected borders; invalid
    pixels stay as they are and contribute nothing (see ``blur``).
    """

    identity: ClassVar[Mapping[str, float]] = {"length_px": 0}

    class Params(BaseParams):
        """Parameters of the motion."""

        length_px: float = parameter(
            description="length of the path", unit="px", example=5, ge=0, le=500
        )
        angle_deg: float = parameter(
            0.0,
            description="direction of the path: 0 along the rows, 90 along the columns",
            unit="°",
            ge=-360,
            le=360,
            primary=True,
        )

    def halo(self) -> int:
        """Return the radius of the kernel in pixels."""
        return math.ceil(float(self.params.length_px) / 2) + 1

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the smeared image; same size, data type and bands."""
        if self.is_identity():
            return image
        kernel = line_kernel(self.params.length_px, self.params.angle_deg)
        one = np.ones(1, np.float32)
        if kernel.shape[0] == 1:
            return _filtered(image, kernel[0], one)
        if kernel.shape[1] == 1:
            return _filtered(image, one, kernel[:, 0])
        return image.with_pixels(filter_valid(image, lambda pixels: convolve_plane(pixels, kernel)))


class Defocus(Modifier):
    """Spread every point over a disk of ``radius_px``, the blur circle of a defocused lens.

    The geometrical-optics limit of defocus: the transfer function is 2 J1(2 pi r f) / (2 pi r f),
    f in cycles per pixel, J1 the Bessel function (Goodman, *Introduction to Fourier Optics*, 4th
    ed., section 7.4). The kernel weighs each pixel by what the disk covers of it and has exactly
    the disk's second moment, radius² / 4 per axis. Integers are rounded to nearest. Reflected
    borders; invalid pixels stay as they are and contribute nothing (see ``blur``).
    """

    identity: ClassVar[Mapping[str, float]] = {"radius_px": 0}

    class Params(BaseParams):
        """Parameters of the blur circle."""

        radius_px: float = parameter(
            description="radius of the blur circle", unit="px", example=2, ge=0, le=100
        )

    def halo(self) -> int:
        """Return the radius of the kernel in pixels."""
        return math.ceil(float(self.params.radius_px)) + 1

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the defocused image; same size, data type and bands."""
        if self.is_identity():
            return image
        kernel = disk_kernel(self.params.radius_px)
        return image.with_pixels(filter_valid(image, lambda pixels: convolve_plane(pixels, kernel)))


class SystemTransfer(Modifier):
    """Apply the modulation transfer function of a sensor: optics, pixel aperture and motion.

    H(fx, fy) = Hx(fx) Hy(fy), each the product of a Gaussian exp(-2 pi² sigma² f²) for optics,
    atmosphere and jitter, the sinc(a f) of a square pixel of side a, and, along one axis, the
    sinc(L f) of a motion over L pixels; f in cycles per pixel, sinc(x) = sin(pi x) / (pi x)
    (Holst, *Electro-Optical Imaging System Performance*, 5th ed., chapters 8 and 9; Schowengerdt,
    *Remote Sensing*, 3rd ed., section 3.4). It comes on top of what the image has already been
    through. ``blur`` is the case of equal sigmas and nothing else.

    The kernel of an axis has, up to the Nyquist frequency, the transfer function asked for to
    within 0.002, or 0.02 near that frequency where an aperture alone makes the function end
    abruptly there: it is the ideal filter for a band-limited image and may have small negative
    weights. Integers are rounded to nearest and clipped to [0, peak]. Reflected borders; invalid
    pixels stay as they are and contribute nothing (see ``blur``).
    """

    identity: ClassVar[Mapping[str, float]] = {
        "sigma_x_px": 0,
        "sigma_y_px": 0,
        "aperture_px": 0,
        "motion_px": 0,
    }

    class Params(BaseParams):
        """Parameters of the transfer function."""

        sigma_x_px: float = parameter(
            0.0,
            description="standard deviation of the Gaussian along the rows",
            unit="px",
            example=0.6,
            ge=0,
            le=100,
            primary=True,
        )
        sigma_y_px: float = parameter(
            0.0,
            description="standard deviation of the Gaussian along the columns",
            unit="px",
            example=0.5,
            ge=0,
            le=100,
            primary=True,
        )
        aperture_px: float = parameter(
            0.0, description="side of the detector's square aperture", unit="px", ge=0, le=100
        )
        motion_px: float = parameter(
            0.0, description="path of the motion during the exposure", unit="px", ge=0, le=100
        )
        motion_axis: Literal["x", "y"] = parameter(
            "y", description="whether it moves along the rows (x) or the columns (y)"
        )

    def halo(self) -> int:
        """Return the radius of the larger kernel in pixels."""
        return max(len(kernel) // 2 for kernel in self._kernels())

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image as the sensor would see it; same size, data type and bands."""
        return image if self.is_identity() else _filtered(image, *self._kernels())

    def _kernels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        given = self.params
        moved = {given.motion_axis: given.motion_px}
        return (
            axis_kernel(given.sigma_x_px, given.aperture_px, moved.get("x", 0.0)),
            axis_kernel(given.sigma_y_px, given.aperture_px, moved.get("y", 0.0)),
        )


def axis_transfer(
    frequency: NDArray[np.float64], sigma_px: float, aperture_px: float, motion_px: float
) -> NDArray[np.float64]:
    """Return the transfer function of one axis at `frequency`, in cycles per pixel."""
    gaussian = np.exp(-2 * (math.pi * sigma_px * frequency) ** 2)
    transfer: NDArray[np.float64] = (
        gaussian * np.sinc(aperture_px * frequency) * np.sinc(motion_px * frequency)
    )
    return transfer


@lru_cache(maxsize=64)
def axis_kernel(sigma_px: float, aperture_px: float, motion_px: float) -> NDArray[np.float32]:
    """Return the kernel of one axis; see :func:`kernels.kernel_of_transfer`."""
    return kernel_of_transfer(
        lambda frequency: axis_transfer(frequency, sigma_px, aperture_px, motion_px),
        kernel_radius(sigma_px) + (aperture_px + motion_px) / 2,
    )


def _filtered(
    image: Image, horizontal: NDArray[np.float32], vertical: NDArray[np.float32]
) -> Image:
    def separable(pixels: NDArray[Any]) -> NDArray[Any]:
        return convolve(pixels, horizontal, vertical)

    return image.with_pixels(limit_valid(image, filter_valid(image, separable)))


def limit_valid(image: Image, pixels: NDArray[Any]) -> NDArray[Any]:
    """Limit valid pixels to the peak: a kernel with negative weights overshoots at edges."""
    limited = limit(pixels, image.peak)
    if image.mask is not None:
        limited[~image.mask] = image.pixels[~image.mask]
    return limited
