"""One process at a time works on a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from iqf_core.errors import IQFError


class StudyBusyError(IQFError):
    """Another process is running the same study."""


@contextmanager
def study_locked(folder: Path, name: str) -> Iterator[Path]:
    """Hold the lock of the study `name` in `folder`, and give the folder for its state.

    Raises
    ------
    StudyBusyError
        If another process holds it.
    """
    state_folder = folder / ".iqf" / "studies" / name
    state_folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(state_folder / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StudyBusyError(
            f"study {name!r} is being run by another process; wait for it to end"
        ) from None
    try:
        yield state_folder
    finally:
        lock.release()
