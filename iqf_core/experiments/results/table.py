"""Tables of runs: one row a run with correct types, or mean and spread over repetitions."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iqf_core.components.scalars import Scalar
from iqf_core.errors import ConfigurationError, nearest
from iqf_core.experiments.tracking.records import REFERENCE, RunRecord

if TYPE_CHECKING:
    import pandas

#: What distinguishes repetitions of one point, and the chain as a whole.
_NOT_VARIED = ("modifier", "repetition", "seed")


def newest(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Return for each point of the study its newest run, in the order of the study."""
    latest = {run.point: run for run in runs}  # oldest first, so the newest stays
    return sorted(latest.values(), key=_index)


def _index(run: RunRecord) -> float:
    """Return its place in the plan of its study; runs that IQF did not plan come last."""
    text = run.tags.get("iqf.index", "")
    return int(text) if text.isdigit() else math.inf


def is_reference(run: RunRecord) -> bool:
    """Return whether the run used unmodified datasets."""
    return run.params.get("modifier") == REFERENCE


def planned_params(runs: Iterable[RunRecord]) -> list[str]:
    """Return the parameters that the study set, datasets aside, in order of appearance."""
    names = dict.fromkeys(name for run in runs for name in run.planned)
    return [name for name in names if not name.startswith("dataset.")]


def varying_params(runs: Sequence[RunRecord]) -> list[str]:
    """Return the hyper-parameters that differ between runs (those of modifiers aside)."""
    return [
        name
        for name in planned_params(runs)
        if name not in _NOT_VARIED
        and not is_of_modifier(name)
        and len({run.params.get(name) for run in runs}) > 1
    ]


def is_of_modifier(name: str) -> bool:
    """Return whether a parameter is a modifier's: ``jpeg.quality``."""
    return "." in name and not name.startswith("dataset.")


def metric_names(runs: Iterable[RunRecord]) -> list[str]:
    """Return the metrics of the runs, in order of appearance."""
    return list(dict.fromkeys(name for run in runs for name in run.metrics))


def find_name(name: str, known: Sequence[str], kind: str) -> str:
    """Return the full name that `name` stands for.

    Parameters
    ----------
    name
        A full name, or its end after a point when only one ends so (``sigma_dn`` for
        ``gaussian_noise.sigma_dn``).
    known
        All full names.
    kind
        What they name, for messages.

    Raises
    ------
    ConfigurationError
        If nothing, or more than one, is named so.
    """
    if name in known:
        return name
    ends = [full for full in known if full.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ConfigurationError(f"{kind} {name!r} is ambiguous; expected {' or '.join(ends)}")
    short = {full.rpartition(".")[2]: full for full in known}
    hint = nearest(name, [*known, *short])
    if not hint:
        hint = f"; there is {', '.join(known)}" if known else "; there is none"
    raise ConfigurationError(f"no {kind} {name!r} in these runs{hint}")


def parameter_of(run: RunRecord, name: str, identity: Mapping[str, float]) -> Scalar:
    """Return a run's parameter; for the reference, the value that leaves an image as it is."""
    if is_reference(run) and name in identity and name not in run.params:
        return identity[name]
    return run.params.get(name)


def identities(runs: Iterable[RunRecord]) -> dict[str, float]:
    """Return the identity values of all modifiers' parameters."""
    known: dict[str, float] = {}
    for run in runs:
        known |= run.identity
    return known


def runs_frame(runs: Sequence[RunRecord], metrics: Sequence[str]) -> pandas.DataFrame:
    """Return one row a run: what it is, its parameters, its metrics."""
    import pandas

    params = dict.fromkeys(name for run in runs for name in run.params)
    names = [name for name in params if name not in metrics and name != "repetition"]
    columns: dict[str, Any] = {
        "run": _column([run.name for run in runs]),
        "state": _column([run.state for run in runs]),
        "fingerprint": _column([run.fingerprint for run in runs]),
        "repetition": _column([run.params.get("repetition") for run in runs]),
    }
    columns |= {name: _column([run.params.get(name) for run in runs]) for name in names}
    columns |= {name: _metric_column(runs, name) for name in metrics}
    return pandas.DataFrame(columns, index=pandas.RangeIndex(len(runs)))


def _metric_column(runs: Sequence[RunRecord], name: str) -> Any:
    import pandas

    return pandas.Series([run.metrics.get(name, math.nan) for run in runs], dtype="float64")


def _column(values: Sequence[Scalar]) -> Any:
    """Return a column of the type that all present values share."""
    import pandas

    kinds = {type(value) for value in values if value is not None}
    gaps = any(value is None for value in values)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):  # type: ignore[operator]
        dtype = "Int64" if gaps else "int64"
    elif kinds == {bool}:
        dtype = "boolean" if gaps else "bool"
    elif kinds and kinds <= {int, float}:
        dtype = "float64"
    elif not kinds:
        return pandas.Series([math.nan] * len(values), dtype="float64")
    elif kinds == {str}:
        return pandas.Series(list(values))  # pandas 3: str, before: object
    else:
        return pandas.Series(list(values), dtype="object")
    return pandas.Series(list(values), dtype=dtype)


