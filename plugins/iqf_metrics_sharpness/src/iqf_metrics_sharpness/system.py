"""The system's response in x, in y and in other directions, from its edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.candidates import CLASSES, Candidates, classes_of
from iqf_metrics_sharpness.edge_fit import Edges
from iqf_metrics_sharpness.population import evaluated, sharp_population, solved_ellipse
from iqf_metrics_sharpness.response import GAUSSIAN, figures
from iqf_metrics_sharpness.selection import MIN_EDGES, uncertainty
from iqf_metrics_sharpness.shape import Shape, normalised_samples, shape_of

Floats = NDArray[Any]

#: All directions as if they were one, where each has too few edges.
TOGETHER = "together"

#: Resamplings of the edges that an interval comes from.
_RESAMPLINGS = 60

#: What all edges share (levels, neighbours, the ellipse, the choice of edges) resampling does not
#: see, so intervals are longer by this. The benchmark of accuracy says how often they hold truth.
SHARED = 2.4

#: What edges do not tell of a shape varies by this share of what it does between systems, so that
#: intervals, longer by SHARED, hold a little more than all of it.
_UNTOLD = 0.5


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
        names = list(figures(self.width, self.shape))
        told = self.interval(lambda width, shape: np.array(list(figures(width, shape).values())))
        return {
            name: (float(number), max(float(low), 0.0), float(high))
            for name, number, low, high in zip(names, *told, strict=True)
        }

    def interval(self, of: Callable[[float, Floats], Floats]) -> tuple[Floats, Floats, Floats]:
        """Return numbers that follow from width and shape, and the ends of their 68 % intervals."""
        value = of(self.width, self.shape)
        resampled = [of(width, shape) for width, shape in self.resampled]
        ends = SHARED * (np.quantile(resampled, [0.16, 0.84], axis=0) - value)
        off = [of(self.width * (1 + self.misfit) ** sign, self.shape) - value for sign in (-1, 1)]
        low = np.hypot(np.minimum(ends[0], 0), np.minimum(*off).clip(max=0))
        high = np.hypot(np.maximum(ends[1], 0), np.maximum(*off).clip(min=0))
        return value, value - low, value + high


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
    return shape_of(edges, candidates.take(kept), width, reach) is not None


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

    width = width_of(np.arange(len(edges)))
    own = np.sqrt(evaluated(solved_ellipse(edges.angle, squares, weight), edges.angle[mine]))
    shape = shape_of(edges.take(mine), candidates.take(mine), own, reach)
    place = np.full(len(edges), -1)
    place[mine] = np.arange(len(mine))
    resampled = []
    for _ in range(_RESAMPLINGS):
        pick = np.concatenate(
            [index[rng.integers(0, len(index), len(index))] for index in members if len(index)]
        )
        resampled.append((width_of(pick), _resampled_shape(shape, place[pick], rng)))
    solved = GAUSSIAN if shape is None else shape.solved()
    return Response(width, solved, len(mine), tuple(resampled))


def _resampled_shape(
    shape: Shape | None, place: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """Return the shape of the edges at `place` (-1: of another direction).

    Where edges tell little it varies as the shapes of systems do.
    """
    if shape is None:
        return GAUSSIAN
    return shape.solved(place[place >= 0], rng.normal(0, _UNTOLD, len(GAUSSIAN)))


def _profile(edges: Edges, candidates: Candidates, reach: float) -> tuple[Floats, Floats]:
    samples = normalised_samples(edges, candidates, reach)
    return (
        np.concatenate([distance for distance, _ in samples]),
        np.concatenate([value for _, value in samples]),
    )
