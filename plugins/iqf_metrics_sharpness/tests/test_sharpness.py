"""Edges of known systems measure what they are; where there are none the metric says so."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from iqf_metrics_sharpness.candidates import classes_of, find_candidates
from iqf_metrics_sharpness.edge_fit import fit_edges
from iqf_metrics_sharpness.edges import Measurement
from iqf_metrics_sharpness.response import figures
from iqf_metrics_sharpness.selection import TIERS, passes
from iqf_metrics_sharpness.sharpness import Sharpness, band_values
from iqf_metrics_sharpness.system import system_of
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.datasets import load_sample_images

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing import MetricConformance

DIRECTIONS = ("x", "y", "other")
RNG = np.random.default_rng(0)


class TestSharpness(MetricConformance):
    component = "sharpness"


def subject(pixels: NDArray[Any], peak: float = 255, mask: Any = None) -> ImageInput:
    cube = pixels if pixels.ndim == 3 else pixels[..., None]
    return ImageInput(ImageReader.of(Image(cube, peak, mask)))


def measured(pixels: NDArray[Any], peak: float = 255, mask: Any = None) -> dict[str, Value]:
    return dict(Sharpness(Sharpness.Params()).measure(subject(pixels, peak, mask), Context()))


def edge(degrees: float, sx: float, sy: float = 0, noise: float = 1.0) -> NDArray[np.float64]:
    """Return bars with analytic edges at an angle, of a Gaussian system, plus noise."""
    angle = np.radians(degrees)
    sy = sy or sx
    width = np.hypot(sx * np.cos(angle), sy * np.sin(angle))
    rows, columns = np.mgrid[:256, :256]
    across = columns * np.cos(angle) + rows * np.sin(angle)
    image = np.full(across.shape, 70.0)
    for number, place in enumerate(np.arange(-240.3, 400, 43.7)):
        image += (90 if number % 2 else -90) * ndtr((across - place) / width)
    image += 90
    return image - image.min() + 40 + np.random.default_rng(0).normal(0, noise, image.shape)


@cache
def scene(sx: float, sy: float, seed: int) -> NDArray[np.float64]:
    """Return rectangles at random angles seen by a Gaussian system, from an 8 times finer grid."""
    size, fine = 320, 8
    rng = np.random.default_rng(seed)
    big = np.full((size * fine, size * fine), 90, np.float32)
    for number in range(40):
        angle = rng.uniform(-8, 8) if number % 2 else rng.uniform(0, 90)
        center, sides = rng.uniform(0, size * fine, 2), rng.uniform(25, 90, 2) * fine
        corners = cv2.boxPoints((center.tolist(), sides.tolist(), float(angle)))
        cv2.fillPoly(big, [np.rint(corners).astype(np.int32)], float(rng.uniform(30, 200)))
    blurred = cv2.GaussianBlur(big, (0, 0), sx * fine, sigmaY=sy * fine)
    half = fine // 2
    sampled = (blurred[half::fine, half::fine] + blurred[half - 1 :: fine, half - 1 :: fine]) / 2
    return np.asarray(sampled + rng.normal(0, 2, sampled.shape))


def to_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.rint(pixels).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [0.5, 0.7, 1.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize(("degrees", "direction"), [(5, "x"), (94, "y"), (35, "other")])
def test_analytic_edges_measure_what_they_are(sigma: float, degrees: float, direction: str) -> None:
    values, truth = measured(edge(degrees, sigma).astype(np.float32)), figures(sigma)
    assert values[f"rer_{direction}"].value == pytest.approx(truth["rer"], rel=0.01)
    assert values[f"fwhm_{direction}"].value == pytest.approx(truth["fwhm"], rel=0.015)
    assert values[f"mtf50_freq_{direction}"].value == pytest.approx(truth["mtf50_freq"], rel=0.015)
    assert values[f"mtf_nyquist_{direction}"].value == pytest.approx(
        truth["mtf_nyquist"], abs=0.012
    )
    for absent in set(DIRECTIONS) - {direction}:
        assert values[f"rer_{absent}"].value is None
        assert values[f"rer_{absent}"].reason


def test_scenes_measure_what_they_are() -> None:
    errors = []
    for sigma in (0.5, 0.9, 1.4, 2.0, 2.5):
        values, truth = measured(to_bytes(scene(sigma, sigma, 1))), figures(sigma)
        errors += [abs(values[f"rer_{each}"].value / truth["rer"] - 1) for each in DIRECTIONS]
    assert np.median(errors) < 0.007
    assert np.percentile(errors, 90) < 0.02


@pytest.mark.parametrize("seed", [1, 2])
def test_overshoot_is_no_slope_of_the_sides(seed: int) -> None:
    image = 1.5 * scene(0.8, 0.8, seed) - 0.5 * scene(1.4, 1.4, seed)
    rises = [2 * ndtr(0.5 / width) - 1 for width in (0.8, 1.4)]
    truth = 1.5 * rises[0] - 0.5 * rises[1]
    assert measured(to_bytes(image))["rer"].value == pytest.approx(truth, rel=0.03)


def test_directions_are_told_apart() -> None:
    values = measured(to_bytes(scene(0.8, 1.6, 2)))
    assert values["rer_x"].value == pytest.approx(figures(0.8)["rer"], rel=0.03)
    assert values["rer_y"].value == pytest.approx(figures(1.6)["rer"], rel=0.03)
    product = values["rer_x"].value * values["rer_y"].value
    assert values["rer"].value == pytest.approx(np.sqrt(product), rel=1e-4)


def test_sixteen_bits_and_an_offset_change_nothing() -> None:
    base = scene(1.0, 1.0, 3)
    wide = np.rint(base * 100 + 20000).astype(np.uint16)
    expected = measured(base.astype(np.float32))["rer"].value
    assert measured(wide, peak=65535)["rer"].value == pytest.approx(expected, rel=0.002)


def test_intervals_contain_their_value() -> None:
    values = measured(to_bytes(scene(1.0, 1.0, 4)))
    rer = values["rer_x"]
    assert rer.low < rer.value < rer.high
    assert rer.high - rer.low < 0.05 * rer.value


def test_a_masked_scene_is_measured_where_it_is_valid() -> None:
    pixels = scene(1.0, 1.0, 3).astype(np.float32)
    mask = np.ones(pixels.shape, bool)
    mask[:, 200:] = False
    pixels[~mask] = np.nan
    assert measured(pixels, mask=mask)["rer"].value == pytest.approx(figures(1.0)["rer"], rel=0.02)


def test_photographs_get_values_and_blur_is_seen() -> None:
    photograph = cv2.cvtColor(load_sample_images().images[0], cv2.COLOR_RGB2GRAY)
    before = measured(photograph)["rer"].value
    after = measured(cv2.GaussianBlur(photograph, (0, 0), 1.8))["rer"].value
    assert before > after
    assert after == pytest.approx(figures(1.8)["rer"], rel=0.3)


def test_the_border_of_nodata_is_no_edge() -> None:
    pixels = np.rint(RNG.normal(2000, 30, (256, 256, 1))).astype(np.uint16)
    pixels[:, 100:] = 65535
    image = Image(pixels, 65535, mask=pixels[..., 0] != 65535, nodata=65535)
    metric = Sharpness(Sharpness.Params())
    value = metric.measure(ImageInput(ImageReader.of(image)), Context())["rer"]
    assert value.value is None
    assert value.reason


def text() -> NDArray[np.uint8]:
    page = np.full((200, 320), 230, np.uint8)
    for line in range(8):
        cv2.putText(page, "Only text here", (5, 22 + 23 * line), 0, 0.6, 20, 1, cv2.LINE_8)
    return page


def compressed(quality: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:320, :320]
    smooth = 0.2 * np.sin(rows / 60) + 0.2 * np.sin(columns / 45)
    _, stream = cv2.imencode(".jpg", to_bytes(128 + 400 * smooth), [1, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_UNCHANGED))


def soft_and_blocky(sigma: float) -> NDArray[np.uint8]:
    """Return a photograph out of focus, coded at quality 5: its blocks are its only sharp edges."""
    photograph = cv2.cvtColor(load_sample_images().images[0], cv2.COLOR_RGB2GRAY)
    _, stream = cv2.imencode(".jpg", cv2.GaussianBlur(photograph, (0, 0), sigma), [1, 5])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_UNCHANGED))


def clouds(seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 1, (256, 256))
    smooth = sum(cv2.GaussianBlur(noise, (0, 0), s) * s * s for s in (6.0, 12.0, 24.0))
    return to_bytes(120 + 40 * smooth / smooth.std())


BAD = {
    "constant": np.full((64, 64), 70, np.uint8),
    "saturated": np.full((64, 64), 255, np.uint8),
    "three by three": np.arange(9, dtype=np.uint8).reshape(3, 3),
    "one pixel wide": np.arange(200, dtype=np.uint8).reshape(200, 1),
    "pure noise": RNG.normal(120, 20, (256, 256)).astype(np.float32),
    "negative noise": RNG.normal(-120, 20, (256, 256)).astype(np.float32),
    "gradient": np.tile(np.linspace(10, 240, 256), (256, 1)).astype(np.uint8),
    "checkerboard of 1": (np.indices((128, 128)).sum(axis=0) % 2 * 200 + 20).astype(np.uint8),
    "checkerboard of 8": (np.indices((128, 128)) // 8).sum(axis=0).astype(np.uint8) % 2 * 200 + 20,
    "text": text(),
    "blocks of JPEG": compressed(5),
    "soft photograph of JPEG": soft_and_blocky(2.5),
    "softer photograph of JPEG": soft_and_blocky(5),
    "clouds": clouds(0),
    "all NaN": np.full((64, 64), np.nan, np.float32),
    "binary noise": RNG.integers(0, 2, (256, 256)).astype(np.uint8) * 200 + 20,
}


@pytest.mark.parametrize("name", BAD)
def test_without_edges_it_says_why(name: str) -> None:
    values = measured(BAD[name])
    for figure in ("rer", "fwhm", "mtf50_freq", "mtf_nyquist", "mtf_half_nyquist"):
        for each in (figure, *(f"{figure}_{direction}" for direction in DIRECTIONS)):
            assert values[each].value is None, (each, values[each])
            assert values[each].reason
    assert values["edges"].value == 0


def test_repeated_pixels_are_no_blocks_of_a_jpeg() -> None:
    small = to_bytes(scene(0.7, 0.7, 5))[:200, :200]
    for times in (2, 4):
        values = measured(small.repeat(times, axis=0).repeat(times, axis=1))
        assert "JPEG" not in (values["rer"].reason or "")
        assert values["edges"].value > 0


def test_a_straight_edge_at_45_degrees_is_no_jpeg() -> None:
    rows, columns = np.mgrid[:128, :128] + 0.0
    values = measured(to_bytes(50 + 150 * ndtr((columns - rows + 0.3) / (2 * np.sqrt(2)))))
    assert "JPEG" not in (values["rer"].reason or "")


def discs(width: float, radius: float) -> NDArray[np.float64]:
    """Return small discs seen by a Gaussian system: no border is straight for long."""
    rows, columns = np.mgrid[:200, :200] + 0.0
    image = np.full(rows.shape, 60.0)
    for number, (row, column) in enumerate(np.ndindex(4, 4)):
        off = 0.37 * number % 1
        distance = np.hypot(rows - 25 - 50 * row - off, columns - 25 - 50 * column - 0.5 * off)
        image += 120 * ndtr((radius - distance) / width)
    return image + np.random.default_rng(1).normal(0, 1, image.shape)


@pytest.mark.parametrize("width", [0.6, 1.2])
def test_borders_that_are_straight_for_a_few_pixels_serve_at_last(width: float) -> None:
    values = measured(to_bytes(discs(width, 16)))
    assert values["tier"].value == len(TIERS)
    assert values["rer"].value == pytest.approx(2 * ndtr(0.5 / width) - 1, rel=0.15)


@pytest.mark.parametrize("seed", [24, 25, 26])
def test_short_borders_of_texture_are_too_seldom(seed: int) -> None:
    texture = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (256, 256)), (0, 0), 2)
    assert measured(to_bytes(120 + 40 * texture / texture.std()))["rer"].value is None


def test_blocks_are_the_reason_where_they_hide_the_edges() -> None:
    assert "blocks of a JPEG" in measured(soft_and_blocky(2.5))["rer"].reason
    values = measured(to_bytes(scene(0.8, 0.8, 5)))
    assert values["rer"].value is not None


def test_few_edges_of_every_direction_speak_together() -> None:
    reader = subject(to_bytes(scene(1.0, 1.0, 3))).reader
    candidates = find_candidates(reader, 0, 2.0)
    edges = fit_edges(candidates, 4.0, 1.0)
    clear = passes(edges, TIERS[0], 2.0, candidates.angle, 4.0)
    number = classes_of(edges.angle)
    two_of_each = np.concatenate([np.nonzero(clear & (number == each))[0][:2] for each in range(3)])
    system = system_of(edges.take(two_of_each), candidates.take(two_of_each), 4.0, 2.0)
    values = band_values(Measurement(system, 1, "", 2.0))
    for direction in DIRECTIONS:
        assert values[f"rer_{direction}"].value is None
        assert "3 are needed" in values[f"rer_{direction}"].reason
    assert values["rer"].value == pytest.approx(figures(1.0)["rer"], rel=0.1)
    assert "all directions together" in values["rer"].reason


def test_the_figure_shows_edges_and_mtf(tmp_path: Path) -> None:
    file = tmp_path / "figure.png"
    metric = Sharpness(Sharpness.Params())
    metric.draw(subject(to_bytes(scene(1.0, 1.0, 3))), Context(), file)
    drawn = cv2.imread(str(file))
    assert drawn is not None
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 100
    metric.draw(subject(BAD["constant"]), Context(), tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0


def coded(number: int, quality: int) -> NDArray[np.uint8]:
    photograph = cv2.cvtColor(load_sample_images().images[number], cv2.COLOR_RGB2GRAY)
    _, stream = cv2.imencode(".jpg", photograph, [1, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_UNCHANGED))


@pytest.mark.parametrize("number", [0, 1])
def test_coarsely_coded_photographs_have_no_edges_left(number: int) -> None:
    for quality in (5, 10):
        rough = measured(coded(number, quality)[5:, 3:])["rer"]
        assert rough.value is None
        assert "JPEG" in rough.reason
    assert measured(coded(number, 50))["rer"].value is not None
