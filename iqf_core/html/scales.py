"""Axes of charts: from values to pixels, with round numbers to write at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_TICKS = 7


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic axis.

    Attributes
    ----------
    low, high
        The values at its ends.
    start, end
        The pixels of its ends.
    ticks
        (value, text) pairs.
    log
        Whether it is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def __call__(self, value: float | str) -> float:
        """Return the pixel of a value."""
        number = float(value)
        if self.log:
            share = math.log(number / self.low) / math.log(self.high / self.low)
        else:
            share = (number - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class CategoryScale:
    """Names side by side.

    Attributes
    ----------
    names
        The names in order.
    start, end
        The pixels of its ends.
    crowded
        Whether the names need to stand aslant.
    """

    names: tuple[str, ...]
    start: float
    end: float
    crowded: bool = False

    @property
    def ticks(self) -> tuple[tuple[str, str], ...]:
        """(name, text) pairs."""
        return tuple((name, name if len(name) < 26 else f"{name[:24]}…") for name in self.names)

    def __call__(self, value: float | str) -> float:
        """Return the pixel of the middle of a name's place."""
        place = self.names.index(str(value))
        return self.start + (place + 0.5) / len(self.names) * (self.end - self.start)


def make_scale(
    values: Sequence[float],
    start: float,
    end: float,
    *,
    log: bool = False,
    ticks: Sequence[float] | None = None,
    air: float = 0.0,
) -> Scale:
    """Return an axis that shows all of `values`.

    Parameters
    ----------
    values
        What it has to show; none gives an axis from 0 to 1.
    start, end
        The pixels of its ends.
    log
        Whether it is logarithmic; all values must be positive.
    ticks
        Where numbers stand; default round ones.
    air
        Share of the range that is left free at both ends.

    Raises
    ------
    ValueError
        If a logarithmic axis is asked for values that are not positive.
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if log:
        if low <= 0:
            raise ValueError(f"a logarithmic axis has no place for {low}")
        ratio = (high / low) ** max(air, 0.0) if high > low else 2.0
        low, high = low / ratio, high * ratio
        places = list(ticks) if ticks is not None else _log_ticks(low, high)
    else:
        span = high - low or abs(high) or 1.0
        if high == low:
            low, high = low - span / 2, high + span / 2
        else:
            low, high = low - air * span, high + air * span
        places = list(ticks) if ticks is not None else nice_ticks(low, high)
    step = math.ceil(len(places) / _MOST_TICKS) or 1
    within = [place for place in places[::step] if low <= place <= high]
    return Scale(low, high, start, end, tuple((place, _text(place)) for place in within), log)


def nice_ticks(low: float, high: float) -> list[float]:
    """Return at most seven multiples of 1, 2 or 5 times a power of ten from `low` to `high`."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low < 1000 else (1,)
    found = [factor * 10.0**decade for decade in decades for factor in factors]
    return [value for value in found if low <= value <= high]


def _text(value: float) -> str:
    """Return a tick's number, short: ``20k``, ``0.05``, ``3e-07``."""
    if abs(value) >= 1e4:
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
