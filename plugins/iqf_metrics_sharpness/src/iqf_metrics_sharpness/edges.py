"""From an image to the system that took it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.blockiness import blockiness, coarse_step
from iqf_metrics_sharpness.candidates import (
    CLASSES,
    PER_CLASS,
    SHORT,
    Candidates,
    classes_of,
    find_candidates,
    spread,
)
from iqf_metrics_sharpness.chance import more_than_chance
from iqf_metrics_sharpness.edge_fit import Edges, fit_edges, reach_of
from iqf_metrics_sharpness.selection import (
    ENOUGH,
    MIN_EDGES,
    TIERS,
    admitted,
    better_known,
    either,
    model_error,
    passes,
    tier_of,
    without_block_borders,
)
from iqf_metrics_sharpness.system import System, shape_shown, system_of

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

#: Blocks this much stronger than the image leave no edge as it was. At quality 5 photographs have
#: 3.5 to 14, sharp or soft; at 20 up to 4 where they are soft, at 50 up to 2.8.
_BLOCKY = 3.5

#: So many of the strongest candidates tell how wide the edges are.
_FIRST = 90


#: Standard deviation of rounding to integers, DN.
_ROUNDING = 12**-0.5

#: Short edges count where this share of their candidates passes the gates: of filtered noise,
#: 9 to 22 % do by chance. Where fewer pass, these must be clearly more than noise of the image's
#: spectrum has.
_NO_CHANCE = 0.4

#: From this tier on edges are curved or crowded, which makes all of them seem wider.
_CURVED = 4


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
    step = coarse_step(reader, band)
    if step:
        reason = (
            f"the blocks of a JPEG hold multiples of {step} DN only: it was rounded too coarsely "
            "for an edge to be left as it was"
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
    last = _selected(short, reach, width, sigma)
    if last.tier:
        return last
    if not _beyond_chance(reader, band, short, reach, width, sigma):
        return measured
    last = _selected(short, reach, width, sigma, some_by_chance=True)
    return last if last.tier else measured


def _beyond_chance(
    reader: ImageReader, band: int, short: Candidates, reach: float, width: float, sigma: float
) -> bool:
    """Return whether more short edges can be believed than noise of the same spectrum has."""

    def passed(candidates: Candidates, reach: float, width: float) -> int:
        return int(_fitted(candidates, reach, width, sigma)[1].sum())

    def of_noise(noise: ImageReader) -> tuple[int, int]:
        found = find_candidates(noise, 0, sigma, None, SHORT)
        return (passed(found, *_extent(found)) if len(found) else 0), len(found)

    count = passed(short, reach, width)
    return count >= ENOUGH and more_than_chance(count, len(short), of_noise, reader, band)


def _measured(candidates: Candidates, shape: tuple[int, int], sigma: float) -> Measurement:
    """Return what candidates for long edges say, all of them where the strongest are too few."""
    if len(candidates) < MIN_EDGES:
        reason = f"{len(candidates)} straight edges found, {MIN_EDGES} are needed"
        return Measurement(System(), 0, reason, sigma)
    reach, width = _extent(candidates)
    first = spread(candidates, shape, PER_CLASS)
    measured = _selected(first, reach, width, sigma, least=ENOUGH)
    if measured.tier:
        return measured
    return _selected(candidates, reach, width, sigma)


def _selected(
    candidates: Candidates,
    reach: float,
    width: float,
    sigma: float,
    least: float = MIN_EDGES,
    *,
    some_by_chance: bool = False,
) -> Measurement:
    """Return what the edges say that can be believed, if there are `least`."""
    short = candidates.half_length == SHORT
    if short:
        least = ENOUGH if some_by_chance else max(ENOUGH, _NO_CHANCE * len(candidates))
    edges, good = _fitted(candidates, reach, width, sigma)
    index = np.nonzero(good)[0]
    passed = len(index)
    if passed >= MIN_EDGES:
        index = index[without_block_borders(edges.take(index))]
    if len(index) < least:
        if passed >= least:
            reason = "the edges are borders of the 8 x 8 blocks of a JPEG"
        else:
            reason = (
                f"{passed} of {len(candidates)} candidates are straight, isolated and clear of "
                f"noise; {MIN_EDGES} are needed"
            )
        return Measurement(System(), 0, reason, sigma)
    edges, candidates = edges.take(index), candidates.take(index)
    system = system_of(edges, candidates, reach, sigma)
    tier = tier_of(edges, sigma, candidates.angle, reach, short=short) + some_by_chance
    if tier >= _CURVED:
        misfit = model_error(system.edges or edges, sigma)
        for direction, response in system.responses.items():
            system.responses[direction] = replace(response, misfit=misfit)
    return Measurement(system, tier, "", sigma)


def _fitted(
    candidates: Candidates, reach: float, width: float, sigma: float
) -> tuple[Edges, NDArray[np.bool_]]:
    """Return the edges, fitted with flat or sloping sides, and which of them can be believed.

    Overshoot and halos look like slopes. So where enough edges of a class of directions pass the
    strictest gates between flat sides, and agree on a shape, these alone speak for the class:
    what a scene's own slopes leave differs from edge to edge.
    """
    flat = fit_edges(candidates, reach, width)
    edges = better_known(flat, fit_edges(candidates, reach, width, sloping=True), sigma)
    good = admitted(edges, sigma, candidates.angle, reach)
    if candidates.half_length == SHORT:
        return edges, good
    strict = passes(flat, TIERS[0], sigma, candidates.angle, reach)
    number = classes_of(candidates.angle)
    for each in range(len(CLASSES)):
        mine = number == each
        index = np.nonzero(mine & strict)[0]
        if len(index) < ENOUGH:
            continue
        if shape_shown(flat.take(index), candidates.take(index), reach, sigma):
            edges, good = either(mine, flat, edges), np.where(mine, strict, good)
    return edges, good


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
