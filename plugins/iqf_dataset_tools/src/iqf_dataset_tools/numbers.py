"""Judging values that others wrote."""

from __future__ import annotations

import math
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value is a number, NaN included."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value is an integer, spelled as a number."""
    return is_number(value) and math.isfinite(value) and float(value).is_integer()


def is_side(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value is a length in whole pixels."""
    return is_whole(value) and 0 < value <= 10_000_000


def finite(values: list[Any]) -> bool:
    """Return whether all numbers are finite and of sane size."""
    return all(-1e9 <= value <= 1e9 for value in values)


def short(value: Any) -> str:
    """Return the value as text, cut."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
