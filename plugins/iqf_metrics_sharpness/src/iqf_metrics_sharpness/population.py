"""Of the borders of a scene, those that are as sharp as the system shows them.

What blurs adds to squared widths. So an edge's squared width is the system's, plus that of the
border itself: nothing (a sharp border) or something soft, which is taken to be distributed
exponentially. Blur moves this distribution along and changes nothing else of it, so two images of
one scene are told apart by their blur alone. The likelihood of every width of the system follows
in closed form, with the error of every edge in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx

Floats = NDArray[Any]

#: Logarithms of the widths of a system that are weighed.
_GRID: Floats = np.linspace(np.log(0.2), np.log(5.0), 200)

#: Share of sharp borders, and mean squared widths (px²) that soft ones may have by themselves.
_SHARP = 0.6
_SOFTNESS = (0.05, 0.15, 0.4, 1.2)

#: So many of the edges may be anything.
_ANYTHING = 0.1

#: Edges of one object err together: so many count as one.
_TOGETHER = 2.0

#: How far the widths of directions may be apart, as standard deviations: of the logarithm of a
#: class of directions, and of the ellipse's terms (0.6 is an ellipse of 2 to 1).
_CLASSES_APART, _ELLIPSE = 0.15, 0.25

#: Beyond so many errors from the ellipse an edge does not count.
_BEYOND = 1.5


def sharp_population(
    width: Floats, error: Floats, angle: Floats, number: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return the system's ellipse and what each edge counts for it.

    Parameters
    ----------
    width
        (N,) widths, px.
    error
        (N,) their relative standard errors, model's faults included.
    angle
        (N,) directions, radians.
    number
        (N,) index of each one's class of directions.

    Returns
    -------
    tuple
        (a, b, c) of width² = a + b cos 2 phi + c sin 2 phi in px², and (N,) weights, 0 for edges
        that are too far from it.
    """
    centers = _centers(width, error, number)
    # Within a class an ellipse may differ more from its middle than an edge errs.
    away = (np.log(width) - centers[number]) / np.hypot(error, _CLASSES_APART)
    ellipse: Floats = np.zeros(3)
    for _ in range(10):
        level = np.exp(2 * centers[number]) if not ellipse.any() else evaluated(ellipse, angle)
        weight = _bisquare(away / _BEYOND) / (2 * level * error) ** 2
        if not weight.any():
            weight = 1 / (2 * level * error) ** 2
        ellipse = solved_ellipse(angle, width**2, weight)
        away = (np.log(width) - np.log(evaluated(ellipse, angle)) / 2) / error
    return ellipse, np.asarray(
        _bisquare(away / _BEYOND) / (2 * evaluated(ellipse, angle) * error) ** 2
    )


def _bisquare(t: Floats) -> Floats:
    """Return weights that fall from 1 to 0 between t of 0 and 1."""
    return np.where(np.abs(t) < 1, (1 - t**2) ** 2, 0)


def _centers(width: Floats, error: Floats, number: NDArray[np.int64]) -> Floats:
    """Return the expected logarithm of the width of each of three classes of directions."""
    logs = np.stack(
        [_likelihood(width[number == each], error[number == each]) for each in range(3)]
    )
    likelihood = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    apart = np.exp(-(((_GRID[:, np.newaxis] - _GRID) / _CLASSES_APART) ** 2) / 2)
    apart /= apart.sum(axis=0)
    # What each class says of the width that all have in common, by softness.
    common = np.einsum("gm,cgt->cmt", apart, likelihood)
    centers = []
    for each in range(3):
        others = np.prod(np.delete(common, each, axis=0), axis=0)
        posterior = (likelihood[each] * (apart @ others)).sum(axis=1)
        centers.append(float(posterior @ _GRID / posterior.sum()))
    return np.array(centers)


def _likelihood(width: Floats, error: Floats) -> Floats:
    """Return (grid, softness) log-likelihoods of the system's width."""
    square, least = (width**2)[:, np.newaxis], np.exp(2 * _GRID)
    deviation = 2 * np.maximum(square, least) * error[:, np.newaxis]
    away = square - least
    sharp = np.exp(-((away / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation)
    anything = 1 / (2 * square * (_GRID[-1] - _GRID[0]))
    told = []
    for softness in _SOFTNESS:
        soft = _exponential(away, deviation, softness)
        density = _SHARP * sharp + (1 - _SHARP) * soft
        told.append(np.log((1 - _ANYTHING) * density + _ANYTHING * anything).sum(axis=0))
    return np.stack(told, axis=-1) / _TOGETHER


def _exponential(away: Floats, deviation: Floats, mean: float) -> Floats:
    """Return the density of an exponential distribution that is seen with Gaussian errors."""
    z = (deviation / mean - away / deviation) / np.sqrt(2)
    # erfcx grows beyond all bounds on the left, where the errors do not matter.
    near = erfcx(np.maximum(z, -5)) * np.exp(-((away / deviation) ** 2) / 2)
    far = 2 * np.exp(np.minimum(deviation**2 / (2 * mean**2) - away / mean, 0))
    return np.asarray(np.where(z > -5, near, far) / (2 * mean))


def _design(angle: Floats) -> Floats:
    return np.stack([np.ones_like(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)


def solved_ellipse(angle: Floats, square: Floats, weight: Floats) -> Floats:
    """Return (a, b, c) of squared widths, fitted with weights (1 / variance) and a prior."""
    design = _design(angle)
    weighted = design.T * weight
    level = float(weight @ square) / max(float(weight.sum()), 1e-30)
    normal = weighted @ design + np.diag([0, 1, 1]) / (_ELLIPSE * level) ** 2
    return np.asarray(
        np.linalg.solve(normal + 1e-12 * np.trace(normal) * np.eye(3), weighted @ square)
    )


def evaluated(ellipse: Floats, angle: Floats) -> Floats:
    """Return the squared width in directions (radians), px²."""
    level = ellipse[0] + ellipse[1] * np.cos(2 * angle) + ellipse[2] * np.sin(2 * angle)
    return np.asarray(np.maximum(level, 0.04))
