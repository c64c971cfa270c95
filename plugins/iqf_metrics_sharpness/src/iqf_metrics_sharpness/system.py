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
from iqf_metrics_sharpness.response import GAUSSIAN, TERMS, edge_spread, figures, shape_terms
from iqf_metrics_sharpness.selection import MIN_EDGES, sharpest_mode, weights

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
    """

    width: float
    shape: Floats
    edges: int
    resampled: tuple[tuple[float, Floats], ...]

    def figures(self) -> dict[str, tuple[float, float, float]]:
        """Return value, and ends of the 68 % interval, of every figure of merit."""
        value = figures(self.width, self.shape)
        others = [figures(width, shape) for width, shape in self.resampled]
        result = {}
        for name, number in value.items():
            low, high = np.quantile([other[name] for other in others], [0.16, 0.84])
            low, high = (number + SHARED * (float(end) - number) for end in (low, high))
            result[name] = (number, min(max(low, 0.0), number), max(high, number))
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


def system_of(edges: Edges, candidates: Candidates, reach: float) -> System:
    """Return the system's responses.

    Parameters
    ----------
    edges
        Edges that passed the gates.
    candidates
        Where they were fitted, in the same order.
    reach
        How far from the edge pixels are used, px.
    """
    number = classes_of(edges.angle)
    kept = np.zeros(len(edges), bool)
    groups = [np.nonzero(number == each)[0] for each in range(len(CLASSES))]
    if min(len(group) for group in groups) < 2 * MIN_EDGES:
        # Too few to tell a mode of their own: all directions together have one.
        groups = [np.arange(len(edges))]
    for group in groups:
        kept[group[sharpest_mode(edges.take(group))]] = True
    edges, candidates, number = edges.take(kept), candidates.take(kept), number[kept]
    system = System(edges=edges)
    members = [np.asarray(np.nonzero(number == each)[0]) for each in range(len(CLASSES))]
    for name, index in zip(CLASSES, members, strict=True):
        system.counts[name] = len(index)
    enough = [len(index) >= MIN_EDGES for index in members]
    if not any(enough) and len(edges) >= MIN_EDGES:
        everything = [np.arange(len(edges))]
        system.responses[TOGETHER] = _response(
            edges, candidates, everything, 0, edges.angle, False, reach
        )
        system.profile[TOGETHER] = _profile(edges, candidates, reach)
        return system
    pooled = all(enough)
    for each, name in enumerate(CLASSES):
        if not enough[each]:
            continue
        index = members[each]
        direction = edges.angle[index]
        if name == "x":
            direction = np.zeros(1)
        elif name == "y":
            direction = np.full(1, np.pi / 2)
        system.responses[name] = _response(
            edges, candidates, members, each, direction, pooled, reach
        )
        system.profile[name] = _profile(edges.take(index), candidates.take(index), reach)
    return system


def _response(
    edges: Edges,
    candidates: Candidates,
    members: list[Floats],
    each: int,
    direction: Floats,
    pooled: bool,
    reach: float,
) -> Response:
    mine = members[each]
    rng = np.random.Generator(np.random.PCG64(each))
    everyone = np.concatenate(members)
    squares = edges.width[everyone] ** 2
    if pooled:
        ellipse, weight = _ellipse(edges, everyone)
        own = np.sqrt(_evaluated(ellipse, edges.angle[mine]))
        value = math.sqrt(float(np.mean(_evaluated(ellipse, direction))))
    else:
        logarithm, base = np.log(edges.width[mine]), weights(edges.take(mine))
        center, weight = _robust_mean(logarithm, base)
        value = math.exp(center)
        own = np.full(len(mine), value)

    def resampled_width(picks: list[Floats]) -> float:
        """Return the width from other edges, discounted as they were at first."""
        if not pooled:
            pick = picks[each]
            share = weight[pick]
            return math.exp(float(share @ logarithm[pick] / max(share.sum(), 1e-12)))
        starts = np.cumsum([0, *(len(index) for index in members)])
        pick = np.concatenate([pick + start for pick, start in zip(picks, starts, strict=False)])
        other = _solved_ellipse(edges.angle[everyone[pick]], squares[pick], weight[pick])
        return math.sqrt(float(np.mean(_evaluated(other, direction))))

    shape, scale, sums = _shape(edges.take(mine), candidates.take(mine), own, reach)
    resampled = []
    for _ in range(_RESAMPLINGS):
        picks = [
            rng.integers(0, len(index), len(index)) if len(index) else index for index in members
        ]
        other = resampled_width(picks) * scale
        if sums is None:
            resampled.append((other, shape))
        else:
            normal, right = (part[picks[each]].sum(axis=0) for part in sums)
            resampled.append((other, _solved(normal, right)))
    return Response(value * scale, shape, len(mine), tuple(resampled))


def _robust_mean(values: Floats, weight: Floats) -> tuple[float, Floats]:
    """Return the mean, and weights that discount what lies away from the median (bisquare)."""
    center = float(np.median(values))
    w = weight
    for _ in range(10):
        scale = max(1.4826 * float(np.median(np.abs(values - center))), 0.005)
        t = np.abs(values - center) / (4.5 * scale)
        w = weight * np.where(t < 1, (1 - t**2) ** 2, 0)
        center = float((w * values).sum() / w.sum())
    return center, w + 1e-9 * weight


def _ellipse(edges: Edges, index: Floats) -> tuple[Floats, Floats]:
    """Return (a, b, c) of width² = a + b cos 2 phi + c sin 2 phi, fitted robustly, and weights."""
    angle, square = edges.angle[index], edges.width[index] ** 2
    base = weights(edges.take(index)) / square**2
    weight: Floats = base
    solution: Floats = np.zeros(3)
    for _ in range(8):
        solution = _solved_ellipse(angle, square, weight)
        fitted = np.maximum(_design(angle) @ solution, 0.01)
        relative = (square - fitted) / fitted
        scale = max(1.4826 * float(np.median(np.abs(relative))), 0.01)
        t = np.abs(relative) / (4.5 * scale)
        weight = base * np.where(t < 1, (1 - t**2) ** 2, 0) + 1e-9 * base
    return solution, weight


def _design(angle: Floats) -> Floats:
    return np.stack([np.ones_like(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)


def _solved_ellipse(angle: Floats, square: Floats, weight: Floats) -> Floats:
    design = _design(angle)
    weighted = design.T * weight
    normal = weighted @ design
    ridge = 1e-9 * np.trace(normal) * np.eye(3)
    return np.asarray(np.linalg.solve(normal + ridge, weighted @ square))


def _evaluated(ellipse: Floats, angle: Floats) -> Floats:
    level = ellipse[0] + ellipse[1] * np.cos(2 * angle) + ellipse[2] * np.sin(2 * angle)
    return np.asarray(np.maximum(level, 0.04))


def _shape(
    edges: Edges, candidates: Candidates, width: Floats, reach: float
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
