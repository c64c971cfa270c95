"""Feature similarity."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from iqf_core.api import Output, Value
from iqf_metrics_similarity.gmsd import gradient_magnitude
from iqf_metrics_similarity.local_statistics import windows_valid
from iqf_metrics_similarity.pairs import PairMetric, Plane, Validity, number
from iqf_metrics_similarity.phase_congruency import LONGEST_WAVELENGTH_PX, phase_congruency
from iqf_metrics_similarity.structure import no_window

#: Zhang et al. 2011, section IV-A: T1, and T2 for values from 0 to 255.
CONGRUENCY_CONSTANT = 0.85
GRADIENT_CONSTANT = 160 / 255**2

_SCHARR: Plane = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]], np.float32) / np.float32(16)

#: Half the longest wavelength: how far an invalid pixel is taken to reach.
_REACH = int(LONGEST_WAVELENGTH_PX // 2)
_SMALLEST = int(LONGEST_WAVELENGTH_PX)


class Fsim(PairMetric):
    """Similarity of phase congruency and gradients, weighted by phase congruency.

    FSIM = sum(S_PC S_G PC_m) / sum(PC_m): Zhang, Zhang, Mou, Zhang, "FSIM: a feature similarity
    index for image quality assessment", IEEE Trans. Image Processing 20(8), 2011, equations 4 to 7,
    T1 = 0.85, T2 = 160 (peak / 255)², Scharr gradients (table I); images whose shorter side rounds
    to F > 1 times 256 pixels are averaged over F x F first, as section IV-A has it.

    Gradients are taken where their 3 x 3 kernel lies within the image, and the outermost row and
    column dropped with it. Phase congruency has a long reach: invalid pixels are given the
    reference's mean in both images, and what lies within 24 pixels of one (at the reduced
    resolution) is dropped. FSIMc, the extension to colour, is not offered: bands are compared one
    by one, or the luma.
    """

    output: ClassVar[Output] = Output("fsim", better="higher", summary="Feature similarity, 0 to 1")

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Return the similarity of two planes, or why there is none."""
        if min(x.shape) < _SMALLEST:
            return Value(
                None,
                reason=f"the image is {x.shape[0]} x {x.shape[1]} pixels; the longest wavelength "
                f"needs {_SMALLEST} x {_SMALLEST}",
            )
        x, y, valid = _reduced(x, y, valid)
        keep = _out_of_reach(valid)
        if keep is not None and not keep.any():
            return Value(None, reason=no_window(2 * _REACH + 1))
        # Full scale of 1: what is added against division by zero then means the same everywhere.
        planes = [(plane / np.float32(data_range)).astype(np.float32) for plane in (x, y)]
        if not all(np.isfinite(plane).all() for plane in planes):
            return number(np.inf)
        one, other = (phase_congruency(255.0 * plane, valid)[1:-1, 1:-1] for plane in planes)
        congruency = _similarity(one, other, CONGRUENCY_CONSTANT)
        steep, other_steep = (gradient_magnitude(plane, _SCHARR) for plane in planes)
        gradients = _similarity(steep, other_steep, GRADIENT_CONSTANT)
        weight = np.maximum(one, other)
        if keep is not None:
            weight = np.where(keep, weight, 0)
        total = float(weight.sum())
        # A constant image has none but the transform's rounding.
        if total <= 1e-9 * weight.size:
            return Value(None, reason="neither image has a feature: phase congruency is 0")
        return number(float((congruency * gradients * weight).sum() / total))


def _similarity(x: Plane, y: Plane, constant: float) -> Plane:
    similarity: Plane = (2 * x * y + constant) / (x * x + y * y + constant)
    return similarity


def _reduced(x: Plane, y: Plane, valid: Validity) -> tuple[Plane, Plane, Validity]:
    """Return both planes averaged over blocks, so that the shorter side is about 256 pixels."""
    factor = max(1, round(min(x.shape) / 256))
    if factor == 1:
        return x, y, valid
    rows, columns = x.shape[0] // factor, x.shape[1] // factor
    whole = (slice(0, rows * factor), slice(0, columns * factor))
    x, y = (
        cv2.resize(plane[whole].astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        for plane in (x, y)
    )
    if valid is not None:
        blocks = valid[whole].reshape(rows, factor, columns, factor)
        valid = np.all(blocks, axis=(1, 3), out=np.empty((rows, columns), bool))
    return x, y, valid


def _out_of_reach(valid: Validity) -> Validity:
    """Return which pixels (less the outermost ones) lie away from invalid ones."""
    if valid is None:
        return None
    size = 2 * _REACH + 1
    # Beyond the image nothing is invalid.
    padded = np.pad(valid, _REACH, constant_values=True)
    kept = windows_valid(padded, size)
    assert kept is not None
    return kept[1:-1, 1:-1]
