"""Specification strings: a component with parameters, spelled the same everywhere.

``jpeg:quality=70,subsampling=420`` names a component and its parameters; ``a|b|c`` and ``lo..hi/n``
(n evenly spaced values) make grids; a value with ``, | = : ' "`` in it is quoted. In YAML the same
is a mapping, ``jpeg: {quality: [10, 30], subsampling: 420}``, where a list is a grid and
``{value: […]}`` passes a list as it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from iqf_core.components.scalars import FLOAT, INTEGER, format_number, parse_float, parse_scalar
from iqf_core.errors import ConfigurationError, Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*(@[A-Za-z0-9][\w.:-]*)?")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RANGE = re.compile(rf"(?P<low>{FLOAT.pattern})\.\.(?P<high>{FLOAT.pattern})/(?P<count>[0-9]+)")
_SPECIAL = re.compile(r"[,|=:'\"\s]|\.\.")

#: The most points that one grid may have: more is a slip, not a study.
MOST_POINTS = 100_000


@dataclass(frozen=True)
class Grid:
    """Several values for one parameter."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Specification:
    """A component's name and parameters, before validation.

    Attributes
    ----------
    name
        Component name, perhaps qualified (``name@distribution``).
    params
        Parameter values; a :class:`Grid` stands for several.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def expand(self) -> list[Specification]:
        """Return one specification for each point of the grid, the last parameter fastest."""
        axes = [
            value.values if isinstance(value, Grid) else (value,) for value in self.params.values()
        ]
        count = 1
        for axis in axes:
            count *= len(axis)
        if count > MOST_POINTS:
            raise ConfigurationError(
                f"{self.name}: the grid has {count} points; at most {MOST_POINTS} are taken"
            )
        return [
            Specification(self.name, dict(zip(self.params, point, strict=True)))
            for point in itertools.product(*axes)
        ]

    @property
    def is_grid(self) -> bool:
        """Whether any parameter has several values."""
        return any(isinstance(value, Grid) for value in self.params.values())

    def __str__(self) -> str:
        return format_specification(self.name, self.params)


def parse_specification(text: str) -> Specification:
    """Parse a specification string.

    Raises
    ------
    ConfigurationError
        With the string and the place in it that cannot be read.
    """
    name, separator, rest = text.strip().partition(":")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{text!r}: {name!r} is no component name; expected lower-case snake_case, "
            "such as gaussian_noise:sigma_dn=8"
        )
    if separator and not rest.strip():
        raise ConfigurationError(f"{text!r}: parameters expected after the colon")
    params: dict[str, Any] = {}
    for piece in _split(rest, ",", text) if rest.strip() else ():
        key, equals, value = piece.partition("=")
        key = key.strip()
        if not equals or not _KEY.fullmatch(key):
            raise ConfigurationError(f"{text!r}: {piece.strip()!r} is not parameter=value")
        if key in params:
            raise ConfigurationError(f"{text!r}: parameter {key!r} is given twice")
        params[key] = _value(value.strip(), text)
    return Specification(name, params)


def _value(text: str, whole: str) -> Any:
    alternatives = _split(text, "|", whole)
    if len(alternatives) > 1:
        return Grid(tuple(_atom(part.strip(), whole) for part in alternatives))
    span = _RANGE.fullmatch(text)
    return _range(span, whole) if span else _atom(text, whole)


def _range(span: re.Match[str], whole: str) -> Grid:
    low, high, count = parse_float(span["low"]), parse_float(span["high"]), int(span["count"])
    if not 2 <= count <= MOST_POINTS:
        raise ConfigurationError(
            f"{whole!r}: {span[0]!r} asks for {count} values; expected 2 to {MOST_POINTS}"
        )
    step = (high - low) / (count - 1)
    values = [low + step * index for index in range(count - 1)] + [high]
    values = [float(f"{value:.12g}") for value in values]
    whole_numbers = INTEGER.fullmatch(span["low"]) and INTEGER.fullmatch(span["high"])
    if whole_numbers and all(value.is_integer() for value in values):
        return Grid(tuple(int(value) for value in values))
    return Grid(tuple(values))


def _atom(text: str, whole: str) -> Any:
    if text[:1] in ("'", '"'):
        if len(text) < 2 or text[-1] != text[0]:
            raise ConfigurationError(f"{whole!r}: the quote in {text!r} is not closed")
        return text[1:-1]
    if not text:
        raise ConfigurationError(f"{whole!r}: a value is missing; write '' for an empty text")
    return parse_scalar(text)


def _split(text: str, separator: str, whole: str) -> list[str]:
    """Split at `separator` outside quotes."""
    pieces, start, quote = [], 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and (position == 0 or text[position - 1] in ",|="):
            quote = character
        elif character == separator:
            pieces.append(text[start:position])
            start = position + 1
    if quote:
        raise ConfigurationError(f"{whole!r}: a quote {quote} is not closed")
    return [*pieces, text[start:]]


def format_specification(name: str, params: Mapping[str, Any]) -> str:
    """Return the specification string of a component; it parses back to the same."""
    if not params:
        return name
    return f"{name}:" + ",".join(f"{key}={_format(value)}" for key, value in params.items())


def _format(value: Any) -> str:
    if isinstance(value, Grid):
        return "|".join(_format(item) for item in value.values)
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return format_number(value)
    text = str(value)
    if _SPECIAL.search(text) or parse_scalar(text) != text:
        quote = "'" if "'" not in text else '"'
        return f"{quote}{text}{quote}"
    return text


def specification_from_yaml(node: Any, where: str) -> Specification:
    """Read one component from a YAML node: a specification string or a mapping of one key.

    Parameters
    ----------
    node
        ``"blur:sigma_px=1"``, ``{"blur": {"sigma_px": [0.5, 1]}}`` or ``{"none": None}``.
    where
        Its place, for messages.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    if isinstance(node, str):
        try:
            return parse_specification(node)
        except ConfigurationError as error:
            raise ConfigurationError([Problem(where, str(error))]) from None
    if node is None:
        return Specification("none")
    if not isinstance(node, Mapping) or len(node) != 1:
        raise ConfigurationError(
            [
                Problem(
                    where, f"expected one component such as blur: {{sigma_px: 1.5}}, got {node!r}"
                )
            ]
        )
    ((name, params),) = node.items()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError([Problem(where, f"{name!r} is no component name")])
    if params is None:
        return Specification(name)
    if not isinstance(params, Mapping):
        raise ConfigurationError(
            [Problem(f"{where}.{name}", f"expected parameters as a mapping, got {params!r}")]
        )
    bad = [key for key in params if not isinstance(key, str)]
    if bad:
        raise ConfigurationError([Problem(f"{where}.{name}", f"{bad[0]!r} is no parameter name")])
    return Specification(name, {key: grid_value(value) for key, value in params.items()})


def chain_nodes(entry: Any) -> list[Any]:
    """Return the YAML nodes of a chain's links: of a list, a mapping of several, or one alone."""
    if isinstance(entry, list):
        return [node for item in entry for node in chain_nodes(item)]
    if isinstance(entry, Mapping) and len(entry) > 1:
        return [{name: params} for name, params in entry.items()]
    return [entry]


def grid_value(value: Any) -> Any:
    """Read a YAML value: a list becomes a :class:`Grid`, ``{value: x}`` becomes x unexpanded."""
    if isinstance(value, list):
        return Grid(tuple(value))
    if isinstance(value, Mapping) and set(value) == {"value"}:
        return value["value"]
    return value


def expand_chain(links: Iterable[Specification]) -> list[tuple[Specification, ...]]:
    """Return every combination of the links' grids, as chains."""
    return list(itertools.product(*(link.expand() for link in links)))
