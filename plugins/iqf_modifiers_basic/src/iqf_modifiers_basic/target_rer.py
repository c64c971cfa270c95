"""Blur to a relative edge response."""

from __future__ import annotations

import math
from functools import lru_cache
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
    quadrature: the blur has about the variance s(target)² - s(initial)².

    That is exact for continuous Gaussians. On the pixel grid the kernel h takes the edge spread
    function E to sum h(n) E(x - n), which for edges sharper than about a pixel falls less; so the
    variance is corrected (by at most 1/12) until this sum has the target RER on the edge of a
    Gaussian system of the initial one, whatever the edge's place between the pixels.

    ``initial``, the RER that the image has, is given, stated in ``iqf.yaml`` (``rer``), or
    measured by the metric ``sharpness`` on each image. There is no value at which all images stay
    as they are: each has an RER of its own.

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
        return kernel_radius(_most(self.params.target))

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
        return blur_between(initial, target) if initial > target else 0.0

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the blurred image; same size, data type and bands."""
        if not state:
            return image
        kernel = gaussian_kernel(state)
        return image.with_pixels(filter_valid(image, lambda pixels: convolve(pixels, kernel)))


@lru_cache(maxsize=256)
def blur_between(initial: float, target: float) -> float:
    """Return the sigma of the blur that takes an edge from the RER `initial` to `target`, in px."""
    width = max(width_of_rer(min(initial, 1 - 1e-9)), 1e-3)
    low, high = 0.0, _most(target)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _blurred_rer(width, middle) > target else (low, middle)
    return (low + high) / 2


def _blurred_rer(width: float, sigma_px: float) -> float:
    """Return the RER of a Gaussian edge of this width after the blur's kernel."""
    kernel = gaussian_kernel(sigma_px).astype(float)
    rise = NormalDist(0, width).cdf
    middle = len(kernel) // 2
    return sum(
        float(weight) * (rise(0.5 - n) - rise(-0.5 - n))
        for n, weight in enumerate(kernel, start=-middle)
    )


def _most(target: float) -> float:
    """Return a sigma that is enough for an image of any sharpness, in pixels.

    An infinitely sharp edge needs the kernel whose middle weight is the target: 1/12 more variance
    than the quadrature says.
    """
    return math.sqrt(width_of_rer(target) ** 2 + 1 / 8)


def width_of_rer(rer: float) -> float:
    """Return the width (standard deviation, in pixels) of the Gaussian system of this RER."""
    return 1 / (2 * NormalDist().inv_cdf((1 + rer) / 2))
