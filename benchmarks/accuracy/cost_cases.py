"""What the metrics cost: ratios and CPU time inside one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import cv2
import numpy as np

from iqf_core.api import Value

from .measuring import measured
from .noises import image_of, white
from .photographs import photographs
from .records import Record
from .systems import SYSTEMS
from .targets import Scene

SIZES = ((512, 1), (512, 3), (1024, 1), (1024, 3), (2048, 1), (2048, 3), (4096, 1), (4096, 3))

#: Edge of the largest photographs that `sharpness` is timed on, px.
LARGE = 2048


def noise(seeds: int, quick: bool) -> Iterator[Record]:
    """Time `snr` against one Gaussian blur (sigma 1.5) of the image in float."""
    tile = Scene(700).seen(SYSTEMS[2])
    for size, bands in SIZES[:4] if quick else SIZES:
        repeats = -(-size // len(tile))
        clean = np.tile(tile, (repeats, repeats))[:size, :size]
        image = image_of(white(np.stack([clean] * bands, axis=-1), 4, size))
        floats = image.pixels.astype(np.float32)
        rounds = 3 if size > 2000 else 7
        blur = partial(cv2.GaussianBlur, floats, (0, 0), 1.5)
        ratios = [_cpu(partial(measured, image)) / _cpu(blur, 3) for _ in range(rounds)]
        yield Record("cost noise", f"{size} px, {bands} bands", None, median(ratios), None)


def sharpness(seeds: int, quick: bool) -> Iterator[Record]:
    """Time `sharpness` on photographs and scenes, over its budget."""
    scene = Scene(701)
    images = {"scene": image_of(white(scene.seen(SYSTEMS[2]), 2, 1))}
    large = np.tile(scene.seen(SYSTEMS[1]), (4, 4))
    images["scene, 1.6 megapixels"] = image_of(white(large, 2, 2))
    for photograph in photographs()[: 2 if quick else 8]:
        images[photograph.name] = image_of(photograph.grey)
    for photograph in photographs()[:2]:
        more = [(0, LARGE - length) for length in photograph.grey.shape]
        mirrored = np.pad(photograph.grey, more, mode="symmetric")
        images[f"{photograph.name}, mirrored to 4.2 megapixels"] = image_of(mirrored)
    for name, image in images.items():
        measured(image, "sharpness")
        budget = 0.3 + 0.05 * image.pixels[:, :, 0].size / 1e6
        taken = median(_cpu(partial(measured, image, "sharpness")) for _ in range(3))
        yield Record("cost sharpness", name, None, taken / budget, None)


def repeated(seeds: int, quick: bool) -> Iterator[Record]:
    """Measure twice, the second time with the threads of OpenCV changed."""
    image = image_of(white(Scene(702).seen(SYSTEMS[2]), 2, 1))
    for metric in ("snr", "sharpness"):
        before = measured(image, metric)
        threads = cv2.getNumThreads()
        cv2.setNumThreads(3 if threads == 1 else 1)
        after = measured(image, metric)
        cv2.setNumThreads(threads)
        for name, value in before.items():
            differs = None if _numbers(value) == _numbers(after[name]) else 1.0
            yield Record("repeatability", f"{metric}: {name}", None, differs, None)


def _numbers(value: Value) -> tuple[object, ...]:
    return value.value, value.low, value.high


def _cpu(call: Callable[[], object], times: int = 1) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times
