"""From an image to the system that took it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.blockiness import blockiness
from iqf_metrics_sharpness.candidates import PER_CLASS, SHORT, Candidates, find_candidates, spread
from iqf_metrics_sharpness.edge_fit import Edges, fit_edges, reach_of
from iqf_metrics_sharpness.selection import (
    ENOUGH,
    MIN_EDGES,
    TIERS,
    passes,
    sharpest_mode,
    without_block_borders,
)
from iqf_metrics_sharpness.system import System, system_of

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

#: What is sharper by less than this factor is no other system.
SHARPER = 0.85

#: Blocks this much stronger than the image leave no edge as it was. At quality 5 photographs have
#: 3.5 to 14, sharp or soft; at 20 up to 4 where they are soft, at 50 up to 2.8.
_BLOCKY = 3.5

#: So many of the strongest candidates tell how wide the edges are.
_FIRST = 90


#: Standard deviation of rounding to integers, DN.
_ROUNDING = 12**-0.5

#: Short edges count where this share of their candidates passes the gates: of filtered noise,
#: 9 to 22 % do by chance.
_NO_CHANCE = 0.4


@dataclass(frozen=True)
class Measurement:
    """What one band's edges say: the system, the tier of gates (from 1), or why there is none."""

    system: System
    tier: int
    reason: str
    sigma: float


def measure_band(reader: ImageReader, band: int, sigma: float, region: Any = None) -> Measurement:
    """Find, fit and select the edges of a band.

    Parameters
    ----------
    reader
        The image.
    band
        Index of the band.
    sigma
        Its noise, DN.
    region
        (row, column, height, width) to look in; None for the whole image.
    """
    blocks = blockiness(reader, band)
    if blocks > _BLOCKY:
        reason = (
            f"the 8 x 8 blocks of a JPEG show: steps across their borders are {blocks:.1f} times "
            f"as high as others ({_BLOCKY:g} at most)"
        )
        return Measurement(System(), 0, reason, sigma)
    candidates = find_candidates(reader, band, sigma, region)
    measured = _measured(candidates, reader.shape[:2], sigma)
    # Drawings and text have no noise, and short strokes.
    if measured.tier or sigma <= (0.0 if reader.dtype == "float32" else _ROUNDING):
        return measured
    short = find_candidates(reader, band, sigma, region, SHORT)
    if len(short) < ENOUGH:
        return measured
    reach, width = _extent(short)
    edges = fit_edges(short, reach, width, sloping=True)
    last = _selected(short, edges, reach, sigma, sloping=True)
    return last if last.tier else measured


def _measured(candidates: Candidates, shape: tuple[int, int], sigma: float) -> Measurement:
    """Return what candidates for long edges say, by the strictest gates that will do."""
    if len(candidates) < MIN_EDGES:
        reason = f"{len(candidates)} straight edges found, {MIN_EDGES} are needed"
        return Measurement(System(), 0, reason, sigma)
    reach, width = _extent(candidates)
    first = spread(candidates, shape, PER_CLASS)
    measured = _selected(first, fit_edges(first, reach, width), reach, sigma, sloping=False)
    if measured.tier == 1:
        return measured
    if len(first) < len(candidates):
        edges = fit_edges(candidates, reach, width)
        more = _selected(candidates, edges, reach, sigma, sloping=False)
        measured = more if more.tier else measured
    if measured.tier:
        return measured
    edges = fit_edges(candidates, reach, width, sloping=True)
    return _selected(candidates, edges, reach, sigma, sloping=True)


def _selected(
    candidates: Candidates, edges: Edges, reach: float, sigma: float, *, sloping: bool
) -> Measurement:
    """Return what the edges say that pass the strictest gates that enough edges pass."""
    blocky = False
    passed = 0
    best: tuple[int, NDArray[Any], float] | None = None
    short = candidates.half_length == SHORT
    tiers = [
        tier
        for tier, gates in enumerate(TIERS, start=1)
        if (gates.sloping, gates.short) == (sloping, short)
    ]
    for tier in tiers:
        index = np.nonzero(passes(edges, TIERS[tier - 1], sigma, candidates.angle, reach))[0]
        passed = len(index)
        if passed >= MIN_EDGES:
            index = index[without_block_borders(edges.take(index))]
            blocky = len(index) < MIN_EDGES
        few: float = ENOUGH if tier < tiers[-1] or best else MIN_EDGES
        if short:
            few = max(ENOUGH, _NO_CHANCE * len(candidates))
        if len(index) < few:
            continue
        some = edges.take(index)
        sharp = some.take(sharpest_mode(some)).width
        width = float(np.median(sharp))
        # Soft borders of the scene pass strict gates first: believe them only while more lenient
        # gates show nothing clearly sharper.
        if best is None or (width < SHARPER * best[2] and len(sharp) >= ENOUGH):
            best = tier, index, width
    if best is not None:
        tier, index, _ = best
        return Measurement(
            system_of(edges.take(index), candidates.take(index), reach), tier, "", sigma
        )
    if blocky:
        reason = "the edges are borders of the 8 x 8 blocks of a JPEG"
    else:
        reason = (
            f"{passed} of {len(candidates)} candidates are straight, isolated and clear of noise; "
            f"{MIN_EDGES} are needed"
        )
    return Measurement(System(), 0, reason, sigma)


def _extent(candidates: Candidates) -> tuple[float, float]:
    """Return how far windows reach and the width to begin with, as the strongest edges ask."""
    strongest = np.sort(np.argsort(-candidates.strength, kind="stable")[:_FIRST])
    reach, width = reach_of(1.8), 1.2
    for _ in range(2):
        first = fit_edges(candidates.take(strongest), reach, width)
        width = float(np.clip(np.median(first.width), 0.4, 5))
        needed = reach_of(width)
        enough = needed <= reach
        reach = needed
        if enough:
            break
    return reach, width
