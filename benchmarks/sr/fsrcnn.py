"""FSRCNN trained on the luma, exported to ONNX, and beside MSRN in one table.

    python benchmarks/sr/fsrcnn.py FOLDER [--msrn MODEL]

Trains in FOLDER for some CPU-minutes, then evaluates the network itself, the ONNX file through
the modifier `onnx`, and bicubic interpolation on the validation photographs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from iqf_sr_msrn.degradation import Degradation, default_chain
from iqf_sr_msrn.evaluation.comparison import compare, summarize
from iqf_sr_msrn.evaluation.upscalers import make_upscalers
from iqf_sr_msrn.model_file import load_model
from iqf_sr_msrn.networks.export import export_onnx
from iqf_sr_msrn.training.configuration import make_configuration
from iqf_sr_msrn.training.setup import train
from photographs import write

from iqf_core.api import Context, PluginManager, open_dataset, print_columns, progress

SETTINGS = {
    "model": "fsrcnn:residual=true",
    "channels": "y",
    "scale": 2,
    "steps": 3000,
    "patch_px": 64,
    "batch": 8,
    "learning_rate": 2e-3,
    "validate_every": 1000,
}


def main() -> None:
    """Train, export, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--msrn", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = PluginManager().registry
    images, validation = write(options.folder / "photographs")
    model = options.folder / "model"
    settings = make_configuration(
        {**SETTINGS, "images": images, "validation": validation, "out": model}
    )
    with progress("training", settings.steps) as bar:
        outcome = train(settings, registry, bar, resume=(model / "state.pt").exists())
    print(f"trained {outcome.history[-1][1]:.0f} CPU s")
    context = Context(registry=registry)
    network, _ = load_model(model, context)
    file = options.folder / "fsrcnn.onnx"
    export_onnx(network, file, 1)
    names = {
        "fsrcnn": f"msrn:model='{model}'",
        "fsrcnn, onnx": f"onnx:model='{file}',channels=y",
        "bicubic": "bicubic",
    }
    if options.msrn:
        names["msrn"] = f"msrn:model='{options.msrn}'"
    upscalers = make_upscalers(list(names.values()), 2, context)
    degradation = Degradation.of(default_chain(2), 2, context)
    dataset = open_dataset(validation, registry=registry)
    rows = [row for each in compare(dataset, upscalers, degradation, [], context) for row in each]
    means = {(each.upscaler, each.measure): each.mean for each in summarize(rows)}
    table = [
        [name, *(f"{means[label, measure]:.4g}" for measure in ("psnr_y", "psnr", "ssim"))]
        for name, label in names.items()
    ]
    print_columns(["upscaler", "psnr_y", "psnr", "ssim"], table)


if __name__ == "__main__":
    main()
