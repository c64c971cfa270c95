"""Rate curves: which runs belong to one coder, the rate each reached, deltas between coders."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from iqf_core.components.scalars import Scalar
from iqf_core.errors import ConfigurationError, nearest
from iqf_core.experiments.results.bjontegaard import (
    Method,
    NoDeltaError,
    RateCurve,
    bd_metric,
    bd_rate,
)
from iqf_core.experiments.results.plot_panels import Line, Panel, modifier_names
from iqf_core.experiments.results.summary import cell
from iqf_core.experiments.results.table import is_of_modifier, is_reference, varying_params
from iqf_core.experiments.tracking.records import RunRecord

if TYPE_CHECKING:
    import pandas

#: The dataset whose rate counts, where the metric's name does not tell: the first that has one.
_ROLES = ("val", "test", "train")
_RATE = "bpppc"
_AXIS = "bits per pixel per component"


@dataclass
class CodecCurve:
    """The runs of one coder: all is equal but the parameter that controls the rate.

    Attributes
    ----------
    label
        The modifiers, and what tells the coder from the others.
    points
        The runs at each value of that parameter, in the order of the study.
    control
        That parameter, None when none varies.
    """

    label: str
    points: dict[Scalar, list[RunRecord]] = field(default_factory=dict)
    control: str | None = None


def rate_metric(runs: Sequence[RunRecord], metric: str) -> str:
    """Return the metric that holds the rate of the images that `metric` is about.

    A metric whose name begins with a role of a dataset (``val_mse``, ``test.psnr``) goes with the
    rate of that dataset, where it was coded; any other with the first coded of ``val``, ``test``
    and ``train``: a script reports on its validation data.

    Raises
    ------
    ConfigurationError
        If no run has a rate.
    """
    found = {name for run in runs for name in run.metrics if name.endswith(f".{_RATE}")}
    known = [f"{role}.{_RATE}" for role in _ROLES if f"{role}.{_RATE}" in found]
    known += sorted(found - set(known))
    if not known:
        raise ConfigurationError(
            "no run has a rate (bpppc): rate curves are of coders, such as jpeg or jpeg2000"
        )
    for name in known:
        role = name.removesuffix(f".{_RATE}")
        if metric.startswith(role) and not metric[len(role) : len(role) + 1].isalnum():
            return name
    return known[0]


def codec_curves(runs: Sequence[RunRecord], rate: str) -> list[CodecCurve]:
    """Arrange the runs that have a rate by coder; see :func:`chain_curves`."""
    return chain_curves([run for run in runs if rate in run.metrics or is_reference(run)])


def chain_curves(runs: Sequence[RunRecord]) -> list[CodecCurve]:
    """Arrange runs by kind of degradation; the unmodified ones are in none.

    Runs belong to one curve when they have the same modifiers, use the same parameters, and differ
    in nothing but the repetition and one parameter: the first number that varies, of the last
    modifier that has one (``jpeg.quality``).
    """
    kinds: dict[tuple[str, ...], list[RunRecord]] = {}
    for run in runs:
        if not is_reference(run):
            kinds.setdefault(_kind(run), []).append(run)
    titles = [_names(kind[0]) for kind in kinds.values()]
    curves: dict[str, CodecCurve] = {}
    for kind in kinds.values():
        control = _control(kind)
        varying = [name for name in _varying(kind) if name != control]
        others = [*_telling(kind, varying), *varying_params(runs)]
        title = _names(kind[0])
        if titles.count(title) > 1:  # jpeg2000 by quality beside jpeg2000 by bpppc
            title += _told_apart(kind[0], control)
        for run in kind:
            label = ", ".join([title, *(_setting(run, name) for name in others)])
            curve = curves.setdefault(label, CodecCurve(label, control=control))
            value = run.params.get(control) if control else None
            curve.points.setdefault(value, []).append(run)
    return list(curves.values())


def _names(run: RunRecord) -> str:
    return " → ".join(modifier_names(run))


def _of_modifiers(run: RunRecord) -> dict[str, Scalar]:
    used = {name: value for name, value in run.params.items() if is_of_modifier(name)}
    return {name: value for name, value in used.items() if value is not None}


def _kind(run: RunRecord) -> tuple[str, ...]:
    """Return the modifiers of a run and the parameters that they use."""
    switches = (
        f"{name}={value}" for name, value in _of_modifiers(run).items() if isinstance(value, bool)
    )
    return (_names(run), *_of_modifiers(run), *switches)


def _varying(runs: Sequence[RunRecord]) -> list[str]:
    names = _of_modifiers(runs[0])
    return [name for name in names if len({run.params.get(name) for run in runs}) > 1]


def _telling(runs: Sequence[RunRecord], names: Sequence[str]) -> list[str]:
    """Return `names` without those that tell runs apart just as an earlier one does."""
    seen: set[tuple[int, ...]] = set()
    kept = []
    for name in names:
        values = [run.params.get(name) for run in runs]
        places = tuple(values.index(value) for value in values)
        if places not in seen:
            kept.append(name)
        seen.add(places)
    return kept


def _control(runs: Sequence[RunRecord]) -> str | None:
    """Return the parameter that controls the rate."""
    numbers = [
        name for name in _varying(runs) if all(_is_number(run.params.get(name)) for run in runs)
    ]
    links = [name.rpartition(".")[0] for name in numbers]
    return numbers[links.index(links[-1])] if numbers else None


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _told_apart(run: RunRecord, control: str | None) -> str:
    if control:
        return f" by {control.rpartition('.')[2]}"
    switched = [name for name, value in _of_modifiers(run).items() if value is True]
    return f" {switched[-1].rpartition('.')[2]}" if switched else ""


def _setting(run: RunRecord, name: str) -> str:
    return f"{name.rpartition('.')[2]}={cell(run.params.get(name))}"


def rate_panel(runs: Sequence[RunRecord], metric: str) -> Panel:
    """Return the panel of a rate plot: a line for each coder, unmodified runs as a level.

    Raises
    ------
    ConfigurationError
        If no run has a rate.
    """
    rate = rate_metric(runs, metric)
    lines = []
    for curve in codec_curves(runs, rate):
        means = [(_mean(points, rate), points) for points in curve.points.values()]
        line = Line(curve.label)
        for value, points in sorted(means, key=lambda point: point[0]):
            line.points.setdefault(value, []).extend(points)
        lines.append(line)
    levels: dict[str, Line] = {}
    for run in filter(is_reference, runs):
        label = ", ".join(_setting(run, name) for name in varying_params(runs))
        levels.setdefault(label, Line(label)).reference.append(run)
    lines += levels.values()
    role = rate.removesuffix(f".{_RATE}")
    return Panel("", f"rate of {role} ({_AXIS})", True, lines)


def _mean(runs: Sequence[RunRecord], metric: str) -> float:
    values = [run.metrics.get(metric, math.nan) for run in runs]
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def bjontegaard_frame(
    runs: Sequence[RunRecord], metric: str, anchor: str | None = None
) -> pandas.DataFrame:
    """Return the Bjøntegaard deltas of every coder against one.

    Parameters
    ----------
    runs
        Finished runs in the order of the study.
    metric
        The metric; its means over repetitions.
    anchor
        Label of the coder that the others are compared with, or the beginning of it when only one
        begins so; default the first with more than one rate.

    Returns
    -------
    pandas.DataFrame
        One row a coder but the anchor: ``codec``, ``anchor``, ``metric``, ``rate`` (the metric
        that holds it), ``points``, ``bd_rate_percent`` and ``bd_metric`` by the cubic polynomial,
        ``bd_rate_percent_pchip`` and ``bd_metric_pchip`` by piecewise interpolation (NaN where
        there is none), and ``reason``: why one is missing, else empty.

    Raises
    ------
    ConfigurationError
        If no run has a rate, or there is no such anchor.
    """
    import pandas

    rate = rate_metric(runs, metric)
    curves = {
        curve.label: RateCurve.of(
            (_mean(points, rate), _mean(points, metric)) for points in curve.points.values()
        )
        for curve in codec_curves(runs, rate)
    }
    if not curves:
        raise ConfigurationError("no run of a coder has a rate")
    chosen = _anchor(list(curves), anchor) if anchor else _default_anchor(curves)
    rows = [
        {
            "codec": label,
            "anchor": chosen,
            "metric": metric,
            "rate": rate,
            "points": len(curve),
            **_deltas(curves[chosen], curve),
        }
        for label, curve in curves.items()
        if label != chosen
    ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


COLUMNS = (
    "codec",
    "anchor",
    "metric",
    "rate",
    "points",
    "bd_rate_percent",
    "bd_metric",
    "bd_rate_percent_pchip",
    "bd_metric_pchip",
    "reason",
)


def _default_anchor(curves: dict[str, RateCurve]) -> str:
    return next((label for label, curve in curves.items() if len(curve) > 1), next(iter(curves)))


def _anchor(labels: Sequence[str], name: str) -> str:
    if name in labels:
        return name
    begins = [label for label in labels if label.startswith(name)]
    if len(begins) == 1:
        return begins[0]
    if begins:
        raise ConfigurationError(f"anchor {name!r} is ambiguous; expected {' or '.join(begins)}")
    hint = nearest(name, labels) or f"; there is {'; '.join(labels)}"
    raise ConfigurationError(f"no codec {name!r} in these runs{hint}")


def _deltas(anchor: RateCurve, test: RateCurve) -> dict[str, Any]:
    measures: dict[str, Callable[[RateCurve, RateCurve, Method], float]] = {
        "bd_rate_percent": bd_rate,
        "bd_metric": bd_metric,
    }
    found: dict[str, Any] = {}
    reasons: dict[str, list[str]] = {}
    for method in get_args(Method):
        for name, measure in measures.items():
            key = name if method == "cubic" else f"{name}_{method}"
            try:
                found[key] = measure(anchor, test, method)
            except NoDeltaError as error:
                found[key] = math.nan
                reasons.setdefault(str(error), []).append(key)
    every = len(found)
    texts = [
        reason if len(keys) == every else f"{', '.join(keys)}: {reason}"
        for reason, keys in reasons.items()
    ]
    return {**found, "reason": "; ".join(texts)}
