"""Print how accurate `snr` and `sharpness` are, beside the goals; run by hand.

::

    python -m benchmarks.accuracy                    # everything, some minutes
    python -m benchmarks.accuracy --quick            # a first look
    python -m benchmarks.accuracy --part noise --row "noise photographs" --worst 5
    python -m benchmarks.accuracy --json all.json --csv all.csv
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import click
import cv2

from . import cost_cases, noise_cases, sharpness_cases
from .records import Outcome, Record, Row, outcome, table
from .rows import PARTS

Cases = Callable[[int, bool], Iterator[Record]]

#: Which functions give the records of which rows (by the beginning of their keys).
_CASES: dict[str, list[tuple[Cases, tuple[str, ...]]]] = {
    "sharpness": [
        (
            sharpness_cases.scenes,
            ("rer", "fwhm", "mtf_nyquist", "mtf50_freq", "scenes", "sharpness intervals"),
        ),
        (
            sharpness_cases.edges,
            ("rer ", "fwhm", "mtf_nyquist", "mtf50_freq", "edges", "false", "sharpness intervals"),
        ),
        (sharpness_cases.nothing, ("false",)),
        (sharpness_cases.after_modifiers, ("modifiers",)),
    ],
    "pairs": [(sharpness_cases.pairs, ("pairs",))],
    "noise": [
        (noise_cases.synthetic, ("noise synthetic", "noise intervals", "snr", "areas")),
        (noise_cases.types, ("noise types",)),
        (
            noise_cases.on_photographs,
            (
                "noise photographs",
                "noise dependent",
                "noise intervals",
                "snr",
                "areas photographs",
            ),
        ),
        (
            noise_cases.dependent_scenes,
            ("noise dependent", "noise model", "noise intervals", "snr"),
        ),
        (noise_cases.tiles, ("noise tiles",)),
        (noise_cases.colour, ("white flagged", "coloured missed")),
        (noise_cases.nothing, ("noise false",)),
        (noise_cases.after_modifiers, ("noise modifiers",)),
    ],
    "cost": [
        (cost_cases.noise, ("cost noise",)),
        (cost_cases.sharpness, ("cost sharpness",)),
        (cost_cases.repeated, ("repeatability",)),
    ],
}


@click.command(help=(__doc__ or "").split("::")[0])
@click.option("--part", "parts", multiple=True, type=click.Choice(sorted(PARTS)))
@click.option("--row", "wanted", multiple=True, help="Rows whose key or label contains this.")
@click.option("--seeds", default=6, show_default=True, help="Scenes and noises of each kind.")
@click.option("--quick", is_flag=True, help="Fewer systems, photographs and seeds.")
@click.option("--worst", default=0, help="Also print the worst cases of every row.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all to this.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write the cases.")
def main(
    parts: tuple[str, ...],
    wanted: tuple[str, ...],
    seeds: int,
    quick: bool,
    worst: int,
    json_file: Path | None,
    csv_file: Path | None,
) -> None:
    """Run the cases, print the table, write what was asked for."""
    cv2.setNumThreads(1)
    seeds = 2 if quick else seeds
    started = time.process_time()
    records: list[Record] = []
    outcomes: list[Outcome] = []
    for part in parts or PARTS:
        rows = [row for row in PARTS[part] if _asked(row, wanted)]
        if not rows:
            continue
        for cases, keys in _CASES[part]:
            if any(row.key.startswith(key) for row in rows for key in keys):
                records += cases(seeds, quick)
        outcomes += [outcome(row, records) for row in rows]
    records = [record for record in records if record.row in {each.row.key for each in outcomes}]
    click.echo(table(outcomes))
    click.echo(f"errors in percent, goals in brackets; {time.process_time() - started:.0f} s CPU")
    for each in outcomes if worst else ():
        _print_worst(each.row, records, worst)
    if json_file is not None:
        told = {
            "schema": "iqf.accuracy/1",
            "seeds": seeds,
            "rows": [asdict(each) | {"verdict": each.verdict} for each in outcomes],
            "cases": [asdict(record) for record in records],
        }
        json_file.write_text(json.dumps(told, indent=1) + "\n")
    if csv_file is not None:
        with csv_file.open("w", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(("row", "case", "truth", "value", "error", "held"))
            for record in records:
                writer.writerow(asdict(record).values())


def _asked(row: Row, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(
        text.lower() in row.key.lower() or text.lower() in row.label.lower() for text in wanted
    )


def _print_worst(row: Row, records: list[Record], count: int) -> None:
    mine = [record for record in records if record.row == row.key]
    known = [record for record in mine if record.error is not None]
    known.sort(key=lambda record: -abs(record.error or 0))
    shown = known[:count]
    if row.kind == "false":
        shown = [record for record in mine if record.value is not None][:count]
    elif row.kind == "cost":
        shown = mine
    else:
        shown += [record for record in mine if record.value is None][:count]
    if shown:
        click.echo(f"\n{row.label}")
    for record in shown:
        numbers = ", ".join(
            f"{name} {value:.4g}"
            for name, value in (
                ("truth", record.truth),
                ("value", record.value),
                ("error", record.error),
            )
            if value is not None
        )
        click.echo(f"  {record.case}: {numbers or 'no value'}")


main()
