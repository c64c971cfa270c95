"""What a plot of results shows: panels, the lines in them, the runs behind every point."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from iqf_core.components.scalars import Scalar
from iqf_core.experiments.results.summary import cell
from iqf_core.experiments.results.table import (
    identities,
    is_of_modifier,
    is_reference,
    parameter_of,
    varying_params,
)
from iqf_core.experiments.tracking.records import RunRecord

#: What is kept of a metric that was measured of many images.
_STATISTICS = (".mean", ".median", ".std", ".count")

#: Units that parameters and metrics carry at the end of their names.
_UNITS = {
    "px": "px",
    "dn": "DN",
    "m": "m",
    "rel": "relative to peak",
    "db": "dB",
    "deg": "°",
    "s": "s",
    "mb": "MB",
    "percent": "%",
}


@dataclass
class Line:
    """Points that belong together: everything but `x` and the repetition is equal.

    Attributes
    ----------
    label
        What tells it from the other lines of the plot, empty when there is none.
    points
        The runs at each x, in order.
    reference
        Runs with unmodified data that belong to the line but have no x.
    """

    label: str
    points: dict[Scalar, list[RunRecord]] = field(default_factory=dict)
    reference: list[RunRecord] = field(default_factory=list)


@dataclass
class Panel:
    """One coordinate system.

    Attributes
    ----------
    title
        The modifiers.
    x_label
        The parameter with its unit.
    numeric
        Whether x is a number; else the points stand side by side.
    lines
        The lines.
    """

    title: str
    x_label: str
    numeric: bool
    lines: list[Line]

    @property
    def values(self) -> list[Scalar]:
        """All x, in order."""
        found = dict.fromkeys(value for line in self.lines for value in line.points)
        return sorted(found, key=float) if self.numeric else list(found)  # type: ignore[arg-type]


def make_panels(runs: Sequence[RunRecord], x: str | None = None) -> list[Panel]:
    """Arrange runs for a plot.

    Parameters
    ----------
    runs
        Finished runs in the order of the study.
    x
        The parameter to plot against. Default: a panel for each kind of modifier chain, against
        its first parameter that varies; without one the hyper-parameter that varies, else the
        copies side by side.
    """
    if x is not None:
        return [_panel_of_modifier(runs, x) if is_of_modifier(x) else _panel(runs, x)]
    kinds: dict[tuple[str, ...], list[RunRecord]] = {}
    for run in runs:
        if not is_reference(run):
            kinds.setdefault(_kind(run), []).append(run)
    if all(len({run.params.get("modifier") for run in kind}) == 1 for kind in kinds.values()):
        hyper = [name for name in varying_params(runs) if _numeric(runs, name)]
        return [_panel(runs, hyper[0] if hyper else "modifier")]
    references = [run for run in runs if is_reference(run)]
    return [_panel_of_kind(kind, references) for kind in kinds.values()]


def _kind(run: RunRecord) -> tuple[str, ...]:
    """Return the modifiers of a run and the parameters that they use."""
    used = [name for name, value in _modifier_params(run).items() if value is not None]
    return (*modifier_names(run), *used)


def modifier_names(run: RunRecord) -> list[str]:
    """Return the names of the modifiers of a run."""
    try:
        return [link["name"] for link in json.loads(run.tags["iqf.chain"])]
    except (KeyError, TypeError, ValueError):
        return [link.partition(":")[0] for link in str(run.params.get("modifier", "")).split()]


def _modifier_params(run: RunRecord) -> dict[str, Scalar]:
    return {name: value for name, value in run.params.items() if is_of_modifier(name)}


def _varying_of_modifiers(runs: Sequence[RunRecord]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in _modifier_params(run))
    return [name for name in names if len({run.params.get(name) for run in runs}) > 1]


def _numeric(runs: Sequence[RunRecord], name: str) -> bool:
    return all(
        isinstance(run.params.get(name), int | float)
        and not isinstance(run.params.get(name), bool)
        and math.isfinite(run.params[name])  # type: ignore[arg-type]
        for run in runs
    )


def _panel_of_kind(runs: Sequence[RunRecord], references: Sequence[RunRecord]) -> Panel:
    title = " → ".join(modifier_names(runs[0]))
    varying = _varying_of_modifiers(runs)
    candidates = [name for name in varying or _modifier_params(runs[0]) if _numeric(runs, name)]
    if not candidates:
        return _panel([*references, *runs], "modifier", title)
    x = candidates[0]
    alone = len(modifier_names(runs[0])) == 1 and varying in ([], [x])
    return _with_references(runs, x, references, title, joined=alone)


def _panel_of_modifier(runs: Sequence[RunRecord], x: str) -> Panel:
    """Return a panel against a modifier's parameter, for the runs that used it."""
    with_x = [run for run in runs if run.params.get(x) is not None and not is_reference(run)]
    if not _numeric(with_x, x):
        return _panel(with_x, x)
    titles = dict.fromkeys(" → ".join(modifier_names(run)) for run in with_x)
    joined = len(titles) == 1 and " → " not in next(iter(titles))
    joined = joined and _varying_of_modifiers(with_x) in ([], [x])
    references = [run for run in runs if is_reference(run)]
    return _with_references(with_x, x, references, ", ".join(titles), joined=joined)


