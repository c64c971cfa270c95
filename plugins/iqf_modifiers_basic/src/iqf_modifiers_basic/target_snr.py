"""Noise to a signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import parameter
from iqf_modifiers_basic.arithmetic import add
from iqf_modifiers_basic.band_statistics import band_medians, band_quantiles
from iqf_modifiers_basic.invalid import keep_invalid
from iqf_modifiers_basic.noisy_median import sigma_to_add
from iqf_modifiers_basic.targets import TargetModifier, TargetParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageReader
    from iqf_core.imaging.image import Image


class TargetSnr(TargetModifier):
    """Add the Gaussian noise that brings every band from its own SNR to the ``target``.

    SNR is the linear ratio of signal and standard deviation of the noise; the signal is the
    median of the band's valid pixels in the whole image. Variances of independent noise add up:
    sigma² = (signal' / target)² - (signal / initial)², per band (Schott, *Remote Sensing: The
    Image Chain Approach*, 2nd ed., section 5.5). ``signal'`` is the median that the noisy image
    has: with two dominant levels, noise moves the median from one of them to between both.
    ``initial``, the ratio that the image has, is given, stated in ``iqf.yaml`` (``snr``), or
    measured by the metric ``snr`` on each image. There is no value at which all images stay as
    they are: each has a ratio of its own.

    Otherwise as ``gaussian_noise``. In integer images the standard deviation drawn is such that
    noise and the rounding to nearest together have the variance asked for.
    """

    random = True
    quality = "snr"
    metric_name = "snr"
    varies_by_place = True

    class Params(TargetParams):
        """Parameters of the target."""

        target: float = parameter(
            description="signal over noise sigma that the image shall have, linear",
            unit="",
            example=20,
            gt=0,
            le=1e6,
        )

    def prepare(self, reader: ImageReader, context: Context) -> NDArray[np.float64]:
        """Return the standard deviation of the noise to add to every band, in DN."""
        bands = reader.shape[2]
        values = self.initial_values(reader, context)
        if isinstance(values, str):
            self.missed(values, context)
            return np.zeros(bands)
        sigma = np.zeros(bands)
        target = self.params.target
        medians, quantiles = band_medians(reader), band_quantiles(reader)
        bands_known = zip(medians, quantiles, values, strict=True)
        for band, (signal, levels, initial) in enumerate(bands_known):
            name = f"band {band + 1} of {bands}"
            if signal <= 0:
                self.missed(f"{name} has the median {signal:g}, so no SNR", context)
            elif initial < target:
                self.missed(f"{name} has an SNR of {initial:.4g}, below {target:g}", context)
            else:
                variance = sigma_to_add(levels, signal, signal / initial, target) ** 2
                integer = reader.dtype != "float32"
                sigma[band] = sigma_before_rounding(variance) if integer else math.sqrt(variance)
        return sigma

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the noisy image; same size, data type and bands."""
        if not state.any():
            return image
        noise = context.standard_normal(image.shape)
        flat = noise.reshape(image.height, -1)
        flat *= np.tile(state.astype(np.float32), image.width)
        return image.with_pixels(keep_invalid(image, add(image.pixels, noise, image.peak)))


def sigma_before_rounding(variance: float) -> float:
    """Return the sigma of normal noise whose values, rounded to integers, have `variance`.

    Above 1 DN that is sqrt(variance - 1/12) (Sheppard's correction) to within 1e-7; below, the sum
    over all integers k, E[round(n)²] = sum (2k - 1) P(|n| > k - 1/2), is inverted.
    """
    if variance <= 0:
        return 0.0

    def rounded(sigma: float) -> float:
        terms = range(1, math.ceil(10 * sigma) + 2)
        return sum((2 * k - 1) * math.erfc((k - 0.5) / (sigma * math.sqrt(2))) for k in terms)

    if variance > 1 + 1 / 12:
        return math.sqrt(variance - 1 / 12)
    low, high = 1e-3, 1.1
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rounded(middle) < variance else (low, middle)
    return (low + high) / 2
