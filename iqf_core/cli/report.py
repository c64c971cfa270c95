"""``iqf report``: a study as one page that one can hand over."""

from __future__ import annotations

from pathlib import Path

import click

from iqf_core.cli.state import State


@click.command()
@click.argument("study")
@click.option(
    "--html", "out", required=True, type=click.Path(path_type=Path), help="The page to write."
)
@click.option(
    "--metric",
    multiple=True,
    metavar="NAME",
    help="Measure of performance (repeatable); the first one decides.",
)
@click.option(
    "--tolerance",
    default="5%",
    show_default=True,
    metavar="SHARE|NUMBER",
    help="Loss of performance that is of no consequence: a share of the reference, or a number.",
)
@click.option(
    "--confidence",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    help="Of the test behind the knee.",
)
@click.option("--paired", is_flag=True, help="Pair repetitions of one seed in that test.")
@click.option("--pooled", is_flag=True, help="Take its spread from all points of a sweep.")
@click.option(
    "--lower-is-better",
    "lower",
    multiple=True,
    metavar="NAME",
    help="A metric that is (repeatable).",
)
@click.option(
    "--higher-is-better",
    "higher",
    multiple=True,
    metavar="NAME",
    help="A metric that is, whatever its name says (repeatable).",
)
@click.option(
    "--images",
    default=2,
    show_default=True,
    type=click.IntRange(0, 20),
    help="Example images at every degradation.",
)
@click.option(
    "--min-score",
    default=0.5,
    show_default=True,
    type=float,
    help="Confidence from which predictions are drawn.",
)
@click.option("--tracking-uri", metavar="URI", help="Another tracking store than the study's.")
@click.pass_obj
def report(
    state: State,
    study: str,
    out: Path,
    metric: tuple[str, ...],
    tolerance: str,
    confidence: float,
    paired: bool,
    pooled: bool,
    lower: tuple[str, ...],
    higher: tuple[str, ...],
    images: int,
    min_score: float,
    tracking_uri: str | None,
) -> None:
    """Write the report of STUDY: a study file, or the name of a study tracked here.

    One self-contained page: what was studied, performance against every degradation, rate curves
    with their knees, image quality against performance, example images with predictions, all runs
    with their logs, and what is needed to repeat it.
    """
    from iqf_core.experiments.report.report import ReportOptions, write_report
    from iqf_core.experiments.results.knee import Tolerance
    from iqf_core.experiments.results.results import Results

    options = ReportOptions(
        metrics=metric,
        lower_is_better=lower,
        higher_is_better=higher,
        tolerance=Tolerance.parse(tolerance),
        confidence=confidence,
        paired=paired,
        pooled=pooled,
        images=images,
        min_score=min_score,
    )
    found = Results(study, tracking_uri=tracking_uri)
    write_report(found, out, options, registry=state.manager.registry)
    click.echo(f"wrote {out}")