@dataclass
class Group:
    """The runs that share the values of some parameters.

    Attributes
    ----------
    values
        The shared values.
    runs
        The runs.
    """

    values: tuple[Scalar, ...]
    runs: list[RunRecord] = field(default_factory=list)

    def statistics(self, metric: str) -> tuple[float, float, int]:
        """Return mean, standard deviation (n - 1; NaN for one value) and count of a metric."""
        import numpy

        numbers = [run.metrics.get(metric, math.nan) for run in self.runs]
        present = numpy.array([number for number in numbers if not math.isnan(number)])
        if not len(present):
            return math.nan, math.nan, 0
        with numpy.errstate(invalid="ignore"):  # infinities have no spread
            spread = float(present.std(ddof=1)) if len(present) > 1 else math.nan
        return float(present.mean()), spread, len(present)


def group_runs(runs: Sequence[RunRecord], by: Sequence[str]) -> list[Group]:
    """Group runs by parameters, numbers in numeric order, words in the order of the study.

    Runs without a value for a modifier's parameter are left out: they did not use that modifier.
    The reference has the parameter's identity value, where there is one.
    """
    identity = identities(runs)
    groups: dict[tuple[Hashable, ...], Group] = {}
    for run in runs:
        values = tuple(parameter_of(run, name, identity) for name in by)
        if any(
            value is None and is_of_modifier(name) for name, value in zip(by, values, strict=True)
        ):
            continue
        groups.setdefault(values, Group(values)).runs.append(run)
    found = list(groups.values())
    for position in reversed(range(len(by))):  # sorting is stable: the first column counts most
        column = [group.values[position] for group in found]
        if all(isinstance(value, int | float) for value in column):
            found.sort(key=lambda group: group.values[position])  # type: ignore[arg-type,return-value]
        else:
            order = {value: place for place, value in enumerate(dict.fromkeys(column))}
            found.sort(key=lambda group: order[group.values[position]])
    return found


def groups_frame(
    groups: Sequence[Group], by: Sequence[str], metrics: Sequence[str]
) -> pandas.DataFrame:
    """Return one row a group: its values, its number of runs, the metrics' mean, std and count."""
    import pandas

    columns: dict[str, Any] = {
        name: _column([group.values[position] for group in groups])
        for position, name in enumerate(by)
    }
    columns["runs"] = _column([len(group.runs) for group in groups])
    for metric in metrics:
        statistics = [group.statistics(metric) for group in groups]
        for position, kind in enumerate(("mean", "std", "count")):
            dtype = "int64" if kind == "count" else "float64"
            values = [item[position] for item in statistics]
            columns[f"{metric}_{kind}"] = pandas.Series(values, dtype=dtype)
    return pandas.DataFrame(columns, index=pandas.RangeIndex(len(groups)))


def averaged_over(groups: Sequence[Group], by: Sequence[str]) -> dict[str, list[Scalar]]:
    """Return the parameters other than `by` that differ within a group, with their values."""
    mixed: dict[str, list[Scalar]] = {}
    for group in groups:
        names = [*varying_params(group.runs), "modifier"]
        for name in names:
            values = dict.fromkeys(run.params.get(name) for run in group.runs)
            if name not in by and len(values) > 1:
                mixed[name] = list(dict.fromkeys([*mixed.get(name, []), *values]))
    return mixed


def finite(runs: Sequence[RunRecord], metric: str) -> list[float]:
    """Return the finite values of a metric."""
    values = [run.metrics.get(metric, math.nan) for run in runs]
    return [value for value in values if math.isfinite(value)]


def mean_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1; 0 for one value)."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
