"""Plots of results: lines, bars or points, drawn to a file without any global state."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from iqf_core.errors import ConfigurationError, nearest
from iqf_core.experiments.results.correlation import metric_panel
from iqf_core.experiments.results.plot_data import plot_frame, plot_page
from iqf_core.experiments.results.plot_drawing import (
    DASHES,
    REFERENCE_COLOUR,
    UNMODIFIED,
    draw_panel,
)
from iqf_core.experiments.results.plot_panels import Panel, axis_label, make_panels
from iqf_core.experiments.results.rate_curves import rate_metric, rate_panel
from iqf_core.experiments.results.summary import metrics_of_interest
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.files import atomic_write_bytes, atomic_write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from iqf_core.experiments.results.results import Results

PlotKind = Literal["line", "bar", "scatter", "rate"]
KINDS: tuple[str, ...] = get_args(PlotKind)
SUFFIXES = (".png", ".svg", ".pdf", ".html")

#: Okabe and Ito's colours (Color Universal Design, 2008), distinct for colour-blind readers.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = "osD^vP"
_PLAIN_COLOUR = "#333333"
_STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "legend.frameon": False,
    "svg.hashsalt": "iqf",
    "text.parse_math": False,
}
_MOST_COLUMNS = 3
#: Names in a legend; more would leave no room for the plot.
_MOST_NAMED = 24


def plot_results(
    results: Results,
    kind: str = "line",
    x: str | None = None,
    metric: str | Sequence[str] | None = None,
    *,
    out: Path,
) -> Path:
    """Draw the finished runs of a study to a file.

    Every run is a small point; lines and bars are means over repetitions, error bars one standard
    deviation. The unmodified reference stands at the value that leaves an image as it is (noise 0),
    or is a dashed level where a modifier has no such value.

    Parameters
    ----------
    results
        The study's results.
    kind
        ``line``, ``bar``, ``scatter`` (runs only) or ``rate``: against the bits per pixel per
        component that coders reached, a line for each coder.
    x
        Parameter to plot against, full or short; for ``scatter`` a metric too. Default: one panel
        for each kind of modifier, against its parameter.
    metric
        The metric, or several: a row of panels each. Default: the first that the task reported,
        one on validation or test data before others.
    out
        The file: ``.png``, ``.svg``, ``.pdf`` or ``.html``. Written whole or not at all. The
        numbers behind it are written beside it, with the suffix ``.csv``.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ConfigurationError
        If the kind, the suffix, a name is unknown, or there is nothing to draw.
    """
    if kind not in KINDS:
        raise ConfigurationError(
            f"no plot {kind!r}{nearest(kind, KINDS)}; expected {', '.join(KINDS)}"
        )
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{out}: expected a name ending in {', '.join(SUFFIXES)}")
    runs = results.runs("FINISHED")
    if not runs:
        raise ConfigurationError(f"{results.study}: no finished runs, nothing to plot")
    metrics = results.find_metrics(metric) or [default_metric(runs)]
    panels = _panels(results, runs, kind, x, metrics)
    csv = plot_frame(panels, metrics).to_csv(index=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".html":
        plot_page(results.study, panels, metrics, kind, csv).write(out)
    else:
        figure = draw(results.study, panels, metrics, "line" if kind == "rate" else kind)
        atomic_write_bytes(out, _render(figure, out.suffix.lower()[1:]))
    atomic_write_text(out.with_suffix(".csv"), csv)
    return out


def _panels(
    results: Results, runs: Sequence[RunRecord], kind: str, x: str | None, metrics: Sequence[str]
) -> list[Panel]:
    if kind == "rate":
        return [_rate_panel(runs, metrics, x)]
    if x is None:
        return make_panels(runs)
    try:
        names = results.find_params(x)
    except ConfigurationError:
        if kind != "scatter":
            raise
        against = results.find_metrics(x)
        if len(metrics) > 1:
            raise ConfigurationError(f"one metric at a time goes against {x}") from None
        return [metric_panel(runs, against[0] if against else x, metrics[0])]
    return make_panels(runs, names[0] if names else None)


def _rate_panel(runs: Sequence[RunRecord], metrics: Sequence[str], x: str | None) -> Panel:
    if x is not None:
        raise ConfigurationError(f"a rate plot is against the rate, not against {x}")
    if len({rate_metric(runs, metric) for metric in metrics}) > 1:
        raise ConfigurationError(
            f"{' and '.join(metrics)} are about datasets with different rates; plot one at a time"
        )
    return rate_panel(runs, metrics[0])


def default_metric(runs: Sequence[RunRecord]) -> str:
    """Return the metric to draw when none is named."""
    names = metrics_of_interest(runs)
    if not names:
        raise ConfigurationError("the runs have no metrics, nothing to plot")
    return next((name for name in names if name.startswith(("val", "test"))), names[0])


def draw(title: str, panels: Sequence[Panel], metrics: Sequence[str], kind: str) -> Figure:
    """Return a figure with a panel for each of `panels` and each metric."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = len(panels) if len(metrics) > 1 else min(len(panels), _MOST_COLUMNS)
    rows = len(metrics) * math.ceil(len(panels) / columns)
    styles = _line_styles(panels)
    wide = max(5.6 / columns, 3.7)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(wide * columns + 0.6, 3.3 * rows + 0.9), layout="constrained")
        axes = figure.subplots(rows, columns, sharey="row", squeeze=False)
        if len(metrics) == 1:
            for other in axes.flat[1:]:
                other.sharey(axes.flat[0])
        for index, ax in enumerate(axes.flat):
            row, column = divmod(index, columns)
            place = column if len(metrics) > 1 else index
            if place >= len(panels):
                ax.remove()
                continue
            panel, metric = panels[place], metrics[row if len(metrics) > 1 else 0]
            ax.set_title(panel.title)
            ax.set_xlabel(panel.x_label)
            if column == 0:
                ax.set_ylabel(axis_label(metric))
            draw_panel(ax, panel, metric, kind, styles)
        figure.suptitle(title, fontsize=13, fontweight="bold")
        _legend(figure, axes, kind, panels)
        figure.canvas.draw()  # laid out while the style holds
    return figure


