"""MLflow's sqlite store as a file: made whole or not at all, and read without MLflow.

Importing MLflow costs seconds, and its client about a millisecond for each run it reads. The tables
read here have not changed since MLflow 1.0; a test compares both ways.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from iqf_core.errors import TrackingError
from iqf_core.experiments.tracking.records import STATE, RunRecord, parameter_value
from iqf_core.files import cache_folder

_RUNS = """
SELECT run_uuid, name, status, start_time, end_time, artifact_uri FROM runs
WHERE experiment_id = ? AND lifecycle_stage = 'active' ORDER BY start_time, rowid
"""
_OF_RUNS = """
WHERE run_uuid IN (SELECT run_uuid FROM runs
                   WHERE experiment_id = ? AND lifecycle_stage = 'active') ORDER BY rowid
"""
#: sqlite has no infinity that MLflow would write; it stores the largest number instead.
_LARGEST = 1.7976931348623157e308


def make_store(path: Path, artifact_location: str) -> None:
    """Make an empty store at `path`.

    MLflow's migrations take seconds and leave a broken file when they are killed, so the store is
    made aside and renamed; the next one of the same MLflow is a copy.
    """
    import mlflow
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.partial*"):
        stale.unlink()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    template = cache_folder() / f"mlflow-{mlflow.__version__}.db"
    if template.is_file():
        shutil.copyfile(template, partial)
    else:
        MlflowClient(f"sqlite:///{partial}", registry_uri=f"sqlite:///{partial}")
        with contextlib.suppress(OSError):  # a cache that cannot be kept only costs time
            template.parent.mkdir(parents=True, exist_ok=True)
            aside = template.with_name(f".{template.name}.{os.getpid()}.partial")
            shutil.copyfile(partial, aside)
            aside.replace(template)
    connection = sqlite3.connect(partial)
    with contextlib.closing(connection), connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0",
            (f"{artifact_location}/0",),
        )
    partial.replace(path)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    # Writable where possible: what a killed writer left behind is rolled back by the next reader.
    mode = "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=30, isolation_level=None
        )
        with contextlib.closing(connection):
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise TrackingError(f"{path}: cannot be read as an MLflow store ({error})") from None


def experiments(path: Path) -> dict[str, tuple[str, str]]:
    """Return the experiments of a store: name to (id, ``active`` or ``deleted``)."""
    with _reading(path) as store:
        if not store.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'experiments'"
        ).fetchone():
            return {}
        rows = store.execute("SELECT name, experiment_id, lifecycle_stage FROM experiments")
        return {name: (str(number), stage) for name, number, stage in rows}


def read_runs(path: Path, experiment_id: str) -> list[RunRecord]:
    """Return all runs of an experiment that are not deleted, oldest first."""
    from iqf_core.experiments.tracking.target import local_folder

    number = (int(experiment_id),)
    with _reading(path) as store:
        runs = store.execute(_RUNS, number).fetchall()
        params = _collect(store, f"SELECT run_uuid, key, value FROM params {_OF_RUNS}", number)
        tags = _collect(store, f"SELECT run_uuid, key, value FROM tags {_OF_RUNS}", number)
        metrics: dict[str, dict[str, float]] = defaultdict(dict)
        for run_id, key, value, is_nan in store.execute(
            f"SELECT run_uuid, key, value, is_nan FROM latest_metrics {_OF_RUNS}", number
        ):
            metrics[run_id][key] = math.nan if is_nan else restore_infinity(value)
    return [
        RunRecord(
            run_id=run_id,
            name=name or "",
            state=tags[run_id].get(STATE) or status,
            status=status,
            start_ms=start or 0,
            end_ms=end,
            params={key: parameter_value(text) for key, text in params[run_id].items()},
            metrics=metrics[run_id],
            tags=tags[run_id],
            artifact_path=local_folder(artifact_uri),
        )
        for run_id, name, status, start, end, artifact_uri in runs
    ]


def restore_infinity(value: float) -> float:
    """Return the value that MLflow was given: it stores infinities as the largest number."""
    return math.copysign(math.inf, value) if abs(value) >= _LARGEST else float(value)


def _collect(
    store: sqlite3.Connection, query: str, number: tuple[int]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for run_id, key, value in store.execute(query, number):
        found[run_id][key] = value
    return found
