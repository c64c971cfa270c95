"""Measured image quality against performance: does one foretell the other?"""

from __future__ import annotations

from collections.abc import Sequence

from iqf_core.experiments.report.options import Measures
from iqf_core.experiments.results.correlation import CopyPoint, copy_points, correlate, kind_of
from iqf_core.experiments.results.plot_panels import axis_label
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.html.charts import ChartPoint, ChartSeries, html_legend, xy_chart
from iqf_core.html.fragments import Html, html_details, html_grid, html_note
from iqf_core.html.tables import HtmlColumn, html_table
from iqf_core.measurement.agreement import Agreement

_SHOWN = 6
_MOST = 24


def quality_section(runs: Sequence[RunRecord], metric: str, measures: Measures) -> list[Html]:
    """Return a scatter and the correlations of every image-quality metric with performance.

    A point is a degraded copy: repetitions share its images, so they are one observation, and
    their mean performance stands for them.
    """
    kinds = list(dict.fromkeys(map(kind_of, runs)))
    charts, rows = [], []
    for quality in measures.quality[:_MOST]:
        points = copy_points(runs, quality, metric)
        if not points:
            continue
        found = correlate(points)
        rows.append((quality, len(points), _interval(found["srcc"]), _interval(found["plcc"])))
        label = quality.removesuffix(".mean")
        series = [_series(points, kind, (label, metric), place) for place, kind in enumerate(kinds)]
        charts.append(xy_chart(series, x_label=label, y_label=axis_label(metric), legend=False))
    if not charts:
        return []
    columns: list[HtmlColumn | str] = [
        "image-quality metric",
        HtmlColumn("copies", numeric=True),
        "rank correlation (Spearman) [95 %]",
        "linear correlation (Pearson) [95 %]",
    ]
    parts = [
        html_legend([(kind, colour) for colour, kind in enumerate(kinds)]),
        html_grid(charts[:_SHOWN]),
        html_table(columns, rows, filterable=False),
        html_note(
            "A point is a degraded copy: its quality is the mean over its images, its performance "
            "the mean over its repetitions. Intervals are of a bootstrap over copies. Copies of "
            "one kind of degradation are not independent of each other: read the correlations as "
            "a description of this study."
        ),
    ]
    if len(charts) > _SHOWN:
        parts.insert(2, html_details("More metrics", html_grid(charts[_SHOWN:])))
    return parts


def _series(
    points: Sequence[CopyPoint], kind: str, names: tuple[str, str], colour: int
) -> ChartSeries:
    own = [
        ChartPoint(
            point.x,
            point.y,
            point.spread,
            f"{point.label}: {names[0]} {point.x:.4g}, {names[1]} {point.y:.4g}",
        )
        for point in points
        if point.kind == kind
    ]
    return ChartSeries("", own, joined=False, colour=colour)


def _interval(found: Agreement) -> str:
    if found.value is None:
        return f"– ({found.reason})"
    return f"{found.value:.3f} [{found.ci95_low:.3f}, {found.ci95_high:.3f}]"
