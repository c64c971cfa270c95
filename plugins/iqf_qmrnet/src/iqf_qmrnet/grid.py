"""The levels of one head: a modifier's parameter, its values, and the classes they stand for.

``blur:sigma_px=1.0..2.5/50`` becomes a :class:`Head` of 50 levels. The network has one class for
each level and, unless ``ends`` is off, one more on either side: *below* and *above* the range. They
take what lies outside, so that an unmodified image is not read as the first level.

Classes are ordered: 0 is *below*, 1 to N the levels, N + 1 *above* (0 to N - 1 without ends).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import (
    ConfigurationError,
    Grid,
    Specification,
    format_specification,
    parse_specification,
)
from iqf_qmrnet.presets import PRESETS

#: More levels than that are a slip.
MOST_LEVELS = 1000


@dataclass(frozen=True)
class Head:
    """One output of a network: a parameter of a modifier, with its levels.

    Attributes
    ----------
    name
        What outputs are called: a preset's name, or ``<modifier>_<parameter>``.
    modifier
        The modifier's registered name.
    parameter
        The parameter that varies.
    levels
        Its values, strictly increasing, at least two.
    fixed
        The modifier's other parameters, as the user gave them.
    ends
        Whether there are classes for *below* and *above*.
    unit
        Of the parameter, as the modifier declares it.
    integer
        Whether the modifier takes whole numbers only.
    outside
        Parameter values to draw from outside of the range when training, as
        ((low, high) below, (low, high) above); None where there are none. Filled in by
        :func:`iqf_qmrnet.degradation.resolve_head`.
    unmodified
        On which side an unmodified image lies: ``"below"``, ``"above"``, or None when it is one of
        the levels or nothing is known.
    """

    name: str
    modifier: str
    parameter: str
    levels: tuple[float, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    ends: bool = True
    unit: str = ""
    integer: bool = False
    outside: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)
    unmodified: str | None = None

    @property
    def bins(self) -> int:
        """Number of levels, N."""
        return len(self.levels)

    @property
    def classes(self) -> int:
        """Number of logits: N, and two more with ends."""
        return self.bins + 2 * self.ends

    @property
    def low(self) -> float:
        """The first level."""
        return self.levels[0]

    @property
    def high(self) -> float:
        """The last level."""
        return self.levels[-1]

    @property
    def step(self) -> float:
        """Mean distance of neighbouring levels, in the parameter's unit."""
        return (self.high - self.low) / (self.bins - 1)

    @property
    def inner(self) -> slice:
        """The classes that are levels."""
        return slice(1, self.bins + 1) if self.ends else slice(0, self.bins)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Value of every class, shape (classes,); an end stands one step beyond the range."""
        values = np.asarray(self.levels, np.float64)
        if not self.ends:
            return values
        return np.concatenate([[2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]])

    @property
    def edges(self) -> NDArray[np.float64]:
        """Borders of the classes, shape (classes + 1,): midpoints of levels, infinite outside."""
        values = np.asarray(self.levels, np.float64)
        middle = (values[1:] + values[:-1]) / 2
        if self.ends:
            first, last = 2 * values[0] - middle[0], 2 * values[-1] - middle[-1]
            middle = np.concatenate([[first], middle, [last]])
        return np.concatenate([[-np.inf], middle, [np.inf]])

    def label(self, values: NDArray[np.floating] | float) -> NDArray[np.int64]:
        """Return the class of each value: that of the nearest level, or an end.

        Parameters
        ----------
        values
            In the parameter's unit, any shape.
        """
        found = np.searchsorted(self.edges[1:-1], np.asarray(values, np.float64), side="right")
        return np.asarray(found, np.int64)

    def value(self, classes: NDArray[np.integer] | int) -> NDArray[np.float64]:
        """Return the value that each class stands for."""
        found: NDArray[np.float64] = self.centres[np.asarray(classes)]
        return found

    def position(self, values: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """Return values in units of levels: 0 at the first, N - 1 at the last, linear between.

        Beyond the ends it goes on with the outermost steps, so differences of positions are
        errors in bins.
        """
        values = np.asarray(values, np.float64)
        levels = np.asarray(self.levels, np.float64)
        inside = np.interp(values, levels, np.arange(self.bins))
        under = np.minimum(values - levels[0], 0) / (levels[1] - levels[0])
        over = np.maximum(values - levels[-1], 0) / (levels[-1] - levels[-2])
        found: NDArray[np.float64] = inside + under + over
        return found

    @property
    def specification(self) -> str:
        """The head as a specification string, levels in full or as ``lo..hi/n``."""
        values = np.asarray(self.levels)
        text = format_specification(self.modifier, dict(self.fixed))
        if np.allclose(values, np.linspace(self.low, self.high, self.bins), rtol=0, atol=1e-9):
            span = f"{self.parameter}={self.low:.12g}..{self.high:.12g}/{self.bins}"
        else:
            span = f"{self.parameter}=" + "|".join(f"{value:.12g}" for value in values)
        return f"{text}{',' if self.fixed else ':'}{span}"

    def to_json(self) -> dict[str, Any]:
        """Return the head as a JSON value."""
        return {
            "name": self.name,
            "modifier": self.modifier,
            "parameter": self.parameter,
            "levels": list(self.levels),
            "fixed": dict(self.fixed),
            "ends": self.ends,
            "unit": self.unit,
            "integer": self.integer,
            "outside": [None if each is None else list(each) for each in self.outside],
            "unmodified": self.unmodified,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Head:
        """Return the head that :meth:`to_json` described."""
        below, above = (None if each is None else tuple(each) for each in value["outside"])
        fields = {**value, "levels": tuple(value["levels"]), "outside": (below, above)}
        return cls(**fields)


def parse_head(text: str, *, ends: bool = True) -> Head:
    """Read ``modifier:parameter=lo..hi/n[,other=value]``, or a preset's name.

    Parameters
    ----------
    text
        Exactly one parameter has several values; the others are fixed. A preset may have fixed
        parameters added: ``rer:`` is the modifier, ``rer`` the preset.
    ends
        Whether the head has classes for *below* and *above*.

    Raises
    ------
    ConfigurationError
        If it cannot be read; says what was expected. The modifier itself is not looked for here.
    """
    name = text.strip()
    specification = parse_specification(PRESETS.get(name, text))
    grids = [key for key, value in specification.params.items() if isinstance(value, Grid)]
    if not specification.params and name not in PRESETS:
        raise ConfigurationError(
            f"{text!r}: expected a preset ({', '.join(PRESETS)}) or a modifier with a range, "
            "such as blur:sigma_px=1.0..2.5/50"
        )
    if len(grids) != 1:
        raise ConfigurationError(
            f"{text!r}: {len(grids)} parameters have a range; expected exactly one, such as "
            "blur:sigma_px=1.0..2.5/50"
        )
    return _head(text, name if name in PRESETS else "", specification, grids[0], ends)


def _head(text: str, name: str, specification: Specification, parameter: str, ends: bool) -> Head:
    values = specification.params[parameter].values
    if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values):
        raise ConfigurationError(f"{text!r}: the values of {parameter} are not all numbers")
    levels = tuple(float(each) for each in values)
    if len(levels) > MOST_LEVELS:
        raise ConfigurationError(f"{text!r}: {len(levels)} levels; at most {MOST_LEVELS} are taken")
    if any(second <= first for first, second in itertools.pairwise(levels)):
        raise ConfigurationError(
            f"{text!r}: the values of {parameter} must increase, such as {parameter}=1..2/10"
        )
    fixed = {key: value for key, value in specification.params.items() if key != parameter}
    modifier = specification.name
    bare = modifier.partition("@")[0]
    return Head(name or f"{bare}_{parameter}", modifier, parameter, levels, fixed, ends)


def parse_heads(texts: tuple[str, ...] | list[str], *, ends: bool = True) -> tuple[Head, ...]:
    """Read the heads of a network.

    Raises
    ------
    ConfigurationError
        If there is none, one cannot be read, or two have the same name.
    """
    if not texts:
        raise ConfigurationError(
            "no parameter given: say what to learn, such as blur:sigma_px=1.0..2.5/50 or a "
            f"preset ({', '.join(PRESETS)})"
        )
    heads = tuple(parse_head(text, ends=ends) for text in texts)
    names = [head.name for head in heads]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"two parameters are both called {name!r}")
    return heads
