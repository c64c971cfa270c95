"""Reference pages made from the code whenever the site is built: commands, components, API."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_NO_BREAK = re.compile(r"\\b\n|\x08\n?")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/commands.md": commands_page,
        "reference/components.md": components_page,
        "reference/api.md": api_page,
    }
    for path, make in pages.items():
        files.append(File.generated(config, path, content=make()))
    return files


# Commands


def commands_page() -> str:
    """Return the page of all commands of the program, those of plugins included."""
    from iqf_core.cli.main import cli

    parts = [
        "# Commands",
        "Made from the program itself; `iqf COMMAND --help` says the same. A mistake in what is "
        "asked for is one line on standard error and exit code 2; `--debug` shows the traceback. "
        "Exit code 1 means that something did not pass: a run that failed, a broken plugin. "
        "130 means stopped with Ctrl-C.",
        *_commands(cli, click.Context(cli, info_name="iqf", **cli.context_settings)),
    ]
    return "\n\n".join(parts) + "\n"


def _commands(command: click.Command, context: click.Context) -> Iterator[str]:
    yield _command(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _commands(child, click.Context(child, context, name))


def _command(command: click.Command, context: click.Context) -> str:
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    parts = [
        f"{'##' if path.count(' ') < 2 else '###'} {path}",
        f"```\n{usage}\n```",
        _help(command),
    ]
    options = [
        parameter
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    if options:
        rows = [_option(option, context) for option in options]
        parts.append("| option | what it does |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(part for part in parts if part)


def _help(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or command.short_help or "")
    # click leaves a paragraph behind \b as it is written: here a block of code.
    paragraphs = []
    for paragraph in text.split("\n\n"):
        literal = _NO_BREAK.match(paragraph)
        if literal:
            lines = inspect.cleandoc("\n" + paragraph[literal.end() :])
            paragraphs.append(f"```\n{lines}\n```")
        else:
            paragraphs.append(paragraph)
    return "\n\n".join(paragraphs)


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    spelled, text = record if record is not None else (option.opts[0], option.help or "")
    return f"| {_code(spelled)} | {_cell(text)} |"


# Components


def components_page() -> str:
    """Return the page of all components that come with the core and the plugins beside it."""
    from iqf_core.hookspecs import KINDS
    from iqf_core.plugins.manager import PluginManager

    registry = PluginManager().registry
    parts = [
        "# Components",
        "Everything that the core and the plugins in this repository contribute; "
        "`iqf components list` says what is installed where you are, and "
        "`iqf components show NAME` shows one.",
    ]
    for kind in KINDS:
        entries = [entry for entry in registry.entries(kind) if kind != "command"]
        if entries:
            parts.append(f"## {kind}")
            parts += [_component(entry) for entry in entries]
    return "\n\n".join(parts) + "\n"


def _component(entry: Any) -> str:
    from iqf_core.components.parameters import describe

    target: Any = entry.load()
    origin = f"from `{entry.distribution}`"
    if entry.component.aliases:
        origin += "; also called " + ", ".join(f"`{name}`" for name in entry.component.aliases)
    parts = [f"### {entry.name}", f"{entry.component.summary} ({origin})."]
    if entry.kind == "preset":
        return "\n\n".join([*parts, f"Stands for {' '.join(map(_code, target))}."])
    parts.append(_markdown(inspect.getdoc(target) or ""))
    rows = describe(target.Params)
    if rows:
        lines = [
            "| parameter | type | default | range | unit | description |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_parameter(row) for row in rows]
        parts.append("\n".join(lines))
    for output in getattr(target, "outputs", ()):
        parts.append(f"Gives `{output.name}` {output.unit}: {output.summary}.")
    return "\n\n".join(parts)


def _parameter(row: dict[str, Any]) -> str:
    default = "required" if row["required"] else _code(str(row["default"]))
    cells = [
        _code(row["name"]),
        _cell(row["type"]),
        default,
        _cell(row["range"] or ""),
        _cell(row["unit"] or ""),
        _cell(row["description"]),
    ]
    return "| " + " | ".join(cells) + " |"


def _markdown(docstring: str) -> str:
    return re.sub(r":(?:[a-z]+:)?[a-z]+:`~?([^`]+)`", r"`\1`", docstring)


def _cell(text: str) -> str:
    return text.replace("|", "&#124;").replace("<", "&lt;").replace("\n", " ")


def _code(text: str) -> str:
    return f"<code>{_cell(text)}</code>"


# The API


_API_GROUPS = (
    ("Declaring components", "iqf_core.plugin"),
    ("What all components share", "iqf_core.components.base"),
    ("Parameters", "iqf_core.components.parameters"),
    ("Surroundings", "iqf_core.components.context"),
    ("Modifiers", "iqf_core.components.modifier"),
    ("Metrics", "iqf_core.components.metric"),
    ("Losses", "iqf_core.components.loss"),
    ("Networks", "iqf_core.components.network"),
    ("Trainers", "iqf_core.components.trainer"),
    ("Executors", "iqf_core.components.executor"),
    ("Dataset formats", "iqf_core.components.dataset_format"),
    ("Images", "iqf_core.imaging."),
    ("Datasets", "iqf_core.datasets."),
    ("Studies and results", "iqf_core.experiments."),
    ("Errors", "iqf_core.errors"),
    ("More", ""),
)


def api_page() -> str:
    """Return the page of everything that `iqf_core.api` offers, in groups."""
    from iqf_core import api

    # Markers such as hookimpl are objects: they have no definition to show.
    values = {name: getattr(api, name) for name in api.__all__}
    homes = {name: value.__module__ for name, value in values.items() if _is_defined(value)}
    plain = ", ".join(f"`{name}`" for name in values if name not in homes)
    parts = [
        "# API",
        "`from iqf_core.api import …` is the one import of a component's module; each name is "
        "imported from its home when it is first asked for. A plugin's light module imports "
        "`Component` and `hookimpl` from `iqf_core.plugin` instead, which costs nothing.",
        f"Besides what is described below there is {plain}.",
    ]
    for title, home in _API_GROUPS:
        names = [name for name in homes if _in_group(homes[name], home)]
        if names:
            parts.append(f"## {title}")
        parts += [f"::: {homes.pop(name)}.{name}" for name in names]
    return "\n\n".join(parts) + "\n"


def _is_defined(value: Any) -> bool:
    return hasattr(value, "__qualname__")


def _in_group(module: str, group: str) -> bool:
    return module == group or (group.endswith(".") and module.startswith(group)) or not group
