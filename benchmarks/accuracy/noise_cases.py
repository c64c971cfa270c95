"""Cases of `snr`: scenes, photographs and satellite tiles with noise of known size."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from iqf_core.api import Image

from .measuring import measured, modified
from .noises import ROUNDING, Floats, coloured, image_of, poisson_gaussian, white
from .photographs import geo_tiles, halved, photographs
from .records import Record, absent, compare
from .systems import SYSTEMS
from .targets import Scene

SIGMAS = (1.0, 2.0, 5.0, 10.0, 20.0)

#: Slope (DN) and offset (DN²) of noise that depends on the signal.
MODELS = ((0.2, 2.0), (0.5, 4.0), (1.0, 4.0))


def synthetic(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare white noise on scenes of several systems and on flat and smooth images."""
    for seed in range(seeds):
        scene = Scene(200 + seed)
        for number, sigma in enumerate(SIGMAS):
            system = SYSTEMS[(3 * seed + number) % len(SYSTEMS)]
            clean = scene.seen(system)
            noisy = image_of(white(clean, sigma, seed, number))
            case = f"{system.name}, scene {seed}, noise {sigma:g}"
            truth = math.hypot(sigma, math.sqrt(ROUNDING))
            yield from _both("noise synthetic", case, noisy, [truth], clean)
            areas = measured(noisy, method="areas")["noise_sigma"]
            yield compare("areas", case, areas, truth)
        for name, size in (("flat", 64), ("ramp", 256)):
            clean = 100 + np.zeros((size, size)) + (0.3 * np.arange(size) if name == "ramp" else 0)
            for sigma in SIGMAS:
                noisy = image_of(white(clean, sigma, seed, size))
                truth = math.hypot(sigma, math.sqrt(ROUNDING))
                case = f"{name}, {size} px, seed {seed}, noise {sigma:g}"
                yield from _both("noise synthetic", case, noisy, [truth], clean)


