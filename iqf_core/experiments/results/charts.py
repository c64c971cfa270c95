"""Panels of results as charts within a page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from iqf_core.experiments.results.plot_panels import Line, Panel, axis_label
from iqf_core.experiments.results.summary import cell
from iqf_core.experiments.results.table import finite, mean_spread
from iqf_core.html.charts import ChartLevel, ChartMark, ChartPoint, ChartSeries, xy_chart
from iqf_core.html.fragments import Html

#: A chart with more single runs than this would be slow to open; their means remain.
_MOST_SINGLE = 600
#: From this ratio of largest to smallest value an axis is logarithmic.
_RATIO = 20


def panel_chart(
    panel: Panel,
    metric: str,
    kind: str = "line",
    *,
    title: str | None = None,
    marks: Sequence[ChartMark] = (),
    levels: Sequence[ChartLevel] = (),
    y_range: tuple[float, float] | None = None,
) -> Html:
    """Return a panel of results as a chart.

    Parameters
    ----------
    panel
        The panel.
    metric
        The metric on y.
    kind
        ``line``: means with one standard deviation, single runs pale; ``bar``: the same side by
        side; ``scatter``: single runs.
    title
        Its title; default the panel's.
    marks, levels
        Further vertical and horizontal lines.
    y_range
        The values at bottom and top; default those that occur.
    """
    side_by_side = kind == "bar" or not panel.numeric
    names = [cell(value) for value in panel.values]
    values = [float(value) for value in panel.values] if panel.numeric else []  # type: ignore[arg-type]
    count = sum(len(runs) for line in panel.lines for runs in line.points.values())
    series = [
        _series(line, metric, kind, place, side_by_side=side_by_side, single=count <= _MOST_SINGLE)
        for place, line in enumerate(panel.lines)
        if line.points
    ]
    unmodified = [_level(line, metric) for line in panel.lines if line.reference]
    positive = [value for value in values if value > 0]
    log = len(positive) > 2 and min(values) > 0 and max(values) / min(values) >= _RATIO
    return xy_chart(
        series,
        title=panel.title if title is None else title,
        x_label=panel.x_label,
        y_label=axis_label(metric),
        levels=[*(level for level in unmodified if level is not None), *levels],
        marks=() if side_by_side else marks,
        log_x=log and not side_by_side,
        ticks=values if not side_by_side and _apart(values, log) else None,
        categories=names if side_by_side else None,
        y_range=y_range,
    )


def common_range(panels: Sequence[Panel], metric: str) -> tuple[float, float] | None:
    """Return one y range for several panels, so that a reader may compare them; None if empty."""
    lines = [line for panel in panels for line in panel.lines]
    groups = [members for line in lines for members in (*line.points.values(), line.reference)]
    ends = []
    for members in groups:
        values = finite(members, metric)
        if values:
            mean, spread = mean_spread(values)
            ends += [*values, mean - spread, mean + spread]
    if not ends or min(ends) == max(ends):
        return None
    air = 0.06 * (max(ends) - min(ends))
    return min(ends) - air, max(ends) + air


def _apart(values: Sequence[float], log: bool) -> bool:
    """Return whether the values themselves may be written at the axis without touching."""
    places = [math.log(value) for value in values] if log else list(values)
    span = places[-1] - places[0] if places else 0.0
    gaps = [after - before for before, after in itertools.pairwise(places)]
    written = all(len(f"{value:.4g}") < 6 for value in values)
    return len(values) <= 7 and written and bool(gaps) and min(gaps) > 0.1 * span


def _series(
    line: Line, metric: str, kind: str, place: int, *, side_by_side: bool, single: bool
) -> ChartSeries:
    means, runs = [], []
    for value, members in line.points.items():
        at = cell(value) if side_by_side else float(value)  # type: ignore[arg-type]
        numbers = finite(members, metric)
        if numbers:
            mean, spread = mean_spread(numbers)
            means.append(ChartPoint(at, mean, spread))
        runs += [
            ChartPoint(at, run.metrics[metric], note=f"{run.name}: {run.metrics[metric]:.6g}")
            for run in members
            if math.isfinite(run.metrics.get(metric, math.nan))
        ]
    if kind == "scatter":
        return ChartSeries(line.label, runs, joined=False, colour=place)
    joined = kind == "line" and not side_by_side
    faint = runs if single and len(runs) > len(means) else ()
    return ChartSeries(line.label, means, joined, faint, colour=place, bars=kind == "bar")


def _level(line: Line, metric: str) -> ChartLevel | None:
    numbers = finite(line.reference, metric)
    if not numbers:
        return None
    mean, spread = mean_spread(numbers)
    label = line.label if line.label.startswith("unmodified") else f"unmodified {line.label}"
    return ChartLevel(label.strip(), mean, spread)
