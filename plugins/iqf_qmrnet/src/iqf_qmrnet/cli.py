"""``iqf qmrnet train`` and ``iqf qmrnet info``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("images", type=_PATH)
@click.option(
    "--parameter",
    "parameters",
    metavar="SPEC",
    multiple=True,
    help="What to learn: a modifier with a range, such as blur:sigma_px=1.0..2.5/50, or a preset "
    "(sigma, sharpness, rer, snr, scale, jpeg); repeat it for several heads.",
)
@click.option("--out", required=True, type=_PATH, help="Folder for the model.")
@click.option("--config", "config_file", type=_PATH, help="YAML file; flags go before it.")
@click.option(
    "--val", "validation", type=_PATH, help="Validation images; default: a part of IMAGES."
)
@click.option("--crop", type=int, help="Side of the crops in pixels (128).")
@click.option("--backbone", help="spectral (default), small_cnn, or torchvision's, as resnet18.")
@click.option("--weights", type=_PATH, help="Local file of the backbone's weights.")
@click.option("--loss", type=click.Choice(["soft", "bce"]), help="soft (default) or the paper's.")
@click.option("--crops", type=int, help="Training crops in all (120000).")
@click.option("--cpu-minutes", type=float, help="End after so much CPU time.")
@click.option("--batch", type=int, help="Crops per step (64).")
@click.option("--lr", type=float, help="Learning rate (0.002).")
@click.option("--seed", type=int, help="Of everything random (0).")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes making crops.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of the network."
)
@click.option("--device", help="cpu, cuda …; default: cuda when there is one.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "bf16", "fp32"]),
    default="auto",
    show_default=True,
    help="Of the convolutions.",
)
@click.option("--compile", "compiled", is_flag=True, help="Use torch.compile.")
@click.option("--resume", is_flag=True, help="Continue an interrupted training in --out.")
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.option("--json", "as_json", is_flag=True, help="Print the validation's results as JSON.")
@click.pass_context
def train(
    context: click.Context,
    /,
    images: Path,
    out: Path,
    config_file: Path | None,
    validation: Path | None,
    workers: int,
    threads: int,
    device: str | None,
    precision: str,
    compiled: bool,
    resume: bool,
    peak: float | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a network to read the parameter with which images were degraded.

    \b
      iqf qmrnet train photographs --parameter blur:sigma_px=1.0..2.5/50 --out model
      iqf qmrnet train photographs --parameter sigma --parameter snr --out model

    Crops of IMAGES are degraded on the fly by the modifier. The folder --out holds the weights
    with all that is known of them, and config.yaml.
    """
    from iqf_qmrnet.config import resolve
    from iqf_qmrnet.program import train_folders
    from iqf_qmrnet.training import Run

    flags["parameters"] = list(flags["parameters"]) or None
    config = resolve(config_file, flags)

    def report(step: int, values: Mapping[str, float]) -> None:
        if not as_json and "loss" not in values:
            shown = [key for key in values if key.endswith((".medr", ".recall_5"))]
            click.echo(f"{step} crops: " + ", ".join(f"{key} {values[key]:.4g}" for key in shown))

    run = Run(
        out,
        workers=workers,
        threads=threads,
        device=device or _device(),
        precision=precision,  # type: ignore[arg-type]
        compile=compiled,
        resume=resume,
        quiet=as_json,
        report=report,
    )
    begun = time.perf_counter()
    registry = context.obj.manager.registry
    model = train_folders(config, images, validation, registry, run, peak=peak)
    if as_json:
        click.echo(
            json.dumps({"schema": "iqf.qmrnet_training/1", "heads": model.metrics}, indent=1)
        )
        return
    _print_results(model.metrics)
    click.echo(f"{out}: trained in {time.perf_counter() - begun:.0f} s")


@click.command()
@click.argument("model", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def info(model: Path, as_json: bool) -> None:
    """Say what MODEL is: heads, backbone, training images, validation."""
    from iqf_qmrnet.checkpoint import read_document
    from iqf_qmrnet.grid import Head

    document = read_document(model)
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    images = document["manifest"]
    click.echo(f"backbone    {document['backbone']}, crops of {document['crop']} px")
    for each in document["heads"]:
        head = Head.from_json(each)
        ends = "with classes below and above" if head.ends else "without classes for the ends"
        click.echo(f"head        {head.name}: {head.specification} {head.unit}, {ends}".rstrip())
    for part in ("training", "validation"):
        names = [image["name"] for image in images.get(part, ())]
        click.echo(
            f"{part:11} {len(names)} images: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
        )
    _print_results(document["metrics"])


def _print_results(found: Mapping[str, Mapping[str, Any]]) -> None:
    columns = ("medr", "recall_1", "recall_5", "exact", "mae", "image_medr", "image_recall_5")
    click.echo("  ".join(["head".ljust(16), *(name.rjust(8) for name in columns)]))
    for name, each in found.items():
        cells = [f"{each[column]:.4g}".rjust(max(8, len(column))) for column in columns]
        click.echo("  ".join([name.ljust(16), *cells]))
    click.echo("on the validation images; distances in bins, mae in the parameter's unit")


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
