from __future__ import annotations

import math
import re

import pytest

from iqf_core.api import (
    ChartLevel,
    ChartMark,
    ChartPoint,
    ChartSeries,
    bar_chart,
    histogram_chart,
    xy_chart,
)
from iqf_core.html.scales import make_scale, nice_ticks


def _numbers(svg: str, element: str, attribute: str) -> list[float]:
    return [float(n) for n in re.findall(rf'<{element}[^>]* {attribute}="([-\d.]+)"', svg)]


def test_points_stand_where_their_values_say() -> None:
    points = [ChartPoint(0, 1.0), ChartPoint(50, 2.0, spread=0.5), ChartPoint(100, 3.0)]
    svg = xy_chart([ChartSeries("a", points)], x_label="x", y_label="y", title="t")
    x, y = _numbers(svg, "circle", "cx"), _numbers(svg, "circle", "cy")
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.02)
    assert y[0] > y[1] > y[2]  # pixels count downwards
    assert svg.count('class="spread') == 1
    assert "50: 2 ± 0.5" in svg


def test_values_that_are_no_numbers_are_not_drawn() -> None:
    points = [ChartPoint(1, math.nan), ChartPoint(2, math.inf), ChartPoint(3, 0.0)]
    assert xy_chart([ChartSeries("", points)]).count("<circle") == 1
    assert "<svg" in xy_chart([])


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios() -> None:
    scale = make_scale([0.1, 10], 0, 100, log=True)
    assert scale(1) == pytest.approx(50)
    with pytest.raises(ValueError, match="no place for 0"):
        make_scale([0, 1], 0, 1, log=True)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 7, [-2, 0, 2, 4, 6]),
        (0.91, 0.93, [0.91, 0.915, 0.92, 0.925, 0.93]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_levels_and_marks_are_drawn_and_named() -> None:
    svg = xy_chart(
        [ChartSeries("a", [ChartPoint(1, 1.0), ChartPoint(2, 2.0)])],
        levels=[ChartLevel("unmodified", 1.5, 0.1)],
        marks=[ChartMark("knee", 1.5)],
    )
    assert svg.count("dash") == 2
    assert ">knee</text>" in svg
    assert "unmodified</li>" in svg


def test_names_stand_side_by_side_in_their_order() -> None:
    names = ["b", "a & c"]
    points = [ChartPoint(name, 1.0) for name in names]
    svg = xy_chart([ChartSeries("", points)], categories=names)
    left, right = _numbers(svg, "circle", "cx")
    assert left < right
    assert "a &amp; c</text>" in svg


def test_bars_of_several_series_stand_beside_each_other() -> None:
    series = [
        ChartSeries(label, [ChartPoint("a", value), ChartPoint("b", value)], bars=True)
        for label, value in (("one", 1.0), ("two", 2.0))
    ]
    svg = xy_chart(series, categories=["a", "b"])
    x, width = _numbers(svg, "rect", "x"), _numbers(svg, "rect", "width")
    first, second, third, fourth = sorted(zip(x, width, strict=True))
    assert first[0] + first[1] <= third[0]
    assert all(
        a[0] + a[1] < b[0] + 1e-6 for a, b in ((first, second), (second, third), (third, fourth))
    )
    heights = _numbers(svg, "rect", "height")
    assert heights[2] == pytest.approx(2 * heights[0], rel=0.01)


def test_bars_start_at_zero_and_bins_touch() -> None:
    svg = bar_chart([("plane", 30), ("ship", 15)])
    tall, low = _numbers(svg, "rect", "height")
    assert tall == pytest.approx(2 * low, rel=0.01)
    svg = histogram_chart([0, 1, 3], [4, 2])
    narrow, wide = _numbers(svg, "rect", "width")
    assert (wide + 1) == pytest.approx(2 * (narrow + 1), rel=0.01)
    with pytest.raises(ValueError, match="2 counts need 3 edges"):
        histogram_chart([0, 1], [1, 2])
