"""Fixtures for tests of plugins; loaded by pytest wherever iqf-core is installed.

Imports nothing but pytest at the top: it is loaded in every pytest session of the environment.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.imaging.image import Image
    from iqf_core.plugins.manager import PluginManager
    from iqf_core.plugins.registry import Registry
    from iqf_core.testing.fake_plugins import FakeSite

pytest.register_assert_rewrite(
    "iqf_core.testing.component",
    "iqf_core.testing.executor",
    "iqf_core.testing.metrics",
    "iqf_core.testing.modifiers",
)


@pytest.fixture
def iqf_manager() -> PluginManager:
    """A manager of the plugins installed here, whatever the environment variables say."""
    from iqf_core.plugins.manager import PluginManager

    return PluginManager()


@pytest.fixture
def iqf_registry(iqf_manager: PluginManager) -> Registry:
    """The components of the plugins installed here."""
    return iqf_manager.registry


@pytest.fixture
def iqf_context(iqf_registry: Registry, tmp_path: Path) -> Context:
    """A context for a component: installed components, seed 1, a cache of its own."""
    from iqf_core.components.context import Context

    return Context(registry=iqf_registry, seed=1, cache=tmp_path / "cache", source_hash="image")


@pytest.fixture
def iqf_image() -> Callable[..., Image]:
    """Make a synthetic image; see :func:`iqf_core.testing.images.make_image`."""
    from iqf_core.testing.images import make_image

    return make_image


@pytest.fixture
def no_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look at the really installed plugins fail: the test brings its own."""

    def refuse() -> None:
        raise AssertionError(
            "this test refuses the installed plugins: give PluginManager entry_points, "
            "for example those of the make_plugins fixture"
        )

    # By name, not by path: the package's attribute of that name may not be there yet.
    manager = importlib.import_module("iqf_core.plugins.manager")
    monkeypatch.setattr(manager, "installed_entry_points", refuse)


@pytest.fixture
def make_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_installed_plugins: None
) -> Iterator[FakeSite]:
    """Write fake distributions and return their entry points; their modules can be imported.

    ``make_plugins(FakePlugin("one", source="…"))`` gives entry points for ``PluginManager``. Its
    ``folder`` on ``PYTHONPATH`` gives a subprocess the same plugins beside those installed.
    """
    from iqf_core.testing.fake_plugins import FakeSite

    site = FakeSite(tmp_path / "fake-site-packages")
    monkeypatch.syspath_prepend(str(site.folder))
    yield site
    site.forget_modules()
