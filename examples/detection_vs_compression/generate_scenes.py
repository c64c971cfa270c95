"""Draw aerial-like scenes with aeroplanes, as two annotated datasets.

    python generate_scenes.py [FOLDER] [--train N] [--val N] [--side PIXELS] [--seed N]

Nothing here is photographed. A scene is ground (fields, concrete, taxiways, grain), buildings and
vehicles, aeroplanes of 8 to 40 pixels in any direction, and things that look like them: crosses,
masts with arms, T-shaped buildings. Everything that stands on the ground throws a shadow in the
scene's direction of the sun. The scene is drawn four times finer than it is seen, and then seen by
one of three sensors, which differ in contrast, optical blur, noise and colour. The annotations are
COCO json: the box of each aeroplane without its shadow; each image says its ``sensor``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

FINER = 4  # drawn finer than seen by this factor


class Sensor(NamedTuple):
    """What an image is seen with: contrast, Gaussian blur and noise, and whether in colour."""

    contrast: float
    blur_px: float
    noise_dn: float
    colour: bool


SENSORS = {
    "sharp_colour": Sensor(1.0, 0.5, 2.0, True),
    "soft_colour": Sensor(0.85, 0.9, 3.0, True),
    "panchromatic": Sensor(0.9, 0.6, 4.0, False),
}

# Outlines as (x, y) in lengths of the object, nose to the right, one half of each.
PLANE = [
    (0.50, 0.0), (0.44, 0.045), (0.14, 0.05), (-0.10, 0.45), (-0.20, 0.45), (-0.07, 0.05),
    (-0.36, 0.04), (-0.44, 0.17), (-0.50, 0.17), (-0.46, 0.0),
]  # fmt: skip
CROSS = [(0.5, 0.0), (0.5, 0.07), (0.07, 0.07), (0.07, 0.45), (-0.07, 0.45), (-0.07, 0.07),
         (-0.5, 0.07), (-0.5, 0.0)]  # fmt: skip
TEE = [(0.5, 0.0), (0.5, 0.12), (-0.2, 0.12), (-0.2, 0.42), (-0.42, 0.42), (-0.42, 0.0)]
MAST = [(0.5, 0.0), (0.5, 0.04), (-0.3, 0.04), (-0.42, 0.30), (-0.5, 0.30), (-0.38, 0.0)]
LOOK_ALIKES = [CROSS, TEE, MAST]


def outline(half: list[tuple[float, float]], length: float, angle: float, centre: Any) -> Any:
    """Return the corners of a mirrored half outline, turned and placed, in fine pixels."""
    points = np.array(half + [(x, -y) for x, y in reversed(half)], np.float64) * length
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, sine], [-sine, cosine]]) + centre


def rectangle(length: float, width: float, angle: float, centre: Any) -> Any:
    """Return the corners of a turned rectangle, in fine pixels."""
    half = [(0.5, width / length / 2), (-0.5, width / length / 2)]
    return outline(half, length, angle, centre)


def fill(canvas: Any, corners: Any, colour: Any) -> None:
    """Fill a polygon."""
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], tuple(float(c) for c in colour))


def ground(rng: np.random.Generator, side: int) -> Any:
    """Return the ground, (side, side, 3) float32: fields of earth, grass and concrete."""
    small = rng.normal(size=(side // 48 + 2, side // 48 + 2)).astype(np.float32)
    relief = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
    base = np.array(rng.choice([(72, 105, 88), (88, 108, 118), (105, 108, 108)]), np.float32)
    canvas = np.ascontiguousarray(base + 9 * relief, np.float32)
    for _ in range(rng.integers(2, 6)):  # fields and aprons
        shade = np.array((1, 1, 1)) * rng.uniform(-22, 25) + rng.uniform(-8, 8, 3)
        size, angle = rng.uniform(0.3, 0.9, 2) * side, rng.uniform(0, np.pi)
        fill(canvas, rectangle(*size, angle, rng.uniform(0, side, 2)), base + shade)
    for _ in range(rng.integers(1, 4)):  # taxiways with their markings
        centre, angle = rng.uniform(0, side, 2), rng.uniform(0, np.pi)
        shade = rng.uniform(70, 140)
        fill(canvas, rectangle(3 * side, rng.uniform(20, 60), angle, centre), [shade] * 3)
        fill(canvas, rectangle(3 * side, 4, angle, centre), [shade + 60] * 3)
    grain = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 2.5)
    return canvas + 22 * grain[..., None]


def scene(rng: np.random.Generator, side: int, sensor: Sensor) -> tuple[Any, list[list[float]]]:
    """Return one image (side, side, 3) uint8 and the boxes (x, y, width, height) in it."""
    fine = side * FINER
    canvas = ground(rng, fine)
    sun = rng.uniform(0, 2 * np.pi)
    things: list[tuple[Any, float, Any, bool]] = []  # corners, height, colour, whether a plane
    taken: list[tuple[float, float, float]] = []

    def place(length: float) -> Any | None:
        margin = length * 0.55
        for _ in range(20):
            x, y = rng.uniform(margin, fine - margin, 2)
            if all(np.hypot(x - a, y - b) > 0.55 * (length + r) for a, b, r in taken):
                taken.append((x, y, length))
                return np.array([x, y])
        return None

    def add(make: Any, length: float, height: float, colour: Any, plane: bool = False) -> None:
        centre = place(length)
        if centre is not None:
            corners = make(length, rng.uniform(0, 2 * np.pi), centre)
            things.append((corners, height, colour, plane))

    for _ in range(rng.integers(2, 6)):
        length = FINER * np.exp(rng.uniform(np.log(9), np.log(38)))
        level = rng.uniform(140, 225) if rng.random() < 0.75 else rng.uniform(40, 60)
        paint = level + rng.uniform(-8, 8, 3)
        add(lambda n, a, c: outline(PLANE, n, a, c), length, 0.12 * length, paint, plane=True)
    for _ in range(rng.integers(2, 5)):
        half = LOOK_ALIKES[rng.integers(len(LOOK_ALIKES))]
        length = FINER * np.exp(rng.uniform(np.log(9), np.log(38)))
        paint = rng.uniform(130, 225) + rng.uniform(-8, 8, 3)
        add(lambda n, a, c, h=half: outline(h, n, a, c), length, 0.12 * length, paint)
    for _ in range(rng.integers(6, 16)):  # buildings and vehicles
        length = FINER * rng.uniform(3, 22)
        paint = rng.uniform(60, 220) + rng.uniform(-20, 20, 3)
        aspect = rng.uniform(0.3, 0.9)
        add(lambda n, a, c, r=aspect: rectangle(n, r * n, a, c), length, 0.2 * length, paint)

    shadow = np.zeros((fine, fine), np.float32)
    for corners, height, _, _ in things:
        offset = height * np.array([np.cos(sun), np.sin(sun)])
        fill(shadow, corners + offset, (1.0,))
    canvas *= 1 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), 1.5)[..., None]
    boxes = []
    for corners, _, colour, plane in things:
        fill(canvas, corners, colour)
        if plane:
            low = np.clip(corners.min(axis=0) / FINER, 0, side)
            high = np.clip(corners.max(axis=0) / FINER, 0, side)
            boxes.append([float(v) for v in (*low, *(high - low))])
    return seen(canvas, rng, side, sensor), boxes


def seen(canvas: Any, rng: np.random.Generator, side: int, sensor: Sensor) -> Any:
    """Return the fine canvas as a sensor sees it."""
    blurred = cv2.GaussianBlur(canvas, (0, 0), sensor.blur_px * FINER)
    image = cv2.resize(blurred, (side, side), interpolation=cv2.INTER_AREA)
    if not sensor.colour:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    image = 110 + sensor.contrast * (image - 110)
    bands = 3 if sensor.colour else 1
    image = image + sensor.noise_dn * rng.normal(size=(side, side, bands))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def write_dataset(folder: Path, count: int, side: int, seed: int) -> int:
    """Write `count` scenes with their annotations; return the number of aeroplanes."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names = list(SENSORS)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        name = names[index % len(names)]
        pixels, boxes = scene(rng, side, SENSORS[name])
        file_name = f"scene_{index:04d}.png"
        cv2.imwrite(str(folder / "images" / file_name), pixels)
        images.append(
            {"id": index + 1, "file_name": file_name, "height": side, "width": side, "sensor": name}
        )
        for box in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index + 1,
                    "category_id": 1,
                    "bbox": [round(value, 2) for value in box],
                    "area": round(box[2] * box[3], 2),
                    "iscrowd": 0,
                }
            )
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "plane"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return len(annotations)


def main() -> None:
    """Write the training and the validation scenes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data"))
    parser.add_argument("--train", type=int, default=160, help="training scenes")
    parser.add_argument("--val", type=int, default=90, help="validation scenes")
    parser.add_argument("--side", type=int, default=128, help="pixels of a side")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for part, count, seed in (
        ("train", options.train, options.seed),
        ("val", options.val, options.seed + 1000),
    ):
        planes = write_dataset(options.folder / part, count, options.side, seed)
        print(f"{options.folder / part}: {count} scenes, {planes} planes")


if __name__ == "__main__":
    main()
