"""What a worker does for one run: start the program, wait, and leave the outcome on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iqf_core.execution.supervision import run_supervised
from iqf_core.files import read_json, write_json

OUTPUT_FOLDER = "output"
#: What IQF itself adds to a run's artifacts, under ``iqf/``.
OWN_FOLDER = "own"
LOG_NAME = f"{OWN_FOLDER}/iqf/script.log"
_OUTCOME_NAME = "outcome.json"
_OUTCOME_KIND = "outcome"


def run_program(
    work: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    timeout_s: float | None,
) -> dict[str, Any]:
    """Run a program to its end and record how it ended.

    Parameters
    ----------
    work
        The run's folder, with ``output/`` in it; gets the log and, once the program has ended,
        ``outcome.json``.
    arguments, folder, environment, timeout_s
        As for :func:`iqf_core.execution.supervision.run_supervised`.

    Returns
    -------
    dict
        Exit code, signal, times and peak memory; the same as in ``outcome.json``.
    """
    place = Path(work)
    (place / LOG_NAME).parent.mkdir(parents=True, exist_ok=True)
    started = time.time()
    outcome = run_supervised(
        arguments,
        folder=Path(folder),
        environment=environment,
        log_path=place / LOG_NAME,
        timeout_s=timeout_s,
    )
    record = {
        "exit_code": outcome.exit_code,
        "signal": outcome.signal_name,
        "timed_out": outcome.timed_out,
        "text": str(outcome),
        "started": started,
        "duration_s": outcome.duration_s,
        "peak_memory_bytes": outcome.peak_memory_bytes,
    }
    write_json(place / _OUTCOME_NAME, _OUTCOME_KIND, record)
    return record


def read_outcome(work: Path) -> dict[str, Any] | None:
    """Return the outcome that a run left in its folder, None when it had not ended."""
    path = work / _OUTCOME_NAME
    return read_json(path, _OUTCOME_KIND) if path.is_file() else None
