"""What the workspace declares: floors, and groups that bring the plugins that fit them."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Workspace = dict[str, dict[str, Any]]


@pytest.fixture
def core(workspace: Workspace) -> dict[str, Any]:
    return workspace["iqf-core"]


@pytest.fixture
def plugins(workspace: Workspace) -> Workspace:
    return {name: document for name, document in workspace.items() if name != "iqf-core"}


def dependencies(document: dict[str, Any]) -> set[str]:
    """Return the names of the distributions that one always brings."""
    lines = document["project"]["dependencies"]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def group(document: dict[str, Any], name: str) -> set[str]:
    """Return the names that a group of the root brings, included groups too."""
    names: set[str] = set()
    for line in document["dependency-groups"][name]:
        if isinstance(line, dict):
            names |= group(document, line["include-group"])
        else:
            names.add(canonicalize_name(Requirement(line).name))
    return names


def declared(document: dict[str, Any]) -> list[str]:
    """Return every requirement of a distribution: its own, its extras', its groups'."""
    lines = list(document["project"]["dependencies"])
    for extra in document["project"].get("optional-dependencies", {}).values():
        lines += extra
    for members in document.get("dependency-groups", {}).values():
        lines += [line for line in members if isinstance(line, str)]
    return lines


def test_every_dependency_has_a_floor(workspace: Workspace) -> None:
    without = [
        f"{name}: {line}"
        for name, document in workspace.items()
        for line in declared(document)
        if canonicalize_name(Requirement(line).name) not in workspace
        and not any(each.operator in (">=", "==", "~=") for each in Requirement(line).specifier)
    ]
    assert without == []


def test_no_distribution_asks_for_another_floor_than_the_core(
    core: dict[str, Any], plugins: Workspace
) -> None:
    wanted = {Requirement(line).name: line for line in core["project"]["dependencies"]}
    different = [
        f"{name}: {line}, the core asks for {wanted[Requirement(line).name]}"
        for name, document in plugins.items()
        for line in declared(document)
        if wanted.get(Requirement(line).name, line) != line
    ]
    assert different == []


def test_every_plugin_admits_this_core_and_stands_in_the_workspace(
    core: dict[str, Any], plugins: Workspace
) -> None:
    sources = core["tool"]["uv"]["sources"]
    for name, document in plugins.items():
        assert "iqf-core>=0.1,<1" in document["project"]["dependencies"], name
        assert sources[name] == {"workspace": True}


def test_the_core_needs_no_plugin_and_no_torch(core: dict[str, Any], plugins: Workspace) -> None:
    assert not dependencies(core) & {*plugins, "torch", "mlflow", "opencv-python"}


def test_the_default_group_brings_the_plugins_that_need_no_torch(
    core: dict[str, Any], plugins: Workspace
) -> None:
    heavy = {name for name, document in plugins.items() if "torch" in dependencies(document)}
    assert core["tool"]["uv"]["default-groups"] == ["dev"]
    assert group(core, "dev") & plugins.keys() == plugins.keys() - heavy
    assert group(core, "torch") & plugins.keys() == heavy
    assert "torch" not in group(core, "dev")


def test_the_default_group_runs_the_demonstration(core: dict[str, Any]) -> None:
    demo = core["project"]["optional-dependencies"]["demo"]
    assert {canonicalize_name(Requirement(line).name) for line in demo} <= group(core, "dev")
