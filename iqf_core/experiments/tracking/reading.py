"""Reading runs back: straight from a sqlite store, through MLflow's client from any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.errors import TrackingError, nearest
from iqf_core.experiments.tracking.mlflow_client import load_client, reported
from iqf_core.experiments.tracking.records import STATE, RunRecord, parameter_value
from iqf_core.experiments.tracking.sqlite_store import experiments, read_runs, restore_infinity
from iqf_core.experiments.tracking.target import TrackingTarget, local_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Runs that one request to a server returns.
_PAGE = 1000


def read_experiment(
    target: TrackingTarget, experiment: str, *, missing_ok: bool = False
) -> list[RunRecord]:
    """Return all runs of an experiment, oldest first; makes nothing.

    Parameters
    ----------
    target
        The store.
    experiment
        Name of the experiment.
    missing_ok
        Whether no store or no such experiment means no runs.

    Raises
    ------
    TrackingError
        If the store, or the experiment in it, does not exist.
    """
    path = target.store_path
    if path is None:
        client = load_client(target)
        find = client.get_experiment_by_name
        found = reported(target, lambda: find(experiment))
        if found is not None and found.lifecycle_stage == "active":
            return all_runs(target, found.experiment_id, client)
        known = [item.name for item in reported(target, client.search_experiments)]
        stage, number = ("", "") if found is None else (found.lifecycle_stage, found.experiment_id)
    else:
        if missing_ok and not path.exists():
            return []
        target.check_exists()
        names = experiments(path)
        number, stage = names.get(experiment, ("", ""))
        if stage == "active":
            return all_runs(target, number, None)
        known = [name for name in names if name != "Default"]
    if stage == "deleted":
        raise TrackingError(deleted_message(target, experiment, number))
    if missing_ok:
        return []
    hint = nearest(experiment, known) or (
        f"; it has {', '.join(sorted(known))}" if known else "; it has none"
    )
    raise TrackingError(f"no experiment {experiment!r} in {target.uri}{hint}")


def deleted_message(target: TrackingTarget, experiment: str, number: str) -> str:
    """Return what to tell about an experiment that was deleted."""
    return (
        f"experiment {experiment!r} was deleted in {target.uri}; bring it back with "
        f"`MLFLOW_TRACKING_URI={target.uri} mlflow experiments restore -x {number}`, or choose "
        "another name with tracking: {experiment: …}"
    )


def all_runs(
    target: TrackingTarget, experiment_id: str, client: MlflowClient | None
) -> list[RunRecord]:
    """Return all runs of an experiment, oldest first; `client` is for stores that are no file."""
    if target.store_path is not None:
        return [_at_home(run, target) for run in read_runs(target.store_path, experiment_id)]
    assert client is not None
    records: dict[str, RunRecord] = {}
    token: str | None = None
    while True:
        # Oldest first: runs that are added while we page come last.
        page = reported(target, partial(_page, client, experiment_id, token))
        records |= {run.info.run_id: record_of(run, target) for run in page}
        token = page.token
        if not token:
            return list(records.values())


def _page(client: MlflowClient, experiment_id: str, token: str | None) -> Any:
    order = ["attributes.start_time ASC"]
    return client.search_runs([experiment_id], max_results=_PAGE, order_by=order, page_token=token)


def record_of(run: Any, target: TrackingTarget) -> RunRecord:
    """Return the record of MLflow's `run`."""
    tags = dict(run.data.tags)
    folder = local_folder(run.info.artifact_uri)
    return RunRecord(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        state=tags.get(STATE) or run.info.status,
        status=run.info.status,
        start_ms=run.info.start_time or 0,
        end_ms=run.info.end_time,
        params={key: parameter_value(text) for key, text in run.data.params.items()},
        metrics={key: restore_infinity(value) for key, value in run.data.metrics.items()},
        tags=tags,
        artifact_path=present_folder(target, folder, run.info.run_id),
    )


def _at_home(record: RunRecord, target: TrackingTarget) -> RunRecord:
    folder = present_folder(target, record.artifact_path, record.run_id)
    return record if folder == record.artifact_path else replace(record, artifact_path=folder)


def present_folder(target: TrackingTarget, folder: Path | None, run_id: str) -> Path | None:
    """Return where a run's artifacts are now: the study's folder may have been moved."""
    if folder is None or target.artifact_location is None:
        return folder
    home = Path(target.artifact_location)
    if folder.is_relative_to(home) or folder.parent.parent.is_dir():
        return folder
    return home / run_id / "artifacts" if home.is_dir() else folder


def with_tags(records: list[RunRecord], tags: Mapping[str, str] | None) -> list[RunRecord]:
    """Return the records that carry all of `tags`."""
    wanted = (tags or {}).items()
    return [record for record in records if wanted <= record.tags.items()]
