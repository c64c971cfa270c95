"""Accuracy of `snr` and `sharpness` against analytic truth; run by hand.

Scenes of random rectangles seen by Gaussian systems (sampled from an 8 times finer grid), analytic
white noise, photographs with added noise, and photograph pairs with a known extra blur. Prints,
for each quantity, the median and 90th percentile of the absolute error, the bias, and how often
there is no value::

    uv run python benchmarks/sharpness_accuracy.py [FOLDER WITH PHOTOGRAPHS]
"""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
from iqf_metrics_sharpness.response import figures
from iqf_metrics_sharpness.sharpness import Sharpness
from iqf_metrics_sharpness.snr import Snr
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from iqf_core.api import Context, Image, ImageInput, ImageReader, Metric, Value

Pixels = NDArray[np.float64]
Errors = dict[str, list[float | None]]

SNR = Snr(Snr.Params())
SHARPNESS = Sharpness(Sharpness.Params())


def measure(metric: Metric, pixels: Pixels) -> dict[str, Value]:
    rounded = np.rint(pixels).clip(0, 255).astype(np.uint8)
    image = Image(np.atleast_3d(rounded), 255)
    return dict(metric.measure(ImageInput(ImageReader.of(image)), Context()))


def scene(sx: float, sy: float, seed: int, noise: float, size: int = 384) -> Pixels:
    """Return rectangles at random places and angles, seen by a Gaussian system."""
    rng, fine = np.random.default_rng(seed), 8
    big = np.full((size * fine, size * fine), 90, np.float32)
    for number in range(50):
        angle = rng.uniform(-8, 8) if number % 2 else rng.uniform(0, 90)
        center, sides = rng.uniform(0, size * fine, 2), rng.uniform(25, 90, 2) * fine
        corners = cv2.boxPoints((center.tolist(), sides.tolist(), float(angle)))
        cv2.fillPoly(big, [np.rint(corners).astype(np.int32)], float(rng.uniform(30, 200)))
    blurred = cv2.GaussianBlur(big, (0, 0), sx * fine, sigmaY=sy * fine)
    # A pixel's middle lies between two samples of the finer grid, in both directions.
    half = fine // 2
    sampled = sum(blurred[half - i :: fine, half - j :: fine] for i in (0, 1) for j in (0, 1)) / 4
    return np.asarray(sampled + rng.normal(0, noise, sampled.shape))


def scenes(errors: Errors) -> None:
    held = []
    for seed in range(6):
        for sx, sy in [(s, s) for s in (0.5, 0.7, 1.0, 1.5, 2.0, 2.5)] + [(0.7, 1.4), (1.6, 0.8)]:
            values = measure(SHARPNESS, scene(sx, sy, 100 + seed, noise=(1, 2, 4)[seed % 3]))
            kind = "scenes" if sx == sy else "scenes, 2:1"
            for direction, width in (("x", sx), ("y", sy)):
                for name, truth in figures(width).items():
                    value = values[f"{name}_{direction}"]
                    scale = 1 if name.startswith("mtf_") else truth
                    error = None if value.value is None else (value.value - truth) / scale
                    errors[f"{kind}: {name}"].append(error)
                    if name == "rer" and value.value is not None:
                        held.append(value.low <= truth <= value.high)
    print(f"68 % interval of the RER holds the truth in {np.mean(held):.0%} of cases")


def noises(errors: Errors, photographs: list[Pixels]) -> None:
    rng = np.random.default_rng(1)
    for sigma in (1, 2, 5, 10, 20):
        for seed in range(4):
            value = measure(SNR, scene(0.9, 0.9, 200 + seed, sigma))["noise_sigma"]
            errors["noise, scenes"].append(error_of(value, math.hypot(sigma, 12**-0.5)))
        for photograph in photographs:
            small = 20 + 0.8 * cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=3)
            if sigma >= 5:  # below, the photograph's own noise is not negligible
                values = measure(SNR, small + rng.normal(0, sigma, small.shape))["noise_sigma"]
                truth = math.hypot(sigma, 12**-0.5)
                errors["noise, photographs"] += [error_of(band, truth) for band in values.bands]
    for photograph in photographs:
        small = 20 + 0.8 * cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=3)
        for slope, offset in ((0.2, 2), (0.5, 4), (1, 4)):
            noise = rng.normal(0, 1, small.shape) * np.sqrt(slope * small + offset)
            values = measure(SNR, small + noise)["noise_sigma"]
            for band, value in enumerate(values.bands):
                level = float(np.median(small[:, :, band]))
                truth = math.sqrt(slope * level + offset + 1 / 12)
                errors["noise, signal-dependent"].append(error_of(value, truth))


def error_of(value: Value, truth: float) -> float | None:
    return None if value.value is None else float(value.value) / truth - 1


def pairs(errors: Errors, photographs: list[Pixels]) -> None:
    for photograph in photographs:
        grey = cv2.cvtColor(photograph.astype(np.float32), cv2.COLOR_RGB2GRAY)
        for scale in (1.0, 0.5):
            small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            before = measure(SHARPNESS, small)["rer"].value
            for sigma in (0.8, 1.2, 1.8):
                after = measure(SHARPNESS, cv2.GaussianBlur(small, (0, 0), sigma))["rer"].value
                found = None
                if before is not None and after is not None:
                    more = width_of(float(after)) ** 2 - width_of(float(before)) ** 2
                    found = math.sqrt(max(0.0, more)) / sigma - 1
                errors["photograph pairs: extra blur"].append(found)


def width_of(rer: float) -> float:
    return 1 / (2 * NormalDist().inv_cdf((1 + min(rer, 0.9999)) / 2))


def cost() -> None:
    cv2.setNumThreads(1)
    pixels = scene(1, 1, 7, 2, size=1000).astype(np.float32)
    started = time.perf_counter()
    for _ in range(5):
        cv2.GaussianBlur(pixels, (0, 0), 1.5)
    blur = (time.perf_counter() - started) / 5
    for name, metric in (("snr", SNR), ("sharpness", SHARPNESS)):
        started = time.perf_counter()
        measure(metric, pixels)
        taken = time.perf_counter() - started
        print(f"{name}: {taken:.3f} s for 1 megapixel, {taken / blur:.0f} Gaussian blurs")


def main(folder: str | None = None) -> None:
    photographs = [image.astype(float) for image in load_sample_images().images]
    files = sorted(Path(folder).glob("*.jpg")) if folder else []
    photographs += [cv2.imread(str(file))[:, :, ::-1].astype(float) for file in files]
    errors: Errors = defaultdict(list)
    cost()
    scenes(errors)
    noises(errors, photographs)
    pairs(errors, photographs)
    print(f"{'':34}{'median':>9}{'p90':>9}{'bias':>9}{'no value':>10}")
    for name, found in errors.items():
        known = np.array([each for each in found if each is not None])
        numbers = [np.median(abs(known)), np.percentile(abs(known), 90), np.median(known)]
        unit = (1, ".4f") if ": mtf_" in name else (100, ".2f")
        cells = "".join(f"{unit[0] * number:>9{unit[1]}}" for number in numbers)
        print(f"{name:34}{cells}{1 - len(known) / len(found):>10.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
