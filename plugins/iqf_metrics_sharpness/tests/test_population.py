"""The width of the system is told from edges of which many are soft by themselves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from iqf_metrics_sharpness.candidates import classes_of, find_candidates
from iqf_metrics_sharpness.edge_fit import fit_edges
from iqf_metrics_sharpness.population import evaluated, sharp_population
from iqf_metrics_sharpness.selection import better_known, uncertainty
from numpy.typing import NDArray
from scipy.special import ndtr

from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader

ERROR = 0.1


def borders(system: float, seed: int, soft: float = 0.4) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return measured widths and angles of 120 edges, of which a share is soft by itself."""
    rng = np.random.default_rng(seed)
    own = np.where(rng.uniform(size=120) < soft, rng.exponential(0.6, 120), 0)
    width = np.sqrt(system**2 + own) * np.exp(rng.normal(0, ERROR, 120))
    return width, rng.uniform(-np.pi, np.pi, 120)


def told(width: NDArray[Any], angle: NDArray[Any]) -> NDArray[Any]:
    error = np.full(len(width), ERROR)
    ellipse, _ = sharp_population(width, error, angle, classes_of(angle))
    return np.sqrt(evaluated(ellipse, np.array([0.0, np.pi / 2])))


@pytest.mark.parametrize("system", [0.5, 1.0, 2.0])
def test_soft_borders_do_not_widen_the_system(system: float) -> None:
    found = [told(*borders(system, seed)) for seed in range(5)]
    # The error of a mean of some 70 sharp edges is 1.2 %; soft ones pass for sharp up to 15 %.
    assert np.median(found) == pytest.approx(system, rel=0.06)
    assert np.median([np.median(borders(system, seed)[0]) for seed in range(5)]) > system


def test_blur_is_recovered_from_what_it_adds() -> None:
    width, angle = borders(0.6, 3)
    before = told(width, angle)
    after = told(np.sqrt(width**2 + 1.2**2), angle)
    assert np.sqrt(after**2 - before**2) == pytest.approx([1.2, 1.2], rel=0.05)


def test_an_ellipse_of_two_to_one_is_found() -> None:
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, 150)
    width = np.sqrt((0.7 * np.cos(angle)) ** 2 + (1.4 * np.sin(angle)) ** 2)
    assert told(width, angle) == pytest.approx([0.7, 1.4], rel=0.02)


def test_edges_far_from_the_system_do_not_count() -> None:
    width, angle = borders(1.0, 0, soft=0)
    width[:20] = 3.0
    _, weight = sharp_population(width, np.full(120, ERROR), angle, classes_of(angle))
    assert not weight[:20].any()
    assert (weight[20:] > 0).mean() > 0.8


def shaded(slope: float) -> ImageReader:
    """Return bars of a Gaussian system of 1 px whose sides slope by so many DN a pixel."""
    rows, columns = np.mgrid[:192, :192]
    across = columns * np.cos(0.1) + rows * np.sin(0.1)
    image = np.full(across.shape, 60.0)
    for number, place in enumerate(np.arange(-20.4, 220, 30.7)):
        sign = 1 if number % 2 else -1
        image += sign * (100 + slope * (across - place)) * ndtr(across - place)
    image += 250 + np.random.default_rng(0).normal(0, 0.5, image.shape)
    return ImageReader.of(Image(image.astype(np.float32)[..., None], 1000))


@pytest.mark.parametrize(("slope", "sloping"), [(0.0, False), (4.0, True)])
def test_sides_slope_where_flat_ones_do_not_fit(slope: float, sloping: bool) -> None:
    candidates = find_candidates(shaded(slope), 0, 0.5)
    flat, free = (fit_edges(candidates, 4.0, 1.0, sloping=each) for each in (False, True))
    edges = better_known(flat, free, 0.5)
    assert ((edges.dark_slope != 0).mean() > 0.5) == sloping
    assert np.median(edges.width) == pytest.approx(1.0, rel=0.03)
    assert (uncertainty(edges, 0.5) <= uncertainty(flat, 0.5)).all()


def test_what_the_fit_leaves_counts_as_error() -> None:
    clean = find_candidates(shaded(0.0), 0, 0.5)
    good = uncertainty(fit_edges(clean, 4.0, 1.0), 0.5)
    steps = np.random.default_rng(2).normal(0, 6, (12, 12)).astype(np.float32)
    steps = cv2.resize(steps, (192, 192), interpolation=cv2.INTER_CUBIC)[..., None]
    reader = shaded(0.0)
    uneven = ImageReader.of(Image(reader.read(None).pixels + steps, 1000))
    bad = uncertainty(fit_edges(find_candidates(uneven, 0, 0.5), 4.0, 1.0), 0.5)
    assert np.median(bad) > 1.1 * np.median(good)
