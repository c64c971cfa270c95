"""``iqf dataset check``, ``fix``, ``stats`` and ``view``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import click

from iqf_core.api import PluginManager, open_dataset
from iqf_dataset_tools.catalogue import DROPS, REPAIRS
from iqf_dataset_tools.outlines import Method
from iqf_dataset_tools.problems import Problem

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
#: Problems of one kind that are printed; the rest are counted.
_SHOWN = 5
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PEAK = click.option("--peak", type=float, help="The value of full scale, in DN.")
_WORKERS = click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default one per usable core."
)


class _Groups(click.ParamType):
    """Comma-separated names of groups; ``all`` and ``none`` too."""

    name = "list"

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in value.split(",") if word.strip()]
        if words == ["all"]:
            return self._names
        if words == ["none"]:
            return ()
        for word in words:
            if word not in self._names:
                self.fail(f"{word!r} is none of {', '.join(self._names)}, all, none", param, ctx)
        return tuple(words)


@click.command()
@click.argument("paths", metavar="DATASET...", type=_PATH, nargs=-1, required=True)
@_JSON
@_PEAK
@_WORKERS
@click.pass_context
def check(
    context: click.Context,
    paths: tuple[Path, ...],
    as_json: bool,
    peak: float | None,
    workers: int | None,
) -> None:
    """Find everything wrong with DATASET: images, annotations, and how they fit.

    Several datasets are parts of one (train, val, test): images that are in two of them are leakage.
    Exit code 1 when an error was found.
    """
    from iqf_dataset_tools.check import check_dataset

    report = check_dataset(
        *paths, registry=_registry(context), peak=peak, workers=workers, quiet=as_json
    )
    if as_json:
        _print_json(report.to_json())
    else:
        counts = report.counts()
        click.echo(f"{report.path}: {report.images:,} images, {report.objects:,} objects")
        _print_problems(report.problems)
        found = ", ".join(
            f"{count:,} {severity}{'s' * (count != 1)}"
            for severity, count in counts.items()
            if count
        )
        click.echo(found or "no problems found")
    if report.failed:
        context.exit(1)


def _registry(context: click.Context) -> Any:
    manager = getattr(context.obj, "manager", None)
    return (PluginManager.create() if manager is None else manager).registry


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _print_problems(problems: tuple[Problem, ...]) -> None:
    by_code: dict[str, list[Problem]] = {}
    for each in problems:
        by_code.setdefault(each.code, []).append(each)
    for code, group in by_code.items():
        kind = group[0].kind
        head = click.style(f"{kind.severity} {code}", fg=_COLOURS[kind.severity], bold=True)
        click.echo(f"\n{head} ({len(group):,}): {kind.explanation}")
        for each in group[:_SHOWN]:
            where = " ".join(part for part in (each.file, each.item) if part)
            click.echo(f"  {where + ': ' if where else ''}{each.message}")
        if len(group) > _SHOWN:
            click.echo(f"  … {len(group) - _SHOWN:,} more (all with --json)")
        click.echo(f"  fix: {kind.fix}")
    if problems:
        click.echo()


@click.command()
@click.argument("path", metavar="DATASET", type=_PATH)
@click.option("--out", required=True, type=_PATH, help="Folder of the new dataset.")
@click.option(
    "--drop",
    type=_Groups(DROPS),
    default="all",
    show_default=True,
    help=f"What is left out where it cannot be repaired: {', '.join(DROPS)}, all, none.",
)
@click.option(
    "--repair",
    type=_Groups(REPAIRS),
    default="all",
    show_default=True,
    help=f"What is repaired: {', '.join(REPAIRS)}, all, none.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="make_valid",
    show_default=True,
    help="How outlines that cross themselves are mended; buffer is the custom of buffer(0).",
)
@click.option("--copy", is_flag=True, help="Copy the images; else they are linked where possible.")
@click.option("--rasterize", is_flag=True, help="Also draw the objects as masks into masks/.")
@click.option(
    "--background",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Number of pixels without object in masks.",
)
@_WORKERS
@_JSON
@click.pass_context
def fix(
    context: click.Context,
    path: Path,
    out: Path,
    drop: tuple[str, ...],
    repair: tuple[str, ...],
    method: Method,
    copy: bool,
    rasterize: bool,
    background: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write a mended copy of DATASET; the source is never touched.

    What can be repaired is repaired, what cannot is left out, and every change is recorded in
    .iqf/fix.json of the new dataset.
    """
    from iqf_dataset_tools.fix import RECORD, fix_dataset
    from iqf_dataset_tools.mending import Choices

    report = fix_dataset(
        path,
        out,
        registry=_registry(context),
        choices=Choices(frozenset(drop), frozenset(repair), method),
        copy=copy,
        rasterize=rasterize,
        background=background,
        workers=workers,
        quiet=as_json,
    )
    if as_json:
        _print_json(report.to_json())
        return
    click.echo(f"{report.path}\n  {len(report.changes):,} changes, recorded in {RECORD}")
    counted: dict[tuple[str, str], int] = {}
    for each in report.changes:
        key = (each.code or "masks", each.action)
        counted[key] = counted.get(key, 0) + 1
    for (code, action), count in counted.items():
        click.echo(f"  {code}: {count:,} {action}")
    if report.left:
        click.echo(f"\nleft as it is ({len(report.left):,}):")
        _print_problems(report.left)
