"""PSNR and SSIM as papers on super-resolution report them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Image, UnsupportedImageError
from iqf_sr_msrn.channels import evaluation_luma, unit_planes


@dataclass(frozen=True)
class Fidelity:
    """How close a result is to the truth.

    Attributes
    ----------
    psnr, psnr_y
        Peak signal-to-noise ratio in dB over all bands, and of the luma; infinite for equal ones.
    ssim
        Structural similarity of the luma; NaN where the image is smaller than its window.
    """

    psnr: float
    psnr_y: float
    ssim: float


def fidelity(result: Image, truth: Image, border: int) -> Fidelity:
    """Compare a result with the truth, `border` pixels on every side left out.

    The peak is the truth's own full scale. The luma of red, green and blue is that of
    :func:`iqf_sr_msrn.channels.evaluation_luma`; where there is one band or more than four, it is
    the mean of the bands. Invalid pixels of the truth do not count.

    Raises
    ------
    UnsupportedImageError
        If the images differ in shape, or nothing is left inside the border.
    """
    if result.shape != truth.shape:
        raise UnsupportedImageError(
            f"the result is {result.shape}, the truth {truth.shape} (height, width, bands)"
        )
    if min(truth.shape[:2]) <= 2 * border:
        raise UnsupportedImageError(
            f"an image of {truth.height} x {truth.width} px has nothing inside a border of {border}"
        )
    inside = (slice(border, truth.height - border), slice(border, truth.width - border))
    one, other = (unit_planes(each.pixels[inside], each.peak) for each in (result, truth))
    valid = None if truth.mask is None else truth.mask[inside]
    luma_one, luma_other = evaluation_luma(one), evaluation_luma(other)
    return Fidelity(
        psnr=_psnr(one.astype(np.float64) - other, valid),
        psnr_y=_psnr((luma_one - luma_other)[np.newaxis], valid),
        ssim=_ssim(luma_one, luma_other),
    )


def _psnr(difference: NDArray[Any], valid: NDArray[np.bool_] | None) -> float:
    error = float(np.mean((difference if valid is None else difference[:, valid]) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def _ssim(one: NDArray[Any], other: NDArray[Any]) -> float:
    import torch

    from iqf_sr_msrn.losses.modules import ssim

    if min(one.shape) < 11:
        return math.nan
    planes = [torch.from_numpy(each).view(1, 1, *each.shape) for each in (one, other)]
    return float(ssim(*planes))