def types(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare a wide range of noise in 12 and 16 bits and in float."""
    for seed in range(max(1, seeds // 2)):
        clean = Scene(300 + seed).seen(SYSTEMS[1])
        for dtype, peak, gain, offset in (
            ("uint16", 4095.0, 10.0, 200.0),
            ("uint16", 65535.0, 20.0, 50_000.0),
            ("float32", 1.0, 1 / 255, 0.0),
            ("float32", 255.0, 1.0, -40.0),
        ):
            for share in (0.002, 0.01, 0.05, 0.2):
                sigma = share * 100 * gain
                pixels = white(gain * clean + offset, sigma, seed, int(peak))
                rounding = ROUNDING if dtype == "uint16" else 0.0
                value = measured(image_of(pixels, dtype, peak))["noise_sigma"]
                case = f"{dtype}, peak {peak:g}, offset {offset:g}, seed {seed}, noise {sigma:g}"
                yield compare("noise types", case, value, math.sqrt(sigma**2 + rounding))


def on_photographs(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare noise added to photographs of half the size, whose own is small beside it."""
    found = photographs()
    for photograph in found[::4] if quick else found:
        small = 20 + 0.8 * halved(photograph.pixels)
        for sigma in SIGMAS[2:]:
            noisy = image_of(white(small, sigma, int(sigma)))
            truth = [math.hypot(sigma, math.sqrt(ROUNDING))] * small.shape[2]
            case = f"{photograph.name}, noise {sigma:g}"
            for record in _both("noise photographs", case, noisy, truth, small):
                yield record
                yield from _again(record, "noise photographs", photograph.set)
            value = measured(noisy, method="areas")["noise_sigma"]
            for band, each in enumerate(value.bands):
                yield compare("areas photographs", f"{case}: band {band}", each, truth[band])
        for slope, offset in MODELS:
            noisy = image_of(poisson_gaussian(small, slope, offset, 5))
            truth = [_at_median(small[:, :, b], slope, offset) for b in range(small.shape[2])]
            case = f"{photograph.name}, variance {slope:g} x + {offset:g}"
            for record in _both("noise dependent", case, noisy, truth, small):
                yield record
                yield from _again(record, "noise dependent", photograph.set)


def dependent_scenes(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare signal-dependent noise and the slope of its model on scenes."""
    for seed in range(seeds):
        clean = Scene(400 + seed).seen(SYSTEMS[2])
        for slope, offset in MODELS:
            image = image_of(poisson_gaussian(clean, slope, offset, seed))
            truth = [_at_median(clean, slope, offset)]
            case = f"scene {seed}, variance {slope:g} x + {offset:g}"
            for record in _both("noise dependent", case, image, truth, clean):
                yield record
                yield from _again(record, "noise dependent", "scenes")
            yield compare("noise model", case, measured(image)["noise_a"], slope)


def tiles(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare noise added to 16-bit satellite tiles: of 4 and 10 % of the median."""
    for name, pixels in geo_tiles():
        for share in (0.04, 0.10):
            sigma = share * float(np.median(pixels))
            value = measured(image_of(white(pixels, sigma, 3), "uint16"))["noise_sigma"]
            yield compare("noise tiles", f"{name}, noise {sigma:.0f}", value, sigma)


def colour(seeds: int, quick: bool) -> Iterator[Record]:
    """Look at the flag of coloured noise, on scenes with and without it."""
    for seed in range(seeds):
        clean = Scene(500 + seed).seen(SYSTEMS[2])
        for sigma in (3.0, 8.0):
            case = f"scene {seed}, noise {sigma:g}"
            flag = measured(image_of(white(clean, sigma, seed)))["coloured"].value
            yield Record("white flagged", case, None, None if flag == 0 else 1.0, None)
            for how in ("jpeg", "resampled"):
                flag = measured(image_of(coloured(clean, sigma, how, seed)))["coloured"].value
                yield Record("coloured missed", f"{case}, {how}", None, _unless(flag), None)


def nothing(seeds: int, quick: bool) -> Iterator[Record]:
    """Look at images without noise: nothing may be told of them."""
    for seed in range(seeds):
        level = 40.0 + 20 * seed
        for name, pixels in {
            "constant": np.full((128, 128), level),
            "saturated": np.full((128, 128), 255.0),
            "too small": np.full((7, 90), level) + np.arange(90),
            "checkerboard of 0 and 255": 255.0 * (np.indices((128, 128)).sum(axis=0) % 2),
        }.items():
            for output in ("noise_sigma", "snr"):
                value = measured(image_of(pixels))[output]
                yield absent("noise false", f"{name}, {level:g}: {output}", value)


def after_modifiers(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare with what the modifier `gaussian_noise` adds."""
    for seed in range(seeds):
        image = image_of(Scene(600 + seed).seen(SYSTEMS[2]))
        for sigma in (3.0, 9.0):
            noisy = modified(image, "gaussian_noise", seed, sigma_dn=sigma)
            value = measured(noisy)["noise_sigma"]
            # What is added to was rounded, and so is the sum.
            truth = math.sqrt(sigma**2 + 2 * ROUNDING)
            yield compare("noise modifiers", f"scene {seed}, noise {sigma:g}", value, truth)


def _both(row: str, case: str, image: Image, truth: list[float], clean: Floats) -> Iterator[Record]:
    """Yield the comparison of the noise and of the ratio, band by band."""
    values = measured(image)
    levels = np.atleast_3d(clean)
    for band, (sigma, ratio) in enumerate(
        zip(values["noise_sigma"].bands, values["snr"].bands, strict=True)
    ):
        name = f"{case}: band {band}"
        record = compare(row, name, sigma, truth[band])
        yield record
        numbers = (record.truth, record.value, record.error, record.held)
        yield Record("noise intervals", name, *numbers)
        yield compare("snr", name, ratio, float(np.median(levels[:, :, band])) / truth[band])


def _again(record: Record, row: str, which: str) -> Iterator[Record]:
    if record.row == row:
        numbers = (record.truth, record.value, record.error, record.held)
        yield Record(f"{row} {which}", record.case, *numbers)


def _at_median(clean: Floats, slope: float, offset: float) -> float:
    return math.sqrt(slope * float(np.median(clean)) + offset + ROUNDING)


def _unless(flag: object) -> float | None:
    return None if flag == 1 else 0.0
