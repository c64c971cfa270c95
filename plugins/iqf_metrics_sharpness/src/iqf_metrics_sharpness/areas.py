"""Homogeneous areas of an image, and their noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.stats import chi2

from iqf_metrics_sharpness.blocks import BLOCK, BandBlocks, low_count
from iqf_metrics_sharpness.noise import Noise, noise_of_blocks, pooled_variance

#: The smallest homogeneous area, in pixels.
MIN_AREA = 100


@dataclass(frozen=True)
class Area:
    """One homogeneous area: its pixels, mean (DN) and noise variance (DN²) with standard error."""

    pixels: int
    mean: float
    variance: float
    error: float


def homogeneous_areas(blocks: BandBlocks, noise: Noise) -> list[Area]:
    """Return the connected areas of >= 100 px whose low frequencies hold noise alone.

    Parameters
    ----------
    blocks
        The statistics of the band's blocks.
    noise
        Its noise by :func:`noise_of_blocks`: low frequencies may hold what that predicts, as a
        chi-square test at 99 % says.
    """
    expected: Any = noise.variance
    if noise.slope is not None and noise.offset is not None:
        expected = np.maximum(noise.offset + noise.slope * blocks.mean, 1e-12)
    flat = blocks.low / expected < chi2.ppf(0.99, low_count())
    shape = tuple(blocks.position.max(axis=0) + 1)
    grid = np.zeros(shape, bool)
    grid[tuple(blocks.position[flat].T)] = True
    labels, count = ndimage.label(grid)
    number = labels[tuple(blocks.position.T)]
    step = min(1.0, (blocks.stride / BLOCK) ** 2 * 4)
    areas = []
    cell = blocks.stride**2 if blocks.stride < BLOCK else BLOCK**2
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(count + 2))
    for label in range(1, count + 1):
        members = order[ends[label] : ends[label + 1]]
        pixels = len(members) * cell
        if pixels < MIN_AREA:
            continue
        variance, error = pooled_variance(
            np.take(blocks.high, members, axis=1).mean(axis=1), len(members), step
        )
        areas.append(Area(pixels, float(blocks.mean[members].mean()), variance, error))
    return areas


def noise_of_areas(blocks: BandBlocks) -> Noise | str:
    """Return the noise of a band's homogeneous areas, or why it cannot be told.

    Variance and level are the averages over all areas, weighted by their pixels.
    """
    known = noise_of_blocks(blocks)
    if isinstance(known, str):
        return known
    areas = [area for area in homogeneous_areas(blocks, known) if area.variance > 0]
    if not areas:
        return f"no homogeneous area of {MIN_AREA} or more pixels"
    weight = np.array([area.pixels for area in areas], float)
    weight /= weight.sum()
    variance = float(weight @ [area.variance for area in areas])
    error = float(np.sqrt(((weight * [area.error for area in areas]) ** 2).sum()))
    return Noise(
        variance,
        error,
        known.slope,
        known.offset,
        known.colour,
        known.colour_error,
        sum(area.pixels for area in areas),
        float(weight @ [area.mean for area in areas]),
        known.grid,
    )
