"""The system's response in x, in y and in other directions, from its edges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from iqf_metrics_sharpness.candidates import CLASSES, Candidates, classes_of
from iqf_metrics_sharpness.edge_fit import Edges, windows
from iqf_metrics_sharpness.population import evaluated, sharp_population, solved_ellipse
from iqf_metrics_sharpness.response import GAUSSIAN, TERMS, edge_spread, figures, shape_terms
from iqf_metrics_sharpness.selection import MIN_EDGES, uncertainty

Floats = NDArray[Any]

#: All directions as if they were one, where each has too few edges.
TOGETHER = "together"

#: Resamplings of the edges that an interval comes from.
_RESAMPLINGS = 60

#: What all edges share (levels, neighbours, the ellipse, the choice of edges) resampling does not
#: see, so intervals are longer by this. The benchmark of accuracy says how often they hold truth.
SHARED = 2.8

#: Scales of the Gaussian that a shape's terms belong to: wider for overshoot, narrower for boxes.
_SCALES = (1.0, 0.8, 0.9, 1.1, 1.25)

#: A shape other than the Gaussian needs so many edges.
_SHAPE_EDGES = 8


@dataclass(frozen=True)
class Response:
    """The response in one direction: width (px), shape, and what resampled edges give.

    Attributes
    ----------
    width, shape
        As in :mod:`iqf_metrics_sharpness.response`.
    edges
        How many edges it rests on.
    resampled
        Pairs of width and shape of resampled edges.
    misfit
        Relative error of the width that all edges share, so that resampling does not see it.
    """

    width: float
    shape: Floats
    edges: int
    resampled: tuple[tuple[float, Floats], ...]
    misfit: float = 0.0

    def figures(self) -> dict[str, tuple[float, float, float]]:
        """Return value, and ends of the 68 % interval, of every figure of merit."""
        value = figures(self.width, self.shape)
        others = [figures(width, shape) for width, shape in self.resampled]
        off = [figures(self.width * (1 + self.misfit) ** sign, self.shape) for sign in (-1, 1)]
        result = {}
        for name, number in value.items():
            ends = np.quantile([other[name] for other in others], [0.16, 0.84])
            low, high = (SHARED * (float(end) - number) for end in ends)
            down, up = sorted(each[name] - number for each in off)
            low = number - math.hypot(min(low, 0.0), min(down, 0.0))
            high = number + math.hypot(max(high, 0.0), max(up, 0.0))
            result[name] = (number, max(low, 0.0), high)
        return result


@dataclass
class System:
    """What the edges of a band say.

    Attributes
    ----------
    responses
        By class of direction; those with too few edges are missing. Where all are missing, but
        there are enough edges together, TOGETHER is what they say.
    counts
        Accepted edges of each class.
    edges
        All accepted edges.
    profile
        Pooled samples: distance from the edge (px) and normalised value, by class.
    """

    responses: dict[str, Response] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    edges: Edges | None = None
    profile: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)


def system_of(edges: Edges, candidates: Candidates, reach: float, sigma: float) -> System:
    """Return the system's responses.

    Parameters
    ----------
    edges
        Edges that can be believed.
    candidates
        Where they were fitted, in the same order.
    reach
        How far from the edge pixels are used, px.
    sigma
        Noise, DN.
    """
    error, number = uncertainty(edges, sigma), classes_of(edges.angle)
    ellipse, weight = sharp_population(edges.width, error, edges.angle, number)
    kept = weight > 0
    if kept.sum() < MIN_EDGES:
        away = np.abs(np.log(edges.width**2 / evaluated(ellipse, edges.angle))) / error
        kept[np.argsort(away, kind="stable")[:MIN_EDGES]] = True
        weight = np.where(kept, np.maximum(weight, weight.max(initial=1e-9) * 1e-3), 0)
    edges, candidates = edges.take(kept), candidates.take(kept)
    number, weight = number[kept], weight[kept]
    system = System(edges=edges)
    members = [np.asarray(np.nonzero(number == each)[0]) for each in range(len(CLASSES))]
    for name, index in zip(CLASSES, members, strict=True):
        system.counts[name] = len(index)
    groups = {
        name: (index, directions)
        for name, index, directions in zip(
            CLASSES, members, (np.zeros(1), np.full(1, np.pi / 2), None), strict=True
        )
        if len(index) >= MIN_EDGES
    }
    if not groups:
        groups[TOGETHER] = (np.arange(len(edges)), None)
    for name, (index, directions) in groups.items():
        direction = edges.angle[index] if directions is None else directions
        system.responses[name] = _response(
            edges, candidates, weight, members, index, direction, reach
        )
        system.profile[name] = _profile(edges.take(index), candidates.take(index), reach)
    return system


def shape_shown(edges: Edges, candidates: Candidates, reach: float, sigma: float) -> bool:
    """Return whether edges agree beyond doubt on a shape other than the Gaussian.

    Parameters
    ----------
    edges, candidates, reach, sigma
        As in :func:`system_of`.
    """
    error, number = uncertainty(edges, sigma), classes_of(edges.angle)
    ellipse, weight = sharp_population(edges.width, error, edges.angle, number)
    kept = np.nonzero(weight > 0)[0]
    edges = edges.take(kept)
    width = np.sqrt(evaluated(ellipse, edges.angle))
    _, _, sums = _shape(edges, candidates.take(kept), width, weight[kept], reach)
    return sums is not None


def _response(
    edges: Edges,
    candidates: Candidates,
    weight: Floats,
    members: list[Floats],
    mine: Floats,
    direction: Floats,
    reach: float,
) -> Response:
    """Return the response in `direction` (radians), its shape from the edges `mine`."""
    rng = np.random.Generator(np.random.PCG64(len(mine)))
    squares = edges.width**2

    def width_of(pick: Floats) -> float:
        ellipse = solved_ellipse(edges.angle[pick], squares[pick], weight[pick])
        return math.sqrt(float(np.mean(evaluated(ellipse, direction))))

    everyone = np.arange(len(edges))
    ellipse = solved_ellipse(edges.angle, squares, weight)
    own = np.sqrt(evaluated(ellipse, edges.angle[mine]))
    shape, scale, sums = _shape(edges.take(mine), candidates.take(mine), own, weight[mine], reach)
    place = np.full(len(edges), -1)
    place[mine] = np.arange(len(mine))
    resampled = []
    for _ in range(_RESAMPLINGS):
        pick = np.concatenate(
            [index[rng.integers(0, len(index), len(index))] for index in members if len(index)]
        )
        other = width_of(pick) * scale
        if sums is None:
            resampled.append((other, shape))
        else:
            own_pick = place[pick][place[pick] >= 0]
            normal, right = (part[own_pick].sum(axis=0) for part in sums)
            resampled.append((other, _solved(normal, right)))
    return Response(width_of(everyone) * scale, shape, len(mine), tuple(resampled))


def _shape(
    edges: Edges, candidates: Candidates, width: Floats, weight: Floats, reach: float
) -> tuple[Floats, float, tuple[Floats, Floats] | None]:
    """Return the shape, its scale, and each edge's part of the normal equations (None: Gaussian).

    Each edge's own levels are fitted along with the shape, for overshoot moves them. The shape
    counts only when the edges agree on it: Hotelling's test of its terms, with the covariance
    that their scatter between edges shows (the pixels of one edge share its faults). The terms
    belong to the Gaussian of the width times the scale that leaves the least residual.
    """
    if len(edges) < _SHAPE_EDGES:
        return GAUSSIAN, 1.0, None
    samples = _samples(edges, candidates, reach)
    _, (normal, right) = _fitted_shape(samples, width)
    shape = _solved(normal.sum(axis=0), right.sum(axis=0))
    freedom = len(edges) - TERMS
    inverse = np.linalg.pinv(normal.sum(axis=0))
    scores = right - normal @ shape
    covariance = inverse @ (scores.T @ scores) @ inverse * len(edges) / max(freedom, 1)
    ratio = float(shape @ np.linalg.pinv(covariance) @ shape) * freedom
    if ratio < fisher.ppf(0.999, TERMS, freedom) * TERMS * (len(edges) - 1):
        return GAUSSIAN, 1.0, None
    best: tuple[float, float, tuple[Floats, Floats]] | None = None
    for scale in _SCALES:
        left, parts = _fitted_shape(samples, width * scale)
        if best is None or left < best[0]:
            best = left, scale, parts
    assert best is not None
    _, scale, (normal, right) = best
    return _solved(normal.sum(axis=0), right.sum(axis=0)), scale, (normal, right)


def _fitted_shape(
    samples: list[tuple[Floats, Floats]], width: Floats
) -> tuple[float, tuple[Floats, Floats]]:
    """Return the sum of squares that the shape leaves, and the edges' normal equations."""
    normals, rights, rests = [], [], 0.0
    for (distance, value), one in zip(samples, width, strict=True):
        u = distance / one
        levels, _ = np.linalg.qr(np.stack([np.ones_like(u), edge_spread(u)], axis=1))
        both = np.column_stack([-shape_terms(u).T, value])
        # The contrast is the edge's, not 1, once overshoot is told apart from levels.
        both -= levels @ (levels.T @ both)
        free, rest = both[:, :-1], both[:, -1]
        normals.append(free.T @ free)
        rights.append(free.T @ rest)
        rests += float(rest @ rest)
    normal, right = np.array(normals), np.array(rights)
    shape = _solved(normal.sum(axis=0), right.sum(axis=0))
    total = right.sum(axis=0)
    left = rests - 2 * shape @ total + shape @ normal.sum(axis=0) @ shape
    return float(left), (normal, right)


def _solved(normal: Floats, right: Floats) -> Floats:
    ridge = 1e-6 * np.trace(normal) * np.eye(TERMS)
    return np.asarray(np.linalg.solve(normal + ridge, right))


def _samples(edges: Edges, candidates: Candidates, reach: float) -> list[tuple[Floats, Floats]]:
    """Return each edge's pixels: distances from the edge (px) and values from 0 to 1."""
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


def _profile(edges: Edges, candidates: Candidates, reach: float) -> tuple[Floats, Floats]:
    samples = _samples(edges, candidates, reach)
    return (
        np.concatenate([distance for distance, _ in samples]),
        np.concatenate([value for _, value in samples]),
    )
