"""What a script leaves in ``results.json``, read by the script convention's rules."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.errors import IQFError

RESULTS_NAME = "results.json"


class ResultsFileError(IQFError):
    """``results.json`` is there but cannot be read."""


@dataclass(frozen=True)
class MetricValue:
    """One point of a metric."""

    key: str
    value: float
    step: int


@dataclass
class ScriptResults:
    """What a script reported.

    Attributes
    ----------
    metrics
        Points of metrics; a single number has step 0.
    params
        Numbers, texts and booleans, to be kept as parameters.
    warnings
        What was left out or differs, in a line each.
    """

    metrics: list[MetricValue] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_results(path: Path, given: Mapping[str, Any]) -> ScriptResults:
    """Read ``results.json``; a missing file is an empty result.

    Parameters
    ----------
    path
        The file.
    given
        The parameters the run already has; an echo of one keeps the run's value.

    Raises
    ------
    ResultsFileError
        If the file is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ScriptResults()
    except (ValueError, OSError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ResultsFileError(f"{RESULTS_NAME} cannot be read: {reason}") from None
    if not isinstance(content, dict):
        raise ResultsFileError(f"{RESULTS_NAME} holds no JSON object but {_kind(content)}")
    results = ScriptResults()
    for key, value in content.items():
        _take(results, key, value, given)
    return results


def _take(results: ScriptResults, key: str, value: Any, given: Mapping[str, Any]) -> None:
    if not key.strip():
        results.warnings.append(f"{RESULTS_NAME}: an empty key was left out")
    elif key in given:
        if not _equal(given[key], value):
            results.warnings.append(
                f"{RESULTS_NAME}: {key} is {value!r}, the study's value {given[key]!r} is kept"
            )
    elif isinstance(value, (bool, str)):
        results.params[key] = value
    elif isinstance(value, (int, float)):
        _point(results, key, value, 0)
        results.params[key] = value
    elif isinstance(value, list) and value:
        _series(results, key, value)
    else:
        results.warnings.append(f"{RESULTS_NAME}: {key} is {_kind(value)} and was left out")


def _series(results: ScriptResults, key: str, values: list[Any]) -> None:
    pairs = all(isinstance(item, list) and len(item) == 2 for item in values)
    points = values if pairs else list(enumerate(values))
    for step, value in points:
        if not _is_number(step) or not float(step).is_integer() or not _is_number(value):
            results.warnings.append(
                f"{RESULTS_NAME}: {key} is a list with more than numbers or [step, value] pairs "
                "and was left out"
            )
            results.metrics = [point for point in results.metrics if point.key != key]
            return
        _point(results, key, value, int(step))


def _point(results: ScriptResults, key: str, value: float, step: int) -> None:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if not math.isfinite(number):
        results.warnings.append(f"{RESULTS_NAME}: {key} is {number} at step {step}")
    results.metrics.append(MetricValue(key, number, step))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return math.isclose(one, other, rel_tol=1e-9) or one == other
    return bool(one == other) or str(one) == str(other)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return f"a {type(value).__name__}"
