"""How well measured values agree with scores of people, or with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mapping = Literal["none", "linear"]

Floats = NDArray[np.float64]

#: Fewer pairs than this say nothing about agreement.
LEAST_PAIRS = 5

#: Bootstrap samples, and the seed that draws them.
SAMPLES = 1000
SEED = 0

_PERCENTILES = (2.5, 16.0, 84.0, 97.5)

# Rows of the matrix of signs that are held at once: 64 MiB for 16,000 pairs.
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Agreement:
    """One measure of agreement.

    Attributes
    ----------
    name
        ``srcc`` (Spearman), ``plcc`` (Pearson), ``krcc`` (Kendall's tau-b) or ``rmse``.
    value
        Its value; None when it is not defined.
    ci68_low, ci68_high, ci95_low, ci95_high
        Percentile intervals of the bootstrap; None without a value.
    count
        Pairs of value and score.
    reason
        Why there is no value; else empty.
    """

    name: str
    value: float | None
    ci68_low: float | None
    ci68_high: float | None
    ci95_low: float | None
    ci95_high: float | None
    count: int
    reason: str = ""


NAMES = ("srcc", "plcc", "krcc", "rmse")


def agreement(
    values: Sequence[float],
    scores: Sequence[float],
    *,
    mapping: Mapping = "linear",
    samples: int = SAMPLES,
    seed: int = SEED,
) -> list[Agreement]:
    """Return rank and linear correlation and error of `values` against `scores`.

    Correlations are those of the values as they are: their sign says whether the metric rises or
    falls with the score. `mapping` concerns the RMSE alone.

    Parameters
    ----------
    values, scores
        Shape (n,), finite.
    mapping
        What is done to the values before the RMSE is computed, in units of the scores:
        ``"linear"``, the straight line that fits the scores best in the least-squares sense, or
        ``"none"``.
    samples, seed
        Bootstrap samples of the pairs, drawn with replacement, and their seed.

    Returns
    -------
    list of Agreement
        ``srcc``, ``plcc``, ``krcc``, ``rmse``.

    Notes
    -----
    Spearman's coefficient is Pearson's of the average ranks; Kendall's is tau-b (Kendall 1945, The
    treatment of ties in ranking problems, Biometrika 33). Samples of which a coefficient is not
    defined, since all their values or scores are equal, are left out of its interval.
    """
    x, y = np.asarray(values, np.float64), np.asarray(scores, np.float64)
    count = len(x)
    reason = _undefined(x, y)
    if reason:
        return [Agreement(name, None, None, None, None, None, count, reason) for name in NAMES]
    generator = np.random.Generator(np.random.SFC64(seed))
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=samples)
    weights = np.vstack([np.ones((1, count)), drawn])
    found = {
        "srcc": _pearson(_ranks(x, weights), _ranks(y, weights), weights),
        "plcc": _pearson(x[np.newaxis], y[np.newaxis], weights),
        "krcc": _tau_b(x, y, weights),
        "rmse": _rmse(x, y, weights, mapping),
    }
    return [_summarized(name, found[name], count) for name in NAMES]


def _undefined(x: Floats, y: Floats) -> str:
    if len(x) < LEAST_PAIRS:
        return f"{len(x)} images have a value and a score; at least {LEAST_PAIRS} are needed"
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return "some values are infinite"
    if np.ptp(x) == 0:
        return "all values are equal"
    if np.ptp(y) == 0:
        return "all scores are equal"
    return ""


def _summarized(name: str, found: Floats, count: int) -> Agreement:
    value, sampled = found[0], found[1:]
    sampled = sampled[np.isfinite(sampled)]
    if not np.isfinite(value) or not len(sampled):
        return Agreement(name, None, None, None, None, None, count, "it is not defined")
    low95, low68, high68, high95 = (float(each) for each in np.percentile(sampled, _PERCENTILES))
    return Agreement(name, float(value), low68, high68, low95, high95, count)


# Everything below takes weights of shape (samples, n): how often each pair was drawn. A row of ones
# is the data as they are.


def _groups(x: Floats, weights: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the group of equal values of each element, and (samples, groups) their weights."""
    unique, group = np.unique(x, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(unique)))
    return group, np.add.reduceat(weights[:, order], starts, axis=1)


def _ranks(x: Floats, weights: Floats) -> Floats:
    """Return (samples, n) average ranks within each sample."""
    group, sizes = _groups(x, weights)
    ranks = np.cumsum(sizes, axis=1) - sizes / 2 + 0.5
    return np.asarray(ranks[:, group])


def _pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    covariance = (weights * x * y).sum(axis=1)
    spread = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    return _divided(covariance, spread)


def _tau_b(x: Floats, y: Floats, weights: Floats) -> Floats:
    difference = np.zeros(len(weights))
    for start in range(0, len(x), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        signs = np.sign(x[rows, np.newaxis] - x) * np.sign(y[rows, np.newaxis] - y)
        difference += ((weights @ signs.T) * weights[:, rows]).sum(axis=1)
    total = weights.sum(axis=1)
    pairs = total * (total - 1) / 2
    free = [pairs - (sizes * (sizes - 1) / 2).sum(axis=1) for sizes in _sizes(x, y, weights)]
    return _divided(difference / 2, np.sqrt(free[0] * free[1]))


def _sizes(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    return _groups(x, weights)[1], _groups(y, weights)[1]


def _rmse(x: Floats, y: Floats, weights: Floats, mapping: Mapping) -> Floats:
    total = weights.sum(axis=1)
    if mapping == "none":
        return np.asarray(np.sqrt((weights * (x - y) ** 2).sum(axis=1) / total))
    # Around the best straight line remains the share of the variance that is not explained.
    mean = (weights * y).sum(axis=1, keepdims=True) / total[:, np.newaxis]
    variance = (weights * (y - mean) ** 2).sum(axis=1) / total
    explained = _pearson(x[np.newaxis], y[np.newaxis], weights) ** 2
    return np.asarray(np.sqrt(variance * np.clip(1 - explained, 0, None)))


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, NaN where rounding is all that there is to divide by."""
    result: Any = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 1e-12 * denominator.max())
    return np.asarray(np.clip(result, -1, 1))
