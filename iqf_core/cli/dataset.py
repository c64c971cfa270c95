"""``iqf dataset``: look at datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.lazy import LazyGroup
from iqf_core.cli.state import State, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iqf_core.components.dataset_format import Finding
    from iqf_core.datasets.info import DatasetInfo

#: Findings of one kind that are printed; the rest are counted.
_SHOWN_FINDINGS = 5
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


#: Commands by target and summary, imported when they are called.
_LAZY = {
    "convert": (
        "iqf_core.cli.dataset_making:convert",
        "Write a dataset with its annotations in another format",
    ),
    "split": ("iqf_core.cli.dataset_making:split", "Split a dataset into parts, without leakage"),
    "tile": ("iqf_core.cli.dataset_making:tile", "Cut scenes and their annotations into tiles"),
}


@click.group(cls=LazyGroup, prefix="dataset", lazy=_LAZY)
def dataset() -> None:
    """Look at datasets; convert, tile and split them."""


@dataset.command()
@click.argument("path", metavar="DATASET", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--peak", type=float, help="The value of full scale, in DN.")
@click.pass_obj
def info(state: State | None, path: Path, as_json: bool, peak: float | None) -> None:
    """Show what DATASET holds: images, sizes, types, annotations, problems found."""
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.datasets.info import dataset_info
    from iqf_core.progress import progress

    registry = None if state is None else state.manager.registry
    opened = open_dataset(path, registry=registry, peak=peak)
    with progress("Reading headers", len(opened)) as bar:
        described = dataset_info(opened, bar)
    if as_json:
        print_json(described.to_json())
    else:
        _print(described)


def _print(info: DatasetInfo) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _rows(info):
        table.add_row(label, escape(value))
    console.print(f"[bold]{escape(info.name)}[/bold] ({info.kind}) {escape(info.path)}")
    console.print(table)
    counted = [each for each in info.classes if each.objects]
    if counted:
        classes = Table("class", "name", box=None, pad_edge=False)
        classes.add_column("objects", justify="right")
        for each in counted:
            classes.add_row(str(each.id), escape(each.name), f"{each.objects:,}")
        console.print()
        console.print(classes)
    empty = len(info.classes) - len(counted)
    if empty:
        console.print(f"{empty} more class(es) without objects")
    console.print()
    if not info.findings:
        console.print("no problems found")
    for line, severity in finding_lines(info.findings):
        console.print(f"[{_COLOURS[severity]}]{severity}[/] {escape(line)}")


def _rows(info: DatasetInfo) -> list[tuple[str, str]]:
    unreadable = f", {info.unreadable:,} unreadable" if info.unreadable else ""
    rows = [
        ("images", f"{info.images:,}{unreadable}, {_bytes(info.nbytes)}"),
        ("sizes", _sizes(info)),
        ("files", _counts(info.drivers)),
        ("data type", _counts(info.dtypes)),
        ("bands", _counts(info.bands)),
        ("peak", _counts({_peak(peak): count for peak, count in info.peaks.items()})),
    ]
    if info.gsd_m:
        least, greatest = info.gsd_m
        rows.append(("GSD", f"{least:g} m" + (f" to {greatest:g} m" if greatest > least else "")))
    if info.georeferenced:
        rows.append(("georeferenced", f"{info.georeferenced:,}"))
    formats = ", ".join(f"{name} ({file})" if file else name for name, file in info.formats.items())
    rows.append(("annotations", f"{formats}, {info.objects:,} objects"))
    if info.masks:
        rows.append(("masks", f"{info.masks:,}"))
    if info.images_without_annotations:
        rows.append(("without annotations", f"{len(info.images_without_annotations):,} images"))
    if info.companions:
        rows.append(("other files", f"{info.companions:,}"))
    if info.properties:
        stated = ", ".join(f"{key}: {value}" for key, value in info.properties.items())
        rows.append(("iqf.yaml", stated))
    return rows


def _sizes(info: DatasetInfo) -> str:
    if info.smallest is None or info.largest is None:
        return "unknown"
    if len(info.sizes) <= 3:
        return ", ".join(
            f"{width} x {height} ({count:,})" for (height, width), count in info.sizes.items()
        )
    smallest, largest = (f"{width} x {height}" for height, width in (info.smallest, info.largest))
    return f"{len(info.sizes):,} sizes from {smallest} to {largest} (width x height)"


def _counts(counts: Mapping[Any, int]) -> str:
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{key} ({count:,})" for key, count in counts.items()) or "unknown"


def _peak(peak: float | None) -> str:
    return "unknown" if peak is None else f"{peak:g}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def finding_lines(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Return (line, severity) for the findings, errors first, a few of each code."""
    by_code: dict[tuple[str, str], list[Finding]] = {}
    for each in sorted(findings, key=lambda each: list(_COLOURS).index(each.severity)):
        by_code.setdefault((each.severity, each.code), []).append(each)
    lines = []
    for (severity, code), group in by_code.items():
        for each in group[:_SHOWN_FINDINGS]:
            where = " ".join(part for part in (each.file, each.item) if part)
            lines.append((f"{code}: {where + ': ' if where else ''}{each.message}", severity))
        rest = len(group) - _SHOWN_FINDINGS
        if rest > 0:
            lines.append((f"{code}: {rest:,} more (all with --json)", severity))
    return lines
