"""Edges of systems that are no Gaussian measure what they are, tails beyond the pixels included."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from iqf_metrics_sharpness import shape_library
from iqf_metrics_sharpness.candidates import find_candidates
from iqf_metrics_sharpness.edge_fit import fit_edges
from iqf_metrics_sharpness.response import HERMITE, figures
from iqf_metrics_sharpness.shape import shape_of
from iqf_metrics_sharpness.shape_prior import FILE, shape_prior
from iqf_metrics_sharpness.sharpness import Sharpness
from numpy.typing import NDArray
from scipy.special import j1, ndtr

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader

STEP = 0.004
F = np.arange(STEP / 2, 8, STEP)
ANGLE = np.radians(8)


def gaussian(width: float) -> NDArray[Any]:
    return np.asarray(np.exp(-2 * (np.pi * width * F) ** 2))


def airy(cutoff: float) -> NDArray[Any]:
    r = np.minimum(F / cutoff, 1)
    pixel = np.sinc(F * np.cos(ANGLE)) * np.sinc(F * np.sin(ANGLE))
    return np.asarray(pixel * 2 / np.pi * (np.arccos(r) - r * np.sqrt(1 - r * r)))


def pillbox(radius: float) -> NDArray[Any]:
    z = 2 * np.pi * radius * F
    return np.asarray(gaussian(0.5) * 2 * j1(z) / z)


def halo(share: float) -> NDArray[Any]:
    return (1 - share) * gaussian(0.7) + share * gaussian(2.1)


def edge_spread(curve: NDArray[Any], distance: NDArray[Any]) -> NDArray[Any]:
    table = np.linspace(-40, 40, 3201)
    values = 0.5 + np.sin(2 * np.pi * np.outer(table, F)) @ (curve / (np.pi * F)) * STEP
    return np.interp(distance, table, values)


@cache
def measured(system: str, seed: int) -> tuple[dict[str, Value], float, float]:
    """Return the values of an edge at 8 degrees, the true RER and the true MTF at Nyquist."""
    curve = SYSTEMS[system]()
    reader = seen(curve, seed)
    values = Sharpness(Sharpness.Params()).measure(ImageInput(reader), Context())
    rer = float(2 * (curve * np.sinc(F)).sum() * STEP)
    return dict(values), rer, abs(float(np.interp(0.5, F, curve)))


def seen(curve: NDArray[Any], seed: int) -> ImageReader:
    rows, columns = np.mgrid[:160, :160] - 79.37
    across = columns * np.cos(ANGLE) + rows * np.sin(ANGLE)
    noise = np.random.default_rng(seed).normal(0, 1, across.shape)
    pixels = 60 + 120 * edge_spread(curve, across) + noise
    return ImageReader.of(Image(np.rint(pixels).astype(np.uint8)[:, :, np.newaxis], 255))


SYSTEMS: dict[str, Callable[[], NDArray[Any]]] = {
    "airy 0.8": lambda: airy(0.8),
    "airy 1.0": lambda: airy(1.0),
    "pillbox 1.5": lambda: pillbox(1.5),
    "halo 0.1": lambda: halo(0.1),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_systems_that_are_no_gaussian_measure_what_they_are(system: str) -> None:
    told = [measured(system, seed) for seed in range(3)]
    off = [values["rer_x"].value / rer - 1 for values, rer, _ in told]
    # Levels within 4 px take in 5 to 8 % of an Airy system's rise.
    assert abs(np.median(off)) < 0.035
    nyquist = [values["mtf_nyquist_x"].value - truth for values, _, truth in told]
    assert abs(np.median(nyquist)) < 0.012


def test_intervals_of_systems_that_are_no_gaussian_hold_the_truth() -> None:
    held = []
    for system in SYSTEMS:
        for seed in range(3):
            values, rer, _ = measured(system, seed)
            held.append(values["rer_x"].low <= rer <= values["rer_x"].high)
    assert np.mean(held) >= 0.6


def edges_of(curve: NDArray[Any], *, sloping: bool) -> Any:
    candidates = find_candidates(seen(curve, 0), 0, 1.0)
    edges = fit_edges(candidates, 4.0, 1.0, sloping=sloping)
    width = np.full(len(edges), float(np.median(edges.width)))
    return shape_of(edges, candidates, width, 4.0)


def test_a_gaussian_has_no_shape_of_its_own() -> None:
    assert edges_of(gaussian(0.9), sloping=False) is None


def test_sides_that_slope_tell_no_tails() -> None:
    flat, sloping = (edges_of(airy(0.8), sloping=each) for each in (False, True))
    assert np.abs(flat.solved()[HERMITE:]).sum() > 0.05
    if sloping is not None:
        assert sloping.solved()[HERMITE:] == pytest.approx(0, abs=1e-3)


def test_what_edges_do_not_tell_varies_as_systems_do() -> None:
    shape = edges_of(airy(0.8), sloping=False)
    nobody = np.zeros(0, np.int64)
    mean, covariance = shape_prior(1.0)
    rng = np.random.default_rng(0)
    drawn = np.array([shape.solved(nobody, rng.normal(0, 1, len(mean))) for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx(shape.mean, abs=0.02)
    # 4,000 draws tell a standard deviation to 1.1 %.
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(np.diag(shape.covariance)), rel=0.06)
    everyone = np.array([shape.solved(None, rng.normal(0, 1, len(mean))) for _ in range(400)])
    less = everyone.std(axis=0) / drawn.std(axis=0)
    # The core is known better than tails that no pixel shows.
    assert (less < 0.95).all()
    assert (less[:HERMITE] < 0.75).all()
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_the_file_holds_the_systems_of_the_library() -> None:
    from iqf_metrics_sharpness import shape_prior as module

    kept = json.loads((files(module.__package__) / FILE).read_text(encoding="utf-8"))
    made = shape_library.table()
    for name, values in made.items():
        # Sums of other orders differ in the last of five digits.
        assert np.array(kept[name]) == pytest.approx(np.array(values), rel=1e-3, abs=1e-6)


def test_shapes_of_the_library_give_back_its_systems() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    curves = np.stack([shape_library._system(rng) for _ in range(60)])
    every_width = shape_library._fitted_widths(shape_library._edge_spread(curves))
    widths, shapes = shape_library.library(60)
    kept = curves[np.isin(every_width, widths)]
    assert len(kept) == len(widths) >= 50
    truths = 2 * (kept * np.sinc(shape_library._F)).sum(axis=1) * shape_library._STEP
    told = [figures(width, shape)["rer"] for width, shape in zip(widths, shapes, strict=True)]
    off = np.abs(np.array(told) / truths - 1)
    assert np.median(off) < 0.001
    assert np.percentile(off, 90) < 0.005


@pytest.mark.parametrize("width", [0.3, 0.9, 2.5])
def test_gaussian_systems_of_the_library_have_their_own_width(width: float) -> None:
    spread = ndtr(shape_library._D / width)[np.newaxis]
    assert shape_library._fitted_widths(spread) == pytest.approx([width], rel=0.005)