def _with_references(
    runs: Sequence[RunRecord],
    x: str,
    references: Sequence[RunRecord],
    title: str,
    *,
    joined: bool,
) -> Panel:
    """Return a panel with the reference at the identity of `x`, or as a level of its own."""
    identity = identities(runs)
    joined = joined and x in identity
    everything = [*runs, *references]
    hyper = varying_params(everything)
    several_kinds = len({_kind(run) for run in runs}) > 1
    of_modifier = [name for name in _varying_of_modifiers(runs) if name != x]

    def label(run: RunRecord) -> str:
        names = [*of_modifier, *hyper]
        chain = " → ".join(modifier_names(run)) if several_kinds else ""
        return _label(chain, names, run)

    lines = _lines(runs, label, lambda run: run.params[x])
    for run in references:
        of_hyper = _label("", hyper, run)
        if joined:
            at = parameter_of(run, x, identity)
            line = lines.setdefault(of_hyper, Line(of_hyper))
            line.points.setdefault(at, []).append(run)
        else:
            name = f"unmodified {of_hyper}".strip()
            owner = lines.get(of_hyper) or lines.setdefault(name, Line(name))
            owner.reference.append(run)
    return Panel(title, axis_label(x), True, [_sorted(line) for line in lines.values()])


def _panel(runs: Sequence[RunRecord], x: str, title: str = "") -> Panel:
    """Return a panel of all runs against `x`, whatever it is."""
    numeric = _numeric(runs, x)
    others = [name for name in varying_params(runs) if name != x]
    chains = x != "modifier" and len({run.params.get("modifier") for run in runs}) > 1

    def label(run: RunRecord) -> str:
        return _label(str(run.params.get("modifier", "")) if chains else "", others, run)

    lines = _lines(runs, label, lambda run: _value(run, x, numeric))
    found = [_sorted(line) if numeric else line for line in lines.values()]
    return Panel(title, "" if x == "modifier" else axis_label(x), numeric, found)


def _value(run: RunRecord, x: str, numeric: bool) -> Scalar:
    value = run.params.get(x)
    if numeric:
        return value
    return "unmodified" if x == "modifier" and is_reference(run) else cell(value)


def _lines(
    runs: Sequence[RunRecord],
    label: Callable[[RunRecord], str],
    position: Callable[[RunRecord], Scalar],
) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for run in runs:
        line = lines.setdefault(label(run), Line(label(run)))
        line.points.setdefault(position(run), []).append(run)
    return lines


def _sorted(line: Line) -> Line:
    order = sorted(line.points, key=float)  # type: ignore[arg-type]
    return Line(line.label, {value: line.points[value] for value in order}, line.reference)


def _label(start: str, names: Sequence[str], run: RunRecord) -> str:
    values = {name.rpartition(".")[2]: run.params.get(name) for name in names}
    parts = [f"{name}={cell(value)}" for name, value in values.items() if value is not None]
    return ", ".join([*([start] if start else []), *parts])


def axis_label(name: str, known: Mapping[str, str] = _UNITS) -> str:
    """Return a parameter's or metric's name for an axis: ``sigma (DN)`` for ``noise.sigma_dn``."""
    if name.endswith(_STATISTICS):  # val.psnr.psnr.mean
        return name.removesuffix(".mean")
    last = name.rpartition(".")[2] if is_of_modifier(name) or name.startswith("iqf.") else name
    if last == "bpppc":
        return f"{name} (bits per pixel per band)"
    stem, _, suffix = last.rpartition("_")
    return f"{stem} ({known[suffix]})" if stem and suffix in known else last
