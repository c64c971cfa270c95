"""The fixtures that plugin authors get."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iqf_core.plugins.manager import PluginManager
from iqf_core.testing import FakePlugin

SOURCE = """
from iqf_core.plugin import Component, hookimpl

@hookimpl
def iqf_modifiers():
    return [Component("darker", "darker_code:Darker", summary="Half as bright")]
"""
CODE = """
from iqf_core.api import Modifier

class Darker(Modifier):
    pass
"""


def test_make_plugins_gives_entry_points_of_importable_distributions(make_plugins):
    darker = FakePlugin("darker", SOURCE, version="2.3", files={"darker_code.py": CODE})
    entry_points = make_plugins(darker, FakePlugin("empty"))
    assert {(each.name, each.group) for each in entry_points} == {
        ("darker", "iqf.plugins"),
        ("empty", "iqf.plugins"),
    }
    manager = PluginManager(entry_points)
    assert manager.registry.load("modifier", "darker").__name__ == "Darker"
    assert {plugin.name: plugin.state for plugin in manager.plugins} == {
        "darker": "loaded",
        "empty": "loaded",
    }
    assert (manager.plugin("darker").distribution, manager.plugin("darker").version) == (
        "darker",
        "2.3",
    )


def test_a_plugin_of_one_test_is_not_seen_by_the_next(make_plugins):
    make_plugins(FakePlugin("darker", "raise RuntimeError('another module of that name')"))
    manager = PluginManager(make_plugins.entry_points())
    assert "darker" not in {entry.name for entry in manager.registry.entries()}
    assert "another module of that name" in manager.plugin("darker").reason


def test_the_requirements_of_a_fake_distribution_count(make_plugins):
    manager = PluginManager(make_plugins(FakePlugin("future", requires=["iqf-core>=99"])))
    assert manager.plugin("future").state == "incompatible"


def test_a_subprocess_sees_the_fake_distributions_on_its_path(make_plugins):
    make_plugins(FakePlugin("darker", SOURCE))
    program = (
        "from importlib.metadata import entry_points; "
        "print([each.name for each in entry_points(group='iqf.plugins')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(make_plugins.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "darker" in answer.stdout


def test_installed_plugins_are_refused_when_asked(no_installed_plugins):
    with pytest.raises(AssertionError, match="give PluginManager entry_points"):
        _ = PluginManager().plugins


def test_the_registry_holds_the_installed_components(iqf_registry):
    assert iqf_registry.entry("format", "coco").distribution == "iqf-core"


def test_the_context_has_a_registry_and_a_cache_of_its_own(iqf_context, iqf_registry, tmp_path):
    assert iqf_context.registry is iqf_registry
    assert tmp_path in iqf_context.cache.parents


def test_loading_the_pytest_plugin_imports_nothing_heavy():
    program = (
        "import sys, iqf_core.testing.pytest_plugin; "
        "print({'numpy', 'cv2', 'pydantic', 'rasterio', 'pandas'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
