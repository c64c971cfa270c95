"""How long each modifier's array operation takes, against the bare call for its job.

    .venv/bin/python benchmarks/modifier_speed.py [--size 2048] [--rounds 9] [--only blur,gsd]

One thread; the best of so many rounds, the two measured in turns. What stands beside a modifier is
the fastest call of cv2 or numpy that does the same with a kernel of the same size: for 8-bit and
16-bit images, in whichever data type it is fastest. Random modifiers stand beside numpy's SFC64
generator alone, which neither adds nor rounds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np
from iqf_modifiers_basic.blur import gaussian_kernel
from iqf_modifiers_basic.kernels import disk_kernel, line_kernel
from iqf_modifiers_basic.misregistration import shift_kernel
from iqf_modifiers_basic.optics import axis_kernel

from iqf_core.api import Context, Image, ImageReader, PluginManager
from iqf_core.components.specification import parse_specification

PEAKS = {"uint8": 255.0, "uint16": 4095.0}
Call = Callable[[], Any]


class Row(NamedTuple):
    """A modifier, and the bare call beside it."""

    specification: str
    bare: Callable[[Any], Call]
    note: str


def main() -> None:
    """Measure and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=2048)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--only", default="", help="modifiers, separated by commas")
    given = arguments.parse_args()
    only = set(filter(None, given.only.split(",")))
    cv2.setNumThreads(1)
    registry = PluginManager.create().registry
    print(f"{given.size} x {given.size} pixels, 3 bands; milliseconds, one thread")
    print(f"{'modifier':52}{'dtype':>8}{'bare':>9}{'iqf':>9}{'ratio':>7}  against")
    for row in ROWS:
        specification = parse_specification(row.specification)
        if only and specification.name not in only:
            continue
        for dtype in PEAKS:
            image = make(given.size, dtype)
            context = Context(registry=registry, seed=1).at((0, 0), image.shape)
            modifier = registry.create(
                "modifier", specification.name, specification.params, context
            )
            state = modifier.prepare(ImageReader.of(image), context)
            bare, iqf = best(
                [
                    row.bare(image.pixels),
                    lambda m=modifier, i=image, s=state, c=context: m.modify(i, s, c),
                ],
                given.rounds,
            )
            print(
                f"{row.specification:52}{dtype:>8}{bare * 1e3:9.2f}{iqf * 1e3:9.2f}"
                f"{iqf / bare:7.2f}  {row.note}",
                flush=True,
            )


def best(calls: Sequence[Call], rounds: int) -> list[float]:
    """Return the least time of each call, in seconds; they take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, measured in zip(calls, times, strict=True):
            begun = time.perf_counter()
            call()
            measured.append(time.perf_counter() - begun)
    return [min(measured) for measured in times]


def make(size: int, dtype: str) -> Image:
    """Return a smooth image with noise."""
    peak = PEAKS[dtype]
    rng = np.random.default_rng(0)
    field = cv2.GaussianBlur(rng.random((size, size, 3), np.float32), (0, 0), 3)
    field = (field - field.min()) / np.ptp(field)
    pixels = np.rint(peak * (0.1 + 0.8 * field)).astype(dtype)
    return Image(pixels, peak)


def separable(horizontal: Any, vertical: Any = None) -> Callable[[Any], Call]:
    """Return cv2's separable filter, in the faster of the two data types."""
    column = horizontal if vertical is None else vertical

    def prepare(pixels: Any) -> Call:
        if pixels.dtype == np.uint8:
            return lambda: cv2.sepFilter2D(pixels, -1, horizontal, column)
        return fastest(
            lambda: cv2.sepFilter2D(pixels, -1, horizontal, column),
            lambda: in_float(
                pixels, lambda source: cv2.sepFilter2D(source, -1, horizontal, column)
            ),
        )

    return prepare


