"""``iqf plugins`` and ``iqf components`` as a user sees them, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from iqf_core.testing.fake_plugins import FakePlugin, FakeSite

HEADER = "from iqf_core.plugin import Component, hookimpl\n"
HEAVY = [
    *["numpy", "cv2", "pandas", "mlflow", "torch", "pydantic", "rich", "sqlalchemy"],
    *["rasterio", "matplotlib", "shapely", "yaml", "pluggy"],
]


def iqf(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def site(tmp_path):
    return FakeSite(tmp_path / "site")


def test_list_names_what_is_installed(site):
    site.write(FakePlugin("fake", summary="Says hello", version="2.1"))
    done = iqf("plugins", "list", "--json", PYTHONPATH=str(site.folder))
    assert done.returncode == 0
    (plugin,) = [row for row in json.loads(done.stdout) if row["name"] == "fake"]
    assert (plugin["distribution"], plugin["version"]) == ("fake", "2.1")
    assert (plugin["state"], plugin["summary"]) == ("discovered", "Says hello")


def test_list_imports_nothing_heavy():
    code = (
        "import sys\nfrom iqf_core.cli.main import main\n"
        "try:\n    main(['plugins', 'list'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_broken_plugin_stops_neither_list_nor_the_use_of_others(site):
    site.write(FakePlugin("raises", "1/0"))
    done = iqf("plugins", "list", "--load", PYTHONPATH=str(site.folder))
    assert done.returncode == 0
    assert "ZeroDivisionError" in done.stdout
    assert iqf("components", "list", PYTHONPATH=str(site.folder)).returncode == 0


def test_check_exits_1_and_gives_the_cause_of_each(site):
    site.write(FakePlugin("raises", "1/0"))
    source = HEADER + (
        "@hookimpl\ndef iqf_metrics():\n    return [Component('ghost', 'no_such_thing:Ghost')]\n"
    )
    site.write(FakePlugin("ghostly", source))
    done = iqf("plugins", "check", PYTHONPATH=str(site.folder))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "no_such_thing" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_check_is_satisfied_with_what_is_installed():
    done = iqf("plugins", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "all can be imported" in done.stdout


def test_info_shows_a_plugin_with_its_components():
    done = iqf("plugins", "info", "modifiers_basic", "--json")
    info = json.loads(done.stdout)
    assert info["state"] == "loaded"
    assert {"blur", "jpeg"} <= {component["name"] for component in info["components"]}


def test_show_gives_parameters_with_type_default_range_unit_and_example():
    (shown,) = json.loads(iqf("components", "show", "modifier/jpeg", "--json").stdout)
    quality = next(row for row in shown["parameters"] if row["name"] == "quality")
    assert (quality["type"], quality["range"]) == ("int", ">= 1, <= 100")
    assert shown["distribution"] == "iqf-modifiers-basic"
    text = iqf("components", "show", "noise").stdout
    assert "modifier/gaussian_noise" in text
    assert "sigma_dn" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["components", "show", "gausian_noise"], "did you mean 'gaussian_noise'"),
        (["components", "show", "colour/blur"], "no kind of component named 'colour'"),
        (["plugins", "info", "modifier_basic"], "did you mean 'modifiers_basic'"),
        (["plugns"], "did you mean 'plugins'"),
        (["--plugin-file", "missing.py", "components", "list"], "no such file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said):
    done = iqf(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback():
    assert "Traceback" in iqf("--debug", "components", "show", "nothing_there").stderr


def test_the_core_alone_has_only_its_own_components():
    done = iqf("--no-plugins", "components", "list", "--json")
    assert {row["distribution"] for row in json.loads(done.stdout)} == {"iqf-core"}


def test_a_plugin_brings_a_command_and_one_into_a_group(site):
    source = HEADER + (
        "@hookimpl\ndef iqf_commands():\n    return [\n"
        "        Component('hello', 'hello_commands:hello', summary='Say hello'),\n"
        "        Component('dataset.greet', 'hello_commands:hello'),\n"
        "        Component('polite.hello', 'hello_commands:hello'),\n    ]\n"
    )
    commands = (
        "import click\n@click.command()\n@click.argument('who')\n"
        "def hello(who):\n    'Say hello.'\n    click.echo(f'hello {who}')\n"
    )
    site.write(FakePlugin("hello", source, files={"hello_commands.py": commands}))
    path = str(site.folder)
    assert "Say hello" in iqf("--help", PYTHONPATH=path).stdout
    assert iqf("hello", "you", PYTHONPATH=path).stdout == "hello you\n"
    assert iqf("dataset", "greet", "you", PYTHONPATH=path).stdout == "hello you\n"
    assert iqf("polite", "hello", "you", PYTHONPATH=path).stdout == "hello you\n"
    assert "Say hello." in iqf("hello", "--help", PYTHONPATH=path).stdout
    assert iqf("hello", PYTHONPATH=path).returncode == 2


def test_two_equal_command_paths_clash_and_name_the_distribution(site):
    source = HEADER + (
        "@hookimpl\ndef iqf_commands():\n    return [Component('plan', 'hello_commands:hello')]\n"
    )
    site.write(FakePlugin("clash", source))
    done = iqf("--help", PYTHONPATH=str(site.folder))
    assert done.returncode == 2
    assert "'plan' of clash" in done.stderr


def test_a_plugins_command_tells_its_options_to_who_looks_at_the_commands(site):
    source = """
from iqf_core.plugin import Component, hookimpl

@hookimpl
def iqf_commands():
    return [Component("greet.loudly", "fake_greeting:greet", summary="Says hello")]
"""
    site.write(FakePlugin("greeting", source))
    (site.folder / "fake_greeting.py").write_text(
        "import click\n\n@click.command()\n@click.option('--times')\ndef greet(times):\n    pass\n"
    )
    code = (
        "import click\nfrom iqf_core.cli.main import cli\n"
        "group = cli.get_command(click.Context(cli), 'greet')\n"
        "command = group.get_command(click.Context(group), 'loudly')\n"
        "print([each.name for each in command.get_params(click.Context(command))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site.folder)},
        check=False,
    )
    assert "times" in done.stdout, done.stderr


def test_a_group_of_a_plugins_commands_is_described_by_the_plugins_summary(site):
    source = """
from iqf_core.plugin import Component, hookimpl

@hookimpl
def iqf_commands():
    return [Component("greet.loudly", "nowhere:greet"), Component("greet.softly", "nowhere:greet")]
"""
    site.write(FakePlugin("greeting", source, summary="Greetings of all kinds"))
    known = {"PYTHONPATH": str(site.folder)}
    assert "Greetings of all kinds" in iqf("--help", **known).stdout
    group = iqf("greet", "--help", **known).stdout
    assert "loudly" in group and "softly" in group
