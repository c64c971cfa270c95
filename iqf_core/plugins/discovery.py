"""Level 0: which plugins are installed, from metadata alone; no plugin is imported."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from iqf_core import __version__

GROUP = "iqf.plugins"
CORE = "iqf-core"

State = Literal["discovered", "disabled", "incompatible", "loaded", "broken"]


@dataclass
class Plugin:
    """One installed plugin and what is known of it.

    Attributes
    ----------
    name
        The entry point's name.
    module
        The light module it points to.
    distribution, version, summary
        From the metadata of the distribution that brings it.
    state
        ``discovered``, ``disabled``, ``incompatible``, ``loaded`` or ``broken``.
    reason
        Why it is disabled, incompatible or broken.
    entry_point
        The entry point itself; None for a plugin file.
    """

    name: str
    module: str
    distribution: str
    version: str
    summary: str = ""
    state: State = "discovered"
    reason: str = ""
    entry_point: importlib.metadata.EntryPoint | None = field(default=None, repr=False)

    @property
    def usable(self) -> bool:
        """Whether its components can be asked for."""
        return self.state in ("discovered", "loaded")


@dataclass(frozen=True)
class Selection:
    """Which plugins the user wants.

    Attributes
    ----------
    disabled
        Names of plugins never to import.
    only
        When not None, the only plugins to use.
    """

    disabled: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Selection:
        """Read ``IQF_DISABLE_PLUGINS`` and ``IQF_LOAD_PLUGINS`` (comma-separated names)."""
        load = environment.get("IQF_LOAD_PLUGINS")
        return cls(
            disabled=_names(environment.get("IQF_DISABLE_PLUGINS", "")),
            only=None if load is None else _names(load),
        )

    def refuses(self, name: str) -> str:
        """Return why `name` is not wanted, or an empty string."""
        if name in self.disabled:
            return "named in IQF_DISABLE_PLUGINS"
        if self.only is not None and name not in self.only:
            return "not named in IQF_LOAD_PLUGINS" if self.only else "plugins are switched off"
        return ""


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def installed_entry_points() -> Iterable[importlib.metadata.EntryPoint]:
    """Return the entry points of the group ``iqf.plugins``."""
    return importlib.metadata.entry_points(group=GROUP)


def discover(
    entry_points: Iterable[importlib.metadata.EntryPoint], selection: Selection
) -> list[Plugin]:
    """Describe every plugin from its metadata, sorted by name.

    Parameters
    ----------
    entry_points
        The entry points of the group.
    selection
        What the user switched off.

    Returns
    -------
    list of Plugin
        In states ``discovered``, ``disabled``, ``incompatible`` (its ``Requires-Dist`` does not
        admit this core) or ``broken`` (a second plugin of the same name).
    """
    plugins: list[Plugin] = []
    seen: dict[str, Plugin] = {}
    for entry_point in sorted(entry_points, key=lambda item: (item.name, item.value)):
        plugin = _describe(entry_point)
        earlier = seen.setdefault(plugin.name, plugin)
        if earlier is not plugin:
            if (earlier.distribution, earlier.module) == (plugin.distribution, plugin.module):
                continue  # the same distribution found twice on the path
            reason = (
                f"two distributions bring a plugin named {plugin.name!r}: "
                f"{earlier.distribution} and {plugin.distribution}; uninstall one"
            )
            earlier.state = plugin.state = "broken"
            earlier.reason = plugin.reason = reason
        plugins.append(plugin)
    for plugin in plugins:
        refused = selection.refuses(plugin.name)
        if refused:
            plugin.state, plugin.reason = "disabled", refused
        elif plugin.state == "discovered":
            excluded = _excluding_requirement(plugin)
            if excluded:
                plugin.state, plugin.reason = "incompatible", excluded
    return plugins


def _describe(entry_point: importlib.metadata.EntryPoint) -> Plugin:
    distribution = entry_point.dist
    metadata: Any = distribution.metadata if distribution is not None else {}
    return Plugin(
        name=entry_point.name,
        module=entry_point.value,
        distribution=metadata.get("Name") or "unknown",
        version=metadata.get("Version") or "unknown",
        summary=metadata.get("Summary") or "",
        entry_point=entry_point,
    )


def _excluding_requirement(plugin: Plugin) -> str:
    """Return the requirement on the core that this core does not meet, or an empty string."""
    distribution = plugin.entry_point.dist if plugin.entry_point is not None else None
    lines = [
        line
        for line in (distribution.requires if distribution is not None else None) or ()
        if line.lower().replace("_", "-").startswith(CORE)
    ]
    if not lines:
        return ""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            return f"its metadata has a requirement that cannot be read: {line!r}"
        if canonicalize_name(requirement.name) != CORE:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            return f"requires {line}, this is {CORE} {__version__}"
    return ""
