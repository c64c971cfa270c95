"""YAML files read as YAML 1.2 says, with the line of every value, and duplicate keys refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from iqf_core.components.scalars import BOOLEAN, FLOAT, INTEGER, NULL, parse_float, parse_integer
from iqf_core.errors import ConfigurationError, Problem

Place = tuple[str | int, ...]

#: A document of more nodes than this is refused (aliases can blow up a small file).
_MOST_NODES = 200_000

_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True)
class YamlDocument:
    """A parsed YAML file.

    Attributes
    ----------
    data
        Dictionaries, lists and scalars.
    name
        What messages call the file.
    lines
        Line number of every value, by its path of keys and indices.
    """

    data: Any
    name: str = ""
    lines: Mapping[Place, int] = field(default_factory=dict)

    def where(self, place: Place = ()) -> str:
        """Return ``study.yaml:12: modifiers[1].blur`` for a place in the document."""
        line: int | None = None
        for length in range(len(place), -1, -1):
            line = self.lines.get(place[:length])
            if line is not None:
                break
        start = self.name if line is None else f"{self.name}:{line}"
        return ": ".join(part for part in (start, format_place(place)) if part)


def format_place(place: Place) -> str:
    """Return ``modifiers[1].blur`` for a path of keys and indices."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


class _Loader(yaml.SafeLoader):
    """A safe loader whose implicit types are those of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute


for _tag, _pattern in (("null", NULL), ("bool", BOOLEAN), ("int", INTEGER), ("float", FLOAT)):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern.pattern})$"), None
    )


def parse_yaml(text: str, name: str) -> YamlDocument:
    """Parse one YAML document.

    Parameters
    ----------
    text
        The document.
    name
        What messages call it.

    Raises
    ------
    ConfigurationError
        If it is no YAML, has a duplicate key, or uses tags other than the core schema's.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = name if mark is None else f"{name}:{mark.line + 1}"
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigurationError([Problem(where, f"not valid YAML: {reason}")]) from None
    reader = _Reader(name)
    data = reader.read(node, ()) if node is not None else None
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return YamlDocument(data, name, reader.lines)


def load_yaml(path: Path) -> YamlDocument:
    """Read and parse the YAML file at `path`.

    Raises
    ------
    ConfigurationError
        If it cannot be read or parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from None
    return parse_yaml(text, path.name)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._open: set[int] = set()

    def read(self, node: Any, place: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self._nodes += 1
        if self._nodes > _MOST_NODES or id(node) in self._open:
            raise ConfigurationError(
                [Problem(f"{self.name}:{line}", "too many values, or an alias within itself")]
            )
        self._open.add(id(node))
        try:
            if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
                self._refuse(node, line)
                return None
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*place, n)) for n, item in enumerate(node.value)]
            return self._scalar(node, line)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Any, place: Place) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.read(key_node, place) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, float):
                key = str(key)
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                self.problems.append(Problem(f"{self.name}:{line}", "this key is no plain word"))
                continue
            if key in result:
                self.problems.append(
                    Problem(f"{self.name}:{line}", f"the key {key!r} is given twice")
                )
                continue
            self.lines[(*place, key)] = line
            result[key] = self.read(value_node, (*place, key))
        return result

    def _scalar(self, node: Any, line: int) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = node.value
        if kind == "str":
            return text
        if kind == "null" and NULL.fullmatch(text):
            return None
        if kind == "bool" and BOOLEAN.fullmatch(text):
            return text.lower() == "true"
        if kind == "int" and INTEGER.fullmatch(text):
            return parse_integer(text)
        if kind == "float" and (FLOAT.fullmatch(text) or INTEGER.fullmatch(text)):
            return parse_float(text)
        self._refuse(node, line)
        return None

    def _refuse(self, node: Any, line: int) -> None:
        self.problems.append(Problem(f"{self.name}:{line}", f"cannot be read as {node.tag}"))
