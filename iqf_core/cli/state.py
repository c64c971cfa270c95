"""What the commands share: the plugin manager, and how to print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iqf_core.plugins.manager import PluginManager


@dataclass
class State:
    """Held in ``context.obj``: the plugin manager of this invocation."""

    manager: PluginManager


def print_json(value: Any) -> None:
    """Print `value` as JSON to standard output."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an aligned table in plain text; the last column may be of any length."""
    widths = [
        max(len(line[column]) for line in [header, *rows]) for column in range(len(header) - 1)
    ]
    for line in [header, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]]).rstrip())
