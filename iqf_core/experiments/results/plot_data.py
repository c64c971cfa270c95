"""The numbers behind a plot, and a page of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iqf_core.experiments.results.charts import common_range, panel_chart
from iqf_core.experiments.results.plot_panels import Panel
from iqf_core.experiments.results.table import finite, is_reference, mean_spread
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.html.fragments import html_grid, html_note, html_tag
from iqf_core.html.images import data_uri
from iqf_core.html.page import HtmlPage
from iqf_core.html.tables import HtmlColumn, html_table

if TYPE_CHECKING:
    import pandas

COLUMNS = ("panel", "line", "x_name", "x", "metric", "mean", "std", "count", "unmodified", "runs")


def plot_frame(panels: Sequence[Panel], metrics: Sequence[str]) -> pandas.DataFrame:
    """Return the numbers that a plot shows.

    Returns
    -------
    pandas.DataFrame
        One row a point and metric, in the plot's order: ``panel``, ``line`` and ``x_name`` as the
        plot writes them, ``x`` (empty for a level), ``mean``, ``std`` (n - 1, NaN for one run) and
        ``count`` over the runs with a finite value, whether all runs are ``unmodified``, and the
        single values in ``runs``, separated by spaces.
    """
    import pandas

    rows = [
        _row(panel, line.label, x, metric, members)
        for metric in metrics
        for panel in panels
        for line in panel.lines
        for x, members in [*line.points.items(), *([(None, line.reference)] * bool(line.reference))]
    ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _row(
    panel: Panel, line: str, x: object, metric: str, members: Sequence[RunRecord]
) -> tuple[object, ...]:
    values = finite(members, metric)
    mean, spread = mean_spread(values) if values else (math.nan, math.nan)
    return (
        panel.title,
        line,
        panel.x_label,
        x,
        metric,
        mean,
        spread if len(values) > 1 else math.nan,
        len(values),
        all(is_reference(run) for run in members),
        " ".join(map(repr, values)),
    )


def plot_page(
    title: str, panels: Sequence[Panel], metrics: Sequence[str], kind: str, csv: str
) -> HtmlPage:
    """Return a page with the plot, the numbers behind it and a link that saves them.

    Parameters
    ----------
    title
        The study.
    panels, metrics
        A chart for each of both.
    kind
        ``line``, ``bar``, ``scatter`` or ``rate``.
    csv
        The numbers as text.
    """
    page = HtmlPage(title, kicker=f"{kind} plot")
    drawn = "line" if kind == "rate" else kind
    for metric in metrics:
        extent = None if kind == "bar" else common_range(panels, metric)
        charts = [panel_chart(panel, metric, drawn, y_range=extent) for panel in panels]
        page.section(metric, html_grid(charts))
    said = "Points and bars are means over repetitions, error bars one standard deviation."
    if kind == "scatter":
        said = "A point is a run."
    frame = plot_frame(panels, metrics)
    names = [name for name in COLUMNS if name != "runs"]
    numeric = ("mean", "std", "count")
    columns = [HtmlColumn(name, numeric=name in numeric) for name in names]
    rows = frame[names].itertuples(index=False, name=None)
    link = html_tag(
        "a", "Save as CSV", download="plot.csv", href=data_uri(csv.encode(), "text/csv")
    )
    page.section("Data", html_note(said), html_table(columns, list(rows)), html_tag("p", link))
    return page
