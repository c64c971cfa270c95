"""``iqf measure``: metrics of images, as a table and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.state import State, print_columns, print_json

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.experiments.measuring.applying import MeasureReport
    from iqf_core.experiments.plan import Plan
    from iqf_core.measurement.labels import Judged, Label
    from iqf_core.measurement.table import Measurements, Statistics

_MOST_REASONS = 10


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option(
    "--metric",
    "metrics",
    metavar="SPEC",
    multiple=True,
    help="What to measure, such as snr or snr:method=areas (repeatable).",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="What metrics of pairs compare with; a modified copy is compared with its source.",
)
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all values as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--figure",
    "figure_folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw what the numbers of each image come from, of metrics that can.",
)
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
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Judge the metrics against this CSV file: image,score[,reference,split].",
)
@click.option(
    "--mapping",
    type=click.Choice(["linear", "none"]),
    default="linear",
    show_default=True,
    help="With --labels: what the RMSE is computed after, the best straight line or nothing.",
)
@click.option(
    "--study",
    "study_file",
    type=click.Path(path_type=Path),
    help="Measure the finished runs of this study instead of PATH, and track the values.",
)
@click.option(
    "--on",
    type=click.Choice(["dataset", "generated", "predictions"]),
    help="With --study: what is measured of each run; by default the images of its datasets.",
)
@click.option(
    "--ground-truth",
    metavar="ROLE|PATH",
    help="With --study: the dataset whose annotations predictions are held against.",
)
@click.option(
    "--predictions",
    "predictions_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Hold this file (an output.json) against the annotations of PATH.",
)
@click.pass_context
def measure(
    context: click.Context,
    path: Path | None,
    metrics: tuple[str, ...],
    reference: Path | None,
    csv_file: Path | None,
    as_json: bool,
    figure_folder: Path | None,
    by_band: bool,
    workers: int | None,
    peak: float | None,
    on_error: str,
    labels_file: Path | None,
    mapping: str,
    study_file: Path | None,
    on: str | None,
    ground_truth: str | None,
    predictions_file: Path | None,
) -> None:
    """Measure the images of PATH: a dataset, a folder of images or one image.

    \b
      iqf measure airports --metric snr --metric sharpness --csv airports.csv
      iqf measure 'airports#jpeg-quality=30' --metric psnr
      iqf measure restored --metric psnr --reference originals

    The summary has mean, median and spread over the images; --csv writes the value of each. Where
    nothing honest can be said there is no value but the reason.

    \b
      iqf measure --study study.yaml --metric psnr --on generated
      iqf measure airports --predictions output.json --metric detection

    With --labels only the images in that table are measured, and the agreement of each output with
    the scores follows: Spearman's, Pearson's and Kendall's coefficient and the RMSE, with
    intervals.

    With --study the metrics (by default those of the study file) are applied to the finished runs;
    values from before are replaced, and runs that did not finish are named.
    """
    state = context.find_object(State)
    assert state is not None
    if study_file is not None:
        given = (path, by_band, csv_file, labels_file, figure_folder, predictions_file)
        if any(given) or peak is not None:
            raise click.UsageError(
                "--study excludes PATH, --by-band, --csv, --figure, --labels, --peak and "
                "--predictions: the study says what is measured, and iqf results has the tables"
            )
        options = {"on": on, "reference": reference, "ground_truth": ground_truth}
        if not _measure_study(state, study_file, metrics, options, workers, as_json):
            context.exit(1)
        return
    if path is None:
        raise click.UsageError("say what to measure: PATH, or --study STUDY")
    if not metrics:
        raise click.UsageError("say what to measure with --metric, such as --metric snr")
    if on is not None or ground_truth is not None:
        raise click.UsageError("--on and --ground-truth belong to --study")
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.measurement.engine import measure_dataset

    registry = state.manager.registry
    dataset = open_dataset(path, registry=registry, peak=peak)
    if predictions_file is not None:
        if reference or by_band or labels_file or figure_folder:
            raise click.UsageError(
                "--predictions excludes --reference, --by-band, --labels and --figure, which "
                "belong to images"
            )
        _measure_predictions(state, dataset, predictions_file, metrics, csv_file, as_json)
        return
    other = None if reference is None else open_dataset(reference, registry=registry, peak=peak)
    labels, pairs = None, None
    if labels_file is not None:
        from iqf_core.measurement.labels import labels_of, pairs_of, read_labels

        labels = labels_of(dataset, read_labels(labels_file), str(labels_file))
        pairs = pairs_of(labels, other or dataset, str(labels_file))
        if pairs is not None:
            other = other or dataset
    measured = measure_dataset(
        dataset,
        metrics,
        manager=state.manager,
        reference=other,
        workers=workers,
        by_band=by_band,
        on_error="skip" if on_error == "skip" else "fail",
        names=None if labels is None else sorted(labels),
        pairs=pairs,
        quiet=as_json,
    )
    judged = [] if labels is None else _judge(measured, labels, mapping)
    if csv_file is not None:
        _write(csv_file, "".join(measured.csv_lines()))
    if figure_folder is not None:
        _draw(measured, dataset, other, pairs, figure_folder, state, as_json)
    if as_json:
        document = measured.to_json()
        if labels is not None:
            document["agreement"] = [each.to_json() for each in judged]
        print_json(document)
        return
    print_summary(measured)
    if labels is not None:
        _print_agreement(judged, len(dataset) - len(labels))
    if csv_file is not None:
        click.echo(f"all values: {csv_file}")
    if figure_folder is not None:
        click.echo(f"figures: {figure_folder}")


def _measure_predictions(
    state: State,
    dataset: Dataset,
    path: Path,
    metrics: Sequence[str],
    csv_file: Path | None,
    as_json: bool,
) -> None:
    """Measure a file of predictions, and print every number or why there is none."""
    from iqf_core.measurement.predictions import measure_predictions

    measured = measure_predictions(dataset, path, metrics, manager=state.manager)
    if csv_file is not None:
        _write(csv_file, "".join(measured.csv_lines()))
    if as_json:
        print_json(measured.to_json())
        return
    print_columns(
        ("METRIC", "OUTPUT", "VALUE", "UNIT"),
        [(row.metric, row.output, _number(row.value), row.unit) for row in measured.rows],
    )
    _print_reasons(measured.summary(), "")
    notes = dict.fromkeys(row.reason for row in measured.rows if row.value is not None)
    for note in filter(None, notes):
        click.echo(f"  note: {note}")
    if csv_file is not None:
        click.echo(f"all values: {csv_file}")


def _draw(
    measured: Measurements,
    dataset: Dataset,
    reference: Dataset | None,
    pairs: Mapping[str, str] | None,
    folder: Path,
    state: State,
    quiet: bool,
) -> None:
    from iqf_core.measurement.figures import draw_figures
    from iqf_core.measurement.pairing import pair_images, source_of
    from iqf_core.measurement.subjects import Source

    if not measured.reference:
        reference = None  # no metric compares with it
    else:
        reference = reference or source_of(dataset, state.manager.registry)
        pairs = pairs or pair_images(dataset, reference, measured.images())
    draw_figures(
        Source.of(dataset),
        [name for name in measured.images() if name not in measured.skipped],
        measured.metrics,
        folder,
        manager=state.manager,
        reference=None if reference is None else Source.of(reference),
        pairs=pairs,
        quiet=quiet,
    )


def _judge(measured: Measurements, labels: Mapping[str, Label], mapping: str) -> list[Judged]:
    from iqf_core.measurement.labels import judge

    return judge(measured, labels, mapping="none" if mapping == "none" else "linear")


def _print_agreement(judged: Sequence[Judged], unlabelled: int) -> None:
    """Print how well each output agrees with the scores, with the 95 % intervals."""
    from iqf_core.measurement.agreement import NAMES

    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for each in judged:
        groups.setdefault((each.metric, each.output, each.split), []).append(each)
    click.echo()
    print_columns(
        ("METRIC", "OUTPUT", "SPLIT", "IMAGES", *(name.upper() for name in NAMES)),
        [
            (*key, str(group[0].agreement.count), *(_interval(each) for each in group))
            for key, group in groups.items()
        ],
    )
    for key, group in groups.items():
        if group[0].agreement.reason:
            click.echo(f"  {' '.join(key)}: {group[0].agreement.reason}")
    mapping = {each.mapping for each in judged}
    after = "after the best straight line" if mapping == {"linear"} else "of the values as they are"
    click.echo(f"in brackets: 95 % of bootstrap samples; RMSE {after}")
    if unlabelled:
        click.echo(f"{unlabelled} images have no score and were not measured")


def _interval(judged: Judged) -> str:
    found = judged.agreement
    if found.value is None or found.ci95_low is None or found.ci95_high is None:
        return "-"
    return f"{found.value:.4g} [{found.ci95_low:.4g}, {found.ci95_high:.4g}]"


def _measure_study(
    state: State,
    study_file: Path,
    metrics: Sequence[str],
    options: dict[str, Any],
    workers: int | None,
    as_json: bool,
) -> bool:
    """Measure past runs and say what came of it; False when something could not be measured."""
    from iqf_core.experiments.study import Study

    study = Study.from_file(study_file, state.manager)
    given = {key: str(value) for key, value in options.items() if value is not None}
    if given and not metrics:
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} needs --metric")
    entries = [_entry(spec, given) for spec in metrics] or None
    report = study.measure(entries, workers=workers, quiet=as_json)
    planned = study.plan()
    if as_json:
        print_json(_report_json(planned, report))
    else:
        _print_report(planned, report)
    return not report.failed


def _entry(spec: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a study file that a metric of the command line stands for."""
    from iqf_core.components.specification import parse_specification

    parsed = parse_specification(spec)
    return {parsed.name: {k: {"value": v} for k, v in parsed.params.items()}, **options}


