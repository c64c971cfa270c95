"""``iqf modify``: degraded copies of a dataset."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.state import State, print_columns, print_json

if TYPE_CHECKING:
    from iqf_core.components.specification import Specification
    from iqf_core.errors import Problem
    from iqf_core.modification.chain import Chain
    from iqf_core.modification.engine import ModifiedDataset

SCHEMA = "iqf.modify/1"

_MOST_NOTES = 10


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("specifications", metavar="MODIFIER...", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that will hold the copies; by default the one that holds the dataset.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default one per usable core."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random modifiers.")
@click.option(
    "--presets",
    "preset_files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="YAML file of presets: names with a chain of modifiers each.",
)
@click.option("--grid", is_flag=True, help="Print a table with one line for each copy.")
@click.option(
    "--peak", type=float, help="Value of full scale, in DN, of images that do not say it."
)
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do when an image cannot be read.",
)
@click.option("--cog", is_flag=True, help="Write Cloud Optimized GeoTIFF, with overviews.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON.")
@click.pass_obj
def modify(
    state: State,
    dataset: Path,
    specifications: tuple[str, ...],
    out: Path | None,
    workers: int | None,
    seed: int,
    preset_files: tuple[Path, ...],
    grid: bool,
    peak: float | None,
    on_error: str,
    cog: bool,
    as_json: bool,
) -> None:
    """Make degraded copies of DATASET, a folder of images or one image.

    Annotations and label tables follow the images.

    The modifiers are applied one after another. Several values make one copy for each:

    \b
      iqf modify airports blur:sigma_px=1.5 jpeg:quality=70
      iqf modify airports 'jpeg:quality=10|30|50'
      iqf modify airports gaussian_noise:sigma_dn=0..40/5

    A preset is a chain with a name; `iqf components list --kind preset` lists the plugins'.
    A copy that is there already is used as it is.
    """
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.execution.local import LocalExecutor
    from iqf_core.modification.engine import modify_dataset

    registry = state.manager.registry
    chains = _chains(specifications, preset_files, state)
    source = open_dataset(dataset, registry=registry, peak=peak)
    made: list[tuple[ModifiedDataset, float]] = []
    with LocalExecutor(LocalExecutor.Params(workers=workers)) as executor:
        for chain in chains:
            begun = time.perf_counter()
            copy = modify_dataset(
                source,
                chain,
                manager=state.manager,
                seed=seed,
                out=out,
                executor=executor,
                on_error="skip" if on_error == "skip" else "fail",
                cog=cog,
            )
            made.append((copy, time.perf_counter() - begun))
    if as_json:
        print_json(_record(source.path, chains, made))
        return
    if grid:
        _print_table(made)
    _print_summary(made)


def _chains(
    specifications: tuple[str, ...], preset_files: tuple[Path, ...], state: State
) -> list[Chain]:
    """Return a chain for each point of the grid; every mistake of the user's is said at once."""
    from iqf_core.components.specification import expand_chain, parse_specification
    from iqf_core.errors import ConfigurationError
    from iqf_core.modification.chain import Chain
    from iqf_core.modification.presets import expand_presets, read_presets

    presets = {name: chain for file in preset_files for name, chain in read_presets(file).items()}
    parsed: list[Specification] = []
    problems: list[Problem] = []
    for text in specifications:
        try:
            link = parse_specification(text)
            parsed += expand_presets([link], state.manager.registry, presets)
        except ConfigurationError as error:
            problems += error.problems
    chains: dict[str, Chain] = {}
    for point in expand_chain(parsed) if parsed else ():
        try:
            chain = Chain.resolve(point, state.manager.registry)
        except ConfigurationError as error:
            problems += [problem for problem in error.problems if problem not in problems]
        else:
            chains.setdefault(chain.fingerprint(), chain)
    if problems:
        raise ConfigurationError(problems)
    return list(chains.values())


def _record(
    source: Path, chains: list[Chain], made: list[tuple[ModifiedDataset, float]]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "dataset": str(source),
        "copies": [
            {
                "path": str(copy.path),
                "modifier": chain.label,
                "params": chain.flat_params(),
                "reused": copy.reused,
                "seconds": round(seconds, 3),
                "manifest": copy.manifest.model_dump(mode="json"),
            }
            for chain, (copy, seconds) in zip(chains, made, strict=True)
        ],
    }


def _print_table(made: list[tuple[ModifiedDataset, float]]) -> None:
    print_columns(
        ("COPY", "IMAGES", "FILES", "CODED", "BPPPC", "RATIO", "SECONDS"),
        [
            (
                copy.manifest.label,
                str(copy.manifest.totals.images),
                _size(copy.manifest.totals.file_bytes),
                _size(copy.manifest.totals.nbytes),
                _number(copy.manifest.totals.bpppc),
                _number(copy.manifest.totals.ratio),
                "reused" if copy.reused else f"{seconds:.1f}",
            )
            for copy, seconds in made
        ],
    )
    click.echo()


def _print_summary(made: list[tuple[ModifiedDataset, float]]) -> None:
    for copy, seconds in made:
        sums = copy.manifest.totals
        parts = [f"{sums.images} images", _size(sums.file_bytes)]
        if sums.nbytes is not None:
            rate, ratio = _number(sums.bpppc), _number(sums.ratio)
            parts.append(f"coded {_size(sums.nbytes)}, {rate} bpppc, ratio {ratio}")
        if sums.skipped:
            parts.append(f"{sums.skipped} skipped")
        parts.append("reused" if copy.reused else f"made in {seconds:.1f} s")
        click.echo(f"{copy.path}\n  {'; '.join(parts)}")
        for skipped in copy.manifest.skipped:
            click.echo(f"  skipped {skipped.name}: {skipped.reason}")
        _print_notes(copy)


def _print_notes(copy: ModifiedDataset) -> None:
    notes = [f"{image.old_name}: {note}" for image in copy.manifest.images for note in image.notes]
    for note in notes[:_MOST_NOTES]:
        click.echo(f"  {note}")
    if len(notes) > _MOST_NOTES:
        click.echo(f"  … and {len(notes) - _MOST_NOTES} more; all are in the manifest")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _size(count: int | None) -> str:
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"
