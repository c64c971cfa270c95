"""Recognising a JSON file by its top-level keys, without parsing it."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

# A string that never ends reaches to the end of the file: without that, looking for its end again
# from every escaped quote would take quadratic time.
_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_TOKEN = re.compile(_STRING + rb"|[\[\]{}:]|[^\s,]", re.DOTALL)
#: Below the top level only brackets outside of strings matter; a flat object or list is one step.
_DEEP = re.compile(
    rb"\{(?:[^\"{}\[\]]++|%b)*+\}|\[(?:[^\"{}\[\]]++|%b)*+\]|%b|[\[\]{}]"
    % (_STRING, _STRING, _STRING),
    re.DOTALL,
)


def json_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files directly in `folder` with one of `suffixes`, sorted, hidden ones left out.

    `suffixes` are in lower case; files are matched in either case.
    """
    import os

    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.lower().endswith(suffixes)
                and not entry.name.startswith(".")
                and entry.is_file()
            ]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def mentions(path: Path, *texts: str) -> bool:
    """Return whether the file contains each of `texts`, anywhere; False when unreadable."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return all(data.find(text.encode()) >= 0 for text in texts)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return False


def top_level(path: Path) -> Iterator[tuple[str, str]]:
    """Iterate the top-level members of the JSON object in the file, in their order.

    Yields
    ------
    key, value
        The value as its text when it is a string, ``"["`` or ``"{"`` for a list or an object, and
        its first character for anything else. Nothing when the file holds no object. The file is
        read only as far as members are asked for.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _members(data)
    except (OSError, ValueError):
        return


def _members(data: mmap.mmap) -> Iterator[tuple[str, str]]:
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    depth = 0
    position = start
    key: str | None = None
    expects_value = False
    while True:
        match = (_TOKEN if depth < 2 else _DEEP).search(data, position)
        if match is None:
            return
        position = match.end()
        token = match[0]
        if depth == 0:
            if token != b"{":
                return
            depth = 1
        elif depth == 1 and expects_value and token != b":":
            expects_value = False
            if token in (b"{", b"["):
                depth = 2
            if key is not None:
                yield key, _text(token)
        elif depth == 1:
            if token == b"}":
                return
            if token == b":":
                expects_value = True
            elif token[:1] == b'"':
                key = _text(token)
        elif token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1


def _text(token: bytes) -> str:
    if token[:1] != b'"':
        return token.decode("latin-1")
    try:
        return str(json.loads(token))
    except ValueError:
        return ""
