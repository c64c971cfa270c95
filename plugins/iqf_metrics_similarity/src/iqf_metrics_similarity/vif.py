"""Visual information fidelity in the pixel domain."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from iqf_core.api import Output, Value
from iqf_metrics_similarity.local_statistics import Weighting, strips, windows_valid
from iqf_metrics_similarity.pairs import PairMetric, Plane, Validity, number
from iqf_metrics_similarity.structure import no_window

#: Windows of the four scales, finest first: 2^(5 - scale) + 1 pixels, sigma a fifth of that.
SIZES = (17, 9, 5, 3)

#: Variance of the visual noise for values from 0 to 255.
NOISE = 2.0


def smallest_side() -> int:
    """Return the pixels a side needs for one window at the coarsest scale."""
    side = SIZES[-1]
    for size in reversed(SIZES[1:]):
        # A scale is the one before it, filtered where the window fits, every second pixel.
        side = 2 * side - 1 + size - 1
    return side


class Vif(PairMetric):
    """Visual information fidelity, pixel domain (VIFp).

    The information about the reference that is left in the image, over that in the reference
    itself: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Processing
    15(2), 2006, equation 14 with the scalar model x = g y + v in the pixel domain of four scales,
    as the authors' program of that name has it: Gaussian windows of 17, 9, 5 and 3 pixels with a
    fifth of that as sigma, each scale filtered with its window and halved, and visual noise of
    variance 2 (peak / 255)². Local models with negative g, or of windows without variance, carry no
    information about the reference.

    Equal images give 1; a contrast-enhanced image may give more. A reference without texture has no
    information to keep: no value.
    """

    output: ClassVar[Output] = Output(
        "vif", better="higher", summary="Visual information fidelity, 1 is equal, may exceed 1"
    )

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Return the fidelity of `x` to the reference `y`, or why there is none."""
        needed = smallest_side()
        if min(x.shape) < needed:
            return Value(
                None,
                reason=f"the image is {x.shape[0]} x {x.shape[1]} pixels; four scales need "
                f"{needed} x {needed}",
            )
        noise = NOISE * (data_range / 255) ** 2
        kept, whole = 0.0, 0.0
        for scale, size in enumerate(SIZES):
            weighting = Weighting("gaussian", size, size / 5)
            if scale:
                x, y, valid = _coarser(x, y, valid, weighting)
            found = _information(x, y, valid, weighting, noise)
            if found is None:
                return Value(None, reason=f"scale {scale + 1}: {no_window(size)}")
            kept, whole = kept + found[0], whole + found[1]
        if whole <= 0:
            return Value(None, reason="the reference has no texture: there is nothing to keep")
        return number(kept / whole)


def _coarser(
    x: Plane, y: Plane, valid: Validity, weighting: Weighting
) -> tuple[Plane, Plane, Validity]:
    """Return both planes smoothed where the window fits, every second pixel, 64-bit."""
    x, y = (
        np.ascontiguousarray(weighting.means(plane.astype(np.float64))[::2, ::2])
        for plane in (x, y)
    )
    valid = windows_valid(valid, weighting.size)
    return x, y, None if valid is None else np.ascontiguousarray(valid[::2, ::2])


def _information(
    x: Plane, y: Plane, valid: Validity, weighting: Weighting, noise: float
) -> tuple[float, float] | None:
    """Return the information kept and the whole (nats), None when no window counts.

    In 64 bits: a window of hardly any variance divides rounding errors by each other otherwise.
    """
    kept, whole, windows = 0.0, 0.0, 0
    tiny = 1e-10 * noise
    for one, other, _, keep in strips(x, y, valid, weighting.size, np.float64):
        mean_x, mean_y = weighting.means(one), weighting.means(other)
        variance_x = weighting.means(one * one) - mean_x * mean_x
        variance_y = weighting.means(other * other) - mean_y * mean_y
        covariance = weighting.means(one * other) - mean_x * mean_y
        textured = (variance_y > tiny) & (variance_x > tiny) & (covariance > 0)
        gain = np.divide(covariance, variance_y, out=np.zeros_like(covariance), where=textured)
        distortion = np.maximum(variance_x - gain * covariance, 0)
        information = np.log1p(gain * gain * variance_y / (distortion + noise))
        reference = np.log1p(np.where(variance_y > tiny, variance_y, 0) / noise)
        if keep is not None:
            information, reference = information[keep], reference[keep]
        kept, whole = kept + float(information.sum()), whole + float(reference.sum())
        windows += information.size
    return (kept, whole) if windows else None
