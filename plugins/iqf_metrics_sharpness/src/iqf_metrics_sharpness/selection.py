"""Which edges speak for the system: gates, in tiers, and the sharpest prominent mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.edge_fit import Edges

Floats = NDArray[Any]

#: Fewer edges give no value.
MIN_EDGES = 3

#: Tiers stop at so many edges.
ENOUGH = 10


@dataclass(frozen=True)
class Tier:
    """One set of gates.

    Attributes
    ----------
    contrast
        Least contrast over noise.
    residual
        Most residual beyond 1.15 times the noise, share of the contrast.
    width_error
        Most relative standard error of the width.
    sloping
        Whether the sides of edges may slope.
    short
        Whether edges are half as long: a share of them may be chance.
    """

    contrast: float
    residual: float
    width_error: float
    sloping: bool = False
    short: bool = False


#: Where edges between flat sides are too few, their sides may slope. The last gates are for images
#: that have nothing better, at the end with borders that are straight for a few pixels only.
TIERS = (
    Tier(12, 0.02, 0.1),
    Tier(8, 0.05, 0.2),
    Tier(8, 0.05, 0.2, sloping=True),
    Tier(8, 0.08, 0.25, sloping=True),
    Tier(8, 0.12, 0.3, sloping=True),
    Tier(8, 0.12, 0.3, sloping=True, short=True),
)

#: Widths beyond have no flat sides within the pixels that are fitted, px.
_WIDEST = 4.0


def passes(
    edges: Edges, tier: Tier, sigma: float, angle: Floats, reach: float
) -> NDArray[np.bool_]:
    """Return which edges pass the gates.

    Parameters
    ----------
    edges
        The fitted edges.
    tier
        The gates.
    sigma
        Noise, DN.
    angle
        Directions of the candidates: a fit that turned away is of something else.
    reach
        How far from the edge pixels were fitted, px: both flat sides must have been seen.
    """
    contrast = edges.contrast
    turned = np.abs(np.angle(np.exp(1j * (edges.angle - angle))))
    return np.asarray(
        (contrast > tier.contrast * sigma)
        & (contrast > 0)
        & (edges.residual < np.hypot(1.15 * sigma, tier.residual * contrast))
        & (edges.width_error < tier.width_error)
        & (edges.width > 0.22)
        & (edges.width < min(reach / 2, _WIDEST))
        & (np.abs(edges.offset) < 2)
        & (turned < 0.2)
    )


def without_block_borders(edges: Edges) -> NDArray[np.bool_]:
    """Return which edges are not borders of the 8 x 8 blocks that JPEG codes.

    Many edges parallel to an axis, on three or more different lines that are all multiples of 8
    px apart, are no scene's.
    """
    kept = np.ones(len(edges), bool)
    for shift, position in ((0.0, edges.column), (np.pi / 2, edges.row)):
        turn = np.abs(np.sin(edges.angle - shift))
        parallel = np.nonzero(turn < np.sin(np.radians(3)))[0]
        if len(parallel) < 6:
            continue
        sign = np.sign(np.cos(edges.angle[parallel] - shift))
        line = np.rint(position[parallel] + sign * edges.offset[parallel] + 0.5).astype(int)
        phase = line % 8
        share = np.bincount(phase, minlength=8) / len(phase)
        worst = int(share.argmax())
        if share[worst] > 0.5 and len(np.unique(line[phase == worst])) >= 3:
            kept[parallel[phase == worst]] = False
    return kept


def weights(edges: Edges) -> Floats:
    """Return what each edge's width counts: by its error, but none more than one known to 8 %."""
    return np.asarray(1 / np.maximum(edges.width_error, 0.08) ** 2)


#: A mode is prominent when it has this share of the highest one's density.
_PROMINENT = 0.5

_GRID = np.linspace(np.log(0.2), np.log(8), 360)


#: Resamplings of the edges whose modes are averaged.
_RESAMPLINGS = 40


def sharpest_mode(edges: Edges) -> NDArray[np.bool_]:
    """Return which edges belong to the sharpest prominent mode of the widths, three at least.

    The mode of the weighted density of squared width that has more than half of the highest one's
    density and the least width: a scene's own soft borders only widen. Blur adds the same to the
    squared width of every edge, and so moves modes of this density along without a change; those
    of the density of log width come and go. The density is that of log width (of one bandwidth,
    for errors are relative) over the squared width. With few edges a mode comes and goes with
    one of them; so its place is the median over resampled edges.
    """
    logarithm, weight = np.log(edges.width), weights(edges)
    bandwidth = float(np.clip(1.2 * np.median(edges.width_error), 0.04, 0.12))
    distance = (_GRID[:, np.newaxis] - logarithm) / bandwidth
    rng = np.random.Generator(np.random.PCG64(5))
    picks = rng.integers(0, len(edges), (_RESAMPLINGS, len(edges)))
    times = np.stack([np.bincount(pick, minlength=len(edges)) for pick in picks])
    densities: Floats = np.exp(-(distance**2) / 2) @ (weight * times).T
    densities = densities / np.exp(2 * _GRID)[:, np.newaxis]
    center = float(np.median([_sharpest_place(density) for density in densities.T]))
    reach = np.maximum(2.5 * bandwidth, 3 * edges.width_error)
    away = np.abs(logarithm - center) / reach
    kept: NDArray[np.bool_] = away < 1
    if kept.sum() < MIN_EDGES:
        kept[np.argsort(away, kind="stable")[:MIN_EDGES]] = True
    return kept


def _sharpest_place(density: Floats) -> float:
    """Return the logarithm of the width of the sharpest prominent mode."""
    inner = np.r_[False, (density[1:-1] >= density[:-2]) & (density[1:-1] > density[2:]), False]
    prominent = np.nonzero(inner & (density > _PROMINENT * density.max()))[0]
    return float(_GRID[prominent[0]] if len(prominent) else _GRID[density.argmax()])
