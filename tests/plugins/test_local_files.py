"""A single Python file is enough for a first component."""

from __future__ import annotations

import pytest

from iqf_core.components.context import Context
from iqf_core.errors import PluginError
from iqf_core.plugins.manager import PluginManager

SOURCE = '''
from iqf_core.api import Metric, Modifier, Params, parameter

class SaltSpray(Modifier):
    """White specks."""
    class Params(Params):
        share: float = parameter(0.1, description="Share", unit="")

class HTTPThing(Metric):
    name = "my_thing"

class _Hidden(Modifier):
    pass
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my-first.py"
    path.write_text(SOURCE)
    return path


def test_its_classes_are_components_named_in_snake_case(file, no_installed_plugins):
    registry = PluginManager((), files=[file]).registry
    assert registry.entry("modifier", "salt_spray").component.summary == "White specks."
    assert registry.entry("metric", "my_thing").distribution == "file:my-first.py"
    assert len([e for e in registry.entries() if e.distribution.startswith("file:")]) == 2
    made = registry.create("modifier", "salt_spray", {"share": 0.5}, Context())
    assert made.params.share == 0.5


def test_hooks_in_it_count_when_it_has_some(tmp_path):
    file = tmp_path / "hooked.py"
    file.write_text(
        SOURCE + "\nfrom iqf_core.plugin import Component, hookimpl\n@hookimpl\n"
        "def iqf_modifiers():\n    return [Component('spray', __name__ + ':SaltSpray')]\n"
    )
    registry = PluginManager((), files=[file]).registry
    assert registry.create("modifier", "spray", {}, Context()).params.share == 0.1
    assert not registry.find("salt_spray")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("import no_such_thing", "ModuleNotFoundError"),
        ("x = 1", "holds no component"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_file_that_does_not_work_stops_at_once(tmp_path, content, said):
    file = tmp_path / "bad.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PluginError, match=said):
        _ = PluginManager((), files=[file]).registry


def test_a_file_can_be_added_later_and_twice(file):
    manager = PluginManager(())
    assert not manager.registry.find("salt_spray")
    manager.add_file(file)
    manager.add_file(file)
    assert len(manager.registry.find("salt_spray")) == 1
