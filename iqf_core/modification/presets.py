"""Presets: chains with a name, from plugins, a study, or a YAML file.

A plugin declares presets with the hook ``iqf_presets``; the target of each is a sequence of
specification strings. A user writes a mapping of names to chains, in a file of its own or under
the key ``presets`` of a study::

    old_camera: [{mtf: {sigma_x_px: 0.6, sigma_y_px: 0.7}}, "shot_noise:a=0.2,b=4"]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.specification import (
    Specification,
    chain_nodes,
    parse_specification,
    specification_from_yaml,
)
from iqf_core.errors import ConfigurationError, PluginError, Problem

if TYPE_CHECKING:
    from iqf_core.plugins.registry import Registry
    from iqf_core.yaml12 import Place, YamlDocument

Presets = Mapping[str, Sequence[Specification]]

_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: Presets may be made of presets, this deep: more is a circle.
_DEEPEST = 16


def expand_presets(
    specifications: Sequence[Specification], registry: Registry, presets: Presets | None = None
) -> list[Specification]:
    """Replace every preset among `specifications` by its chain.

    Parameters
    ----------
    specifications
        Modifiers and presets.
    registry
        Where the plugins' presets are found.
    presets
        The user's own; they go before the plugins'.

    Raises
    ------
    ConfigurationError
        If a preset is given parameters, has a modifier's name, or is made of itself.
    PluginError
        If a plugin's preset cannot be loaded.
    """
    return _expanded(specifications, registry, presets or {}, 0)


def _expanded(
    specifications: Sequence[Specification], registry: Registry, presets: Presets, depth: int
) -> list[Specification]:
    links: list[Specification] = []
    for specification in specifications:
        name = specification.name
        own = name in presets
        if not own and not registry.find(name, "preset"):
            links.append(specification)
            continue
        if registry.find(name, "modifier"):
            raise ConfigurationError(
                f"{name!r} is a modifier and a preset: "
                + ("give the preset another name" if own else f"write {_qualified(name, registry)}")
            )
        if specification.params:
            raise ConfigurationError(
                f"{specification}: {name!r} is a preset, which takes no parameters"
            )
        if depth == _DEEPEST:
            raise ConfigurationError(f"the preset {name!r} is made of itself")
        chain = presets[name] if own else load_preset(name, registry)
        links += _expanded(chain, registry, presets, depth + 1)
    return links


def _qualified(name: str, registry: Registry) -> str:
    found = [*registry.find(name, "modifier"), *registry.find(name, "preset")]
    return " or ".join(f"{entry.qualified_name} ({entry.kind})" for entry in found)


def load_preset(name: str, registry: Registry) -> list[Specification]:
    """Return the chain of a plugin's preset.

    Raises
    ------
    PluginError
        If it is unknown, ambiguous, cannot be imported, or is no sequence of specifications.
    """
    chain: Any = registry.load("preset", name)
    where = f"preset {name!r} ({registry.entry('preset', name).distribution})"
    if isinstance(chain, str) or not isinstance(chain, Sequence) or not chain:
        raise PluginError(f"{where}: its target is no sequence of specification strings")
    try:
        return [parse_specification(str(text)) for text in chain]
    except ConfigurationError as error:
        raise PluginError(f"{where}: {error}") from None


def presets_from_yaml(
    document: YamlDocument, place: Place = ()
) -> dict[str, tuple[Specification, ...]]:
    """Read the mapping of names to chains at `place` of a YAML document.

    Raises
    ------
    ConfigurationError
        With every mistake in it.
    """
    node = document.data
    for part in place:
        node = node[part]
    if not isinstance(node, Mapping):
        problem = "expected names with a chain each, such as hazy: [haze:transmission=0.7]"
        raise ConfigurationError([Problem(document.where(place), problem)])
    problems: list[Problem] = []
    presets: dict[str, tuple[Specification, ...]] = {}
    for name, entry in node.items():
        here = (*place, str(name))
        where = document.where(here)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            problems.append(Problem(where, "a preset's name is lower-case snake_case"))
            continue
        nodes = chain_nodes(entry) if entry else []
        if not nodes:
            problems.append(Problem(where, "an empty chain"))
        links = []
        for each in nodes:
            try:
                links.append(specification_from_yaml(each, where))
            except ConfigurationError as error:
                problems += error.problems
        presets[name] = tuple(links)
    if problems:
        raise ConfigurationError(problems)
    return presets


def read_presets(path: Path) -> dict[str, tuple[Specification, ...]]:
    """Read a YAML file of presets, or those of a study file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, with every mistake in it.
    """
    from iqf_core.yaml12 import load_yaml

    document = load_yaml(path)
    nested = isinstance(document.data, Mapping) and "presets" in document.data
    return presets_from_yaml(document, ("presets",) if nested else ())
