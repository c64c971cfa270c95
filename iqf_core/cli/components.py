"""``iqf components``: what the plugins contribute, with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.lazy import LazyGroup
from iqf_core.cli.state import State, print_columns, print_json
from iqf_core.errors import PluginError, UnknownComponentError, nearest
from iqf_core.hookspecs import KINDS

if TYPE_CHECKING:
    from iqf_core.plugins.registry import Entry, Registry


@click.group(cls=LazyGroup, prefix="components")
def components() -> None:
    """Modifiers, metrics, trainers …: list them, show one."""


@components.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only components of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_components(state: State, kind: str | None, as_json: bool) -> None:
    """List the components of all plugins."""
    entries = state.manager.registry.entries(kind)
    if as_json:
        print_json([_summary(entry) for entry in entries])
        return
    print_columns(
        ("KIND", "NAME", "DISTRIBUTION", "SUMMARY"),
        [
            (entry.kind, entry.name, entry.distribution, entry.component.summary)
            for entry in entries
        ],
    )
    for plugin in state.manager.registry.unusable:
        if plugin.state != "disabled":
            click.echo(f"plugin {plugin.name!r} is {plugin.state}: {plugin.reason}", err=True)


def _summary(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "aliases": list(entry.component.aliases),
        "summary": entry.component.summary,
        "plugin": entry.plugin,
        "distribution": entry.distribution,
        "target": entry.component.target,
    }


@components.command()
@click.argument("name", metavar="[KIND/]NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(state: State, name: str, as_json: bool) -> None:
    """Show every component that answers to NAME: summary, parameters, where it comes from."""
    registry = state.manager.registry
    kind, _, bare = name.rpartition("/")
    entries = registry.find(bare, kind or None)
    if not entries:
        raise UnknownComponentError(_unknown(registry, bare, kind))
    described = [_describe(entry) for entry in entries]
    if as_json:
        print_json(described)
        return
    for position, item in enumerate(described):
        if position:
            click.echo()
        _print(item)


def _unknown(registry: Registry, name: str, kind: str) -> str:
    known = {entry.name for entry in registry.entries(kind or None)}
    return f"no component named {name!r}{nearest(name, known)}; see `iqf components list`"


def _describe(entry: Entry) -> dict[str, Any]:
    item = _summary(entry)
    try:
        target = entry.load()
    except PluginError as error:
        return {**item, "error": str(error), "parameters": []}
    if entry.kind == "command":
        return {**item, "parameters": []}
    if entry.kind == "preset":
        return {**item, "chain": [str(link) for link in target], "parameters": []}
    import inspect

    from iqf_core.components.parameters import describe

    item["description"] = inspect.getdoc(target) or ""
    item["component_version"] = target.version
    item["parameters"] = describe(target.Params)
    if entry.kind == "metric":
        item["outputs"] = [
            {"name": output.name, "unit": output.unit, "summary": output.summary}
            for output in target.outputs
        ]
    return item


def _print(item: dict[str, Any]) -> None:
    click.echo(f"{item['kind']}/{item['name']}: {item['summary']}")
    if item["aliases"]:
        click.echo(f"also called: {', '.join(item['aliases'])}")
    click.echo(f"from {item['distribution']} (plugin {item['plugin']}), {item['target']}")
    if "error" in item:
        click.echo(f"broken: {item['error']}")
        return
    if item.get("description"):
        click.echo(f"\n{item['description']}")
    if "chain" in item:
        click.echo(f"stands for {' '.join(item['chain'])}")
    if item["parameters"]:
        click.echo()
        print_columns(
            ("PARAMETER", "TYPE", "DEFAULT", "RANGE", "UNIT", "EXAMPLE", "DESCRIPTION"),
            [
                (
                    row["name"],
                    row["type"],
                    "required" if row["required"] else str(row["default"]),
                    row["range"] or "",
                    row["unit"] or "",
                    "" if row["example"] is None else str(row["example"]),
                    row["description"],
                )
                for row in item["parameters"]
            ],
        )
    for output in item.get("outputs", ()):
        click.echo(f"gives {output['name']} {output['unit']}: {output['summary']}")
