"""A short table of a study's results for people: mean ± standard deviation, failures, notes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iqf_core.components.scalars import Scalar, format_number
from iqf_core.experiments.results.table import (
    Group,
    averaged_over,
    group_runs,
    metric_names,
    varying_params,
)
from iqf_core.experiments.tracking.records import APPLIED, RunRecord

#: More columns than this do not fit a terminal.
_MOST_METRICS = 6
_RATES = ("bpppc", "ratio", "bytes")
_OWN_RATES = (*_RATES, "images", "file_bytes")


@dataclass(frozen=True)
class Summary:
    """A table of texts.

    Attributes
    ----------
    header
        Names of the columns.
    rows
        The cells.
    numeric
        For each column whether it holds numbers.
    notes
        What the reader has to know about the numbers.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    notes: tuple[str, ...]


def _applied(runs: Sequence[RunRecord]) -> tuple[tuple[str, ...], set[str]]:
    """Return the beginnings of measured values' names, and the names of each metric's first one."""
    found = {tag: text for run in runs for tag, text in run.tags.items() if tag.startswith(APPLIED)}
    heads: set[str] = set()
    for tag, text in found.items():
        try:
            first = json.loads(text)["outputs"][0]
        except (ValueError, KeyError, IndexError, TypeError):
            continue  # cut by the store's limit
        name = f"{tag.removeprefix(APPLIED)}.{first}"
        heads |= {name, f"{name}.mean"}
    return tuple(f"{tag.removeprefix(APPLIED)}." for tag in found), heads


def metrics_of_interest(runs: Sequence[RunRecord]) -> list[str]:
    """Return the metrics that the task reported, and what was measured: means over the images.

    Where there was no task, the sizes and rates come last.
    """
    names = metric_names(runs)
    roles = {
        name.split(".")[1] for run in runs for name in run.params if name.startswith("dataset.")
    }
    rates = {f"{role}.{rate}" for role in roles for rate in _OWN_RATES}
    planned = {name for run in runs for name in run.planned}
    applied, heads = _applied(runs)
    measured = [
        name
        for name in names
        if name.startswith(applied) and not name.endswith((".median", ".std", ".count"))
    ]
    measured.sort(key=lambda name: name not in heads)
    of_task = [
        name
        for name in names
        if name not in rates and name not in planned and not name.startswith(("iqf.", *applied))
    ]
    if of_task:
        return [*of_task, *measured]
    wanted = [f"{role}.{rate}" for role in sorted(roles) for rate in _RATES]
    return [*measured, *(name for name in wanted if name in names)]


def summarize(
    runs: Sequence[RunRecord], by: Sequence[str] | None, metrics: Sequence[str] | None
) -> Summary:
    """Lay out finished runs as a table.

    Parameters
    ----------
    runs
        The runs, in the order of the study.
    by
        Parameters to group by; default: the modifiers, and every hyper-parameter that varies.
    metrics
        Metrics to show; default: those of interest.
    """
    names = list(metrics) if metrics is not None else metrics_of_interest(runs)
    shown = names if metrics is not None else names[:_MOST_METRICS]
    columns = list(by) if by else ["modifier", *varying_params(runs)]
    groups = group_runs(runs, columns)
    rows = [
        (
            *(cell(value) for value in group.values),
            str(len(group.runs)),
            *(mean_and_spread(*group.statistics(metric)) for metric in shown),
        )
        for group in groups
    ]
    numeric = [
        all(isinstance(group.values[position], int | float) for group in groups)
        for position in range(len(columns))
    ]
    return Summary(
        header=(*columns, "runs", *shown),
        rows=tuple(rows),
        numeric=(*numeric, True, *(True for _ in shown)),
        notes=tuple(_notes(runs, groups, columns, names, shown)),
    )


def _notes(
    runs: Sequence[RunRecord],
    groups: Sequence[Group],
    columns: Sequence[str],
    names: Sequence[str],
    shown: Sequence[str],
) -> list[str]:
    notes = []
    if any(len(group.runs) > 1 for group in groups):
        notes.append("mean ± standard deviation over the runs of a row")
    notes += [
        f"averaged over {name}: {', '.join(cell(value) or '-' for value in values)}"
        for name, values in averaged_over(groups, columns).items()
    ]
    left_out = len(runs) - sum(len(group.runs) for group in groups)
    if left_out:
        notes.append(f"{left_out} runs do not have {' and '.join(columns)}: not shown")
    for metric in shown:
        bad = sum(math.isnan(run.metrics.get(metric, 0.0)) for run in runs)
        missing = sum(metric not in run.metrics for run in runs)
        notes += [f"{metric} is NaN in {bad} of {len(runs)} runs: left out of the mean"] * bool(bad)
        notes += [f"{metric} is missing in {missing} of {len(runs)} runs"] * bool(missing)
    if len(shown) < len(names):
        notes.append(f"more metrics: {', '.join(names[len(shown) :])} (show one with --metric)")
    return notes


def cell(value: Scalar) -> str:
    """Return a parameter's value as text, empty when it has none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_number(value) if isinstance(value, int | float) else str(value)


def mean_and_spread(mean: float, spread: float, count: int) -> str:
    """Return ``0.123 ± 0.004``: the spread with two digits, the mean to the same place."""
    if not count:
        return "-"
    if not math.isfinite(mean):
        return str(mean)
    if not math.isfinite(spread):
        return _significant(mean, 4)
    if spread == 0:
        return f"{_significant(mean, 4)} ± 0"
    exponent = math.floor(math.log10(spread))
    top = max(exponent, math.floor(math.log10(abs(mean))) if mean else exponent)
    if not exponent - 1 >= -5 or top >= 7:
        return f"{mean:.3e} ± {spread:.1e}"
    places = max(0, 1 - exponent)
    return f"{mean:.{places}f} ± {spread:.{places}f}"


def _significant(value: float, digits: int) -> str:
    if value and not -5 <= math.floor(math.log10(abs(value))) < 7:
        return f"{value:.{digits - 1}e}"
    if float(value).is_integer():
        return str(int(value))
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, places)}f}"


def run_json(run: RunRecord) -> dict[str, Any]:
    """Return what ``iqf results --json`` says of a run; NaN and infinities become null."""
    return {
        "name": run.name,
        "run_id": run.run_id,
        "fingerprint": run.fingerprint,
        "state": run.state,
        "reason": run.reason,
        "params": {key: _finite(value) for key, value in run.params.items()},
        "metrics": {key: _finite(value) for key, value in run.metrics.items()},
        "tags": {key: text for key, text in run.tags.items() if not key.startswith("mlflow.")},
        "start_ms": run.start_ms,
        "end_ms": run.end_ms,
        "duration_s": run.duration_s,
        "artifacts": None if run.artifact_path is None else str(run.artifact_path),
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
