"""What is known of a run once it is tracked: its record, and the names of its tags."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from iqf_core.components.scalars import Scalar, format_number, parse_scalar

#: Tags of every run.
FINGERPRINT = "iqf.fingerprint"
STUDY = "iqf.study"
STUDY_HASH = "iqf.study_hash"
STATE = "iqf.state"
REASON = "iqf.reason"
IDENTITY = "iqf.identity"
VERSIONS = "iqf.versions"
GIT_REVISION = "iqf.git_revision"
#: JSON list of the parameters that the study set (the script's own results are parameters too).
PLANNED = "iqf.planned"

#: Beginning of a tag for each metric that was applied to the run: after it the beginning of the
#: tracked values' names, in it the metric, its parameters and versions, and reasons.
APPLIED = "iqf.metric."

#: Label of the unmodified reference.
REFERENCE = "none"

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric.

    Attributes
    ----------
    key
        Name of the metric.
    value
        Its value; NaN and infinities are kept.
    step
        Position in its history.
    timestamp_ms
        Milliseconds since 1970, None for now.
    """

    key: str
    value: float
    step: int = 0
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class RunRecord:
    """A tracked run.

    Attributes
    ----------
    run_id
        MLflow's id of the run.
    name
        Readable name.
    state
        How it stands in IQF's terms: the tag ``iqf.state``, else MLflow's status.
    status
        MLflow's status: ``RUNNING``, ``FINISHED``, ``FAILED``, ``KILLED``.
    start_ms, end_ms
        Milliseconds since 1970; `end_ms` is None while it runs.
    params
        Parameters with the types their text spells: numbers, booleans, else text.
    metrics
        Last value of every metric.
    tags
        Tags, MLflow's own included.
    artifact_path
        Folder of its artifacts, None when they lie on a server.
    """

    run_id: str
    name: str
    state: str
    status: str
    start_ms: int
    end_ms: int | None
    params: Mapping[str, Scalar]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(repr=False)
    artifact_path: Path | None = field(repr=False, default=None)

    @property
    def fingerprint(self) -> str:
        """Hash over what determines its result; its id for runs that IQF did not plan."""
        return self.tags.get(FINGERPRINT, self.run_id)

    @property
    def reason(self) -> str:
        """Why it failed, empty when it did not."""
        return self.tags.get(REASON, "")

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end, None while it runs."""
        logged = self.metrics.get("iqf.duration_s")
        if logged is not None:
            return logged
        return None if self.end_ms is None else (self.end_ms - self.start_ms) / 1000

    @cached_property
    def identity(self) -> dict[str, float]:
        """The values of its modifiers' parameters that would leave an image as it is."""
        return _read_json(self.tags.get(IDENTITY), dict) or {}

    @cached_property
    def planned(self) -> tuple[str, ...]:
        """The parameters that the study set, as opposed to those that its script reported."""
        names = _read_json(self.tags.get(PLANNED), list)
        if names is None:
            return tuple(name for name in self.params if name not in self.metrics)
        return tuple(name for name in names if name in self.params)

    @property
    def point(self) -> tuple[Any, ...]:
        """What it stands for in its study: equal points are the same run, done again."""
        if PLANNED not in self.tags:
            return (self.fingerprint,)
        values = sorted(
            (name, str(self.params[name]))
            for name in self.planned
            if not name.startswith("dataset.")
        )
        return (self.tags.get(STUDY, ""), *values)


def _read_json(text: str | None, kind: type) -> Any:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, kind) else None


def parameter_text(value: Any) -> str:
    """Return the text under which a parameter's value is tracked."""
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()  # a numpy scalar
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isfinite(value):
            return format_number(value) if not value.is_integer() else repr(value)
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    if isinstance(value, str | int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def parameter_value(text: str | None) -> Scalar:
    """Return the value that a tracked parameter's text spells."""
    return parse_scalar(text) if text else text
