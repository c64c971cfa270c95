"""Where runs are tracked: the store's address, and where artifacts lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from iqf_core.errors import TrackingError

#: The store beside a study file.
STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"

_SQLITE = "sqlite:///"
_DATABASES = ("postgresql", "mysql", "mssql")
_SERVERS = ("http", "https", "databricks", "uc")


@dataclass(frozen=True)
class TrackingTarget:
    """A tracking store.

    Attributes
    ----------
    uri
        MLflow's tracking address.
    registry_uri
        MLflow's address of the model registry.
    artifact_location
        Folder of the artifacts as a plain absolute path, None when the server decides.
    store_path
        The sqlite file, None for a server or another database.
    """

    uri: str
    registry_uri: str
    artifact_location: str | None
    store_path: Path | None

    def check_exists(self) -> None:
        """Raise :class:`TrackingError` when the store is a file that is not there."""
        if self.store_path is not None and not self.store_path.exists():
            raise TrackingError(
                f"{self.store_path}: no tracking store yet; start the study with `iqf run`, "
                "or name another with --tracking-uri"
            )


def resolve_tracking(
    study_folder: Path, uri: str | None = None, registry_uri: str | None = None
) -> TrackingTarget:
    """Find the tracking store of a study.

    `uri` counts first, then ``MLFLOW_TRACKING_URI``, else it is ``mlflow.db`` in `study_folder`.

    Parameters
    ----------
    study_folder
        Folder of the study file; relative paths in `uri` start there.
    uri
        An MLflow tracking address, or the path of a sqlite file.
    registry_uri
        Address of the model registry; ``MLFLOW_REGISTRY_URI``, else the tracking address.

    Raises
    ------
    TrackingError
        If the address is of no kind that MLflow still writes to, or cannot be spelled in one.
    """
    folder = Path(os.path.abspath(study_folder))  # noqa: PTH100 - links stay as they are
    origin = "tracking: uri"
    if not uri:
        uri, origin = os.environ.get("MLFLOW_TRACKING_URI"), "MLFLOW_TRACKING_URI"
        start = Path.cwd() if uri else folder
    else:
        start = folder
    if not uri:
        uri, origin = f"{_SQLITE}{STORE_NAME}", "the study's folder"
    store = _store_path(uri, start, origin)
    if store is None:
        return TrackingTarget(uri, registry_uri or _registry(uri), None, None)
    _check_file(store, origin)
    address = f"{_SQLITE}{store}"
    artifacts = str(store.parent / ARTIFACTS_NAME)
    return TrackingTarget(address, registry_uri or _registry(address), artifacts, store)


def _registry(uri: str) -> str:
    return os.environ.get("MLFLOW_REGISTRY_URI") or uri


def _store_path(uri: str, start: Path, origin: str) -> Path | None:
    """Return the sqlite file that `uri` names, None for a server or another database."""
    scheme = uri.partition("://")[0].partition("+")[0] if "://" in uri else ""
    if scheme in _SERVERS or scheme in _DATABASES or uri in _SERVERS:
        return None
    if scheme == "sqlite":
        path = uri.partition("://")[2].removeprefix("/")
        if not path or path == ":memory:":
            raise TrackingError(f"{origin}: {uri!r} names no file; expected sqlite:////abs/file.db")
    elif not scheme and Path(uri).suffix in (".db", ".sqlite", ".sqlite3"):
        path = uri
    else:
        raise TrackingError(
            f"{origin}: {uri!r} is no store that IQF tracks to (MLflow's folder store takes no new "
            "runs); expected a file such as mlflow.db, sqlite:////abs/mlflow.db, "
            "http://HOST:PORT or a database address"
        )
    return Path(os.path.abspath(start / path))  # noqa: PTH100


def _check_file(store: Path, origin: str) -> None:
    for character in "%?":
        if character in str(store):
            raise TrackingError(
                f"{origin}: the path {str(store)!r} contains {character!r}, which MLflow cannot "
                "open; rename the folder, or set tracking: {uri: …} to another place"
            )
    if store.is_dir():
        raise TrackingError(f"{origin}: {store} is a folder; expected a sqlite file")
    if store.exists() and store.stat().st_size:
        with store.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                raise TrackingError(f"{origin}: {store} is no sqlite file")


def local_folder(artifact_uri: str | None) -> Path | None:
    """Return the folder that an artifact address names, None when it lies on a server."""
    if not artifact_uri:
        return None
    if artifact_uri.startswith("file:"):
        return Path(unquote(urlsplit(artifact_uri).path))
    return None if "://" in artifact_uri or ":/" in artifact_uri[:20] else Path(artifact_uri)
