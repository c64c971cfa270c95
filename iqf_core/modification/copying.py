"""A copy exists whole or not at all: locks, hidden partial folders, and finding what is there."""

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
from iqf_core.modification.manifest import Manifest, read_manifest
from iqf_core.modification.naming import with_fingerprint

LOCKS = ".iqf/locks"


def find_copy(folder: Path, name: str, fingerprint: str) -> tuple[Path, Manifest | None]:
    """Find the copy of that fingerprint in `folder`, or the place for it.

    Returns
    -------
    Path, Manifest or None
        The copy and its manifest; or an unused path, which has the suffix ``~`` and 8 digits when
        a folder of the plain name holds something else.

    Raises
    ------
    DatasetError
        If both names are taken by something else.
    """
    free: Path | None = None
    for path in (folder / name, folder / with_fingerprint(name, fingerprint)):
        if not os.path.lexists(path):
            free = free or path
            continue
        try:
            manifest = read_manifest(path)
        except DatasetError:
            continue  # whatever it is, it is not ours to use
        if manifest is not None and manifest.fingerprint == fingerprint:
            return path, manifest
    if free is None:
        raise DatasetError(
            f"{folder / name}: this name and {with_fingerprint(name, fingerprint)!r} are taken by "
            "something else; move one of them away, or choose another folder with --out"
        )
    return free, None


def require_whole(path: Path, manifest: Manifest) -> None:
    """Check that the images of a copy are still there, by their sizes.

    Raises
    ------
    DatasetError
        If one is missing or of another size.
    """
    images = path / manifest.image_folder
    for image in manifest.images:
        name = os.path.join(images, image.new_name)  # noqa: PTH118 - for every file of a dataset
        try:
            size = os.stat(name).st_size  # noqa: PTH116
        except OSError:
            size = -1
        if size != image.file_bytes:
            what = "is missing" if size < 0 else "was changed"
            raise DatasetError(
                f"{name}: {what} since the copy was made; remove the folder {path} to have it "
                "made again"
            )


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
