"""What QMRLoss does to super-resolved images, by measures that are independent of it.

    python benchmarks/sr/loss_effects.py run FOLDER --start MODEL --heads MODELS [--minutes M]
    python benchmarks/sr/loss_effects.py report FOLDER

From one start every run fine-tunes a few steps: L1 alone, and L1 with the QMRNet of one head, in
one mode, with one weight; five seeds, the same patches for all runs of a seed. Then the validation
images of each source are enlarged and measured: RER and FWHM by the analytic metric `sharpness`,
SNR by `snr`, PSNR against the target; and what every head reads. Each run leaves one file: the
command continues where it was stopped, and `report` takes what there is and prints a table in
Markdown. Differences are paired with L1 of the same seed; the interval is Student's t over the
seeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from iqf_qmrnet.checkpoint import Model, load_model
from iqf_qmrnet.reading import read_image as read_tiles_of
from iqf_sr_msrn.degradation import Degradation, default_chain
from iqf_sr_msrn.evaluation.comparison import Compared, compare, measurements
from iqf_sr_msrn.evaluation.upscalers import make_upscalers
from iqf_sr_msrn.training.configuration import make_configuration
from iqf_sr_msrn.training.setup import train
from photographs import write
from scipy import stats

from iqf_core.api import (
    Context,
    Image,
    ImageReader,
    PluginManager,
    open_dataset,
    progress,
    read_image,
    write_image,
)

#: The mode of each head that asks for a sharper (snr: less noisy) image, besides `match`; and a
#: value that lies lower (rer) or higher (sharpness) than what is read without the loss.
MODES = {
    "rer": ("match", "maximize", "target,value=0.35"),
    "sharpness": ("match", "maximize", "target,value=5"),
    "sigma": ("match", "minimize"),
    "snr": ("match", "maximize"),
    "scale": ("match", "minimize"),
}
WEIGHTS = (10.0, 3.0, 1.0)
SEEDS = (0, 1, 2, 3, 4)
RER, SNR, PSNR = "sharpness.rer", "snr.snr", "psnr_y"
SETTINGS = {
    "model": "msrn:preset=cpu",
    "scale": 2,
    "steps": 50,
    "patch_px": 96,
    "batch": 4,
    "learning_rate": 3e-4,
    "ema": 0.9,
    "balance": "gradient",
    "best": "last",  # the best by PSNR would hide the effect
    "validate_every": 50,
    "log_every": 50,
}
EDGE_PX = 320
IMAGES = 4


def plan(heads: Path | None) -> list[tuple[str, int, list[str]]]:
    """Return (name, seed, losses) of every run, the most telling first."""
    runs: list[tuple[str, int, list[str]]] = [("l1", seed, ["l1"]) for seed in SEEDS]
    for head, mode, weight in variants():
        model = "" if heads is None else heads / head
        loss = f"qmrnet:model='{model}',mode={mode},weight={weight}"
        runs += [(label(head, mode, weight), seed, ["l1", loss]) for seed in SEEDS]
    return runs


def variants() -> list[tuple[str, str, float]]:
    """Return head, mode and weight of every loss."""
    return [
        (head, mode, weight)
        for weight in WEIGHTS
        for head, modes in MODES.items()
        for mode in modes
    ]


def label(head: str, mode: str, weight: float) -> str:
    """Return what the files of a loss are called."""
    return f"{head}-{mode.partition(',')[0]}-{weight:g}"


def sources(folder: Path, others: list[Path]) -> dict[str, Path]:
    """Write centre crops of the validation photographs and of other sources; return the folders."""
    _, photographs = write(folder / "photographs")
    made = {}
    for name, source in {"photographs": photographs, **{p.name: p for p in others}}.items():
        target = folder / "sources" / name
        target.mkdir(parents=True, exist_ok=True)
        dataset = open_dataset(source)
        for image in list(dataset.image_names)[:IMAGES]:
            read = read_image(dataset.image_path(image))
            top, left = (max(0, (size - EDGE_PX) // 2) for size in read.shape[:2])
            part = read.cut((slice(top, top + EDGE_PX), slice(left, left + EDGE_PX)))
            file = target / f"{Path(image).stem}.png"
            if not file.exists():
                write_image(file, part.with_pixels(part.pixels, georeference=None))
        made[name] = target
    return made


def run(options: argparse.Namespace) -> None:
    """Do what is left of the plan, for at most the minutes given."""
    torch.set_num_threads(1)
    registry = PluginManager().registry
    context = Context(registry=registry)
    made = sources(options.folder, options.images)
    images, _ = write(options.folder / "photographs")
    heads = {name: load_model(options.heads / name) for name in MODES}
    targets(options.folder, made, heads, context)
    begun = time.monotonic()
    for name, seed, losses in plan(options.heads):
        part = options.folder / "parts" / f"{name}-{seed}.json"
        if part.exists():
            continue
        if time.monotonic() - begun > 60 * options.minutes:
            print("the time is up; the same command continues")
            return
        clock = time.process_time()
        out = options.folder / "runs" / f"{name}-{seed}"
        values = {"images": images, "validation": made["photographs"], "out": out}
        values |= {"start": options.start, "loss": losses, "seed": seed}
        settings = make_configuration({**SETTINGS, **values})
        if not (out / "state.pt").exists():
            shutil.rmtree(out, ignore_errors=True)  # what a run that was cut off left
            with progress(part.stem, quiet=True) as bar:
                train(settings, registry, bar)
        found = {each: measured(path, out, heads, context) for each, path in made.items()}
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"name": name, "seed": seed, "values": found}))
        print(f"{part.stem}: {time.process_time() - clock:.0f} CPU s", flush=True)


def measured(
    folder: Path, model: Path | None, heads: Mapping[str, Model], context: Context
) -> dict[str, dict[str, float]]:
    """Return every measure of every image's result; of the target, where `model` is None."""
    what = "bicubic" if model is None else f"msrn:model='{model}'"
    upscalers = make_upscalers([what], 2, context)
    degradation = Degradation.of(default_chain(2), 2, context)
    dataset = open_dataset(folder, registry=context.registry)
    wanted = measurements([], context)
    found: dict[str, dict[str, float]] = {}

    def look(compared: Compared) -> None:
        (result,) = compared.results.values()
        image = compared.high if model is None else result
        found[compared.name] = {f"reads.{name}": reads(each, image) for name, each in heads.items()}

    besides = ("target",) if model is None else ()
    for rows in compare(dataset, upscalers, degradation, wanted, context, look, besides):
        for row in rows:
            if row.value is not None and (row.upscaler == "target") == (model is None):
                found[row.image][row.measure] = row.value
    return found


