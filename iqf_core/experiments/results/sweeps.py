"""Sweeps: runs that differ in one degradation alone, from the least to the most degraded."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from iqf_core.components.scalars import Scalar
from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.knee import (
    CONFIDENCE,
    DEFAULT_TOLERANCE,
    Knee,
    Tolerance,
    non_inferiority,
    pooled_variance,
)
from iqf_core.experiments.results.rate_curves import chain_curves, rate_metric
from iqf_core.experiments.results.table import identities, is_reference, varying_params
from iqf_core.experiments.tracking.records import RunRecord

if TYPE_CHECKING:
    import pandas

#: Words in the names of metrics that are the better the lower they are.
_LOWER = re.compile(
    r"(?:^|[_.\W])(?:loss|error|err|mse|rmse|mae|mape|nll|perplexity|distance|lpips|fid|ergas|sam)"
    r"(?:$|[_.\W\d])",
    re.IGNORECASE,
)

Order = Literal["rate", "identity", "unknown"]


def is_lower_better(metric: str) -> bool:
    """Return whether a metric's name says that less is better (``val_mse``, ``loss`` …)."""
    return _LOWER.search(metric) is not None


@dataclass(frozen=True)
class SweepPoint:
    """One degradation.

    Attributes
    ----------
    value
        The parameter's value; None when no parameter varies.
    rate
        Bits per pixel per component of its images, None when no coder made them.
    runs
        Its repetitions.
    ratio
        How many times smaller the coded images are than their pixels; None without a coder.
    """

    value: Scalar
    rate: float | None
    runs: tuple[RunRecord, ...]
    ratio: float | None = None

    def values(self, metric: str) -> list[float]:
        """Return the metric of every repetition, NaN where it is missing."""
        return [run.metrics.get(metric, math.nan) for run in self.runs]

    def mean(self, metric: str) -> float:
        """Return the mean of the values that are there, NaN when none is."""
        finite = [value for value in self.values(metric) if math.isfinite(value)]
        return math.fsum(finite) / len(finite) if finite else math.nan


@dataclass(frozen=True)
class Sweep:
    """One kind of degradation, ever stronger.

    Attributes
    ----------
    label
        The modifiers, and what tells this sweep from others.
    parameter
        The parameter that varies, empty when none does.
    points
        The degradations, the least one first.
    reference
        The runs with unmodified datasets and the same hyper-parameters.
    order
        What the order is by: the rate, falling; the distance from the value that leaves an image
        as it is; or the parameter alone, and which end is the mild one is not known.
    """

    label: str
    parameter: str
    points: tuple[SweepPoint, ...]
    reference: tuple[RunRecord, ...]
    order: Order


@dataclass(frozen=True)
class SweepKnee:
    """A sweep with its knee.

    Attributes
    ----------
    sweep
        The sweep; its points in the order in which they were tested.
    knee
        The knee.
    """

    sweep: Sweep
    knee: Knee

    @property
    def point(self) -> SweepPoint | None:
        """The most degraded point that is still as good as the reference."""
        return None if self.knee.index is None else self.sweep.points[self.knee.index]


def find_sweeps(runs: Sequence[RunRecord], metric: str) -> list[Sweep]:
    """Arrange finished runs by kind of degradation.

    Parameters
    ----------
    runs
        Finished runs in the order of the study.
    metric
        The metric: its name says of which dataset the rate counts.
    """
    try:
        rate: str | None = rate_metric(runs, metric)
    except ConfigurationError:
        rate = None
    ratio = None if rate is None else f"{rate.rpartition('.')[0]}.ratio"
    identity = identities(runs)
    hyper = varying_params(runs)
    found = []
    for curve in chain_curves(runs):
        points = [
            SweepPoint(value, _rate(members, rate), tuple(members), _rate(members, ratio))
            for value, members in curve.points.items()
        ]
        first = points[0].runs[0]
        reference = tuple(
            run
            for run in runs
            if is_reference(run) and all(run.params.get(n) == first.params.get(n) for n in hyper)
        )
        parameter = curve.control or ""
        order, ordered = _ordered(points, parameter, identity)
        found.append(Sweep(curve.label, parameter, tuple(ordered), reference, order))
    return found


