"""The metrics of a plan: found, checked, and named as tracking names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iqf_core.errors import ConfigurationError, Problem
from iqf_core.experiments.measuring.entries import MetricEntry, On
from iqf_core.files import hash_json
from iqf_core.measurement.metrics import MetricUse, resolve_metrics

if TYPE_CHECKING:
    from iqf_core.plugins.manager import PluginManager

#: Where the default reference and ground truth are looked for.
_DEFAULT_ROLES = ("val", "test", "train")


@dataclass(frozen=True)
class PlannedMetric:
    """A metric of a study, ready to be applied.

    Attributes
    ----------
    use
        The metric.
    on
        What it measures.
    prefixes
        Prefix of its tracked values (``val.sharpness``) -> the role that is measured, empty for
        what a run generated or predicted.
    other
        Role or path of the reference, or of the ground truth; empty for a copy's own source.
    """

    use: MetricUse
    on: On
    prefixes: Mapping[str, str]
    other: str

    def fingerprint(self) -> str:
        """Return the hash of what decides its values, but for the run's own data."""
        return hash_json([self.use.fingerprint(), self.on, self.other])


def plan_metrics(
    entries: Sequence[MetricEntry],
    manager: PluginManager,
    roles: Collection[str],
    apply_to: Collection[str],
    *,
    has_task: bool,
) -> tuple[PlannedMetric, ...]:
    """Find the metrics of a study.

    Parameters
    ----------
    entries
        What the study file says.
    manager
        Where metrics are found.
    roles
        The study's datasets.
    apply_to
        Those that are degraded: only their images have a source to be compared with.
    has_task
        Whether runs can generate or predict anything.

    Raises
    ------
    ConfigurationError
        With every mistake.
    """
    problems: list[Problem] = []
    planned: list[PlannedMetric] = []
    taken: set[str] = set()
    for entry in entries:
        try:
            metric = _plan(entry, manager, roles, apply_to, has_task)
        except ConfigurationError as error:
            problems += error.problems
            continue
        for prefix in metric.prefixes:
            if prefix in taken:
                message = f"{prefix} is measured twice; name one of them with as: NAME"
                problems.append(Problem(entry.where, message))
        taken |= set(metric.prefixes)
        planned.append(metric)
    if problems:
        raise ConfigurationError(problems)
    return tuple(planned)


def _plan(
    entry: MetricEntry,
    manager: PluginManager,
    roles: Collection[str],
    apply_to: Collection[str],
    has_task: bool,
) -> PlannedMetric:
    (use,) = resolve_metrics([entry.specification], manager, entry.where)
    on: On = entry.on or ("predictions" if use.reads == "predictions" else "dataset")
    key = entry.key or use.name

    def wrong(message: str) -> ConfigurationError:
        return ConfigurationError([Problem(entry.where, f"metric/{use.name}: {message}")])

    if (use.reads == "predictions") != (on == "predictions"):
        what = "predictions" if use.reads == "predictions" else "images"
        raise wrong(f"reads {what}, not what on: {on} gives it")
    if on != "predictions" and entry.ground_truth:
        raise wrong("ground_truth belongs to metrics on predictions")
    if entry.reference and use.reads != "pair":
        raise wrong("reference belongs to metrics that compare pairs of images")
    if on != "dataset" and not has_task:
        raise wrong(f"on: {on} needs a task, whose runs generate or predict something")
    if on != "dataset" and entry.datasets:
        raise wrong("datasets belongs to metrics on: dataset")
    if on == "dataset":
        measured = entry.datasets or [
            role
            for role in roles
            # An image compared with itself says nothing.
            if use.reads != "pair" or entry.reference or role in apply_to
        ]
        prefixes = {f"{role}.{key}": role for role in measured}
        return PlannedMetric(use, on, prefixes, entry.reference)
    default = next((role for role in _DEFAULT_ROLES if role in roles), "")
    other = (entry.ground_truth if on == "predictions" else entry.reference) or default
    return PlannedMetric(use, on, {f"{on}.{key}": ""}, other)
