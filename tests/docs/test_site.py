"""The site builds without a warning, loads nothing from elsewhere, and names only real commands."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

from iqf_core.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("docs/*.md", "docs/[a-z]*/*.md", "examples/*/README.md", "README.md")
    for path in ROOT.glob(pattern)
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", target],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return target


class _Assets(HTMLParser):
    """Collects what a browser fetches to show a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio") and values.get("src"):
            self.found.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.found.append(values["href"])


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        assets = _Assets()
        assets.feed(page.read_text())
        assert assets.found, page
        for asset in assets.found:
            assert not re.match(r"(https?:)?//", asset), f"{page.name} loads {asset}"


def test_files_are_shown_as_they_are(site):
    shown = {
        "plugins/sample.html": (ROOT / "docs" / "sample_plugin").rglob("*.py"),
        "guide/script-convention.html": [ROOT / "examples" / "digits_noise" / "train.py"],
        "guide/first-study.html": [ROOT / "examples" / "digits_noise" / "study.yaml"],
    }
    for page, files in shown.items():
        text = _text(site / page)
        for file in files:
            if file.name != "__init__.py":
                assert file.read_text().strip() in text, f"{file.name} is not whole in {page}"


def _text(page):
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def test_no_stylesheet_loads_anything_from_elsewhere(site):
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text()), sheet


def test_every_command_and_option_has_its_place_in_the_reference(site):
    text = (site / "reference" / "commands.html").read_text()
    for path, command in _commands():
        assert f">{path}<" in text, f"{path} is not in the reference"
        for option in _options(command) - {"--help", "-h"}:
            assert option in text


def test_every_name_of_the_api_has_its_place_in_the_reference(site):
    from iqf_core import api

    text = (site / "reference" / "api.html").read_text()
    missing = [name for name in api.__all__ if not re.search(rf"[.>]{name}\b", text)]
    assert missing == []


def test_every_hook_has_its_place_in_the_reference(site):
    from iqf_core import hookspecs

    text = (site / "reference" / "hooks.html").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("iqf_")]
    assert len(hooks) >= 9
    assert [name for name in hooks if f'id="iqf_core.hookspecs.{name}"' not in text] == []


def test_docstrings_show_no_sphinx_roles(site):
    for name in ("api", "python", "hooks", "components"):
        text = (site / "reference" / f"{name}.html").read_text()
        assert not re.search(r":(class|meth|func|mod|attr|math):", text), name


def _commands(command=cli, path="iqf"):
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _commands(command.get_command(context, name), f"{path} {name}")


def _options(command):
    return {
        name
        for each in command.get_params(click.Context(command))
        if isinstance(each, click.Option)
        for name in (*each.opts, *each.secondary_opts)
    }


def _names(group):
    return group.list_commands(click.Context(group))


def _examples():
    """Yield (page, command line) for every line of a code block that calls iqf."""
    for page in PAGES:
        for block in re.findall(r"^```[^\n]*\n(.*?)^```", page.read_text(), re.M | re.S):
            for line in block.splitlines():
                call = re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:uv run )?(iqf [a-z-].*)", line)
                if call:
                    yield page.name, call[1]


def test_the_pages_call_only_commands_and_options_that_exist():
    examples = list(_examples())
    assert len(examples) > 40
    for page, line in examples:
        words = shlex.split(line, comments=True)[1:]
        command, known = cli, _options(cli)
        for word in words:
            if word.startswith("-") and not re.fullmatch(r"-?[\d.]+", word):
                assert word.partition("=")[0] in known, f"{page}: {line}: no option {word}"
            elif isinstance(command, click.Group) and word in _names(command):
                command = command.get_command(click.Context(command), word)
                known = known | _options(command)
        assert command is not cli or words[0].startswith("-"), f"{page}: {line}: no such command"
