"""Blur to a relative edge response."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from iqf_core.api import parameter
from iqf_modifiers_basic.blur import gaussian_kernel, kernel_radius
from iqf_modifiers_basic.filtering import convolve, filter_valid
from iqf_modifiers_basic.targets import TargetModifier, TargetParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageReader
    from iqf_core.imaging.image import Image


class TargetRer(TargetModifier):
    """Blur every image from its own relative edge response (RER) to the ``target``.

    RER is the rise of the normalised edge spread function from half a pixel before the edge to
    half a pixel behind it (GIQE: Leachtenauer et al., Applied Optics 36, 1997). For a system that
    is a Gaussian of width s (all of it: optics, aperture, processing) that is erf(1 / (2 sqrt(2)
    s)), so s = 1 / (2 z) with z the standard normal quantile of (1 + RER) / 2. Gaussians add in
    quadrature: the blur has the variance sigma² = s(target)² - s(initial)². ``initial``, the RER
    that the image has, is given, stated in ``iqf.yaml`` (``rer``), or measured by the metric
    ``sharpness`` on each image. There is no value at which all images stay as they are: each has
    an RER of its own.

    Otherwise as ``blur``; all bands get the same.
    """

    quality = "rer"
    metric_name = "sharpness"

    class Params(TargetParams):
        """Parameters of the target."""

        target: float = parameter(
            description="relative edge response that the image shall have",
            unit="",
            example=0.3,
            ge=0.005,
            lt=1,
        )

    def halo(self) -> int:
        """Return the radius of the kernel that a perfectly sharp image would need, in pixels."""
        return kernel_radius(width_of_rer(self.params.target))

    def prepare(self, reader: ImageReader, context: Context) -> float:
        """Return the standard deviation of the blur in pixels."""
        values = self.initial_values(reader, context)
        if isinstance(values, str):
            self.missed(values, context)
            return 0.0
        initial, target = sum(values) / len(values), self.params.target
        if initial < target:
            self.missed(f"the image has an RER of {initial:.4g}, below {target:g}", context)
            return 0.0
        begun = width_of_rer(initial) if initial < 1 else 0.0
        return float(max(width_of_rer(target) ** 2 - begun**2, 0.0) ** 0.5)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the blurred image; same size, data type and bands."""
        if not state:
            return image
        kernel = gaussian_kernel(state)
        return image.with_pixels(filter_valid(image, lambda pixels: convolve(pixels, kernel)))


def width_of_rer(rer: float) -> float:
    """Return the width (standard deviation, in pixels) of the Gaussian system of this RER."""
    return 1 / (2 * NormalDist().inv_cdf((1 + rer) / 2))
