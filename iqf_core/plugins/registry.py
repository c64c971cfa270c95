"""The registry: which component, from which plugin, under which name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iqf_core.errors import PluginError, UnknownComponentError, nearest
from iqf_core.hookspecs import KINDS
from iqf_core.plugin import Component

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.plugins.discovery import Plugin


#: Kinds whose targets are no component classes: click commands, and data.
NOT_CLASSES = ("command", "preset")


@dataclass(frozen=True)
class Entry:
    """A registered component and its owner.

    Attributes
    ----------
    kind
        ``modifier``, ``metric``, ``loss``, ``trainer``, ``executor``, ``format``, ``preset`` or
        ``command``.
    component
        Its declaration.
    plugin, distribution
        Who brings it.
    """

    kind: str
    component: Component
    plugin: str
    distribution: str

    @property
    def name(self) -> str:
        """Its name within its kind."""
        return self.component.name

    @property
    def qualified_name(self) -> str:
        """``name@distribution``, which is never ambiguous."""
        return f"{self.component.name}@{self.distribution}"

    def source_hash(self) -> str:
        """Return the content hash of the local file that holds it, empty for one of a plugin."""
        if not self.distribution.startswith("file:"):
            return ""
        import inspect
        from pathlib import Path

        from iqf_core.files import content_hash

        return content_hash(Path(inspect.getfile(self.load())))

    def load(self) -> Any:
        """Import and return the target.

        Raises
        ------
        PluginError
            If the target cannot be imported; names plugin, distribution and cause.
        """
        module_name, _, attribute = self.component.target.partition(":")
        try:
            target: Any = importlib.import_module(module_name)
            for part in attribute.split("."):
                target = getattr(target, part)
        except Exception as error:
            raise PluginError(
                f"{self.kind} {self.name!r} of plugin {self.plugin!r} ({self.distribution}) cannot "
                f"be loaded from {self.component.target!r}: {type(error).__name__}: {error}"
            ) from error
        return target


@dataclass
class Registry:
    """Every component of every loaded plugin, by kind and name.

    Attributes
    ----------
    unusable
        Plugins that could not be used; messages about missing components mention them.
    """

    unusable: list[Plugin] = field(default_factory=list)
    _entries: dict[str, dict[str, list[Entry]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )

    def add(self, kind: str, component: Component, plugin: str, distribution: str) -> Entry:
        """Register `component` under its name and its aliases."""
        entry = Entry(kind, component, plugin, distribution)
        for name in (component.name, *component.aliases):
            self._entries[kind].setdefault(name, []).append(entry)
        return entry

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return all entries, or those of one kind, sorted by kind and name."""
        kinds = KINDS if kind is None else (self._kind(kind),)
        return [
            entry
            for each in kinds
            for name in sorted(self._entries[each])
            for entry in self._entries[each][name]
            if entry.name == name
        ]

    def find(self, name: str, kind: str | None = None) -> list[Entry]:
        """Return every entry that answers to `name` (bare, alias or ``name@distribution``)."""
        bare, _, distribution = name.partition("@")
        kinds = KINDS if kind is None else (self._kind(kind),)
        return [
            entry
            for each in kinds
            for entry in self._entries[each].get(bare, ())
            if not distribution or _same_distribution(entry.distribution, distribution)
        ]

    def entry(self, kind: str, name: str) -> Entry:
        """Return the one entry of `kind` that answers to `name`.

        Raises
        ------
        UnknownComponentError
            If there is none; says the nearest name, and plugins that could not be used.
        PluginError
            If several distributions bring it and `name` is not qualified.
        """
        found = self.find(name, kind)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnknownComponentError(self._missing(kind, name))
        owners = " and ".join(sorted({entry.distribution for entry in found}))
        choices = " or ".join(sorted({entry.qualified_name for entry in found}))
        raise PluginError(
            f"{kind} {name!r} is brought by {owners}: write {choices} to say which is meant"
        )

    def load(self, kind: str, name: str) -> Any:
        """Return the class (or command, or data) behind the component `name` of `kind`.

        Raises
        ------
        PluginError
            If it is unknown, ambiguous, cannot be imported, or is not of its kind.
        """
        entry = self.entry(kind, name)
        target = entry.load()
        if kind not in NOT_CLASSES:
            from iqf_core.components.base import BaseComponent

            if not (isinstance(target, type) and issubclass(target, BaseComponent)):
                raise PluginError(
                    f"{kind} {name!r} of plugin {entry.plugin!r} ({entry.distribution}): "
                    f"{entry.component.target!r} is not a component class"
                )
            if target.kind != kind:
                raise PluginError(
                    f"{kind} {name!r} of plugin {entry.plugin!r} ({entry.distribution}): "
                    f"{entry.component.target!r} is a {target.kind or 'component of no kind'}"
                )
        return target

    def create(
        self,
        kind: str,
        name: str,
        params: Mapping[str, Any],
        context: Context,
        where: str = "",
    ) -> Any:
        """Make the component `name` of `kind` from parameters.

        Raises
        ------
        PluginError
            As :meth:`load`.
        ConfigurationError
            If the parameters are wrong; `where` is their place in the user's file.
        """
        from iqf_core.components.parameters import validate

        component = self.load(kind, name)
        return component.create(
            validate(component.Params, params, f"{kind}/{name}", where), context
        )

    def _missing(self, kind: str, name: str) -> str:
        known = [
            *self._entries[kind],
            *(entry.qualified_name for entry in self.entries(kind)),
        ]
        message = f"no {kind} named {name!r}{nearest(name, known)}"
        elsewhere = [entry.kind for entry in self.find(name)]
        if elsewhere:
            message += f" (there is a {' and a '.join(elsewhere)} of that name)"
        elif not self._entries[kind]:
            message += f"; no installed plugin brings a {kind}"
        else:
            message += f"; see `iqf components list --kind {kind}`"
        for plugin in self.unusable:
            message += (
                f"\n  plugin {plugin.name!r} ({plugin.distribution}) is {plugin.state}: "
                f"{plugin.reason}"
            )
        return message

    def _kind(self, kind: str) -> str:
        if kind not in self._entries:
            raise PluginError(
                f"no kind of component named {kind!r}{nearest(kind, KINDS)}; "
                f"kinds are {', '.join(KINDS)}"
            )
        return kind


def _same_distribution(one: str, other: str) -> bool:
    return one.lower().replace("_", "-") == other.lower().replace("_", "-")
