"""Names of folders that IQF makes: short enough for a file system, and never ambiguous."""

from __future__ import annotations

from iqf_core.files import hash_text

#: File systems take 255 bytes; what we put around the name (hidden, partial) needs some of them.
LONGEST_NAME = 200

_HASH_DIGITS = 8


def fitting(name: str) -> str:
    """Return `name`, cut and ended by a hash of the whole where it is too long."""
    return _shortened(name, hash_text(name)) if len(name.encode()) > LONGEST_NAME else name


def with_fingerprint(name: str, fingerprint: str) -> str:
    """Return `name` with the suffix that tells it from a folder of the same name."""
    longest = LONGEST_NAME - _HASH_DIGITS - 1
    if len(name.encode()) > longest:
        return _shortened(name, fingerprint)
    return f"{name}~{fingerprint[:_HASH_DIGITS]}"


def _shortened(name: str, digits: str) -> str:
    kept = name.encode()[: LONGEST_NAME - _HASH_DIGITS - 1].decode(errors="ignore")
    return f"{kept}~{digits[:_HASH_DIGITS]}"
