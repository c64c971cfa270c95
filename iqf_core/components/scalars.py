"""Scalars as YAML 1.2's core schema reads them, for specification strings and study files.

``1e-3`` is a number, ``012`` is twelve, ``1:30``, ``yes`` and ``off`` are words.
"""

from __future__ import annotations

import re

NULL = re.compile(r"~|null|Null|NULL|")
BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)

Scalar = str | int | float | bool | None


def parse_integer(text: str) -> int:
    """Return the integer that `text` spells (decimal, ``0o…`` or ``0x…``)."""
    if text.startswith("0o"):
        return int(text[2:], 8)
    if text.startswith("0x"):
        return int(text[2:], 16)
    return int(text)


def parse_float(text: str) -> float:
    """Return the number that `text` spells, ``.inf`` and ``.nan`` included."""
    if text.lstrip("+-").lower() in (".inf", ".nan"):
        return float(text.replace(".", "", 1))
    return float(text)


def parse_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    if NULL.fullmatch(text):
        return None
    if BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if INTEGER.fullmatch(text):
        return parse_integer(text)
    if FLOAT.fullmatch(text):
        return parse_float(text)
    return text


def format_number(value: float) -> str:
    """Return the shortest spelling of a number that reads back as the same value."""
    if isinstance(value, int):
        return str(value)
    if value == int(value) if abs(value) < 1e15 else False:
        return str(int(value))
    return repr(value)
