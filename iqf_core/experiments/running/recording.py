"""What of a run is tracked: parameters, tags, metrics, artifacts, and how it ended."""

from __future__ import annotations

import functools
import json
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.experiments.plan import Plan, Run
from iqf_core.experiments.running.copies import RunDataset
from iqf_core.experiments.running.job import LOG_NAME, OUTPUT_FOLDER, OWN_FOLDER
from iqf_core.experiments.running.states import RunState, state_of
from iqf_core.experiments.script.results_file import (
    RESULTS_NAME,
    ResultsFileError,
    ScriptResults,
    read_results,
)
from iqf_core.experiments.tracking.records import (
    FINGERPRINT,
    GIT_REVISION,
    IDENTITY,
    PLANNED,
    REASON,
    STATE,
    STUDY,
    STUDY_HASH,
    VERSIONS,
    MetricPoint,
)
from iqf_core.experiments.tracking.tracker import Tracker

if TYPE_CHECKING:
    from iqf_core.modification.manifest import Manifest

#: Characters of the end of a script's log that a failed run's reason quotes.
_LOG_TAIL = 400


@dataclass(frozen=True)
class Ended:
    """How a run ended, for messages."""

    state: RunState
    reason: str
    metrics: Mapping[str, float]


def run_params(plan: Plan, run: Run, datasets: Mapping[str, RunDataset]) -> dict[str, Any]:
    """Return the parameters of a run: the chain, every dataset, hyper-parameters, repetition."""
    params: dict[str, Any] = {"modifier": run.chain.label, **run.chain.flat_params()}
    for role, dataset in datasets.items():
        params[f"dataset.{role}"] = dataset.path.name
        for key, value in _properties(plan, role).items():
            params[f"dataset.{role}.{key}"] = value
    params |= run.params
    if plan.task is not None:
        params |= {"repetition": run.repetition, "seed": run.seed}
    return params


def _properties(plan: Plan, role: str) -> dict[str, Any]:
    known = plan.datasets[role].properties.model_dump(mode="json", exclude_none=True)
    known.pop("schema", None)
    known |= known.pop("params", None) or {}
    return {
        key: value if isinstance(value, (str, int, float, bool)) else json.dumps(value)
        for key, value in known.items()
        if value not in ([], {})
    }


def run_tags(
    plan: Plan, run: Run, params: Mapping[str, Any], versions: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags that say where a run comes from."""
    tags = {
        STUDY: plan.settings.name,
        STUDY_HASH: plan.study_hash,
        FINGERPRINT: run.fingerprint,
        STATE: RunState.RUNNING.value,
        REASON: "",
        IDENTITY: json.dumps(run.chain.flat_identity()),
        PLANNED: json.dumps(list(params)),
        VERSIONS: json.dumps(dict(versions)),
        "iqf.index": str(run.index),
        "iqf.chain": json.dumps(run.chain.to_json()),
        "iqf.python": platform.python_version(),
    }
    revision = _git_revision(plan.settings.folder)
    if revision:
        tags[GIT_REVISION] = revision
    return tags


@functools.cache
def _git_revision(folder: Path) -> str:
    """Return the commit of the study's folder, with ``+`` when files have changed since."""
    try:
        described = subprocess.run(  # noqa: PLW1510 - no repository is no error
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip() if described.returncode == 0 else ""


def rate_metrics(datasets: Mapping[str, RunDataset]) -> dict[str, float]:
    """Return sizes and rates of the modified datasets, as their manifests record them."""
    metrics: dict[str, float] = {}
    for role, dataset in datasets.items():
        if dataset.manifest is not None:
            for name, value in _rates(dataset.manifest).items():
                metrics[f"{role}.{name}"] = value
    return metrics


def _rates(manifest: Manifest) -> dict[str, float]:
    totals = manifest.totals
    known = {
        "images": totals.images,
        "file_bytes": totals.file_bytes,
        "bytes": totals.nbytes,
        "bpppc": totals.bpppc,
        "ratio": totals.ratio,
    }
    return {name: float(value) for name, value in known.items() if value is not None}


def record_task_run(
    tracker: Tracker,
    run_id: str,
    given: Mapping[str, Any],
    datasets: Mapping[str, RunDataset],
    work: Path,
    outcome: Mapping[str, Any],
    *,
    already_there: bool,
) -> Ended:
    """Log what a finished program left behind, and set the status of its run.

    Parameters
    ----------
    given
        The parameters that the run was created with.
    work
        The run's folder.
    outcome
        What :func:`iqf_core.experiments.running.job.run_program` returned.
    already_there
        Whether some of it may be logged already (by a monitored script, or before an
        interruption); what is there is not logged again.
    """
    state, reason, results = _judge(work, outcome, given)
    ended_at = _milliseconds(outcome["started"] + outcome["duration_s"])
    points = [
        MetricPoint(point.key, point.value, point.step, ended_at) for point in results.metrics
    ]
    extra = rate_metrics(datasets) | {"iqf.duration_s": outcome["duration_s"]}
    if outcome["peak_memory_bytes"] is not None:
        extra["iqf.peak_memory_mb"] = outcome["peak_memory_bytes"] / 2**20
    points += [MetricPoint(key, value, 0, ended_at) for key, value in extra.items()]
    params = {key: value for key, value in results.params.items() if key not in given}
    if already_there:
        logged = {
            (key, point.step)
            for key, history in tracker.existing_metrics(run_id).items()
            for point in history
        }
        points = [point for point in points if (point.key, point.step) not in logged]
    tags = {STATE: state.value, REASON: reason}
    if results.warnings:
        tags["iqf.warnings"] = "\n".join(results.warnings)
    tracker.log_artifacts(run_id, work / OUTPUT_FOLDER)
    tracker.log_artifacts(run_id, work / OWN_FOLDER)
    # The tags come last of all: a run whose state says FINISHED has everything, whenever the
    # driver is killed.
    tracker.log(run_id, params=params, metrics=points, tags=tags)
    tracker.finish(run_id, state.mlflow_status, end_time_ms=ended_at)
    return Ended(state, reason, _last_values(points))


def record_dataset_run(tracker: Tracker, run_id: str, datasets: Mapping[str, RunDataset]) -> Ended:
    """Log the sizes and rates of a run without a task."""
    now = _milliseconds(time.time())
    points = [MetricPoint(key, value, 0, now) for key, value in rate_metrics(datasets).items()]
    tracker.log(run_id, metrics=points, tags={STATE: RunState.FINISHED.value})
    tracker.finish(run_id, RunState.FINISHED.mlflow_status, end_time_ms=now)
    return Ended(RunState.FINISHED, "", _last_values(points))


def record_failure(tracker: Tracker, run_id: str, state: RunState, reason: str) -> Ended:
    """Set the status of a run that left no outcome."""
    tracker.finish(run_id, state.mlflow_status, tags={STATE: state.value, REASON: reason})
    return Ended(state, reason, {})


def _judge(
    work: Path, outcome: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[RunState, str, ScriptResults]:
    state = state_of(outcome)
    reason = "" if state is RunState.FINISHED else f"the script {outcome['text']}"
    if state is RunState.FAILED:
        reason += _log_tail(work / LOG_NAME)
    try:
        results = read_results(work / OUTPUT_FOLDER / RESULTS_NAME, given)
    except ResultsFileError as error:
        if state is RunState.FINISHED:
            return RunState.BAD_RESULTS, str(error), ScriptResults()
        return state, reason, ScriptResults()
    return state, reason, results


def _log_tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1].strip()}" if lines else ""


def _last_values(points: list[MetricPoint]) -> dict[str, float]:
    return {point.key: point.value for point in points}


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
