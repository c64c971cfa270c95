"""Durations as people write them: ``90s``, ``10m``, ``1h30m``."""

from __future__ import annotations

import re

_PARTS = re.compile(
    r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s?)?"
)


def parse_duration(value: object) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    value
        A number of seconds, or text such as ``90s``, ``10m``, ``1h30m``, ``2d``.

    Raises
    ------
    ValueError
        If it is neither, or not positive.
    """
    seconds = 0.0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and value and (match := _PARTS.fullmatch(value.strip())):
        days, hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if not 0 < seconds < float("inf"):
        raise ValueError(f"expected a duration such as 90s, 10m or 1h30m, got {value!r}")
    return seconds


def format_duration(seconds: float) -> str:
    """Return a duration for people: ``0.8 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
