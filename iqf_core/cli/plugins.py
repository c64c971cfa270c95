"""``iqf plugins``: what is installed, and whether it works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.lazy import LazyGroup
from iqf_core.cli.state import State, print_columns, print_json

if TYPE_CHECKING:
    from iqf_core.plugins.discovery import Plugin
    from iqf_core.plugins.registry import Entry


@click.group(cls=LazyGroup, prefix="plugins")
def plugins() -> None:
    """Installed plugins: list, inspect, check, start a new one."""


@plugins.command("list")
@click.option(
    "--load", is_flag=True, help="Import the plugins' light modules and say what happens."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_plugins(state: State, load: bool, as_json: bool) -> None:
    """List the installed plugins from their metadata; with --load, import them too."""
    if load:
        _ = state.manager.registry
    found = state.manager.plugins
    if as_json:
        print_json([_row(plugin) for plugin in found])
        return
    if not found:
        click.echo("No plugins installed. Start one with: iqf plugins new NAME --kind modifier")
        return
    print_columns(
        ("NAME", "DISTRIBUTION", "VERSION", "STATE", "SUMMARY"),
        [
            (
                plugin.name,
                plugin.distribution,
                plugin.version,
                plugin.state,
                plugin.reason or plugin.summary,
            )
            for plugin in found
        ],
    )


def _row(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
        "summary": plugin.summary,
        "module": plugin.module,
    }


@plugins.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def info(state: State, name: str, as_json: bool) -> None:
    """Show one plugin and the components it brings."""
    registry = state.manager.registry
    plugin = state.manager.plugin(name)
    entries = [entry for entry in registry.entries() if entry.plugin == plugin.name]
    if as_json:
        components = [_component_row(entry) for entry in entries]
        print_json({**_row(plugin), "components": components})
        return
    print_columns(
        ("", ""),
        [(key.upper(), str(value)) for key, value in _row(plugin).items() if value],
    )
    if entries:
        click.echo()
        print_columns(
            ("KIND", "NAME", "SUMMARY"),
            [(entry.kind, entry.name, entry.component.summary) for entry in entries],
        )


def _component_row(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "aliases": list(entry.component.aliases),
        "summary": entry.component.summary,
        "target": entry.component.target,
    }


@plugins.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Import everything, resolve every target; exit 1 and the cause for each broken one."""
    from iqf_core.plugins.checking import check_plugins

    state = context.find_object(State)
    assert state is not None
    problems = check_plugins(state.manager)
    registry = state.manager.registry
    if as_json:
        print_json(
            {
                "components": len(registry.entries()),
                "problems": [problem._asdict() for problem in problems],
            }
        )
    else:
        for problem in problems:
            click.echo(f"{problem.subject}: {problem.cause}")
        if not problems:
            click.echo(
                f"{len(state.manager.plugins)} plugins, {len(registry.entries())} components: "
                "all can be imported"
            )
    if problems:
        context.exit(1)


@plugins.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["modifier", "metric"]),
    required=True,
    help="What the first component is.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Where to write the project folder.",
)
def new(name: str, kind: str, folder: Path) -> None:
    """Write a complete, installable, tested plugin named NAME."""
    from iqf_core.plugins.scaffold import write_plugin

    written = write_plugin(name, kind, folder)
    click.echo(f"wrote {written.folder}")
    for file in written.files:
        click.echo(f"  {file}")
    click.echo(
        f"\nnext:\n  uv pip install -e {written.folder}\n"
        f"  iqf components show {kind}/{written.component}\n"
        f"  pytest --import-mode=importlib {written.folder}"
    )
