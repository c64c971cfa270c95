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


class _Groups(click.ParamType):  # type: ignore[type-arg]
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

    Several datasets are parts of one (train, val, test): images in two of them are leakage.
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


@click.command()
@click.argument("path", metavar="DATASET", type=_PATH)
@click.option(
    "--html", "html_file", metavar="F", type=_FILE, help="Write a page that stands alone."
)
@click.option(
    "--json", "json_file", metavar="F", type=_FILE, help="Write everything as JSON; - prints it."
)
@click.option("--csv", "csv_file", metavar="F", type=_FILE, help="Write a row for each object.")
@click.option(
    "--images-csv", metavar="F", type=_FILE, help="Write a row for each image, with its bands."
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME",
    help="Print count, least, mean and greatest value of a field (repeatable); all: every field.",
)
@click.option(
    "--previews",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    help="Images shown in the page.",
)
@_PEAK
@_WORKERS
@click.pass_context
def stats(
    context: click.Context,
    path: Path,
    html_file: Path | None,
    json_file: Path | None,
    csv_file: Path | None,
    images_csv: Path | None,
    fields: tuple[str, ...],
    previews: int,
    peak: float | None,
    workers: int | None,
) -> None:
    """Measure DATASET exactly: images, pixels, classes, objects."""
    from iqf_dataset_tools.report_text import statistics_lines, summary_lines
    from iqf_dataset_tools.statistics import dataset_statistics

    prints = json_file == Path("-")
    found = dataset_statistics(
        path, registry=_registry(context), peak=peak, workers=workers, quiet=prints
    )
    chosen = [found.summary(name) for name in fields if name != "all"]
    chosen += found.summaries() if "all" in fields else []
    if prints:
        _print_json(found.to_json())
    elif json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(found.to_json(), indent=1), encoding="utf-8")
    if csv_file is not None:
        found.write_csv(csv_file)
    if images_csv is not None:
        found.write_csv(images_csv, "images")
    if html_file is not None:
        found.write_html(html_file, previews=previews)
    if prints:
        return
    for line in summary_lines(chosen) if chosen else statistics_lines(found):
        click.echo(line)
    for written in (html_file, json_file, csv_file, images_csv):
        if written is not None:
            click.echo(f"written: {written}")


@click.command()
@click.argument("path", metavar="DATASET", type=_PATH)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine; by default any that is free.",
)
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in a browser.")
@_PEAK
@click.pass_context
def view(
    context: click.Context, path: Path, port: int, open_page: bool, peak: float | None
) -> None:
    """Look at the images of DATASET with their annotations, in a browser.

    The page is served on this machine only, until Ctrl-C; pictures are made when asked for.
    """
    from iqf_dataset_tools.view import serve

    opened = open_dataset(path, registry=_registry(context), peak=peak)

    def announce(address: str) -> None:
        click.echo(address)
        click.echo("Ctrl-C stops it", err=True)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve(opened, port, announce)
    click.echo("stopped")
