"""Bjøntegaard deltas: the mean difference between two rate-quality curves.

The definition is that of G. Bjøntegaard, *Calculation of average PSNR differences between
RD-curves*, ITU-T SG16 Q.6, document VCEG-M33, Austin, April 2001: each curve is a cubic polynomial
over the logarithm of the rate, and the difference of the two is averaged over the range that both
have. With more than four points the polynomial is the least-squares fit. ``pchip`` replaces it by
the piecewise cubic interpolation that the common test conditions of HEVC and VVC use (JCTVC-E137,
JCTVC-L1100; F. N. Fritsch and J. Butland, *SIAM J. Sci. Stat. Comput.* 5 (1984), 300-304), which
passes through every point and never swings beyond them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["cubic", "pchip"]
Numbers = NDArray[np.float64]
Integral = Callable[[float, float], float]

#: Points that an interpolation needs.
FEWEST_POINTS: dict[Method, int] = {"cubic": 4, "pchip": 2}


class NoDeltaError(ValueError):
    """Two curves have no Bjøntegaard delta; the message says why."""


@dataclass(frozen=True)
class RateCurve:
    """What a coder reaches at each rate.

    Attributes
    ----------
    rates
        Positive, in any unit, ascending.
    values
        The metric at each rate; in any unit, the better up or down.
    """

    rates: Numbers
    values: Numbers

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]]) -> RateCurve:
        """Make a curve of (rate, value) pairs in any order.

        Pairs that are not finite are left out: the PSNR of a lossless coder has no place here.
        """
        pairs = sorted(
            (float(rate), float(value))
            for rate, value in points
            if rate > 0 and np.isfinite(rate) and np.isfinite(value)
        )
        table = np.array(pairs, np.float64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    def __len__(self) -> int:
        return len(self.rates)


def bd_rate(anchor: RateCurve, test: RateCurve, method: Method = "cubic") -> float:
    """Return how much more rate `test` needs than `anchor` for the same value, in per cent.

    The logarithm of the rate is taken as a function of the metric, and the difference averaged
    over the values that both curves reach. Negative: `test` saves rate.

    Raises
    ------
    NoDeltaError
        If the curves have too few points or no common values, or a metric neither rises nor falls
        steadily with the rate, so that a value has no one rate.
    """
    means = []
    low, high = _common("values", anchor.values, test.values)
    for name, curve in (("anchor", anchor), ("test", test)):
        _enough(curve, method)
        steps = np.diff(curve.values)
        if not ((steps > 0).all() or (steps < 0).all()):
            raise NoDeltaError(f"the metric of the {name} is not monotonic in the rate")
        order = np.argsort(curve.values)
        integral = _integral(curve.values[order], np.log10(curve.rates)[order], method)
        means.append(integral(low, high) / (high - low))
    with np.errstate(over="ignore"):
        return float(100 * (np.float64(10) ** (means[1] - means[0]) - 1))


def bd_metric(anchor: RateCurve, test: RateCurve, method: Method = "cubic") -> float:
    """Return how much higher the metric of `test` is than that of `anchor` at the same rate.

    The mean over the logarithm of the rates that both curves have, in the metric's unit; BD-PSNR
    where that is PSNR.

    Raises
    ------
    NoDeltaError
        If the curves have too few points, or no common rates.
    """
    means = []
    logs = [np.log10(curve.rates) for curve in (anchor, test)]
    low, high = _common("rates", *logs)
    for curve, log_rates in zip((anchor, test), logs, strict=True):
        _enough(curve, method)
        if (np.diff(log_rates) <= 0).any():
            raise NoDeltaError("two points have the same rate")
        means.append(_integral(log_rates, curve.values, method)(low, high) / (high - low))
    return means[1] - means[0]


def _enough(curve: RateCurve, method: Method) -> None:
    needed = FEWEST_POINTS[method]
    if len(curve) < needed:
        raise NoDeltaError(f"{needed} points are needed for {method}, a curve has {len(curve)}")


def _common(what: str, first: Numbers, second: Numbers) -> tuple[float, float]:
    """Return the range that both have."""
    if not len(first) or not len(second):
        raise NoDeltaError("a curve has no points")
    low = max(first.min(), second.min())
    high = min(first.max(), second.max())
    if not high > low:
        raise NoDeltaError(f"the curves have no {what} in common")
    return float(low), float(high)


def _integral(x: Numbers, y: Numbers, method: Method) -> Integral:
    """Return the integral, from a to b, of the curve through (x, y); x ascending."""
    if method == "pchip":
        return _pchip_integral(x, y)
    # Centred and scaled, powers of narrow ranges far from 0 keep their digits.
    centre, scale = x.mean(), np.ptp(x) or 1.0
    antiderivative = np.polyint(np.polyfit((x - centre) / scale, y, 3))

    def integral(low: float, high: float) -> float:
        ends = np.polyval(antiderivative, (np.array([low, high]) - centre) / scale)
        return float((ends[1] - ends[0]) * scale)

    return integral


def _pchip_integral(x: Numbers, y: Numbers) -> Integral:
    width, slope = np.diff(x), np.diff(y) / np.diff(x)
    start, end = _pchip_slopes(width, slope)
    # On an interval: y + start t + quadratic t² + cubic t³, with t from its left end.
    quadratic = (3 * slope - 2 * start - end) / width
    cubic = (start + end - 2 * slope) / width**2
    powers = np.stack([y[:-1], start / 2, quadratic / 3, cubic / 4])

    def integral(low: float, high: float) -> float:
        from_t = np.clip(low - x[:-1], 0, width)
        to_t = np.clip(high - x[:-1], 0, width)
        exponents = np.arange(1, 5)[:, np.newaxis]
        return float((powers * (to_t**exponents - from_t**exponents)).sum())

    return integral


def _pchip_slopes(width: Numbers, slope: Numbers) -> tuple[Numbers, Numbers]:
    """Return the derivatives at both ends of every interval (Fritsch and Butland, 1984)."""
    if len(slope) == 1:
        return slope, slope
    left, right = slope[:-1], slope[1:]
    weight_left, weight_right = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same_way = left * right > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (weight_left + weight_right) / (weight_left / left + weight_right / right)
    inner = np.where(same_way, harmonic, 0.0)
    first = _end_slope(width[0], width[1], slope[0], slope[1])
    last = _end_slope(width[-1], width[-2], slope[-1], slope[-2])
    slopes = np.concatenate([[first], inner, [last]])
    return slopes[:-1], slopes[1:]


def _end_slope(width: float, next_width: float, slope: float, next_slope: float) -> float:
    """Return the three-point derivative at an end, limited to keep the shape."""
    found = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    if found * slope <= 0:
        return 0.0
    if slope * next_slope <= 0 and abs(found) > 3 * abs(slope):
        return 3 * slope
    return float(found)
