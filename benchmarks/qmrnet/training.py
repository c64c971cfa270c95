"""How good QMRNets become in CPU-minutes, and how fast crops and readings are made.

    python benchmarks/qmrnet/training.py train sigma --minutes 5 --out models/sigma
    python benchmarks/qmrnet/training.py table models/sigma models/snr
    python benchmarks/qmrnet/training.py images models/sigma --crop 256
    python benchmarks/qmrnet/training.py speed
    python benchmarks/qmrnet/training.py precision
    python benchmarks/qmrnet/training.py unmodified models/sigma ../shared/data/coco_photos

``train`` trains on the photographs of :mod:`photographs` with one thread and a budget of CPU time
(``time.process_time``, crops and steps together; validation comes after it). ``images`` reads crops
of any size, image by image. Distances are those of the most probable level, in bins, over all
validation crops (and, with ``image``, of the median over the crops of an image at a level).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import photographs


def train(names: list[str], minutes: float, out: Path, crop: int, backbone: str) -> None:
    """Train one network and print its results."""
    from iqf_qmrnet.config import from_mapping
    from iqf_qmrnet.program import train_folders
    from iqf_qmrnet.training import Run

    from iqf_core.api import PluginManager

    config = from_mapping(
        {
            "parameters": names,
            "cpu_minutes": minutes,
            "crops": 1_000_000,
            "crop": crop,
            "backbone": backbone,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        training, validation = photographs.write(Path(folder))
        registry = PluginManager.create().registry
        train_folders(config, training, validation, registry, Run(out, quiet=False))
    table([out])


def table(models: list[Path]) -> None:
    """Print what the models' own validation found."""
    from iqf_qmrnet.checkpoint import read_document

    columns = ("medr", "recall_1", "recall_5", "exact", "mae", "image_medr", "image_recall_5")
    print(f"| head | bins | crop | CPU s | crops | {' | '.join(columns)} |")
    print(f"|---|{'---|' * (4 + len(columns))}")
    for model in models:
        document = read_document(model)
        bins = {head["name"]: len(head["levels"]) for head in document["heads"]}
        for name, found in document["metrics"].items():
            cells = " | ".join(f"{found[column]:.3g}" for column in columns)
            print(
                f"| {name} | {bins[name]} | {document['crop']} | {found['cpu_seconds']:.0f} "
                f"| {found['train_crops']} | {cells} |"
            )


def images(model_path: Path, crop: int | None) -> None:
    """Print what a model reads in crops of another size, for all photographs and for each."""
    import numpy as np
    import torch
    from iqf_qmrnet.checkpoint import load_model
    from iqf_qmrnet.config import from_mapping
    from iqf_qmrnet.degradation import Degrader
    from iqf_qmrnet.sources import read_sources
    from iqf_qmrnet.validation import predict, results

    from iqf_core.api import Context, PluginManager, open_dataset

    torch.set_num_threads(1)
    context = Context(registry=PluginManager.create().registry)
    model = load_model(model_path)
    side = crop or model.crop
    config = from_mapping(model.config).model_copy(update={"crop": side})
    with tempfile.TemporaryDirectory() as folder:
        _, validation = photographs.write(Path(folder))
        dataset = open_dataset(validation, registry=context.registry)
        sources = read_sources(dataset, side, quiet=True)
    for head in model.heads:
        degrader = Degrader(head, sources, side, context)
        logits, values, names = predict(model.network, head, degrader, config)
        for name in ("all", *sorted(set(names))):
            chosen = np.array([name in ("all", each) for each in names])
            rows = torch.from_numpy(chosen)
            found = results(head, logits[rows], values[rows], list(np.array(names)[chosen]))
            columns = ("medr", "recall_1", "recall_5", "bias", "image_medr", "image_recall_5")
            told = ", ".join(f"{column} {found[column]:.3g}" for column in columns)
            print(f"{head.name}, crops of {side} px, {name}: {told}")


