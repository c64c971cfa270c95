"""Files: atomic writes, versioned JSON, content hashes, and where caches live."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.errors import IQFError

SCHEMA_MAJOR = 1


def hash_text(text: str) -> str:
    """Return the 128-bit BLAKE2b hash of `text` as 32 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def hash_json(value: Any) -> str:
    """Return the hash of a JSON value, independent of the order of keys."""
    return hash_text(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False))


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that the file exists whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_UMASK)  # noqa: PTH101 - mkstemp's 0600 is for secrets
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` so that the file exists whole or not at all."""
    atomic_write_bytes(path, text.encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()


def write_json(path: Path, kind: str, payload: Mapping[str, Any]) -> None:
    """Write `payload` with ``"schema": "iqf.<kind>/1"`` in front, atomically."""
    document = {"schema": f"iqf.{kind}/{SCHEMA_MAJOR}", **payload}
    atomic_write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path, kind: str) -> dict[str, Any]:
    """Read what :func:`write_json` wrote.

    Raises
    ------
    IQFError
        If it is no JSON object, or its schema is of another kind or an unknown major version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise IQFError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(document, dict):
        raise IQFError(f"{path}: expected a JSON object")
    check_schema(document.get("schema"), kind, str(path))
    return document


def check_schema(schema: Any, kind: str, where: str) -> None:
    """Raise :class:`IQFError` unless `schema` is ``iqf.<kind>/1``."""
    expected = f"iqf.{kind}/{SCHEMA_MAJOR}"
    if schema == expected:
        return
    name, _, major = str(schema).partition("/")
    if name == f"iqf.{kind}" and major.isdigit():
        raise IQFError(
            f"{where}: written with schema {schema}, this version of IQF reads {expected}; "
            "use a newer iqf-core"
        )
    raise IQFError(f"{where}: schema is {schema!r}, expected {expected!r}")


def cache_folder() -> Path:
    """Return the folder for what IQF may keep between runs: ``IQF_CACHE_DIR`` or the user's."""
    given = os.environ.get("IQF_CACHE_DIR")
    if given:
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iqf"


class HashCache:
    """Content hashes of files, kept by (path, size, modification time).

    A file whose modification time is under two seconds old is hashed afresh and not remembered:
    a second write could fall within the clock's step.
    """

    def __init__(self, database: Path) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, int, str]] = {}
        self._new: list[tuple[str, int, int, str]] = []
        self._database = database
        self._connection: sqlite3.Connection | None = None
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                database, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS hashes"
                " (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, hash TEXT) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error):
            self._connection = None  # a cache that cannot be kept only costs time

    def get(self, path: Path) -> str:
        """Return the content hash of `path`."""
        name = os.fspath(path.absolute())
        status = os.stat(name)  # noqa: PTH116 - called for every file of large datasets
        key = (status.st_size, status.st_mtime_ns)
        with self._lock:
            known = self._lookup(name)
        if known and known[:2] == key:
            return known[2]
        digest = _hash_file(name)
        if _settled(status.st_mtime_ns):
            with self._lock:
                self._known[name] = (*key, digest)
                self._new.append((name, *key, digest))
                if len(self._new) >= 2000:
                    self._flush()
        return digest

    def flush(self) -> None:
        """Write what was learned to disk."""
        with self._lock:
            self._flush()

    def _lookup(self, name: str) -> tuple[int, int, str] | None:
        if name in self._known or self._connection is None:
            return self._known.get(name)
        try:
            row = self._connection.execute(
                "SELECT size, mtime_ns, hash FROM hashes WHERE path = ?", (name,)
            ).fetchone()
        except sqlite3.Error:
            return None
        return (int(row[0]), int(row[1]), str(row[2])) if row else None

    def _flush(self) -> None:
        rows, self._new = self._new, []
        if self._connection is None or not rows:
            return
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")


def _hash_file(name: str) -> str:
    with open(name, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _settled(mtime_ns: int) -> bool:
    import time

    return time.time_ns() - mtime_ns > 2_000_000_000


_caches: dict[Path, HashCache] = {}


def hash_cache() -> HashCache:
    """Return this process's hash cache for the current cache folder."""
    database = cache_folder() / "hashes.sqlite"
    cache = _caches.get(database)
    if cache is None:
        import atexit

        cache = _caches[database] = HashCache(database)
        atexit.register(cache.flush)
    return cache


def content_hash(path: Path) -> str:
    """Return the content hash (BLAKE2b-128, 32 hex digits) of the file at `path`, cached."""
    return hash_cache().get(path)