def reads(model: Model, image: Image) -> float:
    """Return the mean over tiles of the expected level; an end stands one step beyond."""
    (reading,) = read_tiles_of(model, ImageReader.of(image)).heads
    return float((reading.probabilities @ reading.head.centres).mean())


def targets(
    folder: Path, made: Mapping[str, Path], heads: Mapping[str, Model], context: Context
) -> None:
    """Measure the target images, once."""
    file = folder / "targets.json"
    if not file.exists():
        found = {name: measured(path, None, heads, context) for name, path in made.items()}
        file.write_text(json.dumps(found))


def report(options: argparse.Namespace) -> None:
    """Print the paired differences from L1, their intervals, and the distance to the target."""
    parts: dict[tuple[str, int], Any] = {}
    for file in sorted((options.folder / "parts").glob("*.json")):
        read = json.loads(file.read_text())
        parts[read["name"], read["seed"]] = read["values"]
    truth = json.loads((options.folder / "targets.json").read_text())
    print(f"{len(parts)} runs of {len(plan(None))}")
    for source, target in truth.items():
        alone = [parts["l1", seed][source] for seed in SEEDS if ("l1", seed) in parts]
        measures = (PSNR, RER, SNR, *(f"reads.{head}" for head in MODES))
        print(f"\n{source}: L1 alone (target), mean over images and seeds")
        for measure in measures:
            mine = np.nanmean([mean(each, measure) for each in alone])
            print(f"  {measure}: {mine:.4g} ({mean(target, measure):.4g})")
        print(
            "\n| head | mode | weight | seeds | reads | RER | distance to target | SNR, % | PSNR |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for head, mode, weight in variants():
            name = label(head, mode, weight)
            pairs = [
                (parts[name, seed][source], parts["l1", seed][source])
                for seed in SEEDS
                if (name, seed) in parts and ("l1", seed) in parts
            ]
            cells = [
                interval([difference(*pair, f"reads.{head}") for pair in pairs]),
                interval([difference(*pair, RER) for pair in pairs]),
                interval([closer(*pair, target) for pair in pairs]),
                interval([100 * ratio(*pair, SNR) for pair in pairs], ".0f"),
                interval([difference(*pair, PSNR) for pair in pairs], ".2f"),
            ]
            what = mode.replace(",value=", " ")
            print(f"| {head} | {what} | {weight:g} | {len(pairs)} | {' | '.join(cells)} |")


def mean(images: dict[str, dict[str, float]], measure: str) -> float:
    """Return the mean over the images that have the measure."""
    values = [each[measure] for each in images.values() if measure in each]
    return fmean(values) if values else float("nan")


def difference(one: Any, other: Any, measure: str) -> float:
    """Return the mean difference over the images that have the measure in both."""
    both = [name for name in one if measure in one[name] and measure in other.get(name, {})]
    return fmean(one[n][measure] - other[n][measure] for n in both) if both else float("nan")


def ratio(one: Any, other: Any, measure: str) -> float:
    """Return the mean relative change over the images that have the measure in both."""
    both = [name for name in one if measure in one[name] and measure in other.get(name, {})]
    changes = [one[name][measure] / other[name][measure] - 1 for name in both]
    return fmean(changes) if changes else float("nan")


def closer(one: Any, other: Any, truth: Any) -> float:
    """Return how much nearer the target's RER the first is than the second."""
    both = [n for n in one if all(RER in each.get(n, {}) for each in (one, other, truth))]
    changes = [abs(one[n][RER] - truth[n][RER]) - abs(other[n][RER] - truth[n][RER]) for n in both]
    return fmean(changes) if changes else float("nan")


def interval(values: list[float], digits: str = ".3f") -> str:
    """Return mean and half of the 95 % interval of Student's t over the seeds.

    In bold where 0 is outside.
    """
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) < 2:
        return f"{known.mean():+{digits}}" if len(known) else "-"
    centre = float(known.mean())
    half = float(stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    shown = f"{centre:+{digits}}"
    return f"{f'**{shown}**' if abs(centre) > half else shown} ± {half:{digits}}"


def main() -> None:
    """Run or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run")
    running.set_defaults(function=run)
    running.add_argument("--start", type=Path, required=True)
    running.add_argument("--heads", type=Path, required=True)
    running.add_argument("--images", type=Path, nargs="*", default=[])
    running.add_argument("--minutes", type=float, default=1e9)
    reporting = commands.add_parser("report")
    reporting.set_defaults(function=report)
    for each in (running, reporting):
        each.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
