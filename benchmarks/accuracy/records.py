"""One comparison with the truth, and the table of many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from iqf_core.api import Value

Verdict = Literal["met", "missed", "", "no data"]


@dataclass(frozen=True)
class Record:
    """One case of one row.

    Attributes
    ----------
    row
        Key of the row it belongs to.
    case
        What was measured: system or photograph, seed, noise.
    truth, value
        In the quantity's own unit; the value is None where none was given.
    error
        (value - truth) / truth, or value - truth in rows of absolute errors.
    held
        Whether the 68 % interval holds the truth; None where there is no interval.
    """

    row: str
    case: str
    truth: float | None
    value: float | None
    error: float | None
    held: bool | None = None


def compare(row: str, case: str, value: Value, truth: float, absolute: bool = False) -> Record:
    """Return the record of a measured value with a known truth."""
    number = number_of(value)
    if number is None:
        return Record(row, case, truth, None, None)
    held = None
    if value.low is not None and value.high is not None:
        held = bool(value.low <= truth <= value.high)
    return Record(row, case, truth, number, (number - truth) / (1 if absolute else truth), held)


def absent(row: str, case: str, value: Value) -> Record:
    """Return the record of a value that must not be there."""
    return Record(row, case, None, number_of(value), None)


def number_of(value: Value) -> float | None:
    """Return the one number of a value that is no curve, None where there is none."""
    if isinstance(value.value, tuple):
        raise TypeError("a curve is no number")
    return None if value.value is None else float(value.value)


@dataclass(frozen=True)
class Row:
    """A row of the table: what it is, and its goals as shares (None: none is set).

    `kind` says what counts: ``error`` (relative), ``absolute``, ``false`` (values where none may
    be), ``coverage`` (intervals that hold the truth) or ``cost`` (`value` is the cost itself).
    """

    key: str
    label: str
    kind: Literal["error", "absolute", "false", "coverage", "cost"] = "error"
    median: float | None = None
    p90: float | None = None
    no_value: float | None = None
    false_value: float | None = None
    coverage: tuple[float, float] | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What the records of a row come to; None where the row's kind has no such number."""

    row: Row
    cases: int
    median: float | None = None
    p90: float | None = None
    bias: float | None = None
    no_value: float | None = None
    false_value: float | None = None
    coverage: float | None = None
    cost: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Say whether every goal of the row is met."""
        if not self.cases:
            return "no data"
        names = ("median", "p90", "no_value", "false_value", "cost")
        goals = [(getattr(self, name), getattr(self.row, name)) for name in names]
        checks = [found is not None and found <= goal for found, goal in goals if goal is not None]
        if self.row.coverage is not None:
            low, high = self.row.coverage
            checks.append(self.coverage is not None and low <= self.coverage <= high)
        if not checks:
            return ""
        return "met" if all(checks) else "missed"


def outcome(row: Row, records: Sequence[Record]) -> Outcome:
    """Return the numbers of one row."""
    mine = [record for record in records if record.row == row.key]
    count = len(mine)
    if not count:
        return Outcome(row, 0)
    if row.kind == "false":
        share = sum(record.value is not None for record in mine) / count
        return Outcome(row, count, false_value=share)
    if row.kind == "cost":
        return Outcome(row, count, cost=max(record.value or math.inf for record in mine))
    held = [record.held for record in mine if record.held is not None]
    coverage = sum(held) / len(held) if held else None
    if row.kind == "coverage":
        return Outcome(row, len(held), coverage=coverage)
    errors = [record.error for record in mine if record.error is not None]
    no_value = 1 - len(errors) / count
    if not errors:
        return Outcome(row, count, no_value=no_value)
    sizes = np.abs(errors)
    return Outcome(
        row,
        count,
        float(np.median(sizes)),
        float(np.percentile(sizes, 90)),
        median(errors),
        no_value,
        coverage=coverage,
    )


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as text, each number with its goal in brackets."""
    heads = ("median", "90th", "bias", "no value", "false", "68 % holds", "cost")
    lines = [f"{'':47}{'cases':>6}" + "".join(f"{head:>15}" for head in heads) + "  goal"]
    for each in outcomes:
        row = each.row
        absolute = row.kind == "absolute"
        cells = [
            _cell(each.median, row.median, absolute),
            _cell(each.p90, row.p90, absolute),
            _cell(each.bias, None, absolute, signed=True),
            _cell(each.no_value, row.no_value),
            _cell(each.false_value, row.false_value),
            _range(each.coverage, row.coverage),
            _plain(each.cost, row.cost),
        ]
        cells = [f"{cell:>15}" for cell in cells]
        lines.append(f"{row.label:47}{each.cases:>6}" + "".join(cells) + f"  {each.verdict}")
    return "\n".join(line.rstrip() for line in lines)


def _cell(
    value: float | None, goal: float | None, absolute: bool = False, signed: bool = False
) -> str:
    if value is None:
        return ""
    sign = "+" if signed else ""
    text = f"{value:{sign}.4f}" if absolute else f"{100 * value:{sign}.2f}"
    if goal is None:
        return text
    return f"{text} ({goal:g})" if absolute else f"{text} ({100 * goal:g})"


def _range(value: float | None, goal: tuple[float, float] | None) -> str:
    if value is None:
        return ""
    text = f"{100 * value:.0f}"
    return text if goal is None else f"{text} ({100 * goal[0]:.0f}-{100 * goal[1]:.0f})"


def _plain(value: float | None, goal: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if goal is None else f"{value:.3g} ({goal:g})"
