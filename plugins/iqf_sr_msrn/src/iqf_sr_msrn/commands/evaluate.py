"""``iqf sr evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iqf_sr_msrn.evaluation.comparison import Measure, Summary

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("images", type=_PATH)
@click.option(
    "--upscaler",
    "upscalers",
    metavar="SPEC",
    multiple=True,
    required=True,
    help="A modifier that enlarges: msrn:model=M, bicubic, lanczos, onnx:model=F (repeatable).",
)
@click.option("--scale", type=int, default=2, show_default=True, help="How many times larger.")
@click.option(
    "--degradation",
    metavar="SPEC",
    multiple=True,
    help="Modifier that makes the low-resolution images (repeatable; by default blur and gsd).",
)
@click.option("--metric", "metrics", metavar="SPEC", multiple=True, help="Any metric (repeatable).")
@click.option("--csv", "csv_file", type=_PATH, help="Write the values of each image.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--figure", type=_PATH, help="Folder of side-by-side figures, one for each image.")
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of random degradations.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.pass_obj
def evaluate(
    state: Any,
    images: Path,
    upscalers: tuple[str, ...],
    scale: int,
    degradation: tuple[str, ...],
    metrics: tuple[str, ...],
    csv_file: Path | None,
    as_json: bool,
    figure: Path | None,
    peak: float | None,
    seed: int,
    device: str,
) -> None:
    """Compare upscalers on IMAGES, which are the truth.

    Each image is made smaller by the degradation, enlarged again by every upscaler, and compared:
    PSNR of the luma (psnr_y) and of all bands, SSIM of the luma, without a border as wide as the
    scale. Edge response and noise of input, results and target are measured by the metrics
    `sharpness` and `snr`, where installed.

    \b
      iqf sr evaluate photos --upscaler msrn:model=models/sr --upscaler bicubic --scale 2
      iqf sr evaluate photos --upscaler onnx:model=fsrcnn.onnx,channels=y --upscaler lanczos
    """
    from dataclasses import asdict

    from iqf_core.api import Context, open_dataset, print_json, progress
    from iqf_sr_msrn.degradation import Degradation, default_chain
    from iqf_sr_msrn.evaluation.comparison import Compared, compare, measurements, summarize
    from iqf_sr_msrn.evaluation.upscalers import make_upscalers

    registry = state.manager.registry
    context = Context(registry=registry, seed=seed, device=device)
    compared = make_upscalers(upscalers, scale, context)
    chain = Degradation.of(degradation or default_chain(scale), scale, context)
    measured = measurements(metrics, context)
    dataset = open_dataset(images, registry=registry, peak=peak)

    def look(each: Compared) -> None:
        if figure is not None:
            from iqf_sr_msrn.evaluation.figure import draw

            draw(each, figure / f"{each.name}.png", scale)

    rows: list[Measure] = []
    with progress("evaluating", len(dataset), quiet=as_json) as bar:
        for found in compare(dataset, compared, chain, measured, context, look):
            rows += found
            bar.advance()
    if csv_file is not None:
        _write_csv(csv_file, rows)
    summary = summarize(rows)
    if as_json:
        print_json(
            {
                "schema": "iqf.sr_evaluate/1",
                "images": str(dataset.path),
                "scale": scale,
                "degradation": chain.chain.label,
                "summary": [asdict(each) for each in summary],
                "values": [asdict(row) for row in rows],
            }
        )
        return
    click.echo(f"{len(dataset)} images, scale {scale}, degradation {chain.chain.label}")
    _print(summary, len(dataset))
    if not any(each.label in ("sharpness", "snr") for each in measured):
        click.echo("no metrics sharpness and snr: install iqf-metrics-sharpness for RER and noise")


def _print(summary: Sequence[Summary], images: int) -> None:
    from iqf_core.api import print_columns

    labels = list(dict.fromkeys(each.upscaler for each in summary))
    labels.sort(key=lambda label: (label != "input", label == "target"))
    measures = list(dict.fromkeys(each.measure for each in summary))
    cells = {(each.upscaler, each.measure): each for each in summary}
    rows = []
    for label in labels:
        row = [label]
        for measure in measures:
            each = cells.get((label, measure))
            if each is None or each.mean is None:
                row.append("-")
                continue
            of = "" if each.count == images else f" ({each.count})"
            row.append(f"{each.mean:.4g}{of}" if "psnr" not in measure else f"{each.mean:.2f}{of}")
        rows.append(row)
    print_columns(["UPSCALER", *measures], rows)
    if any(0 < each.count < images for each in summary):
        click.echo("(n): mean of the n images that have a value")


def _write_csv(path: Path, rows: Sequence[Measure]) -> None:
    import csv
    import io

    from iqf_core.api import atomic_write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "upscaler", "measure", "value", "reason"])
    for row in rows:
        value = "" if row.value is None else f"{row.value:.10g}"
        writer.writerow([row.image, row.upscaler, row.measure, value, row.reason])
    atomic_write_text(path, text.getvalue())
