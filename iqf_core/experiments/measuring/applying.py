"""Metrics applied to finished runs: what is missing is measured and added to their records."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import ConfigurationError, IQFError
from iqf_core.experiments.measuring.leavings import generated_images, predictions
from iqf_core.experiments.running.copies import Copies, make_copies
from iqf_core.experiments.running.interruption import undivided
from iqf_core.experiments.running.latest import latest_records
from iqf_core.experiments.running.states import RunState
from iqf_core.experiments.tracking.records import APPLIED, MetricPoint, RunRecord
from iqf_core.measurement.cache import measure_cached
from iqf_core.measurement.engine import measure_images
from iqf_core.measurement.pairing import match_names
from iqf_core.measurement.predictions import judge
from iqf_core.measurement.subjects import Source
from iqf_core.measurement.table import Row, Statistics
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.experiments.measuring.planned import PlannedMetric
    from iqf_core.experiments.plan import Plan, Run
    from iqf_core.experiments.tracking.study_tracking import StudyTracking
    from iqf_core.plugins.manager import PluginManager

_MOST_REASONS = 5
_MOST_OUTPUTS = 50


@dataclass
class MeasureReport:
    """What a call of :func:`measure_runs` did.

    Attributes
    ----------
    measured
        The values of every run that got some, by index: tracked name -> value.
    failed
        Runs of which not everything could be measured, by index, and why.
    skipped
        Runs that did not finish, and are not measured, by index: their state and why.
    notes
        What limits values that there are, by index, as far as the metric says so.
    """

    measured: dict[int, dict[str, float]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)


def measure_runs(
    plan: Plan,
    manager: PluginManager,
    tracking: StudyTracking,
    *,
    again: bool = False,
    workers: int | None = None,
    quiet: bool = False,
) -> MeasureReport:
    """Apply a plan's metrics to its finished runs, and track the values with them.

    What a run has already, measured with the same metric, parameters and versions, is left as it
    is. Images of a copy are measured once for all its runs. What cannot be measured of one run
    keeps no other from it.

    Parameters
    ----------
    plan
        The runs and the metrics.
    manager, tracking
        Where components are found, and runs are tracked. The study's lock is held.
    again
        Measure what is there already too; the new values replace the old ones.
    workers
        Processes to use; None for one per usable core.
    quiet
        Show no progress.
    """
    report = MeasureReport()
    latest = latest_records(tracking.records())
    wanted: list[tuple[Run, RunRecord, list[PlannedMetric]]] = []
    for run in plan.runs:
        record = latest.get(run.fingerprint)
        if record is None or record.state != RunState.FINISHED:
            state = "not run yet" if record is None else record.state
            reason = f": {record.reason}" if record is not None and record.reason else ""
            report.skipped[run.index] = f"{state}{reason}"
            continue
        missing = [each for each in plan.metrics if again or not _is_there(each, record)]
        if missing:
            wanted.append((run, record, missing))
    if not wanted:
        return report
    runs = [run for run, _, _ in wanted]
    copies = make_copies(plan, runs, manager, workers=workers, quiet=quiet)
    applying = _Applying(plan, manager, copies, workers)
    with progress("Measuring runs", len(wanted), quiet=quiet) as bar:
        for run, record, missing in wanted:
            found = applying.apply(run, record, missing)
            if found.problems:
                report.failed[run.index] = "; ".join(dict.fromkeys(found.problems))
            if found.tags:
                points = found.points(record)
                with undivided():
                    tracking.tracker.log(record.run_id, metrics=points, tags=found.tags)
                report.measured[run.index] = dict(found.values)
            if found.notes:
                report.notes[run.index] = tuple(dict.fromkeys(found.notes))
            bar.advance()
    return report


def _is_there(metric: PlannedMetric, record: RunRecord) -> bool:
    return all(
        _tag(record, prefix).get("fingerprint") == metric.fingerprint()
        for prefix in metric.prefixes
    )


def _tag(record: RunRecord, prefix: str) -> Mapping[str, Any]:
    try:
        value = json.loads(record.tags.get(APPLIED + prefix, "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass
class _Found:
    """What was measured of one run."""

    values: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, metric: PlannedMetric, prefix: str, rows: Sequence[Row]) -> None:
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row.output, []).append(row)
        reasons: dict[str, dict[str, int]] = {}
        notes = list(dict.fromkeys(row.reason for row in rows if row.value is not None))
        notes = [note for note in notes if note][:_MOST_REASONS]
        self.notes += [f"{prefix}: {note}" for note in notes]
        for output, group in groups.items():
            statistics = Statistics.of(group)
            name = f"{prefix}.{output}"
            if metric.on == "predictions":
                known = {name: statistics.mean}
            else:
                known = {
                    f"{name}.mean": statistics.mean,
                    f"{name}.median": statistics.median,
                    f"{name}.std": statistics.std,
                    f"{name}.count": float(statistics.count),
                }
            self.values |= {key: value for key, value in known.items() if value is not None}
            if statistics.reasons and len(reasons) < _MOST_OUTPUTS:
                reasons[output] = dict(list(statistics.reasons.items())[:_MOST_REASONS])
        use = metric.use
        self.tags[APPLIED + prefix] = json.dumps(
            {
                "fingerprint": metric.fingerprint(),
                "metric": use.label,
                "on": metric.on,
                "version": use.version,
                "distribution": f"{use.distribution} {use.distribution_version}".strip(),
                "params": dict(use.params),
                "outputs": list(groups)[:_MOST_OUTPUTS],
                **({"reasons": reasons} if reasons else {}),
                **({"notes": notes} if notes else {}),
            },
            ensure_ascii=False,
        )

    def points(self, record: RunRecord) -> list[MetricPoint]:
        """Return what to log; an earlier value that there is none for any more becomes NaN."""
        prefixes = tuple(f"{tag.removeprefix(APPLIED)}." for tag in self.tags)
        stale = {
            key: math.nan
            for key in record.metrics
            if key.startswith(prefixes) and key not in self.values
        }
        now = time.time_ns() // 1_000_000
        return [MetricPoint(key, value, 0, now) for key, value in {**self.values, **stale}.items()]


class _Applying:
    """The metrics of a study, applied to one run after another."""

    def __init__(
        self, plan: Plan, manager: PluginManager, copies: Copies, workers: int | None
    ) -> None:
        self.plan, self.manager, self.copies, self.workers = plan, manager, copies, workers
        self._datasets: dict[Path, Dataset] = {}
        self._known: dict[tuple[Path, str, str], tuple[Row, ...] | IQFError] = {}

    def apply(self, run: Run, record: RunRecord, metrics: Sequence[PlannedMetric]) -> _Found:
        """Measure what a run worked with and what it left."""
        found = _Found()
        failure = self.copies.failed.get(run.chain.fingerprint())
        if failure is not None:
            found.problems.append(failure)
            return found
        self._measure_datasets(run, metrics)
        for metric in metrics:
            for prefix, role in metric.prefixes.items():
                try:
                    found.add(metric, prefix, self._rows(run, record, metric, role))
                except IQFError as error:
                    found.problems.append(f"{prefix}: {error}")
        return found

    def _rows(self, run: Run, record: RunRecord, metric: PlannedMetric, role: str) -> Sequence[Row]:
        if metric.on == "generated":
            return self._generated(record, metric)
        if metric.on == "predictions":
            return self._predictions(run, record, metric)
        known = self._known[self._key(run, metric, role)]
        if isinstance(known, IQFError):
            raise known
        return known

    # The images of its datasets

    def _key(self, run: Run, metric: PlannedMetric, role: str) -> tuple[Path, str, str]:
        path = self.copies.made[role, run.chain.fingerprint()].path
        return path, metric.use.fingerprint(), self._reference_of(metric, role)

    def _reference_of(self, metric: PlannedMetric, role: str) -> str:
        """Return the role or path of what the images of `role` are compared with."""
        return (metric.other or role) if metric.use.reads == "pair" else ""

    def _measure_datasets(self, run: Run, metrics: Sequence[PlannedMetric]) -> None:
        """Measure the run's datasets, each with all metrics together."""
        groups: dict[tuple[Path, str], list[PlannedMetric]] = {}
        for metric in metrics:
            for role in metric.prefixes.values() if metric.on == "dataset" else ():
                path, _, reference = key = self._key(run, metric, role)
                if key not in self._known:
                    groups.setdefault((path, reference), []).append(metric)
        for (path, reference), group in groups.items():
            unique = {metric.use.fingerprint(): metric for metric in group}
            try:
                self._measure(path, reference, list(unique.values()))
            except IQFError:
                # One that fails must not take the others with it.
                for fingerprint, metric in unique.items():
                    try:
                        self._measure(path, reference, [metric])
                    except IQFError as own:
                        self._known[path, fingerprint, reference] = own

    def _measure(self, path: Path, reference: str, metrics: Sequence[PlannedMetric]) -> None:
        measured = measure_cached(
            self._open(path),
            [metric.use for metric in metrics],
            manager=self.manager,
            reference=self._named(reference) if reference else None,
            workers=self.workers,
            on_error=self.plan.settings.on_error,
            quiet=True,
        )
        for fingerprint, rows in measured.items():
            self._known[path, fingerprint, reference] = rows

    def _open(self, path: Path) -> Dataset:
        if path not in self._datasets:
            self._datasets[path] = open_dataset(
                path, registry=self.manager.registry, peak=self.plan.settings.peak
            )
        return self._datasets[path]

    def _named(self, role_or_path: str) -> Dataset:
        """Return a source dataset by role, or any by path."""
        known = self.plan.datasets.get(role_or_path)
        return known or self._open(self.plan.settings.folder / role_or_path)

    # What it left behind

    def _generated(self, record: RunRecord, metric: PlannedMetric) -> list[Row]:
        folder, names = generated_images(record)
        reference = self._named(metric.other) if metric.other else None
        if reference is None:
            raise ConfigurationError("no dataset to compare with; say reference: ROLE or PATH")
        stated = Source.of(reference)
        source = Source(
            "generated", str(folder), stated.peak, stated.nodata, stated.gsd_m, stated.bands
        )
        pairs = None
        if metric.use.reads == "pair":
            pairs = match_names(names, reference.image_names, str(folder), str(reference.path))
        measured = measure_images(
            source,
            names,
            [metric.use],
            manager=self.manager,
            where=(str(folder), str(reference.path)),
            reference=stated if pairs else None,
            pairs=pairs,
            workers=self.workers,
            on_error=self.plan.settings.on_error,
            quiet=True,
        )
        return list(measured.rows)

    def _predictions(self, run: Run, record: RunRecord, metric: PlannedMetric) -> list[Row]:
        folder, predicted = predictions(record)
        if metric.other in self.plan.datasets:
            truth = self._open(self.copies.made[metric.other, run.chain.fingerprint()].path)
        else:
            truth = self._named(metric.other)
        return judge(metric.use, predicted, folder, truth, self.manager, "its predictions")
