"""Every way a plugin can be unusable: none stops the list, nor what does not need it."""

from __future__ import annotations

import sys

import pytest

from iqf_core.components.context import Context
from iqf_core.errors import PluginError, UnknownComponentError
from iqf_core.plugins.checking import check_plugins
from iqf_core.plugins.discovery import Selection, discover
from iqf_core.plugins.manager import PluginManager
from iqf_core.testing.fake_plugins import FakePlugin

HEADER = "from iqf_core.plugin import Component, hookimpl\n"


def declares(*names, hook="iqf_modifiers", target="json:JSONDecoder", contract=""):
    items = ", ".join(f"Component({name!r}, {target!r})" for name in names)
    return f"{HEADER}{contract}\n@hookimpl\ndef {hook}():\n    return [{items}]\n"


GOOD = FakePlugin("good", declares("fine"))
RAISES = FakePlugin("raises", "raise RuntimeError('no such\\nlicence')")
EXITS = FakePlugin("exits", "import sys; sys.exit(3)")
UNKNOWN_HOOK = FakePlugin("unknown_hook", declares("x", hook="iqf_modifier"))
WRONG_SIGNATURE = FakePlugin(
    "wrong_signature", f"{HEADER}@hookimpl\ndef iqf_run_started(study, runs):\n    pass\n"
)
OTHER_CONTRACT = FakePlugin("other_contract", declares("x", contract="IQF_CONTRACT = 2"))
EXCLUDED = FakePlugin("excluded", declares("x"), requires=("iqf-core<0.0.1",))
RAISING_HOOK = FakePlugin(
    "raising_hook", f"{HEADER}@hookimpl\ndef iqf_metrics():\n    raise ValueError('boom')\n"
)
NO_COMPONENT = FakePlugin(
    "no_component", f"{HEADER}@hookimpl\ndef iqf_metrics():\n    return ['entropy']\n"
)
BAD_NAME = FakePlugin("bad_name", declares("Gaussian-Noise"))
MISSING_TARGET = FakePlugin("missing_target", declares("ghost", target="no_such_module:Ghost"))


@pytest.mark.parametrize(
    ("plugin", "state", "reason"),
    [
        (RAISES, "broken", "RuntimeError: no such licence"),
        (EXITS, "broken", "sys.exit"),
        (UNKNOWN_HOOK, "broken", "unknown hook 'iqf_modifier'; did you mean 'iqf_modifiers'"),
        (WRONG_SIGNATURE, "broken", "runs"),
        (OTHER_CONTRACT, "incompatible", "version 2 of the plugin contract"),
        (EXCLUDED, "incompatible", "requires iqf-core<0.0.1"),
        (RAISING_HOOK, "broken", "iqf_metrics raised ValueError: boom"),
        (NO_COMPONENT, "broken", "'entropy', which is no Component"),
        (BAD_NAME, "broken", "'Gaussian-Noise'"),
    ],
    ids=lambda value: value.name if isinstance(value, FakePlugin) else "",
)
def test_an_unusable_plugin_has_a_state_and_a_reason_and_stops_no_other(
    make_plugins, plugin, state, reason
):
    manager = PluginManager(make_plugins(plugin, GOOD))
    registry = manager.registry
    assert manager.plugin(plugin.name).state == state
    assert reason in manager.plugin(plugin.name).reason
    assert "\n" not in manager.plugin(plugin.name).reason
    assert manager.plugin("good").state == "loaded"
    assert registry.entry("modifier", "fine").distribution == "good"


def test_asking_for_a_component_of_a_broken_plugin_names_plugin_distribution_and_cause(
    make_plugins,
):
    registry = PluginManager(make_plugins(RAISES)).registry
    with pytest.raises(UnknownComponentError, match=r"'raises' \(raises\) is broken: .*licence"):
        registry.entry("modifier", "whatever")


def test_a_missing_target_is_found_on_use_and_by_check_only(make_plugins):
    manager = PluginManager(make_plugins(MISSING_TARGET, GOOD))
    assert manager.registry.entry("modifier", "ghost").plugin == "missing_target"
    with pytest.raises(PluginError, match=r"'missing_target'.*no_such_module"):
        manager.registry.create("modifier", "ghost", {}, Context())
    subjects = [problem.subject for problem in check_plugins(manager)]
    assert "modifier 'ghost'" in subjects


def test_a_target_that_is_no_component_of_its_kind_is_refused(make_plugins):
    source = (
        HEADER + "from iqf_core.components.metric import Metric\n"
        "class M(Metric): pass\n"
        "@hookimpl\ndef iqf_modifiers():\n    return [Component('m', __name__ + ':M')]\n"
    )
    registry = PluginManager(make_plugins(FakePlugin("mixed", source), GOOD)).registry
    with pytest.raises(PluginError, match="is a metric"):
        registry.load("modifier", "m")
    with pytest.raises(PluginError, match="is not a component class"):
        registry.load("modifier", "fine")


