"""``iqf plugins new`` writes a distribution that installs, is discovered and passes its tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from iqf_core.errors import PluginError
from iqf_core.plugins.scaffold import package_name, write_plugin

FILES = {
    "README.md",
    "pyproject.toml",
    "src/my_vignette/__init__.py",
    "src/my_vignette/modifier.py",
    "src/my_vignette/plugin.py",
    "src/my_vignette/py.typed",
    "tests/test_my_vignette.py",
}
IQF = "from iqf_core.cli.main import main; main()"


def run(*arguments, **options):
    answer = subprocess.run(
        [str(each) for each in arguments], capture_output=True, text=True, check=False, **options
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The interpreter of a fresh virtual environment that sees what is installed in this one."""
    uv = shutil.which("uv")
    assert uv, "these tests need uv: pip install uv"
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    here = sysconfig.get_path("purelib")
    (Path(purelib) / "around.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return python


@pytest.mark.parametrize(("name", "kind"), [("my-vignette", "modifier"), ("My.Entropy", "metric")])
def test_a_new_plugin_installs_is_discovered_and_passes_its_tests(
    environment, tmp_path, name, kind
):
    component = package_name(name)
    printed = run(environment, "-c", IQF, "plugins", "new", name, "--kind", kind, "--dir", tmp_path)
    assert f"tests/test_{component}.py" in printed
    install = (shutil.which("uv"), "pip", "install", "--quiet", "--no-deps")
    run(*install, "--python", environment, "-e", tmp_path / name)

    listed = json.loads(run(environment, "-c", IQF, "plugins", "list", "--load", "--json"))
    assert [
        (plugin["distribution"], plugin["version"], plugin["state"])
        for plugin in listed
        if plugin["name"] == component
    ] == [(name, "0.1.0", "loaded")]
    shown = run(environment, "-c", IQF, "components", "show", f"{kind}/{component}")
    assert name in shown

    tests = run(
        *(environment, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"),
        cwd=tmp_path / name,
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
    )
    assert " passed" in tests
    assert "skipped" not in tests


def test_lists_every_file_it_wrote(tmp_path):
    written = write_plugin("my-vignette", "modifier", tmp_path / "projects")
    assert written.folder == tmp_path / "projects" / "my-vignette"
    assert written.component == "my_vignette"
    assert set(written.files) == FILES
    on_disk = {
        path.relative_to(written.folder).as_posix()
        for path in written.folder.rglob("*")
        if path.is_file()
    }
    assert on_disk == FILES


@pytest.mark.parametrize("kind", ["modifier", "metric"])
def test_what_it_writes_is_clean_code(tmp_path, kind):
    written = write_plugin("a-much-longer-name-of-a-plugin", kind, tmp_path)
    ruff = (sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache")
    rules = ("--line-length=100", "--target-version=py311", "--select=E,F,I,N,UP,B,C4,SIM,RUF")
    run(*ruff, *rules, ".", cwd=written.folder)
    run(sys.executable, "-m", "ruff", "format", "--check", "--isolated", *rules[:2], written.folder)


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "my-vignette").mkdir()
    with pytest.raises(PluginError, match="is there already"):
        write_plugin("my-vignette", "modifier", tmp_path)
    assert list((tmp_path / "my-vignette").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["my-vignette"]


@pytest.mark.parametrize("name", ["", "-x", "x-", "a b", "../x", "a/b", "été", "name;", "x\n"])
def test_a_name_that_no_distribution_can_have_is_refused(tmp_path, name):
    with pytest.raises(PluginError, match="cannot name a distribution"):
        write_plugin(name, "modifier", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["3d-blur", "class", "0"])
def test_a_name_that_no_package_can_have_is_refused(tmp_path, name):
    with pytest.raises(PluginError, match="cannot name a Python package"):
        write_plugin(name, "metric", tmp_path)


@pytest.mark.parametrize("name", ["json", "numpy", "iqf-core"])
def test_a_name_that_would_hide_another_module_is_refused(tmp_path, name):
    with pytest.raises(PluginError, match="would hide the module"):
        write_plugin(name, "modifier", tmp_path)


def test_only_kinds_with_a_template_can_be_started(tmp_path):
    with pytest.raises(PluginError, match="expected modifier or metric"):
        write_plugin("my-loss", "loss", tmp_path)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PluginError, match="cannot write"):
        write_plugin("my-vignette", "modifier", tmp_path / "file")