def _line_styles(panels: Sequence[Panel]) -> dict[str, tuple[Any, str]]:
    """Return colour and marker for each label, the same in all panels."""
    labels = list(dict.fromkeys(line.label for panel in panels for line in panel.lines))
    if "" in labels and len(labels) > 1:  # a panel of one line among others: it has no name
        labels.remove("")
        return {"": (_PLAIN_COLOUR, "o"), **_named_styles(labels)}
    return _named_styles(labels)


def _named_styles(labels: Sequence[str]) -> dict[str, tuple[Any, str]]:
    if len(labels) <= len(_COLOURS):
        return dict(zip(labels, zip(_COLOURS, _MARKERS, strict=True), strict=False))
    import matplotlib as mpl

    shades = mpl.colormaps["viridis"](np.linspace(0, 0.92, len(labels)))
    return {
        label: (shade, _MARKERS[place % len(_MARKERS)])
        for place, (label, shade) in enumerate(zip(labels, shades, strict=True))
    }


def _legend(figure: Figure, axes: Any, kind: str, panels: Sequence[Panel]) -> None:
    """Name the lines, once for all panels, and say what the error bars are."""
    entries: dict[str, Any] = {}
    for ax in axes.flat:
        if ax.figure is not None:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                if label:
                    entries.setdefault(label, handle)
    if UNMODIFIED in entries and kind != "bar":
        entries[UNMODIFIED] = _unmodified_handle()
    repeated = any(
        len(runs) > 1 for panel in panels for line in panel.lines for runs in line.points.values()
    )
    note = ""
    if repeated and kind != "scatter":
        note = "error bars: ± 1 standard deviation over repetitions; small points: single runs"
    if len(entries) > _MOST_NAMED:
        left_out = f"{len(entries) - _MOST_NAMED} more lines are not named"
        note = f"{left_out}; {note}" if note else left_out
        entries = dict(list(entries.items())[:_MOST_NAMED])
    if entries:
        longest = max(len(label) for label in entries)
        fitting = int(figure.get_figwidth() / (0.75 + 0.085 * longest))
        figure.legend(
            entries.values(),
            entries.keys(),
            loc="outside lower center",
            ncols=max(1, min(len(entries), fitting)),
            title=note or None,
            title_fontsize=9,
            fontsize=10,
        )
    elif note:
        figure.supxlabel(note, fontsize=9, color="#555555")


def _unmodified_handle() -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=REFERENCE_COLOUR,
        linestyle=DASHES,
        marker="o",
        markersize=10,
        markerfacecolor="none",
    )


def _render(figure: Figure, suffix: str) -> bytes:
    import matplotlib as mpl

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # same results, same file
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format=suffix, dpi=160, metadata=dates.get(suffix))
    return buffer.getvalue()
