"""Train a small detector, find objects in the validation images, and leave them as COCO results.

An ordinary training script: it knows nothing of the framework that calls it. It reads any dataset
with ``images/`` and one COCO json, or DOTA's ``labelTxt`` (upright boxes around its corners).

The network is a centre detector (X. Zhou, D. Wang, P. Krähenbühl, "Objects as Points", 2019): at a
quarter of the resolution it predicts for each class how likely an object's centre is there, and the
size and exact place of the box. It is small enough to be trained in seconds on one core.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

STRIDE = 4


class Picture(NamedTuple):
    """One image: identifier, pixels (H, W, 3) uint8, boxes (N, 4) x y w h, classes (N,)."""

    key: int | str
    pixels: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def load(folder: Path, classes: list[Any]) -> tuple[list[Picture], list[Any]]:
    """Return the pictures of a dataset and its classes: category ids of COCO, names of DOTA."""
    documents = sorted(folder.glob("*.json"))
    if documents:
        return _load_coco(folder, json.loads(documents[0].read_text()), classes)
    labels = next(path for path in sorted(folder.iterdir()) if path.name.startswith("labelTxt"))
    return _load_dota(folder, labels, classes)


def _load_coco(folder: Path, document: Any, classes: list[Any]) -> tuple[list[Picture], list[Any]]:
    classes = classes or sorted(each["id"] for each in document["categories"])
    boxes: dict[Any, list[Any]] = {}
    for each in document["annotations"]:
        if not each.get("iscrowd") and each["category_id"] in classes:
            row = (*each["bbox"], classes.index(each["category_id"]))
            boxes.setdefault(each["image_id"], []).append(row)
    pictures = []
    for each in document["images"]:
        path = folder / "images" / each["file_name"]
        if path.is_file():
            pictures.append(_picture(each["id"], path, boxes.get(each["id"], [])))
    return pictures, classes


def _load_dota(folder: Path, labels: Path, classes: list[Any]) -> tuple[list[Picture], list[Any]]:
    found: dict[str, list[tuple[np.ndarray, str]]] = {}
    for path in sorted(labels.glob("*.txt")):
        rows = [line.split() for line in path.read_text().splitlines()]
        found[path.stem] = [
            (np.array(row[:8], float).reshape(4, 2), row[8]) for row in rows if len(row) >= 9
        ]
    classes = classes or sorted({name for rows in found.values() for _, name in rows})
    pictures = []
    for path in sorted((folder / "images").iterdir()):
        rows = [
            (*c.min(axis=0), *(c.max(axis=0) - c.min(axis=0)), classes.index(name))
            for c, name in found.get(path.stem, [])
            if name in classes
        ]
        pictures.append(_picture(path.name, path, rows))
    return pictures, classes


def _picture(key: Any, path: Path, rows: list[Any]) -> Picture:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Picture(key, pixels, table[:, :4], table[:, 4].astype(np.int64))


class Block(nn.Module):
    """Two convolutions around which the input passes."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.norms[0](self.first(x)))
        return functional.relu(x + self.norms[1](self.second(y)))


class Detector(nn.Module):
    """Images (N, 3, H, W) to centres (N, classes, H/4, W/4) and boxes (N, 4, H/4, W/4)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.body = nn.Sequential(*(Block(width, dilation) for dilation in (1, 2, 1)))
        self.centres = nn.Conv2d(width, classes, 1)
        self.boxes = nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.centres.bias, -4.0)  # objects are rare

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.body(self.stem(x))
        return self.centres(features), self.boxes(features)


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """Return an image as (3, H, W) float, padded to a multiple of the stride."""
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 128 - 1
    height, width = image.shape[1:]
    return functional.pad(image, (0, -width % STRIDE, 0, -height % STRIDE))


def targets(
    boxes: np.ndarray, classes: np.ndarray, count: int, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return heat (classes, h, w), boxes (4, h, w) and where boxes are known (h, w)."""
    height, width = shape
    heat = np.zeros((count, height, width), np.float32)
    box = np.zeros((4, height, width), np.float32)
    known = np.zeros((height, width), np.float32)
    y, x = np.mgrid[0:height, 0:width]
    for (left, top, w, h), number in zip(boxes, classes, strict=True):
        centre_x, centre_y = (left + w / 2) / STRIDE, (top + h / 2) / STRIDE
        column, row = int(centre_x), int(centre_y)
        if not (0 <= row < height and 0 <= column < width):
            continue
        sigma = max(0.6, 0.09 * (w + h) / 2 / STRIDE)
        bump = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        np.maximum(heat[number], bump, out=heat[number])
        near = (abs(x - column) <= 1) & (abs(y - row) <= 1)
        size = np.log(max(w, 1) / STRIDE), np.log(max(h, 1) / STRIDE)
        for channel, value in enumerate((centre_x - x - 0.5, centre_y - y - 0.5, *size)):
            box[channel] = np.where(near, value, box[channel])
        known[near] = 1
    return heat, box, known


