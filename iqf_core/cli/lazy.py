"""Click groups whose commands are imported when they are called, plugins' commands included."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from iqf_core.cli.state import State
from iqf_core.errors import PluginError, nearest


class LazyGroup(click.Group):
    """A group that knows its commands by target and summary only.

    Parameters
    ----------
    lazy
        Command name -> ("module:attribute", summary).
    prefix
        The dotted path of this group, where plugins' commands are mounted.
    """

    def __init__(
        self,
        *arguments: Any,
        lazy: Mapping[str, tuple[str, str]] | None = None,
        prefix: str = "",
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.lazy = dict(lazy or {})
        self.prefix = prefix

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands; this loads the plugins' light modules."""
        return sorted({*super().list_commands(context), *self.lazy, *self._from_plugins(context)})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command `name`, importing it."""
        if name in self.lazy:
            return _import(self.lazy[name][0])
        known = super().get_command(context, name)
        if known is not None:
            return known
        return self._from_plugins(context).get(name)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `arguments` begin with; a typo gets the nearest name."""
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError as error:
            if "No such command" not in str(error) or nearest_said(error):
                raise
            hint = nearest(arguments[0], self.list_commands(context))
            raise click.UsageError(f"no command {arguments[0]!r}{hint}", context) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing those of the core."""
        plugins = self._from_plugins(context)
        rows = []
        for name in self.list_commands(context):
            if name in self.lazy:
                rows.append((name, self.lazy[name][1]))
                continue
            command = super().get_command(context, name) or plugins.get(name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(formatter.width)))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def _from_plugins(self, context: click.Context) -> dict[str, click.Command]:
        state = context.find_object(State)
        if state is None:  # --help is answered before the options are read
            from iqf_core.plugins.manager import PluginManager

            state = State(PluginManager.create(no_plugins="--no-plugins" in sys.argv))
            context.find_root().obj = state
        start = f"{self.prefix}." if self.prefix else ""
        found: dict[str, click.Command] = {}
        for entry in state.manager.registry.entries("command"):
            if not entry.name.startswith(start):
                continue
            name, *deeper = entry.name.removeprefix(start).split(".")
            taken = name in self.lazy and not deeper
            if taken or (name in found and not deeper):
                raise PluginError(
                    f"command {entry.name!r} of {entry.distribution} is already there; "
                    "disable one of the two plugins"
                )
            if deeper:
                if name not in self.lazy and name not in found:
                    about = {each.name: each.summary for each in state.manager.plugins}
                    summary = about.get(entry.plugin)
                    found[name] = LazyGroup(name=name, prefix=start + name, help=summary)
            else:
                found[name] = _PluginCommand(entry)
        return found


def nearest_said(error: click.UsageError) -> bool:
    """Return whether click itself already suggests a name."""
    return "Did you mean" in str(error)


class _PluginCommand(click.Command):
    """Stands for a plugin's command; imports it when it is called."""

    def __init__(self, entry: Any) -> None:
        super().__init__(entry.name.rpartition(".")[2], short_help=entry.component.summary)
        self._entry = entry

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return self._loaded().make_context(info_name, args, parent, **extra)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return self._loaded().get_params(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        return ctx.command.invoke(ctx)

    def _loaded(self) -> click.Command:
        target = self._entry.load()
        if not isinstance(target, click.Command):
            raise PluginError(
                f"command {self._entry.name!r} of {self._entry.distribution}: "
                f"{self._entry.component.target!r} is no click command"
            )
        return target


def _import(target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command
