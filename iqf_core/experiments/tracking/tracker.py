"""Tracking of runs with MLflow: an explicit client and address, no global active run.

Only the driver of a study writes (a monitored script aside). Runs of a sqlite store are read
straight from its file, without importing MLflow; see ``sqlite_store.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from iqf_core.errors import TrackingError
from iqf_core.experiments.tracking.artifacts import copy_files, keep_long_values
from iqf_core.experiments.tracking.limits import (
    MAX_PARAM_LENGTH,
    MAX_TAG_LENGTH,
    cut_values,
    safe_keys,
)
from iqf_core.experiments.tracking.mlflow_client import (
    TrackingFailedError,
    open_for_writing,
    reported,
    store_lock,
)
from iqf_core.experiments.tracking.reading import (
    all_runs,
    deleted_message,
    present_folder,
    read_experiment,
    record_of,
    with_tags,
)
from iqf_core.experiments.tracking.records import MetricPoint, RunRecord, parameter_text
from iqf_core.experiments.tracking.sqlite_store import restore_infinity
from iqf_core.experiments.tracking.target import TrackingTarget, local_folder, resolve_tracking

__all__ = [
    "MetricPoint",
    "RunRecord",
    "Tracker",
    "TrackingTarget",
    "read_experiment",
    "resolve_tracking",
]

_FINAL = ("FINISHED", "FAILED", "KILLED")


class Tracker:
    """Writes the runs of one experiment, which is made if it is not there.

    Parameters
    ----------
    target
        The store.
    experiment
        Name of the experiment.

    Raises
    ------
    TrackingError
        If the store cannot be used, or the experiment was deleted in it.

    Attributes
    ----------
    target
        The store.
    experiment
        Name of the experiment.
    experiment_id
        MLflow's id of the experiment.
    """

    def __init__(self, target: TrackingTarget, experiment: str) -> None:
        self.target = target
        self.experiment = experiment
        self._artifact_folders: dict[str, Path | None] = {}
        with store_lock(target):
            self.client = open_for_writing(target)
            self.experiment_id = self._find_experiment()

    def _find_experiment(self) -> str:
        found = self._do(self.client.get_experiment_by_name, self.experiment)
        if found is None:
            try:
                return str(
                    self._do(
                        self.client.create_experiment,
                        self.experiment,
                        artifact_location=self.target.artifact_location,
                    )
                )
            except TrackingFailedError as failure:
                found = self._do(self.client.get_experiment_by_name, self.experiment)
                if failure.code != "RESOURCE_ALREADY_EXISTS" or found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise TrackingError(deleted_message(self.target, self.experiment, found.experiment_id))
        return str(found.experiment_id)

    def _do(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return reported(self.target, lambda: method(*arguments, **options))

    def create_run(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        start_time_ms: int | None = None,
    ) -> str:
        """Create a run with the status ``RUNNING`` and return its id.

        The tags are there from the start; `params` may as well come with a later :meth:`log`.
        """
        keys = safe_keys(tags or {})
        texts, long_values = cut_values(
            {keys[key]: str(value) for key, value in (tags or {}).items()}, MAX_TAG_LENGTH
        )
        run = self._do(
            self.client.create_run,
            self.experiment_id,
            start_time=start_time_ms or _now_ms(),
            tags={"mlflow.user": _user(), "mlflow.source.name": "iqf", **texts},
            run_name=name[:250],
        )
        run_id = str(run.info.run_id)
        self._artifact_folders[run_id] = self._present(local_folder(run.info.artifact_uri), run_id)
        self._keep(run_id, long_values)
        if params:
            self.log(run_id, params=params)
        return run_id

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Iterable[MetricPoint] = (),
        tags: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Log parameters, metrics and tags in as few requests as MLflow's limits allow.

        Characters that MLflow does not take in a name become ``_``. Texts beyond its limits are
        cut and kept whole in the artifact ``iqf/long_values.json``. A parameter that is logged
        already keeps its first value. NaN and infinities are kept.

        Returns
        -------
        list of str
            One warning for each name changed, text cut, and value that differs from the first.
        """
        from mlflow.entities import Metric, Param, RunTag

        points = list(metrics)
        names = {
            "parameter": safe_keys(params or {}),
            "metric": safe_keys(dict.fromkeys(point.key for point in points)),
            "tag": safe_keys(tags or {}),
        }
        warnings = [
            f"{kind} {given!r} is tracked as {used!r}: MLflow takes letters, digits and _ - . : / "
            "and spaces"
            for kind, keys in names.items()
            for given, used in keys.items()
            if given != used
        ]
        texts = {names["parameter"][key]: parameter_text(v) for key, v in (params or {}).items()}
        texts, long_params = cut_values(texts, MAX_PARAM_LENGTH)
        labels = {names["tag"][key]: str(value) for key, value in (tags or {}).items()}
        labels, long_tags = cut_values(labels, MAX_TAG_LENGTH)
        long_values = long_params | long_tags
        warnings += [
            f"the value of {key!r} has {len(text)} characters: cut, and kept whole in the "
            "artifact iqf/long_values.json"
            for key, text in long_values.items()
        ]
        now = _now_ms()
        batch = {
            "metrics": [
                Metric(
                    names["metric"][point.key],
                    float(point.value),
                    now if point.timestamp_ms is None else point.timestamp_ms,
                    int(point.step),
                )
                for point in points
            ],
            "tags": [RunTag(key, text) for key, text in labels.items()],
        }
        try:
            self._do(
                self.client.log_batch,
                run_id,
                params=[Param(key, text) for key, text in texts.items()],
                **batch,
            )
        except TrackingFailedError as failure:
            if "Changing param values" not in str(failure):
                raise
            known = self._do(self.client.get_run, run_id).data.params
            warnings += [
                f"parameter {key!r} is {known[key]!r} already: {text!r} is not tracked"
                for key, text in texts.items()
                if known.get(key, text) != text
            ]
            new = [Param(key, text) for key, text in texts.items() if key not in known]
            self._do(self.client.log_batch, run_id, params=new, **batch)
        self._keep(run_id, long_values)
        return warnings

    def log_artifacts(self, run_id: str, folder: Path, *, move: bool = False) -> list[str]:
        """Keep the files of `folder` as the run's artifacts.

        Parameters
        ----------
        run_id
            The run.
        folder
            Its files and sub-folders are taken, links to files as the files they point to.
        move
            Whether the files may be moved out of `folder` instead of copied.

        Returns
        -------
        list of str
            One warning for each thing that is no file and was left out.
        """
        target = self.artifact_folder(run_id)
        if target is not None:
            try:
                return copy_files(folder, target, move=move)
            except OSError as error:
                raise TrackingError(f"{target}: artifacts cannot be written ({error})") from None
        self._do(self.client.log_artifacts, run_id, str(folder))
        return []

    def artifact_folder(self, run_id: str) -> Path | None:
        """Return the folder of the run's artifacts, None when they lie on a server."""
        if run_id not in self._artifact_folders:
            uri = self._do(self.client.get_run, run_id).info.artifact_uri
            self._artifact_folders[run_id] = self._present(local_folder(uri), run_id)
        return self._artifact_folders[run_id]

    def _present(self, folder: Path | None, run_id: str) -> Path | None:
        return present_folder(self.target, folder, run_id)

    def _keep(self, run_id: str, long_values: Mapping[str, str]) -> None:
        if not long_values:
            return
        folder = self.artifact_folder(run_id)
        if folder is not None:
            keep_long_values(folder, long_values)
        else:
            for position, (key, text) in enumerate(long_values.items()):
                path = f"iqf/long_values/{position}.txt"
                self._do(self.client.log_text, run_id, f"{key}\n{text}", path)

    def finish(
        self,
        run_id: str,
        status: str,
        tags: Mapping[str, str] | None = None,
        end_time_ms: int | None = None,
    ) -> None:
        """Set the run's MLflow status: ``FINISHED``, ``FAILED`` or ``KILLED``."""
        if status not in _FINAL:
            raise ValueError(f"status is {status!r}, expected one of {', '.join(_FINAL)}")
        if tags:
            self.log(run_id, tags=tags)
        self._do(self.client.set_terminated, run_id, status, end_time_ms or _now_ms())
        self._artifact_folders.pop(run_id, None)

    def delete_run(self, run_id: str) -> None:
        """Delete a run; MLflow keeps it restorable until `mlflow gc`."""
        self._do(self.client.delete_run, run_id)

    def run(self, run_id: str) -> RunRecord:
        """Return one run."""
        return record_of(self._do(self.client.get_run, run_id), self.target)

    def runs(self, tags: Mapping[str, str] | None = None) -> list[RunRecord]:
        """Return all runs of the experiment, oldest first, that carry all of `tags`."""
        return with_tags(all_runs(self.target, self.experiment_id, self.client), tags)

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """Return all values of a metric by step."""
        points = [
            MetricPoint(key, restore_infinity(point.value), point.step, point.timestamp)
            for point in self._do(self.client.get_metric_history, run_id, key)
        ]
        return sorted(points, key=lambda point: (point.step, point.timestamp_ms or 0))

    def existing_metrics(self, run_id: str) -> dict[str, list[MetricPoint]]:
        """Return the history of every metric that is logged already."""
        keys = self._do(self.client.get_run, run_id).data.metrics
        return {key: self.metric_history(run_id, key) for key in keys}


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in containers
        return "unknown"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