def plane(kernel: Any) -> Callable[[Any], Call]:
    """Return cv2's filter, in the faster of the two data types."""

    def prepare(pixels: Any) -> Call:
        return fastest(
            lambda: cv2.filter2D(pixels, -1, kernel),
            lambda: in_float(pixels, lambda source: cv2.filter2D(source, -1, kernel)),
        )

    return prepare


def in_float(pixels: Any, operation: Callable[[Any], Any]) -> Any:
    """Compute in 32-bit floating point and round."""
    result = operation(pixels.astype(np.float32))
    return np.rint(result, out=result).astype(pixels.dtype)


def fastest(*calls: Call) -> Call:
    """Return the call that is fastest here."""
    times = best(calls, 3)
    return calls[times.index(min(times))]


def table(pixels: Any) -> Call:
    """Return the look-up of every value in a table."""
    values = np.arange(np.iinfo(pixels.dtype).max + 1)[::-1].astype(pixels.dtype)
    if pixels.dtype == np.uint8:
        return lambda: cv2.LUT(pixels, values)
    try:
        cv2.LUT(pixels[:8], values)
    except cv2.error:
        return lambda: values[pixels]
    return fastest(lambda: values[pixels], lambda: cv2.LUT(pixels, values))


def line(pixels: Any) -> Call:
    """Return gain x pixels + offset, limited to the peak."""
    flat = pixels.reshape(len(pixels), -1)
    if pixels.dtype == np.uint8:
        return fastest(table(pixels), lambda: cv2.convertScaleAbs(flat, alpha=0.7, beta=20))
    return lambda: cv2.min(cv2.addWeighted(flat, 0.7, flat, 0.0, 20), PEAKS["uint16"])


def lines(pixels: Any) -> Call:
    """Return gain x pixels + an offset of each band, limited to the peak."""
    if pixels.dtype == np.uint8:
        values = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
        return lambda: cv2.LUT(pixels, values)

    def call() -> Any:
        bands = enumerate(cv2.split(pixels))
        merged = cv2.merge([cv2.addWeighted(band, 0.7, band, 0.0, 20 + n) for n, band in bands])
        return cv2.min(merged, PEAKS["uint16"])

    return call


def sharpness(pixels: Any) -> Call:
    """Return a 3 x 3 filter and a weighted sum."""
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
    smooth = plane(kernel)(pixels)
    return lambda: cv2.addWeighted(pixels, 2.0, smooth(), -1.0, 0)


def unsharp(pixels: Any) -> Call:
    """Return a Gaussian in floating point and a weighted sum."""
    kernel = gaussian_kernel(1.5)
    return lambda: cv2.addWeighted(
        pixels,
        2.0,
        cv2.sepFilter2D(pixels, cv2.CV_32F, kernel, kernel),
        -1.0,
        0,
        dtype=cv2.CV_8U if pixels.dtype == np.uint8 else cv2.CV_16U,
    )


def normal(pixels: Any) -> Call:
    """Return normal numbers for every sample."""
    generator = np.random.Generator(np.random.SFC64(0))
    return lambda: generator.standard_normal(pixels.shape, np.float32)


def uniform(pixels: Any) -> Call:
    """Return uniform numbers for every sample, compared once."""
    generator = np.random.Generator(np.random.SFC64(0))

    def draw() -> Any:
        result = pixels.copy()
        result[generator.random(pixels.shape, np.float32) < 0.02] = 0
        return result

    return draw


def stripes(pixels: Any) -> Call:
    """Return pixels x gain + offset by column, rounded."""
    gain = np.random.default_rng(0).normal(1, 0.01, pixels.shape[1:]).astype(np.float32)
    offset = np.random.default_rng(1).normal(0, 2, pixels.shape[1:]).astype(np.float32)
    largest = np.iinfo(pixels.dtype).max

    def call() -> Any:
        result = pixels * gain
        result += offset
        np.clip(np.rint(result, out=result), 0, largest, out=result)
        return result.astype(pixels.dtype)

    return call


