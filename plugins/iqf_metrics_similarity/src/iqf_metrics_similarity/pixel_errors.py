"""Errors of single pixels: RMSE, MAE and PSNR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from iqf_core.api import Output, Value
from iqf_metrics_similarity.pairs import TOO_LARGE, Pair, PairMetric, number, prepare

if TYPE_CHECKING:
    from iqf_core.api import Context, PairInput

#: Bytes per strip: a strip's difference stays in a core's cache.
_STRIP_BYTES = 1 << 21

_IDENTICAL = "the images are identical: the error is 0 and the ratio infinite"


def mean_errors(pair: Pair, norm: int) -> list[float]:
    """Return the mean error of each band over the valid pixels.

    Parameters
    ----------
    pair
        Two images with at least one valid pixel.
    norm
        ``cv2.NORM_L1`` for the mean absolute error, ``cv2.NORM_L2SQR`` for the mean squared one.

    Returns
    -------
    list of float
        One per band, in DN or DN²; sums are exact for integers and 64-bit for floating point.
    """
    height, width, bands = pair.image.shape
    mask, count = None, height * width
    if pair.valid is not None:
        mask = pair.valid.view(np.uint8)
        count = cv2.countNonZero(mask)
    if bands == 1:
        return [cv2.norm(pair.image, pair.reference, norm, mask) / count]
    sums = np.zeros(bands)
    dtype = pair.image.dtype
    rows = min(height, max(1, _STRIP_BYTES // (width * bands * dtype.itemsize)))
    # Filled again for every strip: new memory would cost more than the arithmetic.
    difference = np.empty((rows, width * bands), dtype)
    planes = [np.empty((rows, width), dtype) for _ in range(bands)]
    for top in range(0, height, rows):
        strip = slice(top, min(top + rows, height))
        here = slice(0, strip.stop - top)
        one, other = (
            pixels[strip].reshape(-1, width * bands) for pixels in (pair.image, pair.reference)
        )
        # The difference is taken before the bands are parted: one pass instead of two.
        cv2.absdiff(one, other, difference[here])
        parted = [plane[here] for plane in planes]
        cv2.split(difference[here].reshape(-1, width, bands), parted)
        part = None if mask is None else mask[strip]
        sums += [cv2.norm(plane, norm, part) for plane in parted]
    return [float(total) / count for total in sums]


class _PixelMetric(PairMetric):
    """A metric of the bands' mean errors."""

    def measure(self, subject: PairInput, context: Context) -> Mapping[str, Value]:
        """Compare an image with its reference; see :meth:`PairMetric.measure`."""
        # An error that comes out finite is one of finite pixels: looking at each takes longer.
        values = self.measure_pair(prepare(subject, look_for_nan=False))
        if values[self.output.name].reason != TOO_LARGE:
            return values
        return self.measure_pair(prepare(subject))


class Rmse(_PixelMetric):
    """Root mean square error, sqrt(mean((x - y)²)), in DN.

    Over all bands: the root of the mean of the bands' mean squared errors.
    """

    output: ClassVar[Output] = Output(
        "rmse", unit="DN", better="lower", summary="Root mean square error"
    )

    def compare_pair(self, pair: Pair) -> Value:
        """Return the value over all bands, and per band."""
        errors = mean_errors(pair, cv2.NORM_L2SQR)
        return self._with_bands(self.of_squared(float(np.mean(errors)), pair), errors, pair)

    def of_squared(self, error: float, pair: Pair) -> Value:
        """Return the value for a mean squared error."""
        return number(math.sqrt(error))

    def _with_bands(self, value: Value, errors: list[float], pair: Pair) -> Value:
        if self.params.colour == "luma":
            return value
        bands = tuple(self.of_squared(error, pair) for error in errors)
        return Value(value.value, reason=value.reason, bands=bands)


class Psnr(Rmse):
    """Peak signal-to-noise ratio, 10 log10(peak² / mean((x - y)²)), in dB.

    The peak is the image's (4095 for 12 bits in uint16), not what its data type could hold. Over
    all bands the mean squared errors are averaged before the logarithm, as cv2 and scikit-image
    do. Identical images have no finite PSNR: no value, with that reason; their RMSE is 0.
    """

    output: ClassVar[Output] = Output(
        "psnr", unit="dB", better="higher", summary="Peak signal-to-noise ratio"
    )

    def of_squared(self, error: float, pair: Pair) -> Value:
        """Return the ratio for a mean squared error."""
        if error == 0:
            return Value(None, reason=_IDENTICAL)
        if not math.isfinite(error):
            return number(error)
        return Value(20 * math.log10(pair.data_range) - 10 * math.log10(error))


class Mae(_PixelMetric):
    """Mean absolute error, mean(abs(x - y)), in DN; over all bands the mean of the bands."""

    output: ClassVar[Output] = Output(
        "mae", unit="DN", better="lower", summary="Mean absolute error"
    )

    def compare_pair(self, pair: Pair) -> Value:
        """Return the value over all bands, and per band."""
        errors = mean_errors(pair, cv2.NORM_L1)
        bands = tuple(number(error) for error in errors)
        value = number(float(np.mean(errors)))
        if self.params.colour == "luma":
            return value
        return Value(value.value, reason=value.reason, bands=bands)
