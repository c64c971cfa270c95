"""``iqf measure``: metrics of images, as a table and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iqf_core.cli.state import State, print_columns, print_json

if TYPE_CHECKING:
    from iqf_core.measurement.table import Measurements, Statistics

_MOST_REASONS = 10


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "metrics",
    metavar="SPEC",
    multiple=True,
    required=True,
    help="What to measure, such as snr or snr:method=areas (repeatable).",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="What metrics of pairs compare with; a modified copy is compared with its source.",
)
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all values as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--by-band", is_flag=True, help="Also the values of single bands.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default one per usable core."
)
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
@click.pass_obj
def measure(
    state: State,
    path: Path,
    metrics: tuple[str, ...],
    reference: Path | None,
    csv_file: Path | None,
    as_json: bool,
    by_band: bool,
    workers: int | None,
    peak: float | None,
    on_error: str,
) -> None:
    """Measure the images of PATH: a dataset, a folder of images or one image.

    \b
      iqf measure airports --metric snr --metric sharpness --csv airports.csv
      iqf measure 'airports#jpeg-quality=30' --metric psnr
      iqf measure restored --metric psnr --reference originals

    The summary has mean, median and spread over the images; --csv writes the value of each. Where
    nothing honest can be said there is no value but the reason.
    """
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.measurement.engine import measure_dataset

    registry = state.manager.registry
    dataset = open_dataset(path, registry=registry, peak=peak)
    other = None if reference is None else open_dataset(reference, registry=registry, peak=peak)
    measured = measure_dataset(
        dataset,
        metrics,
        manager=state.manager,
        reference=other,
        workers=workers,
        by_band=by_band,
        on_error="skip" if on_error == "skip" else "fail",
        quiet=as_json,
    )
    if csv_file is not None:
        _write(csv_file, "".join(measured.csv_lines()))
    if as_json:
        print_json(measured.to_json())
        return
    print_summary(measured)
    if csv_file is not None:
        click.echo(f"all values: {csv_file}")


def print_summary(measured: Measurements) -> None:
    """Print the statistics over the images, and why values are missing."""
    summary = measured.summary()
    print_columns(
        ("METRIC", "OUTPUT", "BAND", "MEAN", "MEDIAN", "SPREAD", "VALUES", "UNIT"),
        [
            (
                each.metric,
                each.output,
                each.band,
                _number(each.mean),
                _number(each.median),
                _number(each.std),
                f"{each.count} of {each.images}",
                each.unit,
            )
            for each in summary
        ],
    )
    click.echo("spread: standard deviation over the images")
    _print_reasons(summary)


def _print_reasons(summary: Sequence[Statistics]) -> None:
    """Print each reason once, with the outputs that it concerns."""
    concerned: dict[tuple[str, int], list[str]] = {}
    for each in summary:
        for reason, count in each.reasons.items():
            name = f"{each.metric} {each.output}"
            outputs = concerned.setdefault((reason, count), [])
            if name not in outputs:
                outputs.append(name)
    for (reason, count), outputs in list(concerned.items())[:_MOST_REASONS]:
        shown = ", ".join(outputs[:3]) + (f" and {len(outputs) - 3} more" if outputs[3:] else "")
        click.echo(f"  no value for {count} image{'s' if count > 1 else ''} ({shown}): {reason}")
    if len(concerned) > _MOST_REASONS:
        click.echo(f"  … and {len(concerned) - _MOST_REASONS} more reasons; all are in the CSV")


def _write(path: Path, text: str) -> None:
    from iqf_core.errors import IQFError
    from iqf_core.files import atomic_write_text

    try:
        atomic_write_text(path, text)
    except OSError as error:
        raise IQFError(f"{path}: cannot be written ({error.strerror})") from None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
