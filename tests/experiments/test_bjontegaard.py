"""Bjøntegaard deltas against published values and against curves whose delta is known."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core.experiments.results import bjontegaard
from iqf_core.experiments.results.bjontegaard import (
    Method,
    NoDeltaError,
    RateCurve,
    bd_metric,
    bd_rate,
)

METHODS: tuple[Method, ...] = ("cubic", "pchip")

# The data of JCTVC-E137 (Geneva, 2011), and the BD-rates that Netflix's VMAF, "validated against
# JCTVC-E137", and after it the Android compatibility tests (BdRateCalculatorTests.java) expect, as
# fractions; piecewise cubic interpolation.
JCTVC_E137 = [
    (
        [(108048.8736, 43.6471), (61279.976, 40.3953), (33905.6656, 37.247), (18883.6928, 34.2911)],
        [
            (108061.2784, 43.6768),
            (61299.9936, 40.4232),
            (33928.7472, 37.2761),
            (18910.912, 34.3147),
        ],
        -0.00465215420752807,
    ),
    (
        [(40433.8848, 37.5761), (7622.7456, 35.3756), (2394.488, 33.8977), (1017.6184, 32.0603)],
        [(40370.12, 37.5982), (7587.0024, 35.4025), (2390.0944, 33.9194), (1017.0984, 32.0822)],
        -0.018779823450567612,
    ),
]


@pytest.mark.parametrize(("anchor", "test", "expected"), JCTVC_E137)
def test_piecewise_interpolation_gives_the_published_bd_rates(anchor, test, expected) -> None:
    found = bd_rate(RateCurve.of(anchor), RateCurve.of(test), "pchip")
    assert found == pytest.approx(100 * expected, rel=1e-9)


def test_the_cubic_polynomials_give_the_published_integrals() -> None:
    # The example in the tests of rdplot (RWTH Aachen), computed by the Matlab script of
    # G. Valenzise, 2010. That script integrates from the lowest to the highest point of either
    # curve, which its correction of 2013 (S. Matyunin) mended: VCEG-M33 says the common range.
    curves = [
        RateCurve.of(
            [(937.0112, 45.5074), (1405.4792, 47.0002), (3438.7128, 49.9565), (6448.6368, 52.1459)]
        ),
        RateCurve.of(
            [(822.0064, 45.7215), (1608.9144, 47.6227), (3086.912, 50.1394), (5784.7696, 52.3339)]
        ),
    ]
    low, high = 45.5074, 52.3339
    means = [
        bjontegaard._integral(curve.values, np.log(curve.rates), "cubic")(low, high) / (high - low)
        for curve in curves
    ]
    assert 100 * (np.exp(means[1] - means[0]) - 1) == pytest.approx(-11.8353612757205, rel=1e-9)
    low, high = np.log(822.0064), np.log(6448.6368)
    means = [
        bjontegaard._integral(np.log(curve.rates), curve.values, "cubic")(low, high) / (high - low)
        for curve in curves
    ]
    assert means[1] - means[0] == pytest.approx(0.425738970169449, rel=1e-9)
    # Over the common range:
    assert bd_rate(*curves) == pytest.approx(-11.5, abs=0.05)
    assert bd_metric(*curves) == pytest.approx(0.406, abs=0.001)


@pytest.fixture
def anchor() -> RateCurve:
    rates = np.array([0.25, 0.5, 1.1, 2.0, 4.3])
    return RateCurve(rates, 30 + 6.02 * np.log2(rates) + 0.4 * np.log2(rates) ** 2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [0.5, 0.9, 1.25, 3])
def test_a_curve_at_a_multiple_of_the_rate_has_that_bd_rate(anchor, factor, method) -> None:
    # The cubic must be exact: with more than four points it is a fit, so four are taken.
    four = RateCurve(anchor.rates[:4], anchor.values[:4])
    test = RateCurve(four.rates * factor, four.values)
    assert bd_rate(four, test, method) == pytest.approx(100 * (factor - 1), abs=1e-8)
    assert bd_rate(test, four, method) == pytest.approx(100 * (1 / factor - 1), abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [-2.5, 0, 0.3])
def test_a_curve_at_a_distance_has_that_bd_metric(anchor, shift, method) -> None:
    test = RateCurve(anchor.rates, anchor.values + shift)
    assert bd_metric(anchor, test, method) == pytest.approx(shift, abs=1e-9)


def test_the_cubic_is_exact_for_cubics_whatever_points_are_given() -> None:
    def curve(rates: list[float]) -> RateCurve:
        logs = np.log10(rates)
        return RateCurve(np.array(rates), 30 + 5 * logs - 2 * logs**2 + logs**3)

    def line(rates: list[float]) -> RateCurve:
        return RateCurve(np.array(rates), 30 + 5 * np.log10(rates))

    first, second = curve([1, 2, 5, 9, 20]), line([0.5, 1, 3, 10, 70, 100])
    # On [0, log10(20)]: the mean of 2 x² - x³.
    top = np.log10(20)
    expected = 2 * top**2 / 3 - top**3 / 4
    assert bd_metric(first, second) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_piecewise_interpolation_is_that_of_scipy(count) -> None:
    from scipy import interpolate  # scikit-learn, which the demonstration needs, brings it

    rng = np.random.default_rng(count)
    for _ in range(20):
        x = np.cumsum(rng.uniform(0.1, 2, count))
        y = rng.standard_normal(count)
        low, high = np.sort(rng.uniform(x[0], x[-1], 2))
        expected = interpolate.PchipInterpolator(x, y).integrate(low, high)
        assert bjontegaard._integral(x, y, "pchip")(low, high) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_metric_that_is_better_when_lower_has_the_same_bd_rate(anchor, method) -> None:
    test = RateCurve(anchor.rates * 0.8, anchor.values + 0.1)
    expected = bd_rate(anchor, test, method)
    lower = [RateCurve(curve.rates, -curve.values) for curve in (anchor, test)]
    assert bd_rate(*lower, method) == pytest.approx(expected)
    assert bd_metric(*lower, method) == pytest.approx(-bd_metric(anchor, test, method))


def test_points_come_in_any_order_and_lossless_ones_are_left_out() -> None:
    curve = RateCurve.of([(4, 40), (1, 30), (9, float("inf")), (2, 35), (3, float("nan"))])
    assert curve.rates.tolist() == [1, 2, 4]
    assert curve.values.tolist() == [30, 35, 40]


@pytest.mark.parametrize(
    ("points", "method", "rate_says", "metric_says"),
    [
        ([(1, 30), (2, 33), (4, 36)], "cubic", "4 points are needed", "4 points are needed"),
        ([(1, 30)], "pchip", "no values in common", "no rates in common"),
        ([], "pchip", "no points", "no points"),
        ([(1, 60), (2, 63), (3, 64), (4, 66)], "cubic", "no values in common", ""),
        ([(10, 30), (20, 33), (30, 34), (40, 36)], "pchip", "", "no rates in common"),
        ([(1, 30), (2, 33), (3, 32), (4, 36)], "pchip", "not monotonic", ""),
        ([(1, 30), (2, 33), (3, 33), (4, 36)], "cubic", "not monotonic", ""),
        ([(1, 30), (1, 31), (3, 33), (4, 36)], "pchip", "", "same rate"),
    ],
)
def test_why_there_is_no_delta_is_said(points, method, rate_says, metric_says) -> None:
    other = RateCurve.of([(0.9, 29), (1.7, 32), (3, 35), (5, 37)])
    for measure, says in ((bd_rate, rate_says), (bd_metric, metric_says)):
        if says:
            with pytest.raises(NoDeltaError, match=says):
                measure(other, RateCurve.of(points), method)
        else:
            assert np.isfinite(measure(other, RateCurve.of(points), method))
