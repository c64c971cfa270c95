"""``iqf sr train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("images", type=_PATH, required=False)
@click.option(
    "--config", "config_file", type=_PATH, help="YAML file of settings; options go first."
)
@click.option("--out", type=_PATH, help="Folder of the trained model.")
@click.option("--validation", type=_PATH, help="Validation images; by default a share of IMAGES.")
@click.option("--validation-share", type=float, help="That share (0.1).")
@click.option("--model", metavar="SPEC", help="Network: msrn, msrn:preset=cpu, fsrcnn … (msrn).")
@click.option("--scale", type=int, help="2, 3, 4 or 8 (2).")
@click.option("--channels", type=click.Choice(["all", "y"]), help="What the network sees (all).")
@click.option("--start", type=_PATH, help="Model to start from, or an official checkpoint.")
@click.option(
    "--loss", metavar="SPEC", multiple=True, help="Such as l1 or ssim:weight=0.1 (repeatable; l1)."
)
@click.option("--balance", type=click.Choice(["fixed", "gradient"]), help="Of the weights (fixed).")
@click.option(
    "--degradation",
    metavar="SPEC",
    multiple=True,
    help="Modifier that makes the low-resolution images (repeatable; by default blur and gsd).",
)
@click.option("--patch-px", type=int, help="Edge of a high-resolution patch (96).")
@click.option("--batch", type=int, help="Patches a step (16).")
@click.option("--steps", type=int, help="Optimiser steps (10000).")
@click.option("--learning-rate", type=float, help="Highest learning rate (0.001).")
@click.option("--weight-decay", type=float, help="AdamW's weight decay (0).")
@click.option("--ema", type=float, help="Decay of the averaged weights (0.999).")
@click.option("--clip", type=float, help="Gradient clipping, 0 for none (1).")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="(auto)")
@click.option("--device", help="Torch device (cpu).")
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.option("--seed", type=int, help="Seed (0).")
@click.option("--validate-every", type=int, help="Steps between validations (500).")
@click.option("--log-every", type=int, help="Steps between lines of the log (50).")
@click.option("--best", metavar="NAME", help="psnr_y, psnr, ssim, metric.output or last (psnr_y).")
@click.option("--resume", is_flag=True, help="Continue the run in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def train(
    state: Any, /, config_file: Path | None, resume: bool, as_json: bool, **given: Any
) -> None:
    """Train a super-resolution network on IMAGES: a dataset, a folder or one image.

    Low-resolution images are made on the fly by the degradation, a chain of registered modifiers.
    The loss is any mixture of registered losses; `weight` is a loss's factor:

    \b
      iqf sr train photos --model msrn:preset=cpu --scale 2 --out models/sr
      iqf sr train photos --loss l1 --loss ssim:weight=0.1 --balance gradient --out models/s
      iqf sr train --config models/sr/training.yaml --resume

    The folder holds the best checkpoint (model.safetensors, model.json), the settings
    (training.yaml), the logs (log.csv, validation.csv) and the state that --resume continues.
    """
    from iqf_core.api import print_json, progress
    from iqf_sr_msrn.training.configuration import make_configuration, read_configuration_file

    values: dict[str, Any] = read_configuration_file(config_file) if config_file else {}
    for name, value in given.items():
        if value is not None and value != ():
            values[name] = list(value) if isinstance(value, tuple) else value
    settings = make_configuration(values, str(config_file or ""))
    from iqf_sr_msrn.training.setup import train as run

    with progress("training", settings.steps, quiet=as_json) as bar:
        outcome = run(settings, state.manager.registry, bar, resume=resume)
    if as_json:
        print_json(
            {
                "schema": "iqf.sr_train/1",
                "out": str(settings.out),
                "best_step": outcome.best_step,
                "best": outcome.best,
                "validation": [
                    {"step": step, "cpu_s": seconds, **measures}
                    for step, seconds, measures in outcome.history
                ],
            }
        )
        return
    told = ", ".join(f"{name} {value:.4g}" for name, value in outcome.best.items())
    click.echo(f"{settings.out}\n  best at step {outcome.best_step} of {settings.steps}: {told}")
