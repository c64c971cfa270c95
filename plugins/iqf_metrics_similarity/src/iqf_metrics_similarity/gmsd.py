"""Gradient magnitude similarity deviation."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from iqf_core.api import Output, Value
from iqf_metrics_similarity.local_statistics import inside, windows_valid
from iqf_metrics_similarity.pairs import PairMetric, Plane, Validity, number
from iqf_metrics_similarity.structure import halved, no_window

#: Xue et al. 2014, section III-B: c = 170 for values from 0 to 255.
_CONSTANT = 170 / 255**2


def gradient_magnitude(plane: Plane, kernel: Plane) -> Plane:
    """Return the gradient's magnitude, (H - 2, W - 2), of a 3 x 3 kernel and its transpose."""
    across, along = (
        inside(cv2.filter2D(plane, cv2.CV_32F, each), 1) for each in (kernel, kernel.T.copy())
    )
    # Not cv2.magnitude: its last bit depends on where in memory the arrays lie.
    magnitude: Plane = np.sqrt(across * across + along * along)
    return magnitude


_PREWITT: Plane = np.tile(np.array([1, 0, -1], np.float32) / np.float32(3), (3, 1))


class Gmsd(PairMetric):
    """Standard deviation of the similarity of gradient magnitudes.

    Xue, Zhang, Mou, Bovik, "Gradient magnitude similarity deviation", IEEE Trans. Image Processing
    23(2), 2014: averages of 2 x 2 pixels, Prewitt gradients (equations 1 and 2), their similarity
    (2 m1 m2 + c) / (m1² + m2² + c) (equation 4), c = 170 (peak / 255)², and its standard deviation
    over the image (equation 6).

    Gradients are taken where the 3 x 3 kernel lies within the image; the authors' program also
    counts the outermost row and column, computed against zeros. Equal images give 0.
    """

    output: ClassVar[Output] = Output(
        "gmsd", better="lower", summary="Gradient magnitude similarity deviation, 0 is equal"
    )

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Return the deviation of two planes, or why there is none."""
        if min(x.shape) < 6:
            return Value(
                None,
                reason=f"the image is {x.shape[0]} x {x.shape[1]} pixels; a 3 x 3 gradient at "
                "half the resolution needs 6 x 6",
            )
        x, y, valid = halved(x, y, valid)
        keep = windows_valid(valid, 3)
        if keep is not None and not keep.any():
            return Value(None, reason=no_window(6))
        one, other = (gradient_magnitude(plane, _PREWITT) for plane in (x, y))
        constant = np.float32(_CONSTANT * data_range**2)
        similarity = (2 * one * other + constant) / (one * one + other * other + constant)
        kept = similarity if keep is None else similarity[keep]
        deviation = float(np.std(kept, dtype=np.float64))
        return number(deviation)
