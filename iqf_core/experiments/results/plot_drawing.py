"""Drawing one panel of a plot: points, means with their spread, the unmodified reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.experiments.results.plot_panels import Line, Panel
from iqf_core.experiments.results.summary import cell
from iqf_core.experiments.results.table import is_reference
from iqf_core.experiments.tracking.records import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REFERENCE_COLOUR = "#555555"
UNMODIFIED = "unmodified"
DASHES = (0, (5, 3))

#: From this ratio of largest to smallest value an axis is logarithmic.
_RATIO = 100


def draw_panel(
    ax: Axes, panel: Panel, metric: str, kind: str, styles: dict[str, tuple[Any, str]]
) -> None:
    """Draw one panel."""
    values = panel.values
    side_by_side = kind == "bar" or not panel.numeric
    places: dict[Any, float] = {
        value: float(place) if side_by_side else float(value)  # type: ignore[arg-type]
        for place, value in enumerate(values)
    }
    drawn = [line for line in panel.lines if line.points]
    for number, line in enumerate(drawn):
        colour, marker = styles[line.label]
        if kind == "bar":
            width = 0.8 / len(drawn)
            shift = (number - (len(drawn) - 1) / 2) * width
            _bars(ax, line, metric, places, shift, width, colour)
        else:
            joined = kind == "line" and panel.numeric
            _points(ax, line, metric, places, colour, marker, joined=joined, means=kind == "line")
    for line in panel.lines:
        _level(ax, line, metric, styles[line.label][0] if line.points else REFERENCE_COLOUR)
    if side_by_side:
        _name_places(ax, [cell(value) for value in values])
    else:
        _scale(ax, [places[value] for value in values])


def _numbers(runs: Sequence[RunRecord], metric: str) -> list[float]:
    values = [run.metrics.get(metric, math.nan) for run in runs]
    return [value for value in values if math.isfinite(value)]


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _points(
    ax: Axes,
    line: Line,
    metric: str,
    places: dict[Any, float],
    colour: Any,
    marker: str,
    *,
    joined: bool,
    means: bool,
) -> None:
    found = {places[at]: _numbers(runs, metric) for at, runs in line.points.items()}
    found = {at: values for at, values in found.items() if values}
    single = [(at, value) for at, values in found.items() for value in values]
    if not single:
        return
    ax.scatter(
        [at for at, _ in single],
        [value for _, value in single],
        s=16 if means else 34,
        color=colour,
        alpha=0.4 if means else 0.75,
        linewidths=0,
        marker="o" if means else marker,
        zorder=2,
        label=None if means else line.label,
    )
    if not means:
        return
    ax.errorbar(
        list(found),
        [float(np.mean(values)) for values in found.values()],
        yerr=[_spread(values) for values in found.values()],
        color=colour,
        marker=marker,
        markersize=6,
        linestyle="-" if joined else "none",
        linewidth=1.8,
        elinewidth=1.2,
        capsize=3,
        zorder=3,
        label=line.label,
    )
    _mark_reference(ax, line, metric, places)


def _mark_reference(ax: Axes, line: Line, metric: str, places: dict[Any, float]) -> None:
    """Ring the unmodified point of a line."""
    if all(is_reference(run) for runs in line.points.values() for run in runs):
        return
    for at, runs in line.points.items():
        values = _numbers(runs, metric)
        if values and all(is_reference(run) for run in runs):
            ax.scatter(
                [places[at]],
                [float(np.mean(values))],
                s=110,
                facecolors="none",
                edgecolors=REFERENCE_COLOUR,
                linewidths=1.4,
                zorder=4,
                label=UNMODIFIED,
            )


def _bars(
    ax: Axes,
    line: Line,
    metric: str,
    places: dict[Any, float],
    shift: float,
    width: float,
    colour: Any,
) -> None:
    for at, runs in line.points.items():
        values = _numbers(runs, metric)
        if not values:
            continue
        unmodified = all(is_reference(run) for run in runs)
        ax.bar(
            places[at] + shift,
            float(np.mean(values)),
            width * 0.92,
            yerr=_spread(values) or None,
            color=colour,
            alpha=0.55 if unmodified else 0.9,
            hatch="//" if unmodified else None,
            edgecolor="white",
            capsize=3,
            label=UNMODIFIED if unmodified and not line.label else line.label,
        )
        ax.scatter(
            [places[at] + shift] * len(values), values, s=12, color="#222222", alpha=0.5, zorder=3
        )


def _level(ax: Axes, line: Line, metric: str, colour: Any) -> None:
    """Draw the reference that has no place on the axis as a dashed level with its spread."""
    values = _numbers(line.reference, metric)
    if not values:
        return
    mean, spread = float(np.mean(values)), _spread(values)
    colour = colour if line.label and line.points else REFERENCE_COLOUR
    ax.axhline(mean, color=colour, linestyle=DASHES, linewidth=1.4, zorder=1, label=UNMODIFIED)
    ax.axhspan(mean - spread, mean + spread, color=colour, alpha=0.12, linewidth=0, zorder=0)


def _name_places(ax: Axes, names: Sequence[str]) -> None:
    crowded = sum(len(name) + 2 for name in names) > 34
    ax.set_xticks(
        range(len(names)),
        [name.replace(" ", "\n") for name in names],
        rotation=35 if crowded else 0,
        ha="right" if crowded else "center",
        rotation_mode="anchor" if crowded else "default",
        fontsize=9 if crowded else None,
    )
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.grid(False, axis="x")


def _scale(ax: Axes, values: Sequence[float]) -> None:
    """Make the axis logarithmic where the values span decades, with a place for zero."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    positive = [value for value in values if value > 0]
    if len(positive) > 2 and min(values) >= 0 and max(positive) / min(positive) >= _RATIO:
        if min(values) == 0:
            ax.set_xscale("symlog", linthresh=min(positive), linscale=0.6)
        else:
            ax.set_xscale("log")
        step = math.ceil(len(values) / 8)
        ax.xaxis.set_major_locator(FixedLocator(values[::step]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        span = max(values) - min(values)
        gaps = [after - before for before, after in itertools.pairwise(values)]
        if len(values) <= 9 and gaps and min(gaps) > 0.07 * span:
            ax.xaxis.set_major_locator(FixedLocator(values))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            whole = all(value.is_integer() for value in values)
            ax.xaxis.set_major_locator(MaxNLocator(7, integer=whole, steps=[1, 2, 5, 10]))
