"""The plugin manager: discovers, loads each plugin alone, and fills the registry."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core import __version__
from iqf_core.errors import PluginError
from iqf_core.plugins.discovery import (
    CORE,
    Plugin,
    Selection,
    discover,
    installed_entry_points,
)

if TYPE_CHECKING:
    import pluggy

    from iqf_core.plugins.registry import Registry

CORE_PLUGIN = "core"


class PluginManager:
    """Everything about the plugins of one process; made by a factory, never global.

    Parameters
    ----------
    entry_points
        The entry points to consider; None means those installed.
    selection
        Which to leave out.
    files
        Local component files to load besides.
    """

    def __init__(
        self,
        entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
        selection: Selection | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        self._entry_points = entry_points
        self.selection = selection or Selection()
        self.files = [Path(file).absolute() for file in files]
        self._registry: Registry | None = None
        self._pluggy: pluggy.PluginManager | None = None

    @classmethod
    def create(
        cls,
        *,
        environment: Mapping[str, str] | None = None,
        no_plugins: bool = False,
        files: Sequence[Path] = (),
        entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
    ) -> PluginManager:
        """Make a manager from the environment variables and command-line switches."""
        environment = os.environ if environment is None else environment
        selection = Selection.from_environment(environment)
        if no_plugins:
            selection = Selection(selection.disabled, only=frozenset())
        return cls(entry_points, selection, files)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> PluginManager:
        """Make the manager that :meth:`settings` describes, in another process."""
        only = settings["only"]
        return cls(
            selection=Selection(
                frozenset(settings["disabled"]), None if only is None else frozenset(only)
            ),
            files=[Path(file) for file in settings["files"]],
        )

    def settings(self) -> dict[str, Any]:
        """Return what a worker process needs to see the same components (JSON)."""
        only = self.selection.only
        return {
            "disabled": sorted(self.selection.disabled),
            "only": None if only is None else sorted(only),
            "files": [str(file) for file in self.files],
        }

    @cached_property
    def plugins(self) -> list[Plugin]:
        """Every installed plugin; level 0 until :attr:`registry` is asked for."""
        entry_points = (
            installed_entry_points() if self._entry_points is None else self._entry_points
        )
        return discover(entry_points, self.selection)

    @property
    def registry(self) -> Registry:
        """The registry, filled on first use (level 1: light modules are imported)."""
        if self._registry is None:
            self._load()
        assert self._registry is not None
        return self._registry

    @property
    def hooks(self) -> Any:
        """The pluggy hook relay of all loaded plugins, for the life-cycle hooks."""
        if self._pluggy is None:
            self._load()
        assert self._pluggy is not None
        return self._pluggy.hook

    def plugin(self, name: str) -> Plugin:
        """Return the plugin `name`.

        Raises
        ------
        PluginError
            If none of that name is installed.
        """
        from iqf_core.errors import nearest

        for plugin in self.plugins:
            if plugin.name == name or plugin.distribution == name:
                return plugin
        names = [plugin.name for plugin in self.plugins]
        raise PluginError(f"no plugin named {name!r}{nearest(name, names)}")

    def add_file(self, path: Path) -> None:
        """Load the components of a local file.

        Raises
        ------
        PluginError
            If it cannot be imported or holds no component: the user named it, so it must work.
        """
        path = Path(path).absolute()
        if path in self.files:
            return
        if self._registry is not None:
            self._load_file(path)
        self.files.append(path)

    def _load(self) -> None:
        from iqf_core import builtins
        from iqf_core.plugins.loader import (
            IncompatibleContractError,
            import_module,
            new_plugin_manager,
            register,
        )
        from iqf_core.plugins.registry import Registry

        self._pluggy = new_plugin_manager()
        self._registry = registry = Registry()
        for kind, components in register(self._pluggy, builtins, CORE_PLUGIN).items():
            for component in components:
                registry.add(kind, component, CORE_PLUGIN, CORE)
        for plugin in self.plugins:
            if plugin.state == "discovered":
                try:
                    declared = register(self._pluggy, import_module(plugin.module), plugin.name)
                except IncompatibleContractError as error:
                    plugin.state, plugin.reason = "incompatible", str(error)
                except PluginError as error:
                    plugin.state, plugin.reason = "broken", str(error)
                else:
                    plugin.state = "loaded"
                    for kind, components in declared.items():
                        for component in components:
                            registry.add(kind, component, plugin.name, plugin.distribution)
            if not plugin.usable:
                registry.unusable.append(plugin)
        for file in self.files:
            self._load_file(file)

    def _load_file(self, path: Path) -> None:
        from iqf_core.plugins.loader import register
        from iqf_core.plugins.local_files import components_of, import_file

        assert self._pluggy is not None
        assert self._registry is not None
        module = import_file(path)
        declared = register(self._pluggy, module, str(path)) or components_of(module)
        if not declared:
            raise PluginError(
                f"{path}: holds no component; expected a subclass of Modifier, Metric … "
                "from iqf_core.api"
            )
        for kind, components in declared.items():
            for component in components:
                self._registry.add(kind, component, path.name, f"file:{path.name}")

    def versions(self) -> dict[str, str]:
        """Return the versions of the core and of every usable plugin's distribution."""
        found = {CORE: __version__}
        for plugin in self.plugins:
            if plugin.usable:
                found[plugin.distribution] = plugin.version
        return found
