"""A prepared MLflow store: making one costs seconds, copying it nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from iqf_core.experiments.tracking.records import (
    FINGERPRINT,
    IDENTITY,
    PLANNED,
    REASON,
    STATE,
    STUDY,
)
from iqf_core.experiments.tracking.tracker import (
    MetricPoint,
    Tracker,
    TrackingTarget,
    resolve_tracking,
)


@pytest.fixture(scope="session")
def prepared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store on sqlite; copy it before use."""
    folder = tmp_path_factory.mktemp("store")
    Tracker(resolve_tracking(folder, "mlflow.db"), "unused")
    return folder / "mlflow.db"


@pytest.fixture(autouse=True)
def _no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def target(prepared_store: Path, tmp_path: Path) -> TrackingTarget:
    """The default target of a study in ``tmp_path``, its store made."""
    shutil.copyfile(prepared_store, tmp_path / "mlflow.db")
    return resolve_tracking(tmp_path)


@pytest.fixture
def tracker(target: TrackingTarget) -> Tracker:
    """A tracker of the experiment ``digits``."""
    return Tracker(target, "digits")


@pytest.fixture
def track(tracker: Tracker) -> Callable[..., str]:
    """Track one run of ``digits``."""
    return partial(track_run, tracker)


@pytest.fixture(scope="module")
def module_tracker(prepared_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    """A tracker of the experiment ``digits`` whose runs all tests of a module share."""
    folder = tmp_path_factory.mktemp("module")
    shutil.copyfile(prepared_store, folder / "mlflow.db")
    return Tracker(resolve_tracking(folder, "mlflow.db"), "digits")


@pytest.fixture(scope="module")
def module_track(module_tracker: Tracker) -> Callable[..., str]:
    """Track one run that all tests of a module share."""
    return partial(track_run, module_tracker)


def track_run(
    tracker: Tracker,
    modifier: str,
    metrics: Mapping[str, float] | None = None,
    *,
    repetition: int = 0,
    state: str = "FINISHED",
    identity: Mapping[str, float] | None = None,
    fingerprint: str | None = None,
    reason: str = "",
    **params: Any,
) -> str:
    """Track one run as the study runner does."""
    of_modifier: dict[str, Any] = {}
    for link in modifier.split():
        name, _, rest = link.partition(":")
        for item in rest.split(",") if rest else ():
            key, _, value = item.partition("=")
            of_modifier[f"{name}.{key}"] = float(value) if "." in value else int(value)
    planned = {"modifier": modifier, **of_modifier, **params, "repetition": repetition}
    tags = {
        FINGERPRINT: fingerprint or json.dumps(planned, sort_keys=True),
        STUDY: "digits",
        STATE: state,
        PLANNED: json.dumps(list(planned)),
        IDENTITY: json.dumps(identity or {}),
        REASON: reason,
    }
    run_id = tracker.create_run(f"{modifier} #{repetition}", {}, tags)
    points = [MetricPoint(key, value) for key, value in (metrics or {}).items()]
    tracker.log(run_id, params=planned, metrics=points)
    tracker.finish(run_id, state if state in ("FINISHED", "KILLED") else "FAILED")
    return run_id
