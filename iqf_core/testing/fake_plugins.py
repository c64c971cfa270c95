"""Fake distributions: real metadata on disk, without installing anything."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iqf_core.plugins.discovery import GROUP


@dataclass(frozen=True)
class FakePlugin:
    """A distribution with one light plugin module.

    Attributes
    ----------
    name
        The entry point's name; the module is called ``<name>_plugin``.
    source
        The module's source.
    distribution, version, summary
        Its metadata; the distribution is called ``<name>`` with hyphens by default.
    requires
        Its ``Requires-Dist`` lines.
    files
        Further files beside the module: relative path -> content.
    """

    name: str
    source: str = ""
    distribution: str = ""
    version: str = "1.0"
    summary: str = "A plugin made for a test"
    requires: Sequence[str] = ("iqf-core",)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """Name of the light module."""
        return f"{self.name.replace('-', '_')}_plugin"

    @property
    def distribution_name(self) -> str:
        """Name of the distribution."""
        return self.distribution or self.name.replace("_", "-")


class FakeSite:
    """A folder of fake distributions, as ``site-packages`` would hold them.

    Parameters
    ----------
    folder
        Where they are written. Put it on ``sys.path`` or ``PYTHONPATH`` to make the modules
        importable; the ``make_plugins`` fixture does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._modules: set[str] = set()

    def __call__(self, *plugins: FakePlugin) -> list[importlib.metadata.EntryPoint]:
        """Write `plugins` and return the entry points of all that the folder holds."""
        for plugin in plugins:
            self.write(plugin)
        return self.entry_points()

    def write(self, plugin: FakePlugin) -> None:
        """Write one distribution: its metadata, its module, its files."""
        stem = f"{plugin.distribution_name.replace('-', '_')}-{plugin.version}"
        files = {
            f"{plugin.module}.py": plugin.source,
            f"{stem}.dist-info/METADATA": "\n".join(
                [
                    "Metadata-Version: 2.1",
                    f"Name: {plugin.distribution_name}",
                    f"Version: {plugin.version}",
                    f"Summary: {plugin.summary}",
                    *(f"Requires-Dist: {line}" for line in plugin.requires),
                    "",
                ]
            ),
            f"{stem}.dist-info/entry_points.txt": (f"[{GROUP}]\n{plugin.name} = {plugin.module}\n"),
            **plugin.files,
        }
        for relative, content in files.items():
            path = self.folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            if path.suffix == ".py":
                self._modules.add(relative.removesuffix(".py").split("/")[0])

    def entry_points(self) -> list[importlib.metadata.EntryPoint]:
        """Return the entry points of all distributions in the folder."""
        return [
            entry_point
            for distribution in importlib.metadata.distributions(path=[str(self.folder)])
            for entry_point in distribution.entry_points.select(group=GROUP)
        ]

    def forget_modules(self) -> None:
        """Drop what was imported from the folder, so that the next test starts clean."""
        for name in list(sys.modules):
            if name.split(".")[0] in self._modules:
                del sys.modules[name]
