"""Cases of `sharpness`: planted edges, scenes, images without edges, pairs of photographs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import cv2

from iqf_core.api import Value

from .measuring import measured, modified
from .noises import image_of, white
from .photographs import halved, photographs
from .records import Record, absent, compare, number_of
from .systems import SYSTEMS, System, gaussian
from .targets import Scene, edge, without_edges

#: Angles of planted edges from x, degrees, and where `sharpness` files each.
ANGLES = {3.0: "x", 8.0: "x", -11.0: "x", 27.0: "other", 45.0: "other", 66.0: "other", 84.0: "y"}

#: Dark and bright side (DN) and noise (DN) of planted edges.
CONTRASTS = ((60.0, 180.0, 1.0), (90.0, 140.0, 1.5), (20.0, 230.0, 3.0))

#: Noise of the scenes by their number, DN.
SCENE_NOISE = (1.0, 2.0, 4.0)

FIGURES = ("fwhm", "mtf_nyquist", "mtf50_freq")


def scenes(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare every system on scenes, in x, y and (round systems) the other directions."""
    for seed in range(seeds):
        scene = Scene(seed)
        for number, system in enumerate(SYSTEMS[::3] if quick else SYSTEMS):
            noise = SCENE_NOISE[(seed + number) % len(SCENE_NOISE)]
            values = measured(image_of(white(scene.seen(system), noise, seed, number)), "sharpness")
            case = f"{system.name}, scene {seed}, noise {noise:g}"
            for direction, angle in (("x", 0.0), ("y", math.pi / 2)):
                yield from _figures(system, values, direction, angle, case, "scenes")
            if system.family == "gaussian":
                truth = system.truth(math.pi / 4)["rer"]
                yield compare("rer other", case, values["rer_other"], truth)


def edges(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare every system on images of one edge; no other direction may have a value."""
    for seed in range(max(1, seeds // 2)):
        for number, system in enumerate(SYSTEMS[::3] if quick else SYSTEMS):
            for place, (angle, direction) in enumerate(ANGLES.items()):
                dark, bright, noise = CONTRASTS[(seed + number + place) % len(CONTRASTS)]
                radians = math.radians(angle)
                clean = edge(system, radians, 160, dark, bright)
                pixels = white(clean, noise, seed, number, place)
                values = measured(image_of(pixels), "sharpness")
                case = f"{system.name}, edge {angle:g} degrees, seed {seed}, noise {noise:g}"
                yield from _figures(system, values, direction, radians, case, "edges")
                for other in {"x", "y", "other"} - {direction}:
                    yield absent("false", f"{case}: {other}", values[f"rer_{other}"])


def nothing(seeds: int, quick: bool) -> Iterator[Record]:
    """Look at images without edges: no figure may come of them."""
    for seed in range(seeds):
        for name, pixels in without_edges(seed).items():
            values = measured(image_of(pixels), "sharpness")
            for direction in ("x", "y", "other"):
                yield absent("false", f"{name}, {seed}: {direction}", values[f"rer_{direction}"])


def after_modifiers(seeds: int, quick: bool) -> Iterator[Record]:
    """Compare with what the modifier `blur` adds to a known system."""
    for seed in range(max(1, seeds // 2)):
        scene = Scene(100 + seed)
        for sigma in (0.7, 1.2, 1.8):
            image = image_of(scene.seen(System("0.7", "gaussian", gaussian(0.7))), "float32")
            blurred = modified(image, "blur", sigma_px=sigma).pixels[:, :, 0].astype(float)
            noisy = image_of(white(blurred, 1.0, seed))
            truth = math.erf(1 / (2 * math.sqrt(2) * math.hypot(0.7, sigma)))
            for direction in ("x", "y"):
                value = measured(noisy, "sharpness")[f"rer_{direction}"]
                yield compare("modifiers", f"blur {sigma}, scene {seed}", value, truth)


def pairs(seeds: int, quick: bool) -> Iterator[Record]:
    """Recover from two RERs the blur that one of two photographs has more."""
    found = photographs()
    for photograph in found[::4] if quick else found:
        for scale in (1, 2):
            pixels = halved(photograph.grey, scale)
            noisy = white(pixels, 3, scale)
            before = measured(image_of(pixels), "sharpness")["rer"]
            before_noisy = measured(image_of(noisy), "sharpness")["rer"] if scale == 1 else None
            for sigma in (0.8, 1.2, 1.8):
                blurred = cv2.GaussianBlur(pixels, (0, 0), sigma)
                after = measured(image_of(blurred), "sharpness")["rer"]
                case = f"{photograph.name} / {scale}, blur {sigma}"
                record = _extra(case, before, after, sigma)
                yield record
                yield Record(f"pairs {photograph.set}", case, sigma, record.value, record.error)
                if before_noisy is not None and sigma == 1.2:
                    noisy = white(blurred, 3, scale, 1)
                    after = measured(image_of(noisy), "sharpness")["rer"]
                    extra = _extra(case, before_noisy, after, sigma)
                    yield Record("pairs noisy", case, sigma, extra.value, extra.error)


def _figures(
    system: System,
    values: dict[str, Value],
    direction: str,
    angle: float,
    case: str,
    kind: str,
) -> Iterator[Record]:
    truth = system.truth(angle)
    case = f"{case}: {direction}"
    record = compare(f"rer {system.family}", case, values[f"rer_{direction}"], truth["rer"])
    yield record
    numbers = (record.truth, record.value, record.error, record.held)
    yield Record(kind, case, *numbers)
    yield Record("sharpness intervals", case, *numbers)
    for name in FIGURES:
        absolute = name == "mtf_nyquist"
        yield compare(name, case, values[f"{name}_{direction}"], truth[name], absolute)


def _extra(case: str, before: Value, after: Value, sigma: float) -> Record:
    first, second = number_of(before), number_of(after)
    if first is None or second is None:
        return Record("pairs", case, sigma, None, None)
    more = _width(second) ** 2 - _width(first) ** 2
    extra = math.sqrt(max(0.0, more))
    return Record("pairs", case, sigma, extra, extra / sigma - 1)


def _width(rer: float) -> float:
    """Return the Gaussian width (px) whose relative edge response is `rer`."""
    return 1 / (2 * NormalDist().inv_cdf((1 + min(rer, 0.9999)) / 2))
