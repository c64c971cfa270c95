"""The profile of one straight edge and its transfer function, by the practice of ISO 12233."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from iqf_metrics_sharpness.edge_fit import begin, solve

Floats = NDArray[Any]

#: Samples of the edge spread function per pixel (ISO 12233).
OVERSAMPLING = 4

#: How far from the edge pixels are used at most, px.
MOST_REACH = 20.0

#: What bins of 1/4 px and central differences over two of them add to the squared full width of a
#: bell: 8 ln 2 times their variances.
_SAMPLING_WIDTH = 8 * math.log(2) * (0.25**2 + 0.5**2) / 12


@dataclass(frozen=True)
class Pixels:
    """Pixels around an edge: coordinates (px, about a middle of theirs) and values, each (N,)."""

    x: Floats
    y: Floats
    value: Floats


@dataclass(frozen=True)
class Line:
    """A fitted edge: dark + contrast Phi((x cos + y sin - offset) / width).

    Attributes
    ----------
    angle
        Direction of the normal, radians, from dark to bright.
    offset
        Distance from the pixels' middle, px.
    width
        Of the Gaussian, px.
    dark, contrast
        DN.
    """

    angle: float
    offset: float
    width: float
    dark: float
    contrast: float

    def distance(self, x: Floats, y: Floats) -> Floats:
        """Return the signed distances from the line, px."""
        return np.asarray(x * np.cos(self.angle) + y * np.sin(self.angle) - self.offset)


def fitted_line(pixels: Pixels, angle: float, offset: float) -> Line | str:
    """Return the line of the only edge among the pixels, or why there is none.

    Parameters
    ----------
    pixels
        The pixels.
    angle, offset
        Where to begin: direction of the normal in radians (either way), distance in px.
    """
    if np.ptp(pixels.value) <= 0:
        return "the region is constant"
    flat = pixels.value.reshape(1, -1)
    everything = np.ones_like(flat)
    shifted = pixels.x - offset * np.cos(angle), pixels.y - offset * np.sin(angle)
    theta = begin(flat, everything, *shifted, np.array([angle]), 1.0)
    if theta[0, 1] < 0:
        angle, offset = angle + math.pi, -offset
        theta = begin(flat, everything, *shifted, np.array([angle]), 1.0)
    theta[:, 3] = offset
    theta, _, residual = solve(flat, everything, pixels.x, pixels.y, theta, 30)
    dark, contrast, angle, offset, logarithm = (float(each) for each in theta[0])
    if contrast <= 0 or residual[0] > 0.1 * contrast:
        return "the region does not hold one straight edge between two flat fields"
    return Line(angle, offset, math.exp(logarithm), dark, contrast)


def profile_figures(pixels: Pixels, line: Line, reach: float) -> dict[str, float] | str:
    """Return the figures of merit across the edge, or why they cannot be told.

    The pixels are sorted by their distance from the line into bins of 1/4 px; the edge spread
    function is differentiated, weighted with a Hamming window that begins half way
    out, and transformed. The transfer functions of bins and of the finite difference are divided
    out: sinc(f / 4) sinc(f / 2), the latter at most tenfold.

    Parameters
    ----------
    pixels, line
        The pixels and their edge.
    reach
        How far from the edge there are pixels on both sides all along, px.

    Returns
    -------
    dict or str
        ``rer``, ``fwhm`` (px), ``mtf50_freq`` (cycles/px; missing when the curve stays above
        0.5), ``mtf_nyquist``, ``mtf_half_nyquist``.
    """
    reach = min(reach, MOST_REACH)
    if reach < max(4.0, 3 * line.width):
        return f"the flat fields reach {reach:.1f} px from the edge, which is too little"
    centers, spread = _edge_spread(pixels, line, reach)
    if spread is None:
        return "some distances from the edge hold no pixel: slant the target, or widen the region"
    step = 1 / OVERSAMPLING
    # A bin holds the average over 1/4 px: the value at its middle is less by step² / 24 times the
    # second derivative.
    smooth = CubicSpline(centers, spread)
    ends = np.array([-0.5, 0.5])
    rise = smooth(ends) - step**2 / 24 * smooth(ends, 2)
    derivative = np.gradient(spread, step)
    full = _full_width(centers, derivative)
    if full is None:
        return "the line spread function does not fall to half its maximum in the region"
    frequency = np.linspace(0, 0.75, 301)
    curve = _transfer(centers, derivative, frequency)
    told = {
        "rer": float(rise[1] - rise[0]),
        "fwhm": math.sqrt(max(full**2 - _SAMPLING_WIDTH, 0.0)),
        "mtf_nyquist": float(np.interp(0.5, frequency, curve)),
        "mtf_half_nyquist": float(np.interp(0.25, frequency, curve)),
    }
    below = np.nonzero(curve < 0.5)[0]
    if len(below):
        i = int(below[0])
        share = (curve[i - 1] - 0.5) / (curve[i - 1] - curve[i])
        told["mtf50_freq"] = float(frequency[i - 1] + share * (frequency[i] - frequency[i - 1]))
    return told


def _transfer(centers: Floats, derivative: Floats, frequency: Floats) -> Floats:
    step = 1 / OVERSAMPLING
    middle = centers[1:-1] @ derivative[1:-1] / max(derivative[1:-1].sum(), 1e-12)
    half = np.max(np.abs(centers))
    # Hamming's window over all of the profile narrows wide line spread functions: at 1.3 px, with
    # 12 px on both sides, the MTF50 is 3 % too high. So it begins half way out.
    outward = np.clip(2 * np.abs(centers - middle) / half - 1, 0, 1)
    window = 0.54 + 0.46 * np.cos(np.pi * outward)
    wave = np.exp(-2j * np.pi * np.outer(frequency, centers))
    curve = np.abs(wave @ (derivative * window))
    # Bins are averages over 1/4 px, central differences reach over two of them.
    correction = np.sinc(frequency * step) * np.maximum(np.sinc(2 * frequency * step), 0.1)
    return np.asarray(curve / curve[0] / correction)


def _edge_spread(pixels: Pixels, line: Line, reach: float) -> tuple[Floats, Floats | None]:
    """Return distances (px) and the normalised edge spread function in bins of 1/4 px."""
    distance = line.distance(pixels.x, pixels.y)
    value = (pixels.value - line.dark) / line.contrast
    count = int(reach * OVERSAMPLING)
    number = np.floor(distance * OVERSAMPLING).astype(int) + count
    inside = (number >= 0) & (number < 2 * count)
    pixels_of = np.bincount(number[inside], minlength=2 * count)
    centers = (np.arange(2 * count) - count + 0.5) / OVERSAMPLING
    if (pixels_of == 0).any():
        return centers, None
    sums = np.bincount(number[inside], weights=value[inside], minlength=2 * count)
    return centers, np.asarray(sums / pixels_of)


def _full_width(centers: Floats, spread: Floats) -> float | None:
    """Return the full width at half maximum; None where it does not fall so far."""
    top = int(np.argmax(spread))
    half = spread[top] / 2
    left = np.nonzero(spread[:top] < half)[0]
    right = np.nonzero(spread[top:] < half)[0]
    if not len(left) or not len(right):
        return None
    i, j = int(left[-1]), top + int(right[0])
    step = centers[1] - centers[0]
    start = centers[i] + step * (half - spread[i]) / (spread[i + 1] - spread[i])
    end = centers[j - 1] + step * (spread[j - 1] - half) / (spread[j - 1] - spread[j])
    return float(end - start)
