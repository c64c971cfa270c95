"""Level 2 for everything: what ``iqf plugins check`` finds."""

from __future__ import annotations

from typing import NamedTuple

from iqf_core.errors import PluginError
from iqf_core.plugins.manager import PluginManager


class PluginProblem(NamedTuple):
    """One thing that does not work: what, and why."""

    subject: str
    cause: str


def check_plugins(manager: PluginManager) -> list[PluginProblem]:
    """Import every plugin, resolve every target, and return what fails.

    A disabled plugin is no problem; a component name claimed by several distributions is one.
    """
    registry = manager.registry
    problems = [
        PluginProblem(f"plugin {plugin.name!r} ({plugin.distribution})", plugin.reason)
        for plugin in manager.plugins
        if plugin.state in ("broken", "incompatible")
    ]
    for entry in registry.entries():
        claimants = {other.distribution for other in registry.find(entry.name, entry.kind)}
        if len(claimants) > 1:
            subject = f"{entry.kind} {entry.name!r} ({entry.distribution})"
            others = ", ".join(sorted(claimants - {entry.distribution}))
            problems.append(PluginProblem(subject, f"also brought by {others}"))
        try:
            registry.load(entry.kind, entry.qualified_name)
        except PluginError as error:
            problems.append(PluginProblem(f"{entry.kind} {entry.name!r}", str(error)))
    return problems
