"""Structural similarity of two planes: the formula, averaged over an image."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np

from iqf_metrics_similarity.local_statistics import Weighting, statistics
from iqf_metrics_similarity.pairs import Plane, Validity

#: Wang et al. 2004, section III-C: C1 = (K1 L)², C2 = (K2 L)².
K1, K2 = 0.01, 0.03

Border = Literal["valid", "reflect"]


class Similarity(NamedTuple):
    """Means over the windows that count.

    Attributes
    ----------
    ssim
        Luminance, contrast and structure.
    contrast_structure
        Contrast and structure alone.
    windows
        How many windows there were; with none, the means are NaN.
    """

    ssim: float
    contrast_structure: float
    windows: int


def structural_similarity(
    x: Plane,
    y: Plane,
    valid: Validity,
    data_range: float,
    weighting: Weighting,
    *,
    border: Border = "valid",
    sample_covariance: bool = False,
) -> Similarity:
    """Return the mean structural similarity of two planes.

    SSIM = (2 mx my + C1)(2 sxy + C2) / ((mx² + my² + C1)(sx² + sy² + C2)), Wang, Bovik, Sheikh,
    Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE
    Trans. Image Processing 13(4), 2004, equation 13, with local statistics of equations 14 to 16.

    Parameters
    ----------
    x, y
        (H, W), finite.
    valid
        (H, W) bool or None; a window that touches an invalid pixel is dropped.
    data_range
        L in the constants.
    weighting
        The window.
    border
        ``"valid"``: windows that lie within the image; ``"reflect"``: one around every pixel, with
        the image mirrored at its outermost pixels.
    sample_covariance
        Multiply variances and covariance by n / (n - 1), n the pixels of the window.
    """
    margin = weighting.size // 2
    if border == "reflect":
        if min(x.shape) <= margin:
            return Similarity(np.nan, np.nan, 0)
        x, y = (_mirrored(plane, margin) for plane in (x, y))
        valid = None if valid is None else _mirrored(valid.astype(np.uint8), margin).astype(bool)
    elif min(x.shape) < weighting.size:
        return Similarity(np.nan, np.nan, 0)
    pixels = weighting.size**2
    scale = np.float32(pixels / (pixels - 1)) if sample_covariance else np.float32(1)
    # Means are of sums and differences: twice the usual constants make up for it.
    c1 = np.float32(2 * (K1 * data_range) ** 2)
    c2 = np.float32(2 * (K2 * data_range) ** 2)
    total, total_structure, count = 0.0, 0.0, 0
    for local in statistics(x, y, valid, weighting):
        varied, differing = scale * local.variance_sum, scale * local.variance_difference
        structure = (varied - differing + c2) / (varied + differing + c2)
        bright, shifted = np.square(local.mean_sum), np.square(local.mean_difference)
        similarity = (bright - shifted + c1) / (bright + shifted + c1) * structure
        if local.valid is not None:
            similarity, structure = similarity[local.valid], structure[local.valid]
        total += float(similarity.sum(dtype=np.float64))
        total_structure += float(structure.sum(dtype=np.float64))
        count += similarity.size
    if not count:
        return Similarity(np.nan, np.nan, 0)
    return Similarity(total / count, total_structure / count, count)


def too_small(shape: tuple[int, ...], size: int, what: str = "image") -> str | None:
    """Return the reason when no window of `size` fits a plane, else None."""
    if min(shape[:2]) >= size:
        return None
    return f"the {what} is {shape[0]} x {shape[1]} pixels, smaller than the {size} x {size} window"


def no_window(size: int) -> str:
    """Return the reason when every window touches an invalid pixel."""
    return f"no {size} x {size} window is free of invalid pixels"


def halved(x: Plane, y: Plane, valid: Validity) -> tuple[Plane, Plane, Validity]:
    """Return both planes averaged over blocks of 2 x 2, a last odd row or column left out.

    A block is valid when all of its four pixels are.
    """
    half = (x.shape[1] // 2, x.shape[0] // 2)
    even = (slice(0, 2 * half[1]), slice(0, 2 * half[0]))
    x, y = (
        cv2.resize(plane[even].astype(np.float32, copy=False), half, interpolation=cv2.INTER_AREA)
        for plane in (x, y)
    )
    if valid is not None:
        blocks = valid[even].reshape(half[1], 2, half[0], 2)
        valid = np.all(blocks, axis=(1, 3), out=np.empty(half[::-1], bool))
    return x, y, valid


def _mirrored(plane: Plane, margin: int) -> Plane:
    return cv2.copyMakeBorder(plane, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