def knees_frame(found: Sequence[SweepKnee], metric: str) -> pandas.DataFrame:
    """Return the test of every point of every sweep.

    Returns
    -------
    pandas.DataFrame
        One row a point, from the mildest: ``degradation``, ``parameter``, ``value``, ``rate``
        (bits per pixel per component), ``ratio``, ``runs``, ``mean`` of the metric, ``loss``,
        ``p_value``, ``within`` the tolerance, ``knee``: whether it is the knee, and ``reason`` why
        there was no test. Numbers that there are none of are NaN.
    """
    import pandas

    rows = [
        {
            "degradation": each.sweep.label,
            "parameter": each.sweep.parameter,
            "value": point.value,
            "rate": math.nan if point.rate is None else point.rate,
            "ratio": math.nan if point.ratio is None else point.ratio,
            "runs": len(point.runs),
            "mean": point.mean(metric),
            "loss": verdict.loss,
            "p_value": math.nan if verdict.p_value is None else verdict.p_value,
            "within": verdict.within,
            "knee": place == each.knee.index,
            "reason": verdict.reason,
        }
        for each in found
        for place, (point, verdict) in enumerate(
            zip(each.sweep.points, each.knee.verdicts, strict=True)
        )
    ]
    names = ["degradation", "parameter", "value", "rate", "ratio", "runs", "mean", "loss"]
    return pandas.DataFrame(rows, columns=[*names, "p_value", "within", "knee", "reason"])


def _rate(runs: Sequence[RunRecord], rate: str | None) -> float | None:
    rates = [run.metrics[rate] for run in runs if rate is not None and rate in run.metrics]
    finite = [value for value in rates if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else None


def _ordered(
    points: list[SweepPoint], parameter: str, identity: dict[str, float]
) -> tuple[Order, list[SweepPoint]]:
    if all(point.rate is not None for point in points):
        return "rate", sorted(points, key=lambda point: -(point.rate or 0.0))
    if len(points) == 1:
        return "identity", points
    if parameter in identity:
        home = identity[parameter]
        return "identity", sorted(points, key=lambda point: abs(_number(point) - home))
    return "unknown", sorted(points, key=_number)


def _number(point: SweepPoint) -> float:
    return float(point.value) if isinstance(point.value, int | float) else math.inf


def sweep_knee(
    sweep: Sweep,
    metric: str,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    higher_is_better: bool = True,
    confidence: float = CONFIDENCE,
    paired: bool = False,
    pooled: bool = False,
) -> SweepKnee:
    """Find the knee of a sweep; see :mod:`iqf_core.experiments.results.knee`.

    Where the mild end is not known, it is the one whose mean is nearer to the reference, and both
    directions count as tried: each is tested at half the level.

    Parameters
    ----------
    sweep
        The sweep.
    metric
        The metric.
    tolerance, higher_is_better, confidence
        As for :func:`~iqf_core.experiments.results.knee.non_inferiority`.
    paired
        Pair repetitions of one number. Repetitions that either side lacks are left out.
    pooled
        Take the spread from all points of the sweep and the reference together.

    Raises
    ------
    ConfigurationError
        If both `paired` and `pooled` are asked for.
    """
    if paired and pooled:
        raise ConfigurationError("the test is either paired or of a pooled spread")
    reference = SweepPoint(None, None, sweep.reference)
    if sweep.order == "unknown" and len(sweep.points) > 1:
        home = reference.mean(metric)
        losses = [abs(sweep.points[end].mean(metric) - home) for end in (0, -1)]
        if losses[1] < losses[0]:
            sweep = replace(sweep, points=sweep.points[::-1])
        confidence = 1 - (1 - confidence) / 2
    groups = [side.values(metric) for side in (reference, *sweep.points)]
    variance = pooled_variance(groups) if pooled else None
    verdicts = [
        non_inferiority(
            *_columns(reference, point, metric, paired=paired),
            tolerance,
            higher_is_better=higher_is_better,
            confidence=confidence,
            paired=paired,
            pooled=variance,
        )
        for point in sweep.points
    ]
    return SweepKnee(sweep, Knee.of(verdicts))


def _columns(
    reference: SweepPoint, point: SweepPoint, metric: str, *, paired: bool
) -> tuple[list[float], list[float]]:
    if not paired:
        return reference.values(metric), point.values(metric)
    sides = [
        {run.params.get("repetition"): run.metrics.get(metric, math.nan) for run in side.runs}
        for side in (reference, point)
    ]
    both = [repetition for repetition in sides[0] if repetition in sides[1]]
    return [sides[0][key] for key in both], [sides[1][key] for key in both]
