"""How much noise an image has, told from its texture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_sharpness.blocks import BLOCK, BandBlocks, highest

Floats = NDArray[Any]

#: With fewer blocks nothing is said.
MIN_BLOCKS = 64

#: The set of quiet blocks grows until its variance exceeds the least upper bound so far: the
#: variance and so many standard errors. Less stops early where there is no texture, more takes
#: texture in.
_BOUND = 1.4

#: The same in a bin of intensity: it has fewer quiet blocks, so texture comes sooner.
_BIN_BOUND = 1.0

#: No bin of intensity is known better than so: what looks quiet has some texture left.
_FLOOR = 0.02

#: A line through bins is no better than so, relative to the variance: texture that is left in
#: some of them tilts it. Measured on photographs.
_LINE_FLOOR = 0.03

#: The stopping rule's own scatter adds to the statistical error; measured on flat scenes.
_STOPPING = 1.4

#: Overlapping blocks (half a block apart) say less than independent ones: by so much.
_OVERLAP = 1.7

#: Statistical error of the median of 21 values over that of their mean.
_MEDIAN_LOSS = 1.22

#: Below this share of noise on the grid of 8 x 8 pixels an image was a JPEG. Photographs that were
#: none, or were reduced since, have 0.9 to 1.3; those compressed at quality 75 less than 0.65.
_ON_GRID = 0.7

#: Noise below this share of the level is lost in the precision of 32-bit numbers.
_PRECISION = 2.0**-22

#: Least variance of integers, DN²: fewer than one pixel in 200 differs by 1 DN.
_LEAST_OF_INTEGERS = 0.005

#: Of blocks with noise at least this share differ from each other.
_DISTINCT = 0.25

#: With a larger share of constant blocks, and coloured "noise", an image is a drawing.
_DRAWN = 0.3


@dataclass(frozen=True)
class Noise:
    """The noise of one band.

    Attributes
    ----------
    variance
        At the level `signal`, in DN².
    error
        Standard error of the variance, in DN².
    slope, offset
        variance = offset + slope * mean, where the noise depends on the signal; else None.
    colour
        Variance of the highest frequencies (u + v >= 11) over that of the middle ones (9, 10) in
        the blocks used; white noise: 1.
    colour_error
        Its standard error.
    blocks
        How many blocks (or pixels of areas, see :mod:`iqf_metrics_sharpness.areas`) were used.
    signal
        The level in DN.
    grid
        Variance in blocks on the grid of 8 x 8 pixels over that in blocks half a block off it, of
        the quieter quarter; JPEG takes away frequencies on the grid: white or no noise gives 1.
        None where there are too few blocks, or none off the grid.
    """

    variance: float
    error: float
    slope: float | None
    offset: float | None
    colour: float
    colour_error: float
    blocks: int
    signal: float
    grid: float | None = None

    @property
    def compressed(self) -> bool:
        """Whether blocks on the grid of JPEG have clearly less noise than others."""
        return self.grid is not None and self.grid < _ON_GRID

    @property
    def coloured(self) -> bool:
        """Whether the noise is clearly not white: resampled, compressed, filtered."""
        return self.compressed or abs(self.colour - 1) > max(0.2, 4 * self.colour_error)


@dataclass(frozen=True)
class _Quiet:
    variance: float
    error: float
    mean: float
    chosen: NDArray[np.int64]


def noise_of_blocks(blocks: BandBlocks) -> Noise | str:
    """Return the noise of a band, or why it cannot be told.

    Blocks are sorted by the energy of their low frequencies; the set of the quietest ones grows
    as long as the variance of the high frequencies does not. Sorting by one set of coefficients
    and measuring another, independent one leaves no selection bias (Ponomarenko et al. 2007;
    Colom and Buades, IPOL 2013). The same in bins of intensity gives the signal dependence, a
    line (Foi et al. 2008), whose fit discounts bins that lie above: texture only adds.

    Parameters
    ----------
    blocks
        The statistics of the band's blocks.
    """
    if len(blocks) < MIN_BLOCKS:
        return _why_too_few(blocks)
    step = min(1.0, (blocks.stride / BLOCK) ** 2 * 4)
    order = np.argsort(blocks.low.astype(np.float32))
    whole = _quietest(blocks, order, step)
    why_not = _why_none(blocks, whole)
    if why_not:
        return why_not
    line = _line(blocks, order, step)
    variance, error = whole.variance, whole.error * _STOPPING
    slope, offset = None, None
    if line is not None:
        at_signal = line.offset + line.slope * blocks.signal
        if at_signal > 0:
            variance, slope, offset = at_signal, line.slope, line.offset
            error = math.hypot(line.error(blocks.signal), _LINE_FLOOR * variance)
    colour, colour_error = _colour(np.take(blocks.high, whole.chosen, axis=1), step)
    noise = Noise(
        variance,
        error,
        slope,
        offset,
        colour,
        colour_error,
        len(whole.chosen),
        blocks.signal,
        _grid(blocks, order),
    )
    constant = blocks.dropped["constant"] / (len(blocks) + blocks.dropped["constant"])
    if noise.coloured and constant > _DRAWN:
        return (
            f"{constant:.0%} of the blocks are constant and the rest is not white noise: a drawing "
            "or text, not a picture with noise"
        )
    return noise


def _why_none(blocks: BandBlocks, quiet: _Quiet) -> str | None:
    """Return why what the quiet blocks hold is no noise, or None if it may be."""
    if not math.isfinite(quiet.variance):
        return "the values are too large for their squares to be computed in 32 bits"
    least = (_PRECISION * float(np.abs(blocks.mean).max())) ** 2
    if blocks.integer:
        least = max(least, _LEAST_OF_INTEGERS)
    if quiet.variance <= least:
        return "the image has no noise that could be measured"
    # White noise does not repeat itself; a pattern that was drawn does.
    shapes = len(np.unique(np.float32(blocks.low[quiet.chosen])))
    if shapes < _DISTINCT * len(quiet.chosen):
        return (
            f"{len(quiet.chosen)} blocks have only {shapes} different contents: a repeated "
            "pattern, not noise"
        )
    return None


def _grid(blocks: BandBlocks, order: NDArray[np.int64]) -> float | None:
    """Return :attr:`Noise.grid`; `order` are blocks with the quietest first."""
    if blocks.stride != BLOCK // 2:
        return None
    quiet = order[: max(MIN_BLOCKS, min(len(order) // 4, 2048))]
    odd = blocks.position[quiet] % 2
    on, off = quiet[~odd.any(axis=1)], quiet[odd.all(axis=1)]
    if min(len(on), len(off)) < MIN_BLOCKS // 4:
        return None
    means = [
        float(np.median(np.take(blocks.high, each, axis=1).mean(axis=1))) for each in (on, off)
    ]
    return means[0] / means[1] if means[1] > 0 else None


def _why_too_few(blocks: BandBlocks) -> str:
    dropped = blocks.dropped
    total = len(blocks) + sum(dropped.values())
    if not total:
        return f"the image is smaller than a block of {BLOCK} x {BLOCK} pixels"
    causes = {
        "invalid": "hold invalid pixels",
        "clipped": "are clipped at 0 or at the peak",
        "constant": "are constant",
    }
    told = [f"{dropped[name]} {text}" for name, text in causes.items() if dropped[name]]
    why = f" ({', '.join(told)})" if told else ""
    return f"{len(blocks)} of {total} blocks can be used{why}; noise needs {MIN_BLOCKS}"


def _quietest(
    blocks: BandBlocks, order: NDArray[np.int64], step: float, bound: float = _BOUND
) -> _Quiet:
    """Return the variance in the largest set of quiet blocks that shows no texture.

    `order` are blocks with the quietest first.
    """
    count = len(order)
    sizes = [min(count, max(MIN_BLOCKS, count // 200))]
    while sizes[-1] < count:
        sizes.append(min(count, int(sizes[-1] * 1.5)))
    least, best = math.inf, (0.0, 0.0, 0)
    for size, total in _totals(blocks.high, order, sizes):
        variance, error = pooled_variance(total / size, size, step)
        if variance > least:
            break
        best = (variance, error, size)
        least = min(least, variance + bound * error)
    chosen = order[: best[2]]
    return _Quiet(best[0], best[1], float(blocks.mean[chosen].mean()), chosen)


#: So many blocks are gathered at once: few calls, and little in vain when growing stops early.
_AT_ONCE = 2048


def _totals(
    high: Floats, order: NDArray[np.int64], sizes: list[int]
) -> Iterator[tuple[int, Floats]]:
    """Yield the sums of `high` over the first blocks of `order`, for each of `sizes`."""
    total: Floats = np.zeros(len(high))
    start, at = 0, 0
    while at < len(sizes):
        end = at + 1
        while end < len(sizes) and sizes[end] - start <= _AT_ONCE:
            end += 1
        gathered = np.take(high, order[start : sizes[end - 1]], axis=1)
        starts = [size - start for size in [start, *sizes[at : end - 1]]]
        # Sums along the last axis are pairwise: 32 bits are enough for them.
        sums = np.add.reduceat(gathered, starts, axis=1)
        for size, part in zip(sizes[at:end], sums.T, strict=True):
            total = total + part
            yield size, total
        start, at = sizes[end - 1], end


def pooled_variance(per_coefficient: Floats, size: int, step: float) -> tuple[float, float]:
    """Return the variance and its standard error from mean squares of `size` blocks."""
    independent = size * step / _OVERLAP if step < 2 else size
    # The median of a chi-square of n degrees of freedom over its mean (Wilson and Hilferty 1931).
    unbiased = (1 - 2 / (9 * max(independent, 1))) ** 3
    middle = np.sort(per_coefficient)[len(per_coefficient) // 2]
    variance = float(middle) / unbiased
    freedom = independent * len(per_coefficient)
    return variance, variance * _MEDIAN_LOSS * math.sqrt(2 / freedom)


@dataclass(frozen=True)
class _Line:
    slope: float
    offset: float
    covariance: Floats

    def error(self, level: float) -> float:
        direction = np.array([1.0, level])
        return math.sqrt(max(0.0, float(direction @ self.covariance @ direction)))


#: Bins of intensity, and how many blocks each needs.
_BINS = 8


def _line(blocks: BandBlocks, order: NDArray[np.int64], step: float) -> _Line | None:
    """Return variance against mean where the slope is certainly positive, else None."""
    if len(blocks) < _BINS * MIN_BLOCKS:
        return None
    means = blocks.mean[order]
    ends = np.linspace(0, len(blocks), _BINS + 1).astype(int)[1:-1]
    borders = np.partition(means, ends)[ends]
    bin_of = np.zeros(len(blocks), np.uint8)
    for border in borders:
        bin_of += means >= border
    sizes = np.bincount(bin_of, minlength=_BINS)
    parts = np.split(order[np.argsort(bin_of, kind="stable")], sizes.cumsum()[:-1])
    bins = [_quietest(blocks, part, step, _BIN_BOUND) for part in parts if len(part) >= MIN_BLOCKS]
    if len(bins) < 3:
        return None
    mean = np.array([each.mean for each in bins])
    variance = np.array([each.variance for each in bins])
    error = np.array([max(each.error, _FLOOR * each.variance) for each in bins])
    if not (error > 0).all() or np.ptp(mean) <= 0:
        return None
    return _fitted(mean, variance, error)


def _fitted(mean: Floats, variance: Floats, error: Floats) -> _Line | None:
    design = np.stack([np.ones_like(mean), mean], axis=1)
    discount: Floats = np.ones_like(mean)
    # Begin below: the line through what the quieter half of the bins say.
    weight = 1 / error**2
    solution: Floats = np.zeros(2)
    for _ in range(30):
        normal = design.T @ (design * (weight * discount)[:, np.newaxis])
        try:
            solution = np.linalg.solve(normal, design.T @ (weight * discount * variance))
        except np.linalg.LinAlgError:
            return None
        excess = np.maximum(0, variance - design @ solution) / (2 * error)
        before, discount = discount, 1 / (1 + excess**2) ** 2
        if np.abs(discount - before).max() < 1e-6:
            break
    covariance = np.linalg.inv(normal)
    residual = (variance - design @ solution) / error
    spread = float((discount * residual**2).sum() / max(discount.sum() - 2, 1))
    covariance *= max(1.0, spread)
    slope, offset = float(solution[1]), float(solution[0])
    if slope <= 4 * math.sqrt(max(covariance[1, 1], 0.0)):
        return None
    return _Line(slope, offset, covariance)


def _colour(high: Floats, step: float) -> tuple[float, float]:
    per_coefficient = high.mean(axis=1)
    top = highest()
    middle = float(per_coefficient[~top].mean())
    ratio = float(per_coefficient[top].mean()) / middle if middle > 0 else 0.0
    freedom = high.shape[1] * step / _OVERLAP * top.sum()
    return ratio, ratio * math.sqrt(4 / max(freedom, 1))
