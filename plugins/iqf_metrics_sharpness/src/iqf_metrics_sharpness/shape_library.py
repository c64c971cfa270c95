"""Draw systems that may take images, and write which shapes their edges have.

::

    python -m iqf_metrics_sharpness.shape_library

A system is optics (Gaussian, turbulent, scattering, diffraction-limited or out of focus), mostly
the aperture of a pixel, sometimes motion, and often processing: sharpening, a halo, a small kernel.
Its edges are fitted as those of images are, by a Gaussian between two levels within its window; the
shape is what remains.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1, ndtr

from iqf_metrics_sharpness.edge_fit import reach_of
from iqf_metrics_sharpness.response import line_spread, shape_terms
from iqf_metrics_sharpness.shape_prior import FILE

Floats = NDArray[Any]

#: Systems that are drawn, and the widths (px) whose shapes are told.
SYSTEMS = 1500
_WIDTHS = np.geomspace(0.28, 3.0, 9)

#: Systems so far off, as a logarithm of the width, tell of a width as well.
_NEAR = 0.3

#: Frequencies of the integrals, cycles/px, and distances from the edge, px.
_STEP = 0.005
_F = np.arange(_STEP / 2, 6, _STEP)
_D = np.linspace(0, 20, 801)

#: Gaussians that are tried as fits, px.
_TRIED = np.geomspace(0.2, 4.0, 121)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between two, every ratio as likely."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _optics(rng: np.random.Generator) -> Floats:
    names = ["gaussian", "power", "exponential", "airy", "pillbox"]
    kind = rng.choice(names, p=[0.3, 0.25, 0.1, 0.2, 0.15])
    if kind == "gaussian":
        return _gaussian(_between(rng, 0.25, 2.2))
    if kind == "power":
        # Turbulence has an exponent of 5/3, a Gaussian of 2 (Fried, JOSA 56, 1372, 1966).
        return np.asarray(np.exp(-((_F / _between(rng, 0.08, 0.7)) ** rng.uniform(1.2, 3.5))))
    if kind == "exponential":
        # A point spread function of exp(-r / a).
        width = _between(rng, 0.2, 1.2)
        return np.asarray(_gaussian(0.3) / (1 + (2 * np.pi * width * _F) ** 2) ** 1.5)
    if kind == "airy":
        # Goodman, Introduction to Fourier Optics, equation 6-31.
        r = np.minimum(_F / _between(rng, 0.45, 1.8), 1)
        pupil = 2 / np.pi * (np.arccos(r) - r * np.sqrt(1 - r**2))
        return np.asarray(_gaussian(rng.uniform(0.1, 0.4)) * pupil)
    z = 2 * np.pi * _between(rng, 0.6, 2.6) * _F
    return np.asarray(_gaussian(rng.uniform(0.2, 0.6)) * 2 * j1(z) / z)


def _gaussian(width: float) -> Floats:
    return np.asarray(np.exp(-2 * (np.pi * width * _F) ** 2))


def _system(rng: np.random.Generator) -> Floats:
    """Return the transfer function of a system along the normal of an edge."""
    curve = _optics(rng)
    angle = rng.uniform(0, np.pi / 4)
    if rng.uniform() < 0.6:
        curve = curve * np.sinc(_F * math.cos(angle)) * np.sinc(_F * math.sin(angle))
    if rng.uniform() < 0.3:
        curve = curve * np.sinc(_F * rng.uniform(0.7, 3.0))
    return curve * _processing(rng, curve)


def _processing(rng: np.random.Generator, curve: Floats) -> Floats:
    """Return the transfer function of what is done to the image: nothing in 40 %."""
    low = 0.15
    level = float(np.interp(low, _F, curve))
    width = math.sqrt(max(-math.log(max(level, 0.02)) / (2 * np.pi**2 * low**2), 0.05))
    kind = rng.choice(["none", "unsharp", "halo", "kernel"], p=[0.4, 0.2, 0.25, 0.15])
    if kind == "unsharp":
        amount, wider = rng.uniform(0.1, 0.7), rng.uniform(1.3, 2.5)
        return 1 + amount - amount * _gaussian(width * math.sqrt(wider**2 - 1))
    if kind == "halo":
        share, wider = _between(rng, 0.05, 0.5), rng.uniform(1.4, 3.5)
        return 1 - share + share * _gaussian(width * math.sqrt(wider**2 - 1))
    if kind == "kernel":
        # Three taps: (a, 1 - 2 a, a).
        side = rng.uniform(-0.2, 0.3)
        return np.asarray(1 - 2 * side + 2 * side * np.cos(2 * np.pi * _F))
    return np.ones_like(_F)


def _edge_spread(curves: Floats) -> Floats:
    """Return (N, D) edge spread functions of (N, F) transfer functions."""
    waves = np.sin(2 * np.pi * np.outer(_D, _F)) / (np.pi * _F) * _STEP
    return np.asarray(0.5 + curves @ waves.T)


def _fitted_widths(spread: Floats) -> Floats:
    """Return the widths (px) of the Gaussians that fit (N, D) edge spread functions.

    The one is looked for of which a step of Gauss and Newton within its own window leads nowhere.
    """
    steps = np.empty((len(_TRIED), len(spread)))
    for number, width in enumerate(_TRIED):
        inside = reach_of(width) >= _D
        u = _D[inside] / width
        rise, slope = ndtr(u) - 0.5, -u * line_spread(u)
        rise /= math.sqrt(float(rise @ rise))
        slope -= rise * (rise @ slope)
        steps[number] = (spread[:, inside] - 0.5) @ slope
    # The step changes its sign from growing to shrinking.
    first = np.argmax((steps[:-1] > 0) != (steps[1:] > 0), axis=0)
    index = np.arange(len(spread))
    before, after = steps[first, index], steps[first + 1, index]
    share = np.where(before != after, before / (before - after), 0)
    below, above = np.log(_TRIED[first]), np.log(_TRIED[first + 1])
    return np.asarray(np.exp(below * (1 - share) + above * share))


def library(count: int = SYSTEMS) -> tuple[Floats, Floats]:
    """Return widths (N,) in px and shapes (N, TERMS) of `count` systems, always the same.

    Parameters
    ----------
    count
        How many are drawn; those narrower than 0.25 px or wider than 3.2 px are left out.
    """
    rng = np.random.Generator(np.random.PCG64(1))
    curves = np.stack([_system(rng) for _ in range(count)])
    spread = _edge_spread(curves)
    widths = _fitted_widths(spread)
    kept = (widths > 0.25) & (widths < 3.2)
    shapes = []
    for width, values in zip(widths[kept], spread[kept], strict=True):
        u = _D / width
        terms = shape_terms(u)
        normal = terms @ terms.T + 1e-6 * len(_D) * np.eye(len(terms))
        shapes.append(np.linalg.solve(normal, terms @ (values - ndtr(u))))
    return widths[kept], np.array(shapes)


def table(count: int = SYSTEMS) -> dict[str, list[Any]]:
    """Return mean and covariance of the shapes around each of some widths.

    Parameters
    ----------
    count
        As in :func:`library`.
    """
    widths, shapes = library(count)
    told: dict[str, list[Any]] = {"width": [], "mean": [], "covariance": []}
    for width in _WIDTHS:
        weight = np.exp(-((np.log(widths / width) / _NEAR) ** 2) / 2)
        weight /= weight.sum()
        mean = weight @ shapes
        away = shapes - mean
        told["width"].append(_short(width))
        told["mean"].append(_short(mean))
        told["covariance"].append(_short((away.T * weight) @ away))
    return told


def _short(numbers: Any) -> Any:
    return np.vectorize(lambda number: float(f"{number:.5g}"))(numbers).tolist()


if __name__ == "__main__":
    lines = [f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in table().items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (Path(__file__).parent / FILE).write_text(text, encoding="utf-8")