def speed() -> None:
    """Print crops per CPU-second of every preset, and the cost of reading an image."""
    import cv2
    import numpy as np
    import torch
    from iqf_qmrnet.config import NetworkConfig, TrainingConfig
    from iqf_qmrnet.crops import TrainingCrops
    from iqf_qmrnet.degradation import Degrader, Source, resolve_head
    from iqf_qmrnet.grid import parse_head, parse_heads
    from iqf_qmrnet.networks import build_network
    from iqf_qmrnet.presets import PRESETS

    from iqf_core.api import Context, Image, PluginManager

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    context = Context(registry=PluginManager.create().registry)
    images = {name: photographs.photograph(name) for name in ("astronaut", "coffee", "rocket")}
    for name in PRESETS:
        sources = [Source(key, key, Image(pixels, 255.0)) for key, pixels in images.items()]
        head = resolve_head(parse_head(name), context)
        config = TrainingConfig(parameters=[name])
        crops = TrainingCrops([head], [Degrader(head, sources, 128, context)], config, bands=1)
        for index in range(20):
            crops.group(index)
        begun, count = time.process_time(), 300
        for index in range(20, 20 + count):
            crops.group(index)
        rate = count * config.group / (time.process_time() - begun)
        print(f"{name}: {rate:.0f} crops of 128 px per CPU-second")
    network = build_network(NetworkConfig(), parse_heads(["sigma"])).eval()
    pixels = torch.from_numpy(np.random.default_rng(0).random((3, 1024, 1024), np.float32))
    for stride in (128, 64):
        tiles = pixels.unfold(1, 128, stride).unfold(2, 128, stride)
        tiles = tiles.permute(1, 2, 0, 3, 4).reshape(-1, 3, 128, 128)
        costs = []
        for _ in range(3):
            begun = time.process_time()
            with torch.inference_mode():
                for part in tiles.split(32):
                    network(part)
            costs.append(time.process_time() - begun)
        print(
            f"spectral, 1024 x 1024 x 3, {len(tiles)} tiles at stride {stride}: "
            f"{min(costs):.2f} CPU-seconds"
        )


def precision() -> None:
    """Print images per CPU-second, forward and backward, of the convolutional backbones."""
    import torch
    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.grid import parse_heads
    from iqf_qmrnet.networks import build_network

    torch.set_num_threads(1)
    images = torch.rand(8, 3, 128, 128)
    for backbone in ("small_cnn", "resnet18"):
        rates = []
        for layout, bf16 in (
            (torch.contiguous_format, False),
            (torch.channels_last, False),
            (torch.channels_last, True),
        ):
            network = build_network(NetworkConfig(backbone=backbone), parse_heads(["sigma"]))
            network.train().to(memory_format=layout)
            batch = images.contiguous(memory_format=layout)
            costs = []
            for _ in range(4):
                begun = time.process_time()
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    found = network(batch)["sigma"]
                found.float().logsumexp(1).sum().backward()
                costs.append(time.process_time() - begun)
            rates.append(len(images) / min(costs))
        print(
            f"{backbone}: {rates[0]:.1f} images of 128 px per CPU-second in fp32, "
            f"{rates[1]:.1f} with channels last, {rates[2]:.1f} with bf16 too "
            f"({rates[2] / rates[0]:.1f} times)"
        )


def unmodified(model_path: Path, folder: Path) -> None:
    """Print where a model puts the centre crops of unmodified images."""
    import numpy as np
    import torch
    from iqf_qmrnet.checkpoint import load_model
    from iqf_qmrnet.decoding import read

    from iqf_core.api import open_dataset

    torch.set_num_threads(1)
    model = load_model(model_path)
    dataset = open_dataset(folder)
    kinds: dict[str, list[str]] = {head.name: [] for head in model.heads}
    for name in dataset.image_names:
        with dataset.open_image(name) as reader:
            image = reader.read()
        if min(image.shape[:2]) < model.crop:
            continue
        top, left = (image.height - model.crop) // 2, (image.width - model.crop) // 2
        crop = image.pixels[top : top + model.crop, left : left + model.crop]
        planes = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)) / image.peak)
        with torch.inference_mode():
            found = model.network(planes.float()[None])
        for head in model.heads:
            reading = read(head, found[head.name], model.temperature(head.name))
            first, last = reading.index == 0, reading.index == head.bins - 1
            if float(reading.below) > 0.5 or float(reading.above) > 0.5:
                kinds[head.name].append("below" if float(reading.below) > 0.5 else "above")
            else:
                kinds[head.name].append("first" if first else "last" if last else "inside")
    for name, each in kinds.items():
        shares = {kind: each.count(kind) / len(each) for kind in sorted(set(each))}
        print(name, len(each), "images:", {key: round(value, 3) for key, value in shares.items()})


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("train")
    one.add_argument("names", nargs="+", help="presets or specifications, one for each head")
    one.add_argument("--minutes", type=float, default=5.0, help="CPU time")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--crop", type=int, default=128)
    one.add_argument("--backbone", default="spectral")
    commands.add_parser("table").add_argument("models", nargs="+", type=Path)
    each = commands.add_parser("images")
    each.add_argument("model", type=Path)
    each.add_argument("--crop", type=int, help="side in pixels; that of the training by default")
    commands.add_parser("speed")
    commands.add_parser("precision")
    other = commands.add_parser("unmodified")
    other.add_argument("model", type=Path)
    other.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "train":
        train(given.names, given.minutes, given.out, given.crop, given.backbone)
    elif given.command == "table":
        table(given.models)
    elif given.command == "images":
        images(given.model, given.crop)
    elif given.command == "speed":
        speed()
    elif given.command == "precision":
        precision()
    else:
        unmodified(given.model, given.folder)


if __name__ == "__main__":
    main()
