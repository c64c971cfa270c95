"""``iqf results``: what a study has found, as a table, a file or a plot."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.state import print_json
from iqf_core.errors import ConfigurationError

if TYPE_CHECKING:
    from iqf_core.experiments.results.results import Results, RunRecord, Summary

#: Failed runs that are named; the rest is counted.
_MOST_NAMED = 20


@click.command()
@click.argument("study")
@click.option("--by", multiple=True, metavar="PARAM", help="Group by this parameter (repeatable).")
@click.option("--metric", multiple=True, metavar="NAME", help="Show this metric (repeatable).")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write the table as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
@click.option(
    "--plot",
    type=click.Choice(["line", "bar", "scatter", "rate"]),
    help="Draw; needs --out. rate: against bits per pixel, with Bjøntegaard deltas.",
)
@click.option("--anchor", metavar="CODEC", help="What deltas compare with; default the first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File of the plot: .png, .svg, .pdf or .html; its data go beside it as .csv.",
)
@click.option("--tracking-uri", metavar="URI", help="Another tracking store than the study's.")
@click.option("--all", "superseded", is_flag=True, help="Also runs that a newer one replaced.")
def results(
    study: str,
    by: tuple[str, ...],
    metric: tuple[str, ...],
    csv_file: Path | None,
    as_json: bool,
    plot: str | None,
    anchor: str | None,
    out: Path | None,
    tracking_uri: str | None,
    superseded: bool,
) -> None:
    """Show the results of STUDY: a study file, or the name of a study tracked here.

    The table has mean and standard deviation over repetitions. With --by the rows are the values
    of these parameters, written in full (gaussian_noise.sigma_dn) or short (sigma_dn); the
    unmodified reference stands where the parameter leaves an image as it is. --csv writes the same
    grouping with --by, else one line for each finished run.

    With --plot rate the curves of coders are drawn against the rate that they reached, and their
    Bjøntegaard deltas against --anchor follow the table. With --plot scatter, --by may name a
    metric.
    """
    from iqf_core.experiments.results.results import Results

    if plot and out is None:
        raise click.UsageError("--plot needs --out FILE")
    if out is not None and not plot:
        plot = "line"
    if anchor is not None and plot != "rate":
        raise click.UsageError("--anchor belongs to --plot rate")
    data_file = out.with_suffix(".csv") if plot and out is not None else None
    if csv_file is not None and csv_file == data_file:
        raise click.UsageError(f"{csv_file} would be the table and the data of the plot")
    found = Results(study, tracking_uri=tracking_uri)
    if csv_file is not None:
        _write_csv(found, by, metric, csv_file, superseded)
    by_metric = plot == "scatter" and len(by) == 1 and not _is_param(found, by[0])
    if plot and out is not None:
        found.plot(plot, out=out, x=_one(by), metric=metric or None)
    deltas = _deltas(found, metric, anchor) if plot == "rate" else None
    if as_json:
        from iqf_core.experiments.results.summary import run_json

        listed = [run_json(run) for run in found.runs(superseded=superseded)]
        print_json(listed if deltas is None else {"runs": listed, "bjontegaard": deltas})
        return
    _show(found, () if by_metric else by, metric, superseded)
    if deltas:
        _show_deltas(deltas)
    for written in (csv_file, out, data_file):
        if written is not None:
            click.echo(f"wrote {written}")


def _deltas(found: Results, metrics: tuple[str, ...], anchor: str | None) -> list[dict[str, Any]]:
    """Return the rows of the deltas of every metric; None where there is no number."""
    rows: list[dict[str, Any]] = []
    for metric in metrics or (None,):
        frame = found.bjontegaard(metric, anchor=anchor)
        plain = frame.astype(object).where(frame.notna(), None)
        rows += [
            {str(key): value for key, value in row.items()} for row in plain.to_dict("records")
        ]
    return rows


def _show_deltas(rows: list[dict[str, Any]]) -> None:
    from iqf_core.experiments.results.summary import Summary

    for metric in dict.fromkeys(row["metric"] for row in rows):
        of_metric = [row for row in rows if row["metric"] == metric]
        click.echo(f"\nBjøntegaard deltas of {metric} against {of_metric[0]['anchor']}:")
        names = ("bd_rate_percent", "bd_rate_percent_pchip", "bd_metric", "bd_metric_pchip")
        reasons = [f"{row['codec']}: {row['reason']}" for row in of_metric if row["reason"]]
        print_summary(
            Summary(
                header=("codec", "points", "rate %", "rate % (PCHIP)", metric, f"{metric} (PCHIP)"),
                rows=tuple(
                    (
                        row["codec"],
                        str(row["points"]),
                        *("-" if row[name] is None else f"{row[name]:+.4g}" for name in names),
                    )
                    for row in of_metric
                ),
                numeric=(False, True, True, True, True, True),
                notes=tuple(reasons),
            )
        )


def _is_param(found: Results, name: str) -> bool:
    try:
        found.find_params(name)
    except ConfigurationError:
        return False
    return True


def _one(by: tuple[str, ...]) -> str | None:
    if len(by) > 1:
        raise click.UsageError("a plot has one x: give --by once")
    return by[0] if by else None


def _write_csv(
    found: Results, by: tuple[str, ...], metric: tuple[str, ...], file: Path, superseded: bool
) -> None:
    from iqf_core.files import atomic_write_text

    frame = found.frame(by or None, metric or None, superseded=superseded)
    if not file.parent.is_dir():
        raise ConfigurationError(f"{file}: there is no folder {str(file.parent)!r}")
    atomic_write_text(file, frame.to_csv(index=False))


def _show(found: Results, by: tuple[str, ...], metric: tuple[str, ...], superseded: bool) -> None:
    runs = found.runs(superseded=superseded)
    finished = [run for run in runs if run.state == "FINISHED"]
    states = Counter(run.state for run in runs)
    counts = ", ".join(f"{count} {state}" for state, count in states.items()) or "no runs yet"
    click.echo(f"{found.study}: {counts}")
    if finished:
        summary = found.summary(by or None, metric or None, superseded=superseded)
        click.echo()
        print_summary(summary)
    _name_failed([run for run in runs if run.state not in ("FINISHED", "RUNNING")])


def print_summary(summary: Summary) -> None:
    """Print a table of results, and what has to be said of it."""
    _print_table(summary)
    for note in summary.notes:
        click.echo(f"  {note}")


def _print_table(summary: Summary) -> None:
    import sys

    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for name, numeric in zip(summary.header, summary.numeric, strict=True):
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in summary.rows:
            table.add_row(*(_plain(text) for text in row))
        Console().print(table)
        return
    lines = [summary.header, *summary.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(summary.header))]
    for line in lines:
        cells = [
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(line, widths, summary.numeric, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _name_failed(failed: list[RunRecord]) -> None:
    if not failed:
        return
    one = len(failed) == 1
    click.echo(f"\n{len(failed)} run{'' if one else 's'} did not finish:")
    for run in failed[:_MOST_NAMED]:
        reason = f": {run.reason}" if run.reason else ""
        click.echo(f"  {run.name}  {run.state}{reason}")
    if len(failed) > _MOST_NAMED:
        click.echo(f"  … and {len(failed) - _MOST_NAMED} more (see --json)")