def loss_of(outputs: Any, heat: Any, box: Any, known: Any) -> torch.Tensor:
    """Return the focal loss of the centres (equation 1 of the paper) and the L1 of the boxes."""
    logits, predicted = outputs
    probability = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    hit = (heat == 1).float()
    objects = hit.sum().clamp(min=1)
    positive = hit * (1 - probability) ** 2 * probability.log()
    negative = (1 - hit) * (1 - heat) ** 4 * probability**2 * (1 - probability).log()
    centres = -(positive + negative).sum() / objects
    boxes = ((predicted - box).abs() * known[:, None]).sum() / known.sum().clamp(min=1)
    return centres + boxes


def train(
    pictures: list[Picture], classes: int, options: argparse.Namespace
) -> tuple[Detector, list[float]]:
    """Train a detector; return it and the mean loss of every epoch."""
    rng = np.random.default_rng(options.seed)
    network = Detector(classes, options.width)
    steps = options.epochs * -(-len(pictures) // options.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=steps
    )
    losses = []
    for epoch in range(options.epochs):
        network.train()
        total = 0.0
        order = rng.permutation(len(pictures))
        for start in range(0, len(order), options.batch):
            batch = [
                crop(pictures[i], options.crop, rng) for i in order[start : start + options.batch]
            ]
            images = torch.stack([to_tensor(pixels) for pixels, _, _ in batch])
            shape = (images.shape[2] // STRIDE, images.shape[3] // STRIDE)
            wanted = [targets(boxes, numbers, classes, shape) for _, boxes, numbers in batch]
            heat, box, known = (
                torch.from_numpy(np.stack(each)) for each in zip(*wanted, strict=True)
            )
            loss = loss_of(network(images), heat, box, known)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        losses.append(total / len(pictures))
        print(f"epoch {epoch}: loss {losses[-1]:.3f}")
    return network, losses


def crop(
    picture: Picture, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a random square of a picture, turned and mirrored at random, with its boxes."""
    height, width = picture.pixels.shape[:2]
    top, left = (int(rng.integers(0, max(length - side, 0) + 1)) for length in (height, width))
    pixels = picture.pixels[top : top + side, left : left + side]
    pad = ((0, side - pixels.shape[0]), (0, side - pixels.shape[1]), (0, 0))
    pixels = np.pad(pixels, pad)
    boxes = picture.boxes - np.array([left, top, 0, 0], np.float32)
    centre = boxes[:, :2] + boxes[:, 2:] / 2
    inside = ((centre >= 0) & (centre < side)).all(axis=1)
    boxes = boxes[inside]
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes = boxes.copy()
        boxes[:, 0] = side - boxes[:, 0] - boxes[:, 2]
    for _ in range(int(rng.integers(4))):  # a quarter turn: (x, y) becomes (y, side - x)
        pixels = np.rot90(pixels)
        x, y, w, h = boxes.T
        boxes = np.stack([y, side - x - w, h, w], axis=1)
    return pixels, boxes, picture.classes[inside]


@torch.no_grad()
def detect(network: Detector, picture: Picture, most: int) -> list[tuple[float, int, list[float]]]:
    """Return (score, class, [x, y, width, height]) of what is found, best first."""
    network.eval()
    logits, boxes = network(to_tensor(picture.pixels)[None])
    heat = torch.sigmoid(logits)
    peaks = heat * (functional.max_pool2d(heat, 3, stride=1, padding=1) == heat)
    count, rows, columns = peaks.shape[1:]
    scores, places = peaks.flatten().topk(min(most, count * rows * columns))
    found = []
    for score, place in zip(scores.tolist(), places.tolist(), strict=True):
        if score < 0.01:
            break
        number, rest = divmod(place, rows * columns)
        row, column = divmod(rest, columns)
        dx, dy, w, h = boxes[0, :, row, column].tolist()
        w, h = (STRIDE * float(np.exp(min(value, 6))) for value in (w, h))
        x, y = STRIDE * (column + 0.5 + dx), STRIDE * (row + 0.5 + dy)
        found.append((score, number, [x - w / 2, y - h / 2, w, h]))
    return found


def main() -> None:
    """Train, detect, and write ``output.json`` and ``results.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trainds", type=Path, required=True)
    parser.add_argument("--valds", type=Path, required=True)
    parser.add_argument("--outputpath", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--crop", type=int, default=128, help="pixels of a training square")
    parser.add_argument("--width", type=int, default=24, help="channels")
    parser.add_argument("--learning_rate", type=float, default=5e-3)
    parser.add_argument("--most", type=int, default=100, help="detections of an image")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("IQF_SEED", "0")))
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    pictures, classes = load(options.trainds, [])
    network, losses = train(pictures, len(classes), options)

    records = []
    for picture in load(options.valds, classes)[0]:
        for score, number, box in detect(network, picture, options.most):
            records.append(
                {
                    "image_id": picture.key,
                    "category_id": classes[number],
                    "bbox": [round(value, 2) for value in box],
                    "score": round(score, 5),
                }
            )
    (options.outputpath / "output.json").write_text(json.dumps(records))
    torch.save(network.state_dict(), options.outputpath / "detector.pt")
    results = {"train_loss": losses, "detections": len(records)}
    (options.outputpath / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
