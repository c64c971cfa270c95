"""Which of a run's records counts."""

from __future__ import annotations

from collections.abc import Sequence

from iqf_core.experiments.running.states import RunState
from iqf_core.experiments.tracking.records import FINGERPRINT, RunRecord


def latest_records(records: Sequence[RunRecord]) -> dict[str, RunRecord]:
    """Return the record that counts for each fingerprint: the newest, unless it is unfinished.

    A run that was started again and interrupted does not hide the finished one before it.
    """
    latest: dict[str, RunRecord] = {}
    for record in sorted(records, key=lambda item: item.start_ms):
        fingerprint = record.tags.get(FINGERPRINT, "")
        known = latest.get(fingerprint)
        finished = known is not None and known.state == RunState.FINISHED
        if not (finished and record.state != RunState.FINISHED):
            latest[fingerprint] = record
    return latest
