"""MLflow's limits on names and values, and how we keep within them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping

#: ``mlflow.utils.validation``: MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH, MAX_ENTITY_KEY_LENGTH.
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000
MAX_KEY_LENGTH = 250

_FORBIDDEN = re.compile(r"[^/\w.\- :]")


def safe_keys(keys: Iterable[str]) -> dict[str, str]:
    """Return for each name the one it is tracked under; no two names share one."""
    given = [str(key) for key in keys]
    used = {key for key in given if _safe(key) == key}
    chosen: dict[str, str] = {}
    for key in given:
        name = _safe(key)
        if name != key and name in used:
            name = f"{name[: MAX_KEY_LENGTH - 9]}-{_digest(key)}"
        used.add(name)
        chosen[key] = name
    return chosen


def _safe(key: str) -> str:
    name = _FORBIDDEN.sub("_", key)
    # MLflow takes names for paths: `a//b`, `/a` and `..` are not as they read.
    name = posixpath.normpath(name).strip("/") if name else ""
    if not name or name == "." or name.startswith(".."):
        name = "_" + name.lstrip(".")
    if len(name) > MAX_KEY_LENGTH:
        name = f"{name[: MAX_KEY_LENGTH - 9]}-{_digest(key)}"
    return name


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=4).hexdigest()


def cut_values(values: Mapping[str, str], limit: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values cut to `limit` characters, and the full text of those that were cut."""
    long_values = {key: text for key, text in values.items() if len(text) > limit}
    short = {
        key: text if len(text) <= limit else text[: limit - 1] + "…" for key, text in values.items()
    }
    return short, long_values
