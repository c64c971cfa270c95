"""One metric of the runs against another: points, and how they correlate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iqf_core.experiments.results.plot_panels import Line, Panel, axis_label, modifier_names
from iqf_core.experiments.results.table import finite, is_reference, mean_spread
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.measurement.agreement import Agreement, agreement


@dataclass(frozen=True)
class CopyPoint:
    """A degraded copy: repetitions share its images, so together they are one observation.

    Attributes
    ----------
    kind
        The kind of degradation.
    label
        The degradation.
    x, y
        Means of two metrics over its runs.
    spread
        Standard deviation of y over its runs, 0 for one.
    """

    kind: str
    label: str
    x: float
    y: float
    spread: float


def copy_points(runs: Sequence[RunRecord], x: str, y: str) -> list[CopyPoint]:
    """Return a point for each degradation whose runs have finite values of both metrics."""
    copies: dict[str, list[RunRecord]] = {}
    for run in runs:
        copies.setdefault(str(run.params.get("modifier", run.name)), []).append(run)
    found = []
    for label, members in copies.items():
        xs, ys = finite(members, x), finite(members, y)
        if xs and ys:
            mean, spread = mean_spread(ys)
            at = math.fsum(xs) / len(xs)
            found.append(CopyPoint(kind_of(members[0]), label, at, mean, spread))
    return found


def kind_of(run: RunRecord) -> str:
    """Return the modifiers of a run, ``unmodified`` for the reference."""
    return "unmodified" if is_reference(run) else " → ".join(modifier_names(run))


def correlate(points: Sequence[CopyPoint]) -> dict[str, Agreement]:
    """Return rank (``srcc``) and linear (``plcc``) correlation of points, among others."""
    found = agreement([point.x for point in points], [point.y for point in points])
    return {each.name: each for each in found}


def metric_panel(runs: Sequence[RunRecord], x: str, metric: str) -> Panel:
    """Return a panel of one metric against another: a run is a point, a kind of modifier a line.

    Its title is the rank correlation over the degraded copies.
    """
    lines: dict[str, Line] = {}
    for run in runs:
        value = run.metrics.get(x, math.nan)
        if math.isfinite(value):
            line = lines.setdefault(kind_of(run), Line(kind_of(run)))
            line.points.setdefault(value, []).append(run)
    points = copy_points(runs, x, metric)
    found = correlate(points)["srcc"]
    title = f"rank correlation {found.value:.3f}, {len(points)} copies" if found.value else ""
    return Panel(title, axis_label(x), True, list(lines.values()))