def test_one_name_from_two_distributions_must_be_qualified(make_plugins):
    manager = PluginManager(
        make_plugins(FakePlugin("one", declares("same")), FakePlugin("two", declares("same")))
    )
    registry = manager.registry
    with pytest.raises(PluginError, match="one and two.*same@one or same@two"):
        registry.entry("modifier", "same")
    assert registry.entry("modifier", "same@two").distribution == "two"
    assert any("also brought by two" in problem.cause for problem in check_plugins(manager))


def test_two_plugins_of_one_name_are_both_broken(make_plugins):
    points = make_plugins(
        FakePlugin("one", declares("a")), FakePlugin("two", declares("b"), distribution="other")
    )
    renamed = [type(point)("twin", point.value, point.group)._for(point.dist) for point in points]
    states = [(plugin.state, plugin.reason) for plugin in discover(renamed, Selection())]
    assert [state for state, _ in states] == ["broken", "broken"]
    assert "one and other" in states[0][1]


def test_a_disabled_plugin_is_never_imported(make_plugins):
    points = make_plugins(RAISES, GOOD)
    manager = PluginManager.create(
        entry_points=points, environment={"IQF_DISABLE_PLUGINS": "raises, nothing"}
    )
    _ = manager.registry
    assert manager.plugin("raises").state == "disabled"
    assert "raises_plugin" not in sys.modules


def test_only_the_plugins_to_load_are_loaded(make_plugins):
    points = make_plugins(RAISES, GOOD)
    manager = PluginManager.create(entry_points=points, environment={"IQF_LOAD_PLUGINS": "good"})
    _ = manager.registry
    assert [plugin.state for plugin in manager.plugins] == ["loaded", "disabled"]


def test_no_plugins_leaves_the_core_alone(make_plugins):
    manager = PluginManager.create(
        entry_points=make_plugins(RAISES, GOOD), environment={}, no_plugins=True
    )
    assert {entry.distribution for entry in manager.registry.entries()} == {"iqf-core"}


def test_another_process_sees_the_same_plugins(make_plugins, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from iqf_core.api import Metric\nclass Mine(Metric):\n    'Mine.'\n")
    selection = Selection(frozenset({"x"}), frozenset({"y"}))
    manager = PluginManager(make_plugins(GOOD), selection, [file])
    again = PluginManager.from_settings(manager.settings())
    assert again.selection == manager.selection
    assert again.files == manager.files


def test_a_hundred_plugins_are_listed_in_order_and_loaded(make_plugins):
    plugins = [FakePlugin(f"p{number:03d}", declares(f"c{number}")) for number in range(100)]
    manager = PluginManager(make_plugins(*reversed(plugins)))
    assert [plugin.name for plugin in manager.plugins] == sorted(item.name for item in plugins)
    assert len(manager.registry.entries("modifier")) == 100
    assert not [plugin for plugin in manager.plugins if plugin.state != "loaded"]


def test_listing_imports_no_plugin(make_plugins):
    points = make_plugins(GOOD)
    assert [plugin.state for plugin in PluginManager(points).plugins] == ["discovered"]
    assert "good_plugin" not in sys.modules


@pytest.mark.parametrize(
    ("requires", "admitted"),
    [
        ("iqf-core>=0.1,<1", True),
        ("IQF_Core>=0.1", True),
        ("iqf-core>=99", False),
        ('iqf-core>=99; extra == "more"', True),
        ('iqf-core>=99; python_version < "3"', True),
        ("iqf-core-extras>=99", True),
        ("iqf-core >>1", False),
    ],
)
def test_requirements_on_the_core_are_read_as_pip_reads_them(make_plugins, requires, admitted):
    (plugin,) = PluginManager(make_plugins(FakePlugin("p", requires=(requires,)))).plugins
    assert (plugin.state == "discovered") == admitted


def test_the_life_cycle_hooks_reach_loaded_plugins_only(make_plugins):
    listener = (
        f"{HEADER}seen = []\n@hookimpl\ndef iqf_run_finished(state, run):\n"
        "    seen.append((state, run['name']))\n"
    )
    manager = PluginManager(make_plugins(FakePlugin("listener", listener), UNKNOWN_HOOK))
    manager.hooks.iqf_run_finished(study="s", run={"name": "r"}, state="FINISHED")
    assert sys.modules["listener_plugin"].seen == [("FINISHED", "r")]
