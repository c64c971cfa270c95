"""Several frames of one scene, fused into one finer image (Wronski et al., SIGGRAPH 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Image, IQFError, UnsupportedImageError
from iqf_sr_msrn.channels import unit_planes
from iqf_sr_msrn.fusion.accumulation import Frame, Planes, fine_grid, gather
from iqf_sr_msrn.fusion.kernels import KernelField, KernelSettings, kernel_field
from iqf_sr_msrn.fusion.registration import Shift, register_all
from iqf_sr_msrn.inference.enlarging import filled, finished
from iqf_sr_msrn.inference.interpolation import bicubic

#: Sum of weights below which a point counts as not seen by any frame.
_SEEN = 0.05

#: A gain below this is none, dB.
LEAST_GAIN_DB = 0.1

#: At most so many frames are predicted from the others.
_HELD_OUT = 3


@dataclass(frozen=True)
class Fusion:
    """A fused image, and what the frames were worth.

    Attributes
    ----------
    image
        On a grid `scale` times finer than the reference's.
    shifts
        Of every frame, px of the frames.
    noise_sigma
        Standard deviation of the noise of one frame, 1 is full scale.
    gain_db
        How much better the other frames predict a frame that is left out than the reference alone
        does (bicubic), in dB of mean squared error; NaN with fewer than three frames.
    phases
        How many of the `scale`² sub-pixel positions are taken by a frame.
    """

    image: Image
    shifts: list[Shift]
    noise_sigma: float
    gain_db: float
    phases: int

    @property
    def adds_nothing(self) -> str | None:
        """Why the frames add nothing to the reference, None when they do."""
        if not math.isnan(self.gain_db) and self.gain_db < LEAST_GAIN_DB:
            return (
                f"the other frames predict a frame no better than one alone ({self.gain_db:.2f} "
                "dB): they are the same picture, or do not show the same scene"
            )
        return None

    @property
    def adds_no_detail(self) -> str | None:
        """Why there is no new detail, only less noise; None when there may be."""
        if self.phases == 1:
            return (
                "all frames sample the scene at the same sub-pixel position: noise is lower, "
                "detail is not finer"
            )
        return None


def fuse(frames: Sequence[Image], scale: int = 2, settings: KernelSettings | None = None) -> Fusion:
    """Register frames to the first and fuse them.

    Parameters
    ----------
    frames
        Two or more of equal shape, data type and peak; they may be shifted against each other.
    scale
        How many times finer the new grid is.
    settings
        Of the kernels.

    Raises
    ------
    UnsupportedImageError
        If frames differ in shape, data type or peak.
    IQFError
        If there are fewer than two, or one cannot be registered.
    """
    _check(frames)
    settings = settings or KernelSettings()
    planes = [unit_planes(filled(each), each.peak) for each in frames]
    lumas = [each.mean(axis=0) for each in planes]
    shifts = register_all(lumas)
    noise = _noise(lumas)
    made = [
        Frame(each, shift, image.valid.astype(np.float32))
        for each, shift, image in zip(planes, shifts, frames, strict=True)
    ]
    guide, _ = _on_reference(made, _round_kernels(lumas[0].shape, 0.6))
    trusted = [made[0], *(_trusted(each, guide, noise) for each in made[1:])]
    kernels = kernel_field(guide.mean(axis=0), noise / math.sqrt(len(frames)), settings)
    height, width = lumas[0].shape
    fused, weight = gather(trusted, kernels, fine_grid(height, scale), fine_grid(width, scale))
    alone = bicubic(scale, -0.5)(planes[0])
    image = finished(np.where(weight > _SEEN, fused, alone), frames[0])
    return Fusion(image, shifts, noise, _gain(trusted, kernels), _phases(shifts, scale))


def _check(frames: Sequence[Image]) -> None:
    if len(frames) < 2:
        raise IQFError(f"{len(frames)} frame: fusing needs two or more")
    first = frames[0]
    for number, frame in enumerate(frames, start=1):
        one, other = ((each.shape, each.dtype, each.peak) for each in (frame, first))
        if one != other:
            raise UnsupportedImageError(
                f"frame {number} is {frame.dtype} {frame.shape} with peak {frame.peak:g}, the "
                f"first is {first.dtype} {first.shape} with peak {first.peak:g}"
            )


def _round_kernels(shape: tuple[int, ...], sigma_px: float) -> KernelField:
    inverse = np.full(shape, 1 / sigma_px**2, np.float32)
    return KernelField(inverse, inverse, np.zeros(shape, np.float32))


def _on_reference(frames: Sequence[Frame], kernels: KernelField) -> tuple[Planes, Any]:
    height, width = frames[0].planes.shape[1:]
    return gather(frames, kernels, fine_grid(height, 1), fine_grid(width, 1))


def _trusted(frame: Frame, guide: Planes, noise: float) -> Frame:
    """Return the frame with less weight where it differs from the guide by more than it may.

    Local deviation against what noise and the local contrast explain, as the robustness of
    Wronski et al. (section 5.2): where something moved, the reference speaks alone.
    """
    from scipy import ndimage

    luma, expected = frame.planes.mean(axis=0), guide.mean(axis=0)
    shift = (frame.shift.row, frame.shift.column)
    here = ndimage.shift(expected, shift, order=1, mode="nearest")
    local = ndimage.uniform_filter(here, 3)
    variance = np.maximum(ndimage.uniform_filter(here**2, 3) - local**2, 0)
    difference = ndimage.uniform_filter(luma, 3) - local
    allowed = variance + noise**2 / 3 + 1e-8
    trust = np.clip(1.5 * np.exp(-(difference**2) / (4 * allowed)) - 0.1, 0, 1)
    trust = ndimage.minimum_filter(trust, 3).astype(np.float32)
    return replace(frame, trust=frame.trust * trust)


def _noise(lumas: Sequence[NDArray[Any]]) -> float:
    """Return the noise of a frame: the median absolute Laplacian (Immerkær 1996, made robust)."""
    from scipy import ndimage

    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    return float(
        np.median([np.median(np.abs(ndimage.convolve(each, mask))) for each in lumas]) / 0.6745 / 6
    )


def _gain(frames: Sequence[Frame], kernels: KernelField) -> float:
    """Return how much better the others predict a frame than the reference alone, dB."""
    from scipy import ndimage

    if len(frames) < 3:
        return math.nan
    together, alone = 0.0, 0.0
    height, width = frames[0].planes.shape[1:]
    for number in range(1, min(len(frames), _HELD_OUT + 1)):
        left_out = frames[number]
        others = [each for each in frames if each is not left_out]
        rows = fine_grid(height, 1, -left_out.shift.row)
        columns = fine_grid(width, 1, -left_out.shift.column)
        fused, weight = gather(others, kernels, rows, columns)
        single = np.stack(
            [
                ndimage.shift(band, (left_out.shift.row, left_out.shift.column), order=3)
                for band in frames[0].planes
            ]
        )
        seen = (weight > _SEEN) & (left_out.trust > 0.5)
        seen[:8], seen[-8:], seen[:, :8], seen[:, -8:] = False, False, False, False
        together += float(((fused - left_out.planes)[:, seen] ** 2).sum())
        alone += float(((single - left_out.planes)[:, seen] ** 2).sum())
    if alone <= 1e-12:
        return -math.inf
    return 10 * math.log10(alone / max(together, 1e-12))


def _phases(shifts: Sequence[Shift], scale: int) -> int:
    """Return how many cells of the finer grid the frames' sampling positions fall into."""
    cells = {
        tuple(math.floor(each * scale + 0.5) % scale for each in (shift.row, shift.column))
        for shift in shifts
    }
    return len(cells)
