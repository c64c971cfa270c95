"""Every distribution is built alone and brings what it needs and nothing else."""

from __future__ import annotations

import email
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
Workspace = dict[str, dict[str, Any]]


def wheel_of(built: Path, distribution: str) -> zipfile.ZipFile:
    (path,) = built.glob(f"{distribution}-*.whl")
    return zipfile.ZipFile(path)


def read_from(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (each for each in wheel.namelist() if each.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def metadata_of(built: Path, distribution: str) -> Message:
    return email.message_from_string(read_from(wheel_of(built, distribution), "METADATA"))


def contents(wheel: zipfile.ZipFile) -> set[str]:
    """Return the files of a wheel but for its metadata."""
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def sources(folder: str) -> set[str]:
    """Return what stands in a folder of the repository and is not ignored, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return {name for name in listed if name and (ROOT / name).is_file()}


def test_the_core_wheel_holds_the_core_only_and_all_of_it(built: Path) -> None:
    names = contents(wheel_of(built, "iqf_core"))
    assert names == sources("iqf_core")
    assert {"iqf_core/py.typed", "iqf_core/demo/study.yaml", "iqf_core/demo/train.py"} <= names
    assert any(name.startswith("iqf_core/plugins/templates/") for name in names)


def test_the_core_sdist_is_anchored(built: Path) -> None:
    (path,) = built.glob("iqf_core-*.tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {name for name in files if name.startswith("iqf_core/")} == sources("iqf_core")
    # hatchling adds the settings that the build depends on: pyproject.toml and .gitignore.
    assert {name for name in files if not name.startswith("iqf_core/")} == {
        ".gitignore",
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
    }


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_wheel_holds_its_package_only(built: Path, plugin: str) -> None:
    prefix = f"plugins/{plugin}/src/"
    expected = {name.removeprefix(prefix) for name in sources(f"{prefix}{plugin}")}
    assert contents(wheel_of(built, plugin)) == expected
    assert f"{plugin}/py.typed" in expected


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_sdist_holds_its_folder_only(built: Path, plugin: str) -> None:
    (path,) = built.glob(f"{plugin}-*.tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    prefix = f"plugins/{plugin}/"
    expected = {name.removeprefix(prefix) for name in sources(prefix)}
    assert files - {"PKG-INFO", ".gitignore"} == expected


def test_the_core_brings_the_program_and_the_pytest_plugin(built: Path) -> None:
    assert read_from(wheel_of(built, "iqf_core"), "entry_points.txt").split() == [
        "[console_scripts]",
        *("iqf", "=", "iqf_core.cli.main:main"),
        "[pytest11]",
        *("iqf", "=", "iqf_core.testing.pytest_plugin"),
    ]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_brings_one_light_module(built: Path, plugin: str) -> None:
    lines = read_from(wheel_of(built, plugin), "entry_points.txt").split("\n")
    assert [line for line in lines if line] == [
        "[iqf.plugins]",
        f"{plugin.removeprefix('iqf_')} = {plugin}.plugin",
    ]


@pytest.mark.parametrize("distribution", ["iqf_core", *PLUGINS])
def test_metadata_is_complete(built: Path, distribution: str) -> None:
    metadata = metadata_of(built, distribution)
    assert metadata["Requires-Python"] == "<3.15,>=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert read_from(wheel_of(built, distribution), "licenses/LICENSE") == (
        ROOT / "LICENSE"
    ).read_text(encoding="utf-8")
    assert metadata["Summary"]
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_extras_of_the_core(built: Path) -> None:
    metadata = metadata_of(built, "iqf_core")
    assert metadata.get_all("Provides-Extra") == ["demo", "ui"]
    extras = [line for line in metadata.get_all("Requires-Dist") or [] if "extra" in line]
    assert sorted(extras) == [
        "iqf-modifiers-basic<1,>=0.1; extra == 'demo'",
        "mlflow<4,>=3.17; extra == 'ui'",
        "scikit-learn<2,>=1.5; extra == 'demo'",
    ]


@pytest.fixture(scope="session")
def elsewhere(
    built: Path, uv: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Two environments outside the workspace: the core alone, and the core with one plugin."""
    (core,) = built.glob("iqf_core-*.whl")
    (plugin,) = built.glob("iqf_modifiers_basic-*.whl")
    pythons = {}
    for name, wheels in {"core": [core], "plugin": [core, plugin]}.items():
        folder = tmp_path_factory.mktemp(name) / "environment"
        uv("venv", "--quiet", "--python", sys.executable, folder)
        pythons[name] = folder / "bin" / "python"
        uv("pip", "install", "--quiet", "--python", pythons[name], *wheels)
    return pythons


def run(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of an environment, with nothing else on any path."""
    program, *rest = arguments
    return subprocess.run(
        [python.with_name(program), *rest],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def listed(python: Path, folder: Path) -> list[dict[str, Any]]:
    done = run(python, "iqf", "plugins", "list", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_core_alone_has_no_plugin_and_says_so(
    elsewhere: dict[str, Path], tmp_path: Path
) -> None:
    assert listed(elsewhere["core"], tmp_path) == []
    check = run(elsewhere["core"], "iqf", "plugins", "check", folder=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr


def test_core_and_one_plugin_see_exactly_that_plugin(
    elsewhere: dict[str, Path], tmp_path: Path
) -> None:
    (plugin,) = listed(elsewhere["plugin"], tmp_path)
    assert (plugin["name"], plugin["distribution"], plugin["state"]) == (
        "modifiers_basic",
        "iqf-modifiers-basic",
        "discovered",
    )
    check = run(elsewhere["plugin"], "iqf", "plugins", "check", folder=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr


def test_an_installed_plugin_modifies_images_outside_the_workspace(
    elsewhere: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    code = "import cv2, numpy; cv2.imwrite('data/images/a.png', numpy.zeros((8, 8), 'uint8'))"
    assert run(elsewhere["plugin"], "python", "-c", code, folder=tmp_path).returncode == 0
    done = run(elsewhere["plugin"], "iqf", "modify", "data", "blur:sigma_px=1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("data#blur-*/images/*")] == ["a.png"]


def test_a_default_installation_has_neither_torch_nor_test_tools(
    elsewhere: dict[str, Path], tmp_path: Path
) -> None:
    code = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    for python in elsewhere.values():
        names = set(run(python, "python", "-c", code, folder=tmp_path).stdout.split())
        assert "mlflow-skinny" in names
        assert not names & {"torch", "mlflow", "scikit-learn", "pytest", "mkdocs", "opencv-python"}
