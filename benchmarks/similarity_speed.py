"""How long PSNR and SSIM take, against OpenCV and scikit-image.

    .venv/bin/python benchmarks/similarity_speed.py [--size 1024] [--rounds 7]

One thread; the best of so many rounds, the two measured in turns. The goals: SSIM at most 0.25 of
scikit-image's time, PSNR near cv2.PSNR, which knows neither masks nor bands.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from iqf_core.api import Context, Image, ImageReader, PairInput, PluginManager
from iqf_core.components.specification import parse_specification

PEAKS = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}
ALONE = ("rmse", "mae", "ms_ssim", "sam", "ergas:gsd_ratio=0.25", "gmsd", "vif", "fsim")
Call = Callable[[], Any]


def main() -> None:
    """Measure and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=1024)
    arguments.add_argument("--rounds", type=int, default=7)
    given = arguments.parse_args()
    cv2.setNumThreads(1)
    registry = PluginManager.create().registry
    print(f"{given.size} x {given.size} pixels, 3 bands; milliseconds, one thread")
    print(f"{'metric':32}{'dtype':>8}{'masked':>8}{'other':>9}{'iqf':>9}{'ratio':>7}  against")
    for dtype, peak in PEAKS.items():
        for masked in (False, True):
            subject = make_pair(given.size, dtype, masked)
            for specification, (name, other) in rivals(subject, peak).items():
                ours = measuring(registry, specification, subject)
                theirs, mine = best(other, ours, given.rounds)
                print(
                    f"{specification:32}{dtype:>8}{masked!s:>8}{theirs:9.2f}{mine:9.2f}"
                    f"{mine / theirs:7.2f}  {name}"
                )
    subject = make_pair(given.size, "uint8", False)
    for specification in ALONE:
        ours = measuring(registry, specification, subject)
        print(f"{specification:32}{'uint8':>8}{'False':>8}{'':9}{best(ours, ours, 3)[1]:9.2f}")


def make_pair(size: int, dtype: str, masked: bool) -> PairInput:
    """Return a noisy and a smooth image; a tenth of the rows invalid where `masked`."""
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.random((size, size, 3), np.float32), (0, 0), 2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    noisy = np.clip(smooth + 0.05 * rng.standard_normal(smooth.shape, np.float32), 0, 1)
    mask = np.arange(size * size).reshape(size, size) >= size * size // 10 if masked else None
    images = []
    for pixels in (noisy, smooth):
        values = pixels * np.float32(PEAKS[dtype])
        values = values if dtype == "float32" else np.rint(values).astype(dtype)
        images.append(Image(values, peak=PEAKS[dtype], mask=mask))
    image, reference = map(ImageReader.of, images)
    return PairInput(image, reference_reader=reference)


def measuring(registry: Any, text: str, subject: PairInput) -> Call:
    """Return a call that measures `subject`, both images read."""
    context = Context(registry=registry)
    specification = parse_specification(text)
    metric = registry.create("metric", specification.name, specification.params, context)
    return lambda: metric.measure(subject, context)


def rivals(subject: PairInput, peak: float) -> dict[str, tuple[str, Call]]:
    """Return what stands beside each metric: a name and a call."""
    x, y = subject.image.pixels, subject.reference.pixels
    options: dict[str, Any] = {"data_range": peak, "channel_axis": 2}
    weighted = {**options, "gaussian_weights": True, "use_sample_covariance": False}
    return {
        "psnr": ("cv2.PSNR", lambda: cv2.PSNR(x, y, peak)),
        "ssim": ("scikit-image, Gaussian", lambda: structural_similarity(x, y, **weighted)),
        "ssim:variant=skimage_uniform": (
            "scikit-image, uniform",
            lambda: structural_similarity(x, y, **options),
        ),
    }


def best(one: Call, other: Call, rounds: int) -> tuple[float, float]:
    """Return the shortest times of both in milliseconds."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        begin = time.perf_counter()
        one()
        middle = time.perf_counter()
        other()
        times.append((middle - begin, time.perf_counter() - middle))
    first, second = zip(*times, strict=True)
    return 1e3 * min(first), 1e3 * min(second)


if __name__ == "__main__":
    main()
