"""Which fitted edges can be believed, how far, and what gates they pass."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.edge_fit import Edges

Floats = NDArray[Any]

#: Fewer edges give no value.
MIN_EDGES = 3

#: With so many edges no more are looked for.
ENOUGH = 10

#: Relative error of the width, most, of an edge that counts.
_MOST_ERROR = 0.4

#: How much a width errs, relatively, for what the fit leaves beyond noise as a share of the
#: contrast: flat sides press a slope, or a neighbour, into the width. Photographs that were
#: blurred by a known Gaussian show this in the edges that seem sharper than it.
_FLAT_ERRS, _SLOPING_ERRS = 5.0, 2.5

#: What all edges err together, over the median of that: pebbles of 2 to 10 px, crowded, seem
#: wider by so much.
_ALIKE = 1.5

#: No width is known better: the borders of a scene differ as much.
_LEAST_ERROR = 0.08


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


def uncertainty(edges: Edges, sigma: float) -> Floats:
    """Return the relative standard error of each width, with what the fit's model misses.

    Parameters
    ----------
    edges
        The fitted edges.
    sigma
        Noise, DN.
    """
    noise = np.minimum(edges.residual, 1.1 * sigma)
    from_noise = edges.width_error * noise / np.maximum(edges.residual, 1e-12)
    return np.asarray(np.sqrt(from_noise**2 + _from_model(edges, sigma) ** 2 + _LEAST_ERROR**2))


def model_error(edges: Edges, sigma: float) -> float:
    """Return by how much all widths may be wrong together for what the fit's model misses.

    Parameters
    ----------
    edges, sigma
        As in :func:`uncertainty`.
    """
    return _ALIKE * float(np.median(_from_model(edges, sigma)))


def _from_model(edges: Edges, sigma: float) -> Floats:
    noise = np.minimum(edges.residual, 1.1 * sigma)
    beyond = np.sqrt(edges.residual**2 - noise**2) / np.maximum(edges.contrast, 1e-12)
    sloping = (edges.dark_slope != 0) | (edges.bright_slope != 0)
    return np.asarray(np.where(sloping, _SLOPING_ERRS, _FLAT_ERRS) * beyond)


def better_known(flat: Edges, sloping: Edges, sigma: float) -> Edges:
    """Return each edge as it was fitted with flat or with sloping sides, as it is known better."""
    return either(uncertainty(sloping, sigma) < uncertainty(flat, sigma), sloping, flat)


def either(use: NDArray[np.bool_], some: Edges, others: Edges) -> Edges:
    """Return `some` of the edges where told to use them, the `others` elsewhere."""
    return Edges(
        **{
            each.name: np.where(use, getattr(some, each.name), getattr(others, each.name))
            for each in fields(some)
        }
    )


def admitted(edges: Edges, sigma: float, angle: Floats, reach: float) -> NDArray[np.bool_]:
    """Return which edges are edges: clear of noise, isolated, and known well enough.

    Parameters
    ----------
    edges, sigma, angle, reach
        As in :func:`passes`.
    """
    known = uncertainty(edges, sigma) < _MOST_ERROR
    return known & passes(edges, TIERS[-1], sigma, angle, reach)


def _edge_like(edges: Edges, angle: Floats, reach: float) -> NDArray[np.bool_]:
    turned = np.abs(np.angle(np.exp(1j * (edges.angle - angle))))
    return np.asarray(
        (edges.contrast > 0)
        & (edges.width > 0.22)
        & (edges.width < min(reach / 2, _WIDEST))
        & (np.abs(edges.offset) < 2)
        & (turned < 0.2)
    )


def tier_of(edges: Edges, sigma: float, angle: Floats, reach: float, *, short: bool) -> int:
    """Return the strictest gates that ten of the edges pass, or half of them if they are fewer."""
    few = min(ENOUGH, (len(edges) + 1) // 2)
    for tier, gates in enumerate(TIERS, start=1):
        if gates.short == short and passes(edges, gates, sigma, angle, reach).sum() >= few:
            return tier
    return len(TIERS) if short else len(TIERS) - 1


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
    sloping = (edges.dark_slope != 0) | (edges.bright_slope != 0)
    return np.asarray(
        (contrast > tier.contrast * sigma)
        & (edges.residual < np.hypot(1.15 * sigma, tier.residual * contrast))
        & (edges.width_error < tier.width_error)
        & (tier.sloping | ~sloping)
        & _edge_like(edges, angle, reach)
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
