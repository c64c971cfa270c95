"""Performance against every degradation, rate curves, and the knee of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from iqf_core.experiments.report.options import Measures, ReportOptions
from iqf_core.experiments.results.charts import common_range, panel_chart
from iqf_core.experiments.results.plot_panels import Panel, axis_label, make_panels
from iqf_core.experiments.results.summary import cell, mean_and_spread
from iqf_core.experiments.results.sweeps import SweepKnee, SweepPoint, find_sweeps, sweep_knee
from iqf_core.experiments.results.table import finite, is_reference, mean_spread
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.html.charts import ChartLevel, ChartMark, ChartPoint, ChartSeries, xy_chart
from iqf_core.html.fragments import Html, html_details, html_grid, html_note, html_tag
from iqf_core.html.tables import HtmlCell, HtmlColumn, html_table

_RATE = "rate (bits per pixel per component)"
#: Measures that are shown at once; further ones unfold.
_SHOWN = 1
_MOST = 12


def find_knees(
    runs: Sequence[RunRecord], metric: str, measures: Measures, options: ReportOptions
) -> list[SweepKnee]:
    """Return every sweep of the study with its knee."""
    return [
        sweep_knee(
            sweep,
            metric,
            options.tolerance,
            higher_is_better=metric not in measures.lower,
            confidence=options.confidence,
            paired=options.paired,
            pooled=options.pooled,
        )
        for sweep in find_sweeps(runs, metric)
    ]


def performance_section(
    runs: Sequence[RunRecord], measures: Measures, knees: Sequence[SweepKnee]
) -> list[Html]:
    """Return charts of every measure of performance against every degradation."""
    said = {name: f"{name} ({measures.direction(name)})" for name in measures.performance}
    parts = degradation_charts(runs, measures.performance, knees, said)
    panels = make_panels(runs)
    repeated = any(
        len(members) > 1
        for panel in panels
        for line in panel.lines
        for members in line.points.values()
    )
    if repeated:
        parts.append(
            html_note(
                "Points are means over repetitions, bars one standard deviation; pale points are "
                "single runs."
            )
        )
    return parts


def degradation_charts(
    runs: Sequence[RunRecord],
    metrics: Sequence[str],
    knees: Sequence[SweepKnee] = (),
    names: Mapping[str, str] | None = None,
) -> list[Html]:
    """Return charts of metrics against every degradation; the first is shown, others unfold.

    Parameters
    ----------
    runs
        Finished runs in the order of the study.
    metrics
        The metrics.
    knees
        The knees of the first one.
    names
        What metrics are called where they unfold; default their names.
    """
    panels = make_panels(runs)
    parts: list[Html] = []
    for place, metric in enumerate(metrics[:_MOST]):
        own = knees if place == 0 else ()
        extent = common_range(panels, metric)
        charts = [
            panel_chart(panel, metric, marks=_marks(panel, own), y_range=extent) for panel in panels
        ]
        grid = html_grid(charts)
        parts.append(
            grid if place < _SHOWN else html_details((names or {}).get(metric, metric), grid)
        )
    left = metrics[_MOST:]
    if left:
        parts.append(html_note(f"Not drawn: {', '.join(left)}."))
    return parts


def _marks(panel: Panel, knees: Sequence[SweepKnee]) -> list[ChartMark]:
    if not panel.numeric or len([line for line in panel.lines if line.points]) > 1:
        return []
    return [
        ChartMark("knee", float(each.point.value))
        for each in knees
        if each.point is not None
        and isinstance(each.point.value, int | float)
        and axis_label(each.sweep.parameter) == panel.x_label
        and each.sweep.label == panel.title
    ]


def rate_section(
    knees: Sequence[SweepKnee], metric: str, options: ReportOptions, *, lower: bool
) -> list[Html]:
    """Return the rate curve of every coder with its knee; nothing without a coder."""
    coded = [each for each in knees if each.sweep.order == "rate"]
    if not coded:
        return []
    series, marks, rates = [], [], []
    for colour, each in enumerate(coded):
        points = sorted(each.sweep.points, key=lambda point: point.rate or 0.0)
        rates += [point.rate or 0.0 for point in points]
        means, single = [], []
        for point in points:
            values = finite(point.runs, metric)
            if values:
                at = point.rate or 0.0
                note = f"{each.sweep.label} {_setting(each, point)}: {at:.4g} bpppc"
                mean, spread = mean_spread(values)
                means.append(ChartPoint(at, mean, spread, note=f"{note}, {mean:.4g}"))
                single += [ChartPoint(at, value) for value in values] if len(values) > 1 else []
        series.append(ChartSeries(each.sweep.label, means, faint=single, colour=colour))
        if each.point is not None:
            marks.append(ChartMark("", each.point.rate or 0.0, colour=colour))
    log = min(rates) > 0 and max(rates) / min(rates) > 8
    charts = xy_chart(
        series,
        x_label=_RATE,
        y_label=axis_label(metric),
        levels=_levels(coded[0], metric, options, lower=lower),
        marks=marks,
        log_x=log,
    )
    return [
        html_tag("div", charts, class_="wide"),
        html_note(
            "Dashed verticals: the knee of each coder, the smallest rate that is still as good as "
            "the unmodified images."
        ),
    ]


def _levels(
    each: SweepKnee, metric: str, options: ReportOptions, *, lower: bool
) -> list[ChartLevel]:
    values = finite(each.sweep.reference, metric)
    if not values:
        return []
    mean, spread = mean_spread(values)
    levels = [ChartLevel("unmodified", mean, spread)]
    margin = options.tolerance.amount * (mean if options.tolerance.relative else 1)
    limit = mean + margin if lower else mean - margin
    return [*levels, ChartLevel(f"tolerance {options.tolerance}", limit, colour=6)]


def knee_section(
    knees: Sequence[SweepKnee], metric: str, measures: Measures, options: ReportOptions
) -> list[Html]:
    """Return the table of knees, the test behind every point, and how it was done."""
    columns: list[HtmlColumn | str] = [
        "degradation",
        HtmlColumn("knee"),
        HtmlColumn("rate (bpppc)", numeric=True),
        HtmlColumn("size", numeric=True),
        HtmlColumn(metric, numeric=True),
        HtmlColumn("loss", numeric=True),
        HtmlColumn("p", numeric=True),
        "what it says",
    ]
    rows = [_knee_row(each, metric) for each in knees]
    details: list[HtmlColumn | str] = [
        "degradation",
        HtmlColumn("at", numeric=True),
        HtmlColumn("rate (bpppc)", numeric=True),
        HtmlColumn("runs", numeric=True),
        HtmlColumn(metric, numeric=True),
        HtmlColumn("loss", numeric=True),
        HtmlColumn("p", numeric=True),
        "within the tolerance",
    ]
    every = [
        (
            each.sweep.label,
            HtmlCell(cell(point.value), _sort_key(point)),
            _number(point.rate),
            len(point.runs),
            _value(point, metric),
            _number(verdict.loss),
            _p(verdict.p_value),
            verdict.reason or verdict.within,
        )
        for each in knees
        for point, verdict in zip(each.sweep.points, each.knee.verdicts, strict=True)
    ]
    return [
        html_table(columns, rows, filterable=False),
        _method(metric, measures, options, knees),
        html_details("The test of every point", html_table(details, every)),
    ]


def _knee_row(each: SweepKnee, metric: str) -> tuple[object, ...]:
    point = each.point
    if point is None:
        return (each.sweep.label, "none", None, None, None, None, None, why_no_knee(each))
    verdict = each.knee.verdicts[each.knee.index or 0]
    beyond = "all that was tried is within the tolerance" if each.knee.beyond else ""
    if not beyond:
        beyond = _not_shown(each, (each.knee.index or 0) + 1)
    return (
        each.sweep.label,
        html_tag("b", _setting(each, point)),
        _number(point.rate),
        None if point.ratio is None else HtmlCell(f"1 / {point.ratio:.3g}", 1 / point.ratio),
        _value(point, metric),
        _number(verdict.loss),
        _p(verdict.p_value),
        beyond,
    )


def why_no_knee(each: SweepKnee) -> str:
    """Return why a sweep has no knee."""
    first = each.knee.verdicts[0]
    if first.reason:
        return first.reason
    return f"already {_not_shown(each, 0)}"


def _not_shown(each: SweepKnee, place: int) -> str:
    """Return how a point failed: being lost and not being known are two things."""
    verdict = each.knee.verdicts[place]
    setting = _setting(each, each.sweep.points[place])
    if verdict.p_value is None:
        return f"{setting}: {verdict.reason}"
    p = "< 0.001" if verdict.p_value < 0.001 else f"= {verdict.p_value:.2g}"
    return f"{setting} is not shown to be within the tolerance (p {p})"


def _setting(each: SweepKnee, point: SweepPoint) -> str:
    """Return ``quality=30``; the name of a degradation without a varying parameter."""
    name = each.sweep.parameter.rpartition(".")[2]
    return f"{name}={cell(point.value)}" if name else each.sweep.label


def _sort_key(point: SweepPoint) -> float | None:
    return float(point.value) if isinstance(point.value, int | float) else None


def _value(point: SweepPoint, metric: str) -> HtmlCell:
    values = finite(point.runs, metric)
    if not values:
        return HtmlCell("–", None)
    mean, spread = mean_spread(values)
    shown = mean_and_spread(mean, spread if len(values) > 1 else math.nan, len(values))
    return HtmlCell(shown, mean)


def _number(value: float | None) -> HtmlCell:
    if value is None or math.isnan(value):
        return HtmlCell("–", None)
    return HtmlCell(f"{value:.3g}", value)


def _p(value: float | None) -> HtmlCell:
    if value is None:
        return HtmlCell("–", None)
    return HtmlCell("< 0.001" if value < 0.001 else f"{value:.3f}", value)


def _method(
    metric: str, measures: Measures, options: ReportOptions, knees: Sequence[SweepKnee]
) -> Html:
    tolerance = f"{options.tolerance} of the reference" if options.tolerance.relative else ""
    tolerance = tolerance or f"{options.tolerance} of {metric}"
    how = "Welch's t-test"
    if options.paired:
        how = "paired t-test on repetitions of one seed"
    if options.pooled:
        how = "t-test with the spread of all points of a sweep together"
    order = ""
    if any(each.sweep.order == "unknown" for each in knees):
        order = (
            " Where the study does not know which end of a parameter is the mild one, it is the "
            "one nearer to the reference, at half the level."
        )
    return html_note(
        f"{metric}: {measures.direction(metric)}. The knee is the most degraded point up to which "
        f"every point is shown to lose less than {tolerance}: a one-sided non-inferiority test "
        f"({how}) over the repetitions at {100 * options.confidence:g} % confidence, from the "
        "mildest degradation on, until one fails. p is the chance of such a result if the point "
        f"had lost the whole tolerance.{order}"
    )


def reference_value(runs: Sequence[RunRecord], metric: str) -> str | None:
    """Return mean ± spread of the unmodified runs, None where there are none."""
    values = finite([run for run in runs if is_reference(run)], metric)
    if not values:
        return None
    mean, spread = mean_spread(values)
    return mean_and_spread(mean, spread if len(values) > 1 else math.nan, len(values))


def knee_figures(knees: Sequence[SweepKnee]) -> list[tuple[str, str]]:
    """Return the knees as (label, value) for the head of the page."""
    figures = []
    for each in knees:
        if each.point is None:
            continue
        sign = "≤ " if each.knee.beyond and each.sweep.order == "rate" else ""
        if each.point.rate is not None:
            value = f"{sign}{each.point.rate:.3g} bpppc"
            figures.append((f"knee of {each.sweep.label}, {_setting(each, each.point)}", value))
        else:
            value = _setting(each, each.point)
            figures.append((f"knee of {each.sweep.label}", value))
    return figures