def _report_json(planned: Plan, report: MeasureReport) -> dict[str, Any]:
    from iqf_core.measurement.table import plain

    return {
        "schema": "iqf.measure/1",
        "study": planned.settings.name,
        "runs": [
            {
                "index": run.index,
                "fingerprint": run.fingerprint,
                "name": run.name,
                "values": plain(report.measured.get(run.index, {})),
                "notes": list(report.notes.get(run.index, ())),
                "failed": report.failed.get(run.index),
                "skipped": report.skipped.get(run.index),
            }
            for run in planned.runs
        ],
    }


def _print_report(planned: Plan, report: MeasureReport) -> None:
    print_columns(
        ("METRIC", "VALUE", "RUN"),
        [
            (key, _number(value), planned.runs[index].name)
            for index, values in sorted(report.measured.items())
            for key, value in values.items()
            if not key.endswith((".median", ".std", ".count"))
        ],
    )
    click.echo(f"\n{len(report.measured)} runs measured")
    noted = Counter(note for notes in report.notes.values() for note in notes)
    for note, count in noted.items():
        click.echo(f"  note, {count} run{'s' if count > 1 else ''}: {note}")
    for index, reason in sorted(report.skipped.items()):
        click.echo(f"  skipped {planned.runs[index].name}: {reason}", err=True)
    for index, reason in sorted(report.failed.items()):
        click.echo(f"  {planned.runs[index].name}: could not be measured: {reason}", err=True)


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


def _print_reasons(summary: Sequence[Statistics], of: str = " for {} image{}") -> None:
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
        counted = of.format(count, "s" if count > 1 else "")
        click.echo(f"  no value{counted} ({shown}): {reason}")
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
