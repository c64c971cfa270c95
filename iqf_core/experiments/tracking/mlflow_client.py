"""MLflow's client: imported late and quietly, its errors in one line, its store made safely."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from iqf_core.errors import TrackingError
from iqf_core.experiments.tracking.sqlite_store import make_store
from iqf_core.experiments.tracking.target import TrackingTarget

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: How often something is tried again when another process held the store for too long.
_ATTEMPTS = 4


def load_client(target: TrackingTarget) -> MlflowClient:
    """Return an MLflow client of the store; MLflow is imported here, telemetry off.

    Raises
    ------
    TrackingError
        If the store cannot be opened.
    """
    _import_quietly()
    from mlflow import MlflowClient

    client: MlflowClient = reported(
        target, lambda: MlflowClient(target.uri, registry_uri=target.registry_uri or None)
    )
    return client


def _import_quietly() -> None:
    """Import MLflow with its telemetry off, and without the talk of its migrations."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow  # noqa: F401

    for name, level in (
        ("alembic", logging.WARNING),
        ("mlflow", logging.WARNING),
        ("mlflow.store.db.utils", logging.CRITICAL),  # its errors are raised again as ours
    ):
        logging.getLogger(name).setLevel(level)


def reported(target: TrackingTarget, action: Callable[[], Any]) -> Any:
    """Do something in the store, again while it is locked; its errors become ours.

    Raises
    ------
    TrackingFailedError
        With the store's address and the first line of what MLflow says.
    """
    from mlflow.exceptions import MlflowException

    for attempt in range(_ATTEMPTS):
        try:
            return action()
        except MlflowException as error:
            locked = "database is locked" in str(error)
            if not locked or attempt == _ATTEMPTS - 1:
                raise TrackingFailedError(_explain(target, str(error)), error.error_code) from error
            time.sleep(0.5 * (attempt + 1))
        except (OSError, ImportError) as error:  # the folder, the network, a database driver
            raise TrackingFailedError(_explain(target, str(error)), "") from error
    raise AssertionError


class TrackingFailedError(TrackingError):
    """An error of MLflow's, with its code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def _explain(target: TrackingTarget, message: str) -> str:
    if "out-of-date database schema" in message:
        return (
            f"{target.uri}: made by another version of MLflow; back the file up and run "
            f"`mlflow db upgrade {target.uri}`"
        )
    first = next((line.strip() for line in message.splitlines() if line.strip()), "unknown error")
    return f"tracking store {target.uri}: {first[:300]}"


def open_for_writing(target: TrackingTarget) -> MlflowClient:
    """Return a client of the store, which is made if it is a file that is not there."""
    path = target.store_path
    if path is not None:
        if not path.exists() or not path.stat().st_size:
            _import_quietly()
            reported(target, lambda: make_store(path, target.artifact_location or ""))
        elif not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            raise TrackingError(f"{path}: the tracking store is read-only")
    return load_client(target)


def store_lock(target: TrackingTarget) -> Any:
    """Return a lock for making the store and the experiment; a server has its own."""
    if target.store_path is None:
        return nullcontext()
    from filelock import FileLock

    path = target.store_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(f".{path.name}.lock"), timeout=120)
    except OSError as error:
        raise TrackingError(f"{path}: cannot be made ({error})") from None
