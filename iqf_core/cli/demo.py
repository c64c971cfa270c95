"""``iqf demo``: a small complete study, written and run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from iqf_core.cli.state import State


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="iqf-demo")
@click.option("--workers", type=click.IntRange(min=1), help="How many runs go on at once.")
@click.pass_context
def demo(context: click.Context, folder: Path, workers: int | None) -> None:
    """Write a small complete study into FOLDER (default ./iqf-demo) and run it.

    Handwritten digits are degraded with noise, JPEG and quantization, a neural network is trained
    on each copy, and a table and a plot show how its reading suffers.
    """
    from iqf_core.cli.results import print_summary
    from iqf_core.cli.study import print_report
    from iqf_core.demo.writing import write_demo
    from iqf_core.experiments.durations import format_duration
    from iqf_core.experiments.study import Study

    state = context.find_object(State)
    assert state is not None
    started = time.monotonic()
    study_file = write_demo(folder)
    study = Study.from_file(study_file, state.manager)
    plan = study.plan()
    click.echo(
        f"{study_file}: {len(plan.chains)} degraded copies of "
        f"{sum(len(dataset.image_names) for dataset in plan.datasets.values())} images, "
        f"{len(plan.runs)} training runs"
    )
    report = study.run(workers=workers)
    print_report(plan, report)
    if report.failed:
        context.exit(1)
    plot = folder / "results.png"
    found = study.results()
    click.echo()
    print_summary(found.summary(metrics=["val_mse", "val_accuracy"]))
    found.plot("line", out=plot, metric="val_mse")
    click.echo(f"\nthe plot is in {plot}; all runs are in {study.tracking.target.store_path}")
    click.echo(f"done in {format_duration(time.monotonic() - started)}")
    click.echo(
        f"\ntry next:\n"
        f"  iqf results {study_file} --by sigma_dn --metric val_accuracy\n"
        f"  iqf modify {folder}/data/val blur:sigma_px=1.5 jpeg:quality=70\n"
        "  iqf components list --kind modifier   "
        f"# then edit {study_file} and: iqf run {study_file}"
    )
