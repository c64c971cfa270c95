"""``iqf plan`` and ``iqf run``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.state import State, print_columns, print_json

if TYPE_CHECKING:
    from iqf_core.experiments.plan import Plan
    from iqf_core.experiments.running.runner import RunReport
    from iqf_core.experiments.study import Study

_STUDY = click.argument("study_file", metavar="STUDY", type=click.Path(path_type=Path))


@click.command()
@_STUDY
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plan(state: State, study_file: Path, as_json: bool) -> None:
    """Show the runs of the study file STUDY, and which are done."""
    study = _open(state, study_file)
    planned = study.plan()
    done = _states(study)
    rows: list[dict[str, Any]] = [
        {
            "index": run.index,
            "fingerprint": run.fingerprint,
            "state": done.get(run.fingerprint, "PLANNED"),
            "modifier": run.chain.label,
            "params": dict(run.params),
            "repetition": run.repetition,
            "seed": run.seed,
        }
        for run in planned.runs
    ]
    if as_json:
        print_json(rows)
        return
    _warn(planned)
    print_columns(
        ("RUN", "STATE", "MODIFIER", "REPETITION", "PARAMETERS"),
        [
            (
                str(row["index"]),
                row["state"],
                row["modifier"],
                str(row["repetition"]),
                " ".join(f"{key}={value}" for key, value in row["params"].items()),
            )
            for row in rows
        ],
    )
    finished = sum(row["state"] == "FINISHED" for row in rows)
    click.echo(f"\n{len(rows)} runs, {finished} done, {len(rows) - finished} to do")


@click.command()
@_STUDY
@click.option("--workers", type=click.IntRange(min=1), help="How many runs go on at once.")
@click.option("--executor", metavar="SPEC", help="Where runs go on, such as local:workers=4.")
@click.option("--only-failed", is_flag=True, help="Only runs that were tried and did not finish.")
@click.option("--force", is_flag=True, help="All runs, those that are done too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def run(
    context: click.Context,
    study_file: Path,
    workers: int | None,
    executor: str | None,
    only_failed: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run what is left of the study file STUDY; exits with 1 when a run failed."""
    if only_failed and force:
        raise click.UsageError("--only-failed and --force exclude each other")
    from iqf_core.components.specification import parse_specification
    from iqf_core.experiments.running.runner import RunOptions, run_plan

    _stop_on_terminate()
    state = context.find_object(State)
    assert state is not None
    study = _open(state, study_file)
    options = RunOptions(
        executor=parse_specification(executor) if executor else None,
        workers=workers,
        only_failed=only_failed,
        force=force,
        quiet=as_json,
    )
    planned = study.plan()
    _warn(planned)
    report = run_plan(planned, state.manager, study.tracking, options)
    if as_json:
        print_json(_report_rows(planned, report))
    else:
        print_report(planned, report)
        click.echo(f"see them with: iqf results {study_file}")
    if report.failed or report.unmeasured:
        context.exit(1)


def print_report(planned: Plan, report: RunReport) -> None:
    """Print what a call of ``iqf run`` did, failed runs with their reasons."""
    finished = len(report.ended) - len(report.failed)
    click.echo(
        f"{report.total} runs: {finished} finished now, {report.reused} before, "
        f"{len(report.failed)} failed"
    )
    for index, ended in sorted(report.failed.items()):
        click.echo(f"  {planned.runs[index].name}: {ended.state}: {ended.reason}", err=True)
    print_unmeasured(planned, report.unmeasured)


def print_unmeasured(planned: Plan, reasons: Mapping[int, str]) -> None:
    """Print the runs of which not everything could be measured."""
    for index, reason in sorted(reasons.items()):
        click.echo(f"  {planned.runs[index].name}: could not be measured: {reason}", err=True)


def _report_rows(planned: Plan, report: RunReport) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "fingerprint": planned.runs[index].fingerprint,
            "state": ended.state.value,
            "reason": ended.reason,
            "params": {"modifier": planned.runs[index].chain.label, **planned.runs[index].params},
            "metrics": {
                key: value if value == value and abs(value) != float("inf") else None
                for key, value in ended.metrics.items()
            },
        }
        for index, ended in sorted(report.ended.items())
    ]


def _open(state: State, study_file: Path) -> Study:
    from iqf_core.experiments.study import Study

    return Study.from_file(study_file, state.manager)


def _states(study: Study) -> dict[str, str]:
    from iqf_core.experiments.running.runner import latest_records

    records = latest_records(study.tracking.records())
    return {fingerprint: str(record.state) for fingerprint, record in records.items()}


def _warn(planned: Plan) -> None:
    for warning in planned.warnings:
        click.echo(f"note: {warning}", err=True)


def _stop_on_terminate() -> None:
    """Let SIGTERM stop a study as Ctrl-C does: cleanly, with its runs marked."""
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
