"""Presets: chains with a name, of plugins, of a study, of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from iqf_core.components.specification import Specification, parse_specification
from iqf_core.errors import ConfigurationError, PluginError
from iqf_core.experiments.plan import make_plan
from iqf_core.experiments.study_file import read_study
from iqf_core.modification.presets import expand_presets, read_presets
from iqf_core.plugins.manager import PluginManager
from iqf_core.testing import FakePlugin, make_image

PLUGIN = """
from iqf_core.plugin import Component, hookimpl

SOFT = ("blur:sigma_px=1", "quantization:bits=6")
WRONG = "blur:sigma_px=1"

@hookimpl
def iqf_modifiers():
    return [
        Component("blur", "iqf_modifiers_basic.blur:GaussianBlur"),
        Component("quantization", "iqf_modifiers_basic.quantization:Quantization"),
        Component("jpeg", "iqf_modifiers_basic.jpeg:Jpeg"),
    ]

@hookimpl
def iqf_presets():
    return [
        Component("soft", __name__ + ":SOFT", summary="Soft and few grey levels"),
        Component("wrong", __name__ + ":WRONG"),
        Component("jpeg", __name__ + ":SOFT"),
    ]
"""


@pytest.fixture
def registry(make_plugins):
    return PluginManager(entry_points=make_plugins(FakePlugin("camera", source=PLUGIN))).registry


def specifications(*texts: str) -> list[Specification]:
    return [parse_specification(text) for text in texts]


def test_a_plugins_preset_is_replaced_by_its_chain(registry):
    found = expand_presets(specifications("soft", "quantization:bits=2"), registry)
    assert list(map(str, found)) == [
        "blur:sigma_px=1",
        "quantization:bits=6",
        "quantization:bits=2",
    ]


def test_a_users_preset_may_be_made_of_others(registry):
    presets = {"softer": tuple(specifications("soft", "soft"))}
    assert len(expand_presets(specifications("softer"), registry, presets)) == 4


def test_a_preset_takes_no_parameters(registry):
    with pytest.raises(ConfigurationError, match="'soft' is a preset, which takes no parameters"):
        expand_presets(specifications("soft:sigma_px=1"), registry)


def test_a_preset_made_of_itself_is_refused(registry):
    presets = {"one": tuple(specifications("two")), "two": tuple(specifications("one"))}
    with pytest.raises(ConfigurationError, match="is made of itself"):
        expand_presets(specifications("one"), registry, presets)


def test_one_name_for_a_modifier_and_a_preset_is_refused(registry):
    with pytest.raises(ConfigurationError, match="'jpeg' is a modifier and a preset"):
        expand_presets(specifications("jpeg:quality=5"), registry)


def test_a_target_that_is_no_sequence_names_the_plugin(registry):
    with pytest.raises(PluginError, match="'wrong' .*camera.*no sequence of specification"):
        expand_presets(specifications("wrong"), registry)


def test_every_mistake_in_a_file_of_presets_is_said(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("Bad Name: [blur:sigma_px=1]\nempty: []\nnot_one: [{a: 1, b: 2}, 'x:']\n")
    with pytest.raises(ConfigurationError) as caught:
        read_presets(file)
    message = str(caught.value)
    assert "lower-case snake_case" in message
    assert "mine.yaml:2: empty: an empty chain" in message
    assert "parameters expected after the colon" in message


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    from iqf_core.imaging.writing import write_image

    (tmp_path / "fields").mkdir()
    write_image(tmp_path / "fields" / "a.png", make_image(20, 30))
    return tmp_path / "fields"


def test_iqf_modify_takes_a_preset_of_a_file(dataset: Path, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("old: [blur: {sigma_px: [1, 2]}, 'jpeg:quality=50']\n")
    command = [sys.executable, "-m", "iqf_core.cli", "modify", dataset, "old", "--json"]
    answer = subprocess.run(
        [*command, "--presets", file], capture_output=True, text=True, check=True, timeout=120
    )
    copies = json.loads(answer.stdout)["copies"]
    assert [copy["modifier"] for copy in copies] == [
        "blur:sigma_px=1 jpeg:quality=50",
        "blur:sigma_px=2 jpeg:quality=50",
    ]


def test_a_study_names_chains_and_uses_them(dataset: Path, tmp_path: Path):
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: s\ndatasets: {all: fields}\nmodifiers: [none, old, [old, quantization:bits=3]]\n"
        "presets:\n  old: [blur:sigma_px=1, jpeg:quality=50]\n"
    )
    plan = make_plan(read_study(file), PluginManager())
    assert [chain.label for chain in plan.chains] == [
        "none",
        "blur:sigma_px=1 jpeg:quality=50",
        "blur:sigma_px=1 jpeg:quality=50 quantization:bits=3",
    ]


def test_mistakes_in_a_studys_presets_are_said_with_their_place(dataset: Path, tmp_path: Path):
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: s\ndatasets: {all: fields}\nmodifiers: [old]\npresets:\n  old: [blur:sigma=1]\n"
    )
    with pytest.raises(ConfigurationError, match=r"study\.yaml:3: modifiers\[0\].*'sigma'"):
        make_plan(read_study(file), PluginManager())
