"""The median that a band will have under noise.

Noise moves the median of an image with several dominant levels: of half dark and half bright
pixels, the median is one of the two levels without noise, and lies between them with it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@cache
def _normal() -> tuple[Floats, Floats]:
    """Return the distribution function of the standard normal at points 1/250 apart."""
    x = np.linspace(-6, 6, 3001)
    return x, np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in x])


def noisy_median(levels: NDArray[Any], sigma: float) -> float:
    """Return the median of `levels` with normal noise of `sigma` added to each.

    Parameters
    ----------
    levels
        (N,) pixels, or quantiles of them, DN.
    sigma
        Standard deviation of the noise, DN.
    """
    low, high = float(levels.min()), float(levels.max())
    if sigma <= 0 or low == high:
        return float(np.partition(levels, (len(levels) - 1) // 2)[(len(levels) - 1) // 2])
    # The median lies between the least and the greatest level, for the noise is symmetric.
    for _ in range(40):
        middle = (low + high) / 2
        share = _share_below(levels, middle, sigma)
        low, high = (middle, high) if share < 0.5 else (low, middle)
    return (low + high) / 2


def _share_below(levels: NDArray[Any], value: float, sigma: float) -> float:
    """Return the share of `levels`, with normal noise of `sigma` added, below `value`."""
    if sigma <= 0:
        return float((levels < value).mean())
    return float(np.interp((value - levels) / sigma, *_normal(), left=0, right=1).mean())


def sigma_to_add(levels: NDArray[Any], signal: float, own: float, target: float) -> float:
    """Return the noise to add for the median of the result over its noise to be `target`.

    Parameters
    ----------
    levels
        (N,) quantiles of the band, DN.
    signal
        The band's median, DN; positive.
    own
        Standard deviation of the noise that it has, DN.
    target
        The ratio asked for; not above signal / own.
    """
    start = noisy_median(levels, 0)
    # A median needs the noise that brings it to the target; of all medians, the one is sought that
    # half of the noisy pixels lie below. With no noise left to add, it is below the present one.
    lowest, high = own * target - signal + start, float(levels.max())

    def noise(median: float) -> float:
        return math.sqrt(max(0.0, ((signal + median - start) / target) ** 2 - own**2))

    low = min(lowest, high)
    for _ in range(40):
        middle = (low + high) / 2
        share = _share_below(levels, middle, noise(middle))
        low, high = (middle, high) if share < 0.5 else (low, middle)
    return noise((low + high) / 2)
