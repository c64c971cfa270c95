"""Measured image quality against performance: does one foretell the other?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from iqf_core.experiments.report.options import Measures
from iqf_core.experiments.results.charts import finite, mean_spread
from iqf_core.experiments.results.plot_panels import axis_label, modifier_names
from iqf_core.experiments.results.table import is_reference
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.html.charts import ChartPoint, ChartSeries, html_legend, xy_chart
from iqf_core.html.fragments import Html, html_details, html_grid, html_note
from iqf_core.html.tables import HtmlColumn, html_table
from iqf_core.measurement.agreement import Agreement, agreement

_SHOWN = 6
_MOST = 24


def quality_section(runs: Sequence[RunRecord], metric: str, measures: Measures) -> list[Html]:
    """Return a scatter and the correlations of every image-quality metric with performance.

    A point is a degraded copy: repetitions share its images, so they are one observation, and
    their mean performance stands for them.
    """
    copies: dict[str, list[RunRecord]] = {}
    for run in runs:
        copies.setdefault(str(run.params.get("modifier", run.name)), []).append(run)
    kinds = list(dict.fromkeys(_kind(members[0]) for members in copies.values()))
    charts, rows = [], []
    for quality in measures.quality[:_MOST]:
        points = _points(copies, quality, metric)
        if not points:
            continue
        series = [
            ChartSeries(
                "",
                [point for of, point in points if of == kind],
                joined=False,
                colour=kinds.index(kind),
            )
            for kind in kinds
        ]
        found = agreement([point.x for _, point in points], [point.y for _, point in points])  # type: ignore[misc]
        by_name = {each.name: each for each in found}
        rows.append((quality, len(points), *map(_interval, (by_name["srcc"], by_name["plcc"]))))
        label = quality.removesuffix(".mean")
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


def _kind(run: RunRecord) -> str:
    return "unmodified" if is_reference(run) else " → ".join(modifier_names(run))


def _points(
    copies: dict[str, list[RunRecord]], quality: str, metric: str
) -> list[tuple[str, ChartPoint]]:
    found = []
    for label, members in copies.items():
        xs, ys = finite(members, quality), finite(members, metric)
        if not xs or not ys:
            continue
        x = math.fsum(xs) / len(xs)
        y, spread = mean_spread(ys)
        note = f"{label}: {quality} {x:.4g}, {metric} {y:.4g}"
        found.append((_kind(members[0]), ChartPoint(x, y, spread, note=note)))
    return found


def _interval(found: Agreement) -> str:
    if found.value is None:
        return f"– ({found.reason})"
    return f"{found.value:.3f} [{found.ci95_low:.3f}, {found.ci95_high:.3f}]"
