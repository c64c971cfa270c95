"""Blur to a relative edge response."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from iqf_core.api import ModifiedReader, parameter
from iqf_modifiers_basic.blur import GaussianBlur, gaussian_kernel, kernel_radius
from iqf_modifiers_basic.filtering import convolve, filter_valid
from iqf_modifiers_basic.targets import TargetModifier, TargetParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageReader
    from iqf_core.imaging.image import Image


#: What is closer to the target than this is reached.
_CLOSE = 0.005

#: What is further from it is told to the user.
_FAR = 0.02

#: A sharpened image may need a wider blur than a perfectly sharp one, by this at most.
_SHARPENED = 1.5

#: Blurs that are tried and measured.
_TRIALS = 6


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

    Where it is measured, the blur is only begun with that: real systems are no Gaussians (cameras
    sharpen), so their RER does not tell how they respond to blur. The blurred image is measured as
    well, and the blur's variance corrected by the difference of the squared widths, until the
    metric tells the target within 0.5 % or six blurs were tried; the best is used. Where that is
    more than 2 % off the target, or the blurred image cannot be measured, the user is told.

    Otherwise as ``blur``; all bands get the same.
    """

    version = "2"
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
        """Return the radius of the largest kernel that an image may need, in pixels."""
        return kernel_radius(_SHARPENED * _most(self.params.target))

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
        if initial <= target:
            return 0.0
        sigma_px = blur_between(initial, target)
        if not self.is_measured(context):
            return sigma_px
        return self._corrected(reader, context, sigma_px)

    def _corrected(self, reader: ImageReader, context: Context, sigma_px: float) -> float:
        """Return the blur, near `sigma_px`, after which the metric tells the target."""
        target = self.params.target
        wanted = width_of_rer(target) ** 2
        # Blurs between which the target was crossed.
        low, high = 0.0, _SHARPENED * _most(target)
        best = sigma_px
        error: float | None = None
        for _ in range(_TRIALS):
            told = self._told_after(reader, context, sigma_px)
            if isinstance(told, str):
                if error is None:
                    context.note(f"the RER after the blur cannot be measured: {told}")
                    return best
                break
            if error is None or abs(told / target - 1) < abs(error):
                best, error = sigma_px, told / target - 1
            if abs(error) <= _CLOSE:
                break
            low, high = (sigma_px, high) if told > target else (low, sigma_px)
            square = sigma_px**2 + wanted - width_of_rer(min(told, 1 - 1e-9)) ** 2
            sigma_px = math.sqrt(max(square, 0.0))
            if not low < sigma_px < high:
                sigma_px = (low + high) / 2
        if error is not None and abs(error) > _FAR:
            context.note(f"the metric tells an RER of {target * (1 + error):.4g} after the blur")
        return best

    def _told_after(self, reader: ImageReader, context: Context, sigma_px: float) -> float | str:
        """Return what the metric tells of the image after a blur, or why it cannot."""
        blur = GaussianBlur(GaussianBlur.Params(sigma_px=sigma_px))
        values = self.measured_values(ModifiedReader(reader, [blur], context), context)
        return values if isinstance(values, str) else sum(values) / len(values)

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
