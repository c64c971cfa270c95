"""How a system's edge spread function departs from a Gaussian's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from iqf_metrics_sharpness.candidates import Candidates
from iqf_metrics_sharpness.edge_fit import Edges, windows
from iqf_metrics_sharpness.response import HERMITE, TERMS, edge_spread, shape_terms
from iqf_metrics_sharpness.shape_prior import shape_prior

Floats = NDArray[Any]

#: A shape other than the Gaussian needs so many edges.
_EDGES = 8

#: What the pixels leave is shared by many of them (neighbours, levels), so that they count for
#: less than as many independent ones by this.
_TOGETHER = 2.0

#: Mean and covariance of shapes without tails, about which nothing else is known.
_CORE = np.zeros(TERMS), np.diag([1.0] * HERMITE + [1e-8] * (TERMS - HERMITE))


@dataclass(frozen=True)
class Shape:
    """What edges, and the shapes that systems have, tell of a shape.

    Attributes
    ----------
    normal, right
        (N, TERMS, TERMS) and (N, TERMS): each edge's part of the normal equations.
    variance
        Of what the fit leaves, as a square of shares of the contrast.
    mean, covariance
        Of the shapes that systems of this width have.
    """

    normal: Floats
    right: Floats
    variance: float
    mean: Floats
    covariance: Floats

    def solved(self, pick: NDArray[np.int64] | None = None, away: Floats | None = None) -> Floats:
        """Return the likeliest shape.

        Parameters
        ----------
        pick
            Indices of the edges that tell; None for all.
        away
            (TERMS,) standard deviations, along the principal axes of their covariance, by which
            the systems' mean is taken elsewhere.
        """
        pick = np.arange(len(self.normal)) if pick is None else pick
        mean = self.mean
        if away is not None:
            values, vectors = np.linalg.eigh(self.covariance)
            mean = mean + vectors @ (np.sqrt(np.maximum(values, 0)) * away)
        precision = np.linalg.inv(self.covariance)
        normal = self.normal[pick].sum(axis=0) / self.variance + precision
        right = self.right[pick].sum(axis=0) / self.variance + precision @ mean
        return np.asarray(np.linalg.solve(normal, right))


def shape_of(edges: Edges, candidates: Candidates, width: Floats, reach: float) -> Shape | None:
    """Return what edges tell of a shape other than the Gaussian, None if they do not agree.

    They agree if Hotelling's test of the Hermite terms says so, with the covariance that their
    scatter between edges shows (the pixels of one edge share its faults). Tails reach beyond the
    pixels that are fitted, whose levels take them in. So the shape is the likeliest one for a
    system: optics, aperture, motion and processing go together (see
    :mod:`iqf_metrics_sharpness.shape_library`). Where most sides slope, a scene's neighbours look
    like tails, and none are told.

    Parameters
    ----------
    edges
        N edges of one direction.
    candidates
        Where they were fitted, in the same order.
    width
        (N,) widths of the system in the directions of the edges, px.
    reach
        How far from the edge pixels are used, px.
    """
    if len(edges) < _EDGES:
        return None
    normal, right, rest, pixels = _normal_equations(
        normalised_samples(edges, candidates, reach), width
    )
    if not _agreed(normal[:, :HERMITE, :HERMITE], right[:, :HERMITE]):
        return None
    free = _solved(normal.sum(axis=0), right.sum(axis=0))
    total = right.sum(axis=0)
    left = rest - 2 * free @ total + free @ normal.sum(axis=0) @ free
    variance = max(float(left) / pixels, 1e-9) * _TOGETHER
    sloping = np.mean((edges.dark_slope != 0) | (edges.bright_slope != 0))
    mean, covariance = _CORE if sloping > 0.5 else shape_prior(float(np.median(width)))
    return Shape(normal, right, variance, mean, covariance)


def _agreed(normal: Floats, right: Floats) -> bool:
    """Return whether the terms differ from zero beyond doubt (Hotelling's test)."""
    count, terms = right.shape
    shape = _solved(normal.sum(axis=0), right.sum(axis=0))
    freedom = count - terms
    inverse = np.linalg.pinv(normal.sum(axis=0))
    scores = right - normal @ shape
    covariance = inverse @ (scores.T @ scores) @ inverse * count / max(freedom, 1)
    ratio = float(shape @ np.linalg.pinv(covariance) @ shape) * freedom
    return bool(ratio >= fisher.ppf(0.9999, terms, freedom) * terms * (count - 1))


def _normal_equations(
    samples: list[tuple[Floats, Floats]], width: Floats
) -> tuple[Floats, Floats, float, int]:
    """Return the edges' normal equations, their sum of squares, and how many pixels are free.

    Each edge's own levels are fitted along with the shape, for overshoot and tails move them.
    """
    normals, rights, rests, pixels = [], [], 0.0, 0
    for (distance, value), one in zip(samples, width, strict=True):
        u = distance / one
        levels, _ = np.linalg.qr(np.stack([np.ones_like(u), edge_spread(u)], axis=1))
        both = np.column_stack([shape_terms(u).T, value])
        # The contrast is the edge's, not 1, once overshoot is told apart from levels.
        both -= levels @ (levels.T @ both)
        free, rest = both[:, :-1], both[:, -1]
        normals.append(free.T @ free)
        rights.append(free.T @ rest)
        rests += float(rest @ rest)
        pixels += max(len(u) - 2, 1)
    return np.array(normals), np.array(rights), rests, pixels


def _solved(normal: Floats, right: Floats) -> Floats:
    ridge = 1e-6 * np.trace(normal) * np.eye(len(right))
    return np.asarray(np.linalg.solve(normal + ridge, right))


def normalised_samples(
    edges: Edges, candidates: Candidates, reach: float
) -> list[tuple[Floats, Floats]]:
    """Return each edge's pixels: distances from the edge (px) and values from 0 to 1.

    Parameters
    ----------
    edges
        The edges.
    candidates
        Where they were fitted, in the same order.
    reach
        How far from the edge pixels are used, px.
    """
    pixels, x, y, used = windows(candidates, edges.angle, reach)
    cos, sin = np.cos(edges.angle)[:, np.newaxis], np.sin(edges.angle)[:, np.newaxis]
    distance = x * cos + y * sin - edges.offset[:, np.newaxis]
    value = pixels - edges.dark[:, np.newaxis]
    if np.any(edges.dark_slope) or np.any(edges.bright_slope):
        rise = edge_spread(distance / edges.width[:, np.newaxis])
        value = value - distance * (
            edges.dark_slope[:, np.newaxis] * (1 - rise) + edges.bright_slope[:, np.newaxis] * rise
        )
    value = value / edges.contrast[:, np.newaxis]
    return [(distance[i][used[i]], value[i][used[i]]) for i in range(len(edges))]
