"""How a run ended, and what MLflow calls it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """The state of a run, as the tag ``iqf.state`` keeps it."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    #: The script exited with another code than 0.
    FAILED = "FAILED"
    #: The script was killed at its time limit.
    TIMED_OUT = "TIMED_OUT"
    #: The script was killed by a signal, or the study was stopped.
    KILLED = "KILLED"
    #: The script ended well but left a ``results.json`` that cannot be read.
    BAD_RESULTS = "BAD_RESULTS"

    @property
    def mlflow_status(self) -> str:
        """The nearest status that MLflow knows."""
        if self in (RunState.TIMED_OUT, RunState.BAD_RESULTS):
            return "FAILED"
        return self.value


def state_of(outcome: Mapping[str, Any]) -> RunState:
    """Return the state that a program's outcome means."""
    if outcome["timed_out"]:
        return RunState.TIMED_OUT
    if outcome["signal"] is not None:
        return RunState.KILLED
    return RunState.FINISHED if outcome["exit_code"] == 0 else RunState.FAILED