def shifts(pixels: Any) -> Call:
    """Return two shifted bands, with kernels of the same size."""
    kernel = shift_kernel(0.3)

    def call() -> Any:
        bands = list(cv2.split(pixels))
        for band in (1, 2):
            bands[band] = separable(kernel)(bands[band])()
        return cv2.merge(bands)

    return call


def pillow(pixels: Any) -> Call:
    """Return Pillow's resizing to half the size, which keeps aliasing out as ours does."""
    from PIL import Image as Pillow

    size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    if pixels.dtype == np.uint8:
        picture = Pillow.fromarray(pixels)
        return lambda: picture.resize(size, Pillow.Resampling.BICUBIC)

    def call() -> Any:
        bands = [Pillow.fromarray(band) for band in cv2.split(pixels.astype(np.float32))]
        small = [np.asarray(band.resize(size, Pillow.Resampling.BICUBIC)) for band in bands]
        return np.rint(cv2.merge(small)).astype(pixels.dtype)

    return call


def shrink(interpolation: int) -> Callable[[Any], Call]:
    """Return cv2's resizing to half the size."""
    return lambda pixels: (
        lambda: cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=interpolation)
    )


ROWS = [
    Row("blur:sigma_px=1.5", separable(gaussian_kernel(1.5)), "cv2.sepFilter2D"),
    Row(
        "mtf:sigma_x_px=0.6,sigma_y_px=0.6,aperture_px=1",
        separable(axis_kernel(0.6, 1, 0)),
        "cv2.sepFilter2D",
    ),
    Row("rer:target=0.2,initial=0.5", separable(gaussian_kernel(1.83)), "cv2.sepFilter2D"),
    Row(
        "motion_blur:length_px=5",
        separable(line_kernel(5, 0)[0], np.ones(1, np.float32)),
        "cv2.sepFilter2D",
    ),
    Row("motion_blur:length_px=5,angle_deg=30", plane(line_kernel(5, 30)), "cv2.filter2D"),
    Row("motion_blur:length_px=15,angle_deg=30", plane(line_kernel(15, 30)), "cv2.filter2D"),
    Row("defocus:radius_px=2", plane(disk_kernel(2)), "cv2.filter2D"),
    Row("defocus:radius_px=6", plane(disk_kernel(6)), "cv2.filter2D"),
    Row("adjust_sharpness:factor=2", sharpness, "cv2.filter2D and addWeighted"),
    Row("unsharp_mask:amount=1,sigma_px=1.5", unsharp, "cv2.sepFilter2D and addWeighted"),
    Row("gsd:factor=2,restore_size=false", shrink(cv2.INTER_AREA), "cv2.resize, area"),
    Row(
        "gsd:factor=2,restore_size=false,interpolation=bicubic",
        pillow,
        "Pillow's resize, bicubic",
    ),
    Row("quantization:bits=4", table, "table"),
    Row("gamma:gamma=1.5", table, "table"),
    Row("brightness:factor=1.3", line, "table, or cv2.addWeighted"),
    Row("contrast:factor=0.7", lines, "table, or cv2.addWeighted, of each band"),
    Row("haze:transmission=0.7", line, "table, or cv2.addWeighted"),
    Row("band_misregistration:max_shift_px=0.5", shifts, "cv2.sepFilter2D of two bands"),
    Row("striping:gain_sigma=0.01,offset_sigma_dn=2", stripes, "numpy"),
    Row("gaussian_noise:sigma_dn=5", normal, "SFC64 normal alone"),
    Row("snr:target=20,initial=100", normal, "SFC64 normal alone"),
    Row("shot_noise:a=0.2,b=4", normal, "SFC64 normal alone"),
    Row("salt_and_pepper:share=0.02", uniform, "SFC64 uniform, one comparison"),
    Row("dead_pixels:share=0.02", uniform, "SFC64 uniform, one comparison"),
]


if __name__ == "__main__":
    main()
