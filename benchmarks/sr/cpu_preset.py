"""The CPU preset of MSRN on photographs: dB over bicubic against CPU time, image by image.

    python benchmarks/sr/cpu_preset.py FOLDER [--report-only] [--images DIR …]

Trains in FOLDER (one thread; continue an interrupted run with the same command) and reports the
curve, every validation image, and any other folders of images. The goals: at most 20 CPU-minutes,
1.8 dB over bicubic on average (PSNR of the luma, same degradation), no image by less than 0.5 dB.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from iqf_sr_msrn.degradation import Degradation, default_chain
from iqf_sr_msrn.evaluation.comparison import compare
from iqf_sr_msrn.evaluation.upscalers import Upscaler, make_upscalers
from iqf_sr_msrn.training.configuration import make_configuration
from iqf_sr_msrn.training.setup import train
from photographs import write

from iqf_core.api import Context, PluginManager, open_dataset, progress

SETTINGS = {
    "model": "msrn:preset=cpu",
    "scale": 2,
    "steps": 7500,
    "patch_px": 64,
    "batch": 8,
    "learning_rate": 1.5e-3,
    "validate_every": 500,
}


def main() -> None:
    """Train, where asked, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--images", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = PluginManager().registry
    images, validation = write(options.folder / "photographs")
    model = options.folder / "model"
    if not options.report_only:
        settings = make_configuration(
            {**SETTINGS, "images": images, "validation": validation, "out": model}
        )
        with progress("training", settings.steps) as bar:
            train(settings, registry, bar, resume=(model / "state.pt").exists())
    context = Context(registry=registry)
    degradation = Degradation.of(default_chain(2), 2, context)
    upscalers = make_upscalers([f"msrn:model='{model}'", "bicubic", "lanczos"], 2, context)
    with (model / "validation.csv").open() as file:
        curve = list(csv.DictReader(file))
    for folder in (validation, *options.images):
        gains = report(folder, upscalers, degradation, context)
        if folder == validation:
            bicubic = sum(base for base, _ in gains) / len(gains)
            print("CPU minutes: dB over bicubic")
            for row in curve:
                minutes, gain = float(row["cpu_s"]) / 60, float(row["psnr_y"]) - bicubic
                print(f"  {minutes:5.1f}: {gain:+.2f}")


def report(
    folder: Path, upscalers: Sequence[Upscaler], degradation: Degradation, context: Context
) -> list[tuple[float, float]]:
    """Print every image of a folder; return (bicubic, gain) of each, dB."""
    dataset = open_dataset(folder, registry=context.registry)
    gains = []
    print(f"{folder.name}: image, bicubic, lanczos, network (PSNR of the luma, dB), gain")
    for rows in compare(dataset, upscalers, degradation, [], context):
        network, bicubic, lanczos = (
            math.inf if row.value is None else row.value for row in rows if row.measure == "psnr_y"
        )
        gains.append((bicubic, network - bicubic))
        print(
            f"  {rows[0].image:32} {bicubic:6.2f} {lanczos:6.2f} {network:6.2f} "
            f"{network - bicubic:+.2f}"
        )
    only = [gain for _, gain in gains]
    print(f"  mean gain {sum(only) / len(only):+.2f}, least {min(only):+.2f} dB")
    return gains


if __name__ == "__main__":
    main()
