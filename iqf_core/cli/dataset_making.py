"""``iqf dataset convert``, ``tile`` and ``split``: datasets made of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.state import State, print_json

if TYPE_CHECKING:
    from iqf_core.components.dataset_format import DatasetFormat, Finding
    from iqf_core.datasets.dataset import Dataset

_PATH = click.Path(path_type=Path)
_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that will hold the result; by default the one that holds DATASET.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("source", metavar="SRC", type=_PATH)
@click.argument("target", metavar="DST", type=_PATH)
@click.option(
    "--format",
    "specification",
    metavar="FORMAT",
    required=True,
    help="coco, geojson, dota, yolo or another installed format (`iqf components list --kind "
    "format`), with its parameters: yolo:task=oriented.",
)
@click.option("--from", "origin", metavar="FORMAT", help="The format to read, if SRC has several.")
@_JSON
@click.pass_obj
def convert(
    state: State, source: Path, target: Path, specification: str, origin: str | None, as_json: bool
) -> None:
    """Write the dataset SRC as the new dataset DST, its annotations in another format.

    Images are linked. What the format cannot carry is said. In GeoJSON, objects of georeferenced
    images are in map coordinates, all others in pixels.
    """
    from iqf_core.datasets.conversion import convert_dataset

    made = convert_dataset(
        _open(state, source), target, _format(state, specification), source=origin
    )
    if as_json:
        print_json(
            {
                "schema": "iqf.convert/1",
                "path": str(made.path),
                "annotations": str(made.annotations),
                "objects": made.objects,
                "findings": [vars(each) for each in made.findings],
            }
        )
        return
    click.echo(f"{made.path}\n  {made.objects} objects in {made.annotations.name}")
    _print_findings(made.findings)


@click.command()
@click.argument("source", metavar="DATASET", type=_PATH)
@click.option("--size", type=int, default=1024, show_default=True, help="Edge of a tile, in px.")
@click.option(
    "--overlap", type=int, default=128, show_default=True, help="What neighbours share, in px."
)
@click.option(
    "--keep",
    type=float,
    default=0.3,
    show_default=True,
    help="Least fraction of an object's area in a tile, 0 to 1.",
)
@_OUT
@_JSON
@click.pass_obj
def tile(
    state: State,
    source: Path,
    size: int,
    overlap: int,
    keep: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Cut the scenes of DATASET and their annotations into tiles.

    The last tile of a row or column is shifted inward, so that every tile is full. Tiles are named
    after the scene and their first pixel (harbour__x896_y0.tif) and keep their georeference.
    """
    from iqf_core.datasets.tiling import tile_dataset

    made = tile_dataset(_open(state, source), size=size, overlap=overlap, keep=keep, out=out)
    record = made.record
    if as_json:
        print_json(
            {
                "schema": "iqf.tile/1",
                "path": str(made.path),
                "reused": made.reused,
                "record": record.model_dump(mode="json"),
                "findings": [vars(each) for each in made.findings],
            }
        )
        return
    parts = [f"{len(record.tiles)} tiles of {len(record.scenes)} scenes"]
    if record.objects:
        parts.append(f"{record.objects - record.objects_dropped} of {record.objects} objects")
    parts += ["reused"] if made.reused else []
    click.echo(f"{made.path}\n  {'; '.join(parts)}")
    _print_findings(made.findings)


class _ListOptions(click.Command):
    """Lets ``--fractions 0.5 0.25 0.25`` stand for the option given three times.

    Numbers end where something else begins, names are as many as the fractions.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell the lists out, and parse."""
        spelled = _spelled(args, "--fractions", _is_number)
        count = spelled.count("--fractions")
        left = iter(range(count))
        spelled = _spelled(spelled, "--names", lambda text: next(left, None) is not None)
        return super().parse_args(ctx, spelled)


def _spelled(args: list[str], option: str, belongs: Callable[[str], bool]) -> list[str]:
    if option not in args or args.count(option) > 1:
        return args
    begin = end = args.index(option) + 1
    while end < len(args) and not args[end].startswith("-") and belongs(args[end]):
        end += 1
    repeated = [part for value in args[begin:end] for part in (option, value)]
    return [*args[: begin - 1], *(repeated or [option]), *args[end:]]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@click.command(cls=_ListOptions)
@click.argument("source", metavar="DATASET", type=_PATH)
@click.option(
    "--fractions",
    type=float,
    multiple=True,
    required=True,
    metavar="F F …",
    help="Fraction of the images in each part: 0.5 0.25 0.25.",
)
@click.option(
    "--by",
    type=click.Choice(["image", "scene"]),
    help="What stays together; by default scenes where they are known, else images.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another makes other parts.")
@click.option(
    "--names", multiple=True, metavar="N N …", help="Of the parts; by default train val test."
)
@click.option(
    "--scene-pattern",
    metavar="REGEX",
    help="Finds the scene in an image's name (its first group); tiles need none.",
)
@_OUT
@_JSON
@click.pass_obj
def split(
    state: State,
    source: Path,
    fractions: tuple[float, ...],
    by: Any,
    seed: int,
    names: tuple[str, ...],
    scene_pattern: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Split DATASET into parts for training, validation and test, without leakage.

    \b
      iqf dataset split airports --fractions 0.5 0.25 0.25
      iqf dataset split 'airports#tile-…' --fractions 0.8 0.2 --by scene
      iqf dataset split airports --fractions 0.8 0.2 --scene-pattern '^(.+?)_'

    Images are linked; annotations, masks and tables are restricted to the part.
    """
    from iqf_core.datasets.splitting import split_dataset

    made = split_dataset(
        _open(state, source),
        fractions,
        by=by,
        seed=seed,
        names=names or None,
        scene_pattern=scene_pattern,
        out=out,
    )
    if as_json:
        print_json(
            {
                "schema": "iqf.split/1",
                "path": str(made.path),
                "by": made.by,
                "reused": made.reused,
                "parts": {part: list(images) for part, images in made.parts.items()},
                "findings": [vars(each) for each in made.findings],
            }
        )
        return
    for part, images in made.parts.items():
        click.echo(f"{made.path / part}\n  {len(images)} images")
    if made.reused:
        click.echo("  reused")
    _print_findings(made.findings)


def _open(state: State, path: Path) -> Dataset:
    from iqf_core.datasets.dataset import open_dataset

    return open_dataset(path, registry=state.manager.registry)


def _format(state: State, text: str) -> DatasetFormat:
    from iqf_core.components.context import Context
    from iqf_core.components.specification import parse_specification

    registry = state.manager.registry
    specification = parse_specification(text)
    made: DatasetFormat = registry.create(
        "format", specification.name, specification.params, Context(registry=registry), "--format"
    )
    return made


def _print_findings(findings: tuple[Finding, ...]) -> None:
    from iqf_core.cli.dataset import finding_lines

    for line, severity in finding_lines(findings):
        click.secho(f"{severity} {line}", fg=_COLOURS[severity], err=True)


_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
