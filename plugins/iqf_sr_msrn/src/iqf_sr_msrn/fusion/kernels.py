"""Gaussian kernels that follow the image: long along edges, wide where there is only noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True)
class KernelSettings:
    """How kernels follow the structure (Wronski et al. 2019, section 5.1 and supplement).

    Attributes
    ----------
    detail_px
        Standard deviation on detail, pixels of the frames.
    denoise
        How many times wider it is where there is no structure.
    stretch, shrink
        How much longer along an edge, and narrower across.
    """

    detail_px: float = 0.2
    denoise: float = 2.0
    stretch: float = 2.0
    shrink: float = 1.3


@dataclass(frozen=True)
class KernelField:
    """Inverse covariances of the kernels, one for each pixel of the guide, 1/px².

    Attributes
    ----------
    yy, xx, yx
        (H, W) elements of the inverse covariance matrix.
    """

    yy: Field
    xx: Field
    yx: Field


def kernel_field(guide: Field, noise_sigma: float, settings: KernelSettings) -> KernelField:
    """Return the kernels that the structure of `guide` asks for.

    The smoothed structure tensor gives the strength of an edge and how one-sided its directions
    are (Bigün and Granlund 1987); strength counts against the noise.

    Parameters
    ----------
    guide
        (H, W), 1 is full scale: a first estimate of the scene on the grid of the frames.
    noise_sigma
        Standard deviation of the noise of the guide.
    settings
        See :class:`KernelSettings`.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(guide.astype(np.float64), 0.7)
    down, across = np.gradient(smooth)
    yy, xx, yx = (
        ndimage.gaussian_filter(each, 1.0) for each in (down * down, across * across, down * across)
    )
    half, mean = np.hypot((yy - xx) / 2, yx), (yy + xx) / 2
    strong, weak = mean + half, np.maximum(mean - half, 0)
    coherence = (strong - weak) / np.maximum(strong + weak, 1e-20)
    # What noise alone would leave in the tensor: smoothing by 0.7 px and the central difference.
    floor = max(noise_sigma, 1e-6) ** 2 * 0.09
    structure = np.clip((np.sqrt(strong / floor) - 1) / 4, 0, 1)
    edge = 1 + (settings.stretch - 1) * coherence * structure
    narrow = 1 + (settings.shrink - 1) * coherence * structure
    plain = settings.detail_px * (structure + (1 - structure) * settings.denoise)
    along, over = 1 / (plain * edge) ** 2, 1 / (plain / narrow) ** 2
    angle = 0.5 * np.arctan2(2 * yx, yy - xx)  # of the gradient, from the y axis
    cosine, sine = np.cos(angle), np.sin(angle)
    return KernelField(
        yy=(over * cosine**2 + along * sine**2).astype(np.float32),
        xx=(over * sine**2 + along * cosine**2).astype(np.float32),
        yx=((over - along) * cosine * sine).astype(np.float32),
    )
