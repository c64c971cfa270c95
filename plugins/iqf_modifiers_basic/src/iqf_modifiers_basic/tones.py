"""Gamma, brightness, contrast and haze: each value becomes another, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Modifier, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.arithmetic import blend, limit, linear, look_up
from iqf_modifiers_basic.band_statistics import band_means
from iqf_modifiers_basic.invalid import keep_invalid

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageReader
    from iqf_core.imaging.image import Image

#: Rows that are computed at a time where an offset is added to every sample.
_ROWS = 64

#: Any values in DN to the values they become, in floating point.
Curve = Callable[[NDArray[Any]], NDArray[Any]]


class Gamma(Modifier):
    """Bend the tone curve: g = peak (f / peak)^gamma.

    The power law of displays and of products stretched for viewing (Gonzalez & Woods, *Digital
    Image Processing*, 4th ed., section 3.2). Above 1 mid-tones become darker, below 1 brighter; 0
    and the peak stay. Integers are rounded to nearest; negative floating-point values become 0.
    Invalid pixels stay as they are.
    """

    identity: ClassVar[Mapping[str, float]] = {"gamma": 1}

    class Params(BaseParams):
        """Parameters of the curve."""

        gamma: float = parameter(description="exponent", unit="", example=1.5, gt=0, le=100)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image with another tone curve; same size, data type and bands."""
        if self.is_identity():
            return image
        gamma, peak = self.params.gamma, image.peak

        def curve(values: NDArray[Any]) -> NDArray[Any]:
            exponent, full_scale = values.dtype.type(gamma), values.dtype.type(peak)
            bent: NDArray[Any] = np.maximum(values / full_scale, 0) ** exponent * full_scale
            return bent

        return image.with_pixels(keep_invalid(image, apply_curve(image.pixels, curve, peak)))


class Brightness(Modifier):
    """Multiply by ``factor`` and add ``offset_rel`` of the peak: g = factor f + offset.

    The factor is an exposure (torchvision's ``adjust_brightness`` is the same), the offset a
    level of stray light or a wrong black level (Gonzalez & Woods, *Digital Image Processing*, 4th
    ed., section 3.2). Mean and standard deviation become factor m + offset and factor s. Integers
    are rounded to nearest and clipped to [0, peak], floating-point images are neither. Invalid
    pixels stay as they are.
    """

    identity: ClassVar[Mapping[str, float]] = {"factor": 1, "offset_rel": 0}

    class Params(BaseParams):
        """Parameters of the line."""

        factor: float = parameter(
            1.0, description="gain", unit="", example=1.3, ge=0, le=1000, primary=True
        )
        offset_rel: float = parameter(
            0.0, description="level added, as a fraction of the peak", unit="peak", ge=-1, le=1
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the brighter or darker image; same size, data type and bands."""
        if self.is_identity():
            return image
        offset = self.params.offset_rel * image.peak
        pixels = linear(image.pixels, self.params.factor, offset, image.peak)
        return image.with_pixels(keep_invalid(image, pixels))


class Contrast(Modifier):
    """Stretch the values about the mean of their band: g = m + factor (f - m).

    m is the mean of the band's valid pixels in the whole image (Gonzalez & Woods, *Digital Image
    Processing*, 4th ed., section 3.2), so that the mean stays and the standard deviation is
    multiplied by ``factor``; 0 leaves the mean alone. Integers are rounded to nearest and clipped
    to [0, peak], floating-point images are neither. Invalid pixels stay as they are.
    """

    identity: ClassVar[Mapping[str, float]] = {"factor": 1}

    class Params(BaseParams):
        """Parameters of the contrast."""

        factor: float = parameter(
            description="what deviations from the mean are multiplied by",
            unit="",
            example=0.6,
            ge=0,
            le=1000,
        )

    def prepare(self, reader: ImageReader, context: Context) -> NDArray[np.float64]:
        """Return the mean of the valid pixels of every band."""
        return band_means(reader)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the image with another contrast; same size, data type and bands."""
        if self.is_identity():
            return image
        offsets = (1 - self.params.factor) * state
        pixels = linear_by_band(image.pixels, self.params.factor, offsets, image.peak)
        return image.with_pixels(keep_invalid(image, pixels))


class Haze(Modifier):
    """Look through a homogeneous scattering layer: g = f t + A (1 - t).

    The atmospheric scattering model of Koschmieder (1924) with one transmission t for the whole
    image, as in McCartney, *Optics of the Atmosphere*, 1976, and He, Sun & Tang, "Single image
    haze removal using dark channel prior", IEEE TPAMI 33, 2011, equation 1. A, the airlight, is
    what an infinitely thick layer looks like. Mean and standard deviation become t m + A (1 - t)
    and t s. Integers are rounded to nearest and stay within [0, peak]; invalid pixels stay as they
    are.
    """

    identity: ClassVar[Mapping[str, float]] = {"transmission": 1}

    class Params(BaseParams):
        """Parameters of the layer."""

        transmission: float = parameter(
            description="share of the scene's light that arrives, 1 is clear air",
            unit="",
            example=0.7,
            ge=0,
            le=1,
        )
        airlight_rel: float = parameter(
            0.8,
            description="brightness of the layer itself, as a fraction of the peak",
            unit="peak",
            ge=0,
            le=1,
            primary=True,
        )

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the hazy image; same size, data type and bands."""
        if self.is_identity():
            return image
        clear = self.params.transmission
        light = self.params.airlight_rel * image.peak * (1 - clear)
        pixels = linear(image.pixels, clear, light, image.peak)
        return image.with_pixels(keep_invalid(image, pixels))


def linear_by_band(
    pixels: NDArray[Any], gain: float, offsets: NDArray[np.float64], peak: float
) -> NDArray[Any]:
    """Return gain x `pixels` + the offset of each band, in their data type, within the peak."""
    height, width, _ = pixels.shape
    row = np.tile(offsets.astype(np.float32), width)
    flat = pixels.reshape(height, -1)
    if pixels.dtype.kind == "f":
        changed = flat * np.float32(gain)
        changed += row
        return changed.reshape(pixels.shape)
    result = np.empty_like(flat)
    added = np.broadcast_to(row, (min(_ROWS, height), row.size)).copy()
    for top in range(0, height, _ROWS):
        part = flat[top : top + _ROWS]
        result[top : top + _ROWS] = blend(part, gain, added[: len(part)], 1.0, peak)
    return result.reshape(pixels.shape)


def apply_curve(pixels: NDArray[Any], curve: Curve, peak: float) -> NDArray[Any]:
    """Return the `pixels` on another tone curve, in their data type, through a table if integer."""
    if pixels.dtype.kind == "f":
        return curve(pixels)
    values = curve(np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float64))
    table = np.clip(np.rint(values), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return look_up(pixels, limit(table, peak))
