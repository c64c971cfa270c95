"""A dataset that is made exists whole or not at all: locks and hidden partial folders."""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iqf_core.errors import DatasetError
from iqf_core.files import hash_text

LOCKS = ".iqf/locks"


@contextmanager
def locked(folder: Path, name: str, *, quiet: bool) -> Iterator[None]:
    """Hold the lock of the copies of one name in `folder`: one process at a time makes them.

    Raises
    ------
    DatasetError
        If `folder` cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        locks = folder / LOCKS
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{hash_text(name)}.lock", thread_local=False)
        try:
            lock.acquire(timeout=1)
        except Timeout:
            if not quiet:
                print(f"{folder / name}: waiting for the process that makes it", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def partial_folder(folder: Path, name: str, target: Path) -> Iterator[Path]:
    """Give a hidden folder that becomes `target` when the block ends well, and vanishes otherwise.

    To be used with the lock of `name` held: what interrupted processes left of that name is
    removed first.

    Raises
    ------
    DatasetError
        If `folder` cannot be written.
    """
    prefix = f".{name}.partial-"
    partial = folder / f"{prefix}{uuid.uuid4().hex[:12]}"
    try:
        for stale in [entry for entry in os.listdir(folder) if entry.startswith(prefix)]:  # noqa: PTH208
            _remove(folder / stale)
        partial.mkdir()
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        yield partial
        if os.path.lexists(target):
            raise DatasetError(f"{target}: appeared while it was being made; nothing was replaced")
        try:
            partial.rename(target)
        except OSError as error:
            raise cannot_write(folder, error) from None
    except BaseException:
        _remove(partial)
        raise


def cannot_write(folder: Path, error: OSError) -> DatasetError:
    """Return the error that says that `folder` cannot hold a copy."""
    return DatasetError(
        f"{folder}: the copy cannot be written here ({error.strerror or error}); "
        "choose another folder with --out"
    )


def _remove(folder: Path) -> None:
    """Remove a folder into which a dying worker may still write."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
