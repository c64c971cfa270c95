"""How good predictions of a graded parameter are: pure functions of arrays.

The definitions are those of QMRNet's publication (Berga et al., Remote Sensing 15(9) 2451, 2023)
where it has them, with one correction: everything is accumulated over samples, not over batches.

Distances are counted in bins of the grid. ``medR`` is the median over the samples of the distance
between the predicted and the true bin (0 is exact); ``R@K`` is the share of samples whose distance
is at most K bins (so R@1 is "within one bin", and R@0 the share of exact hits).

Every function takes ``weights``, how often each sample counts, so that a bootstrap resample of the
images is only another set of weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Weights = NDArray[Any] | None

#: A class counts as predicted when its probability exceeds this (published ``soft_threshold``).
THRESHOLD = 0.3

#: Confidence bins of the expected calibration error (Guo et al., ICML 2017, use 15).
CALIBRATION_BINS = 15


def mean(values: NDArray[Any], weights: Weights = None) -> float:
    """Return the (weighted) mean of `values` (S,)."""
    return float(np.average(values, weights=weights))


def median(values: NDArray[Any], weights: Weights = None) -> float:
    """Return the median of `values` (S,), each repeated as often as its integer weight says."""
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(np.asarray(weights)[order])
    total = int(cumulated[-1])
    # The (weighted) samples of rank (total - 1) // 2 and total // 2, counted from 0.
    ranks = np.array([(total - 1) // 2, total // 2])
    middle = order[np.searchsorted(cumulated, ranks, side="right")]
    return float(np.asarray(values, np.float64)[middle].mean())


def recall_at(distance: NDArray[Any], bins: float, weights: Weights = None) -> float:
    """Return R@K: the share of samples whose `distance` (S,) in bins is at most `bins`."""
    return mean(distance <= bins, weights)


def grid_position(values: Floats, grid: Floats) -> Floats:
    """Return where `values` (S,) lie on the `grid` (N,), in fractional bins.

    Grid values are whole positions, between them it is linear, and beyond the ends the slope of
    the outermost bins goes on.
    """
    rising = grid if grid[-1] > grid[0] else -grid
    wanted = values if grid[-1] > grid[0] else -values
    left = np.clip(np.searchsorted(rising, wanted, side="right") - 1, 0, len(grid) - 2)
    step = rising[left + 1] - rising[left]
    return np.asarray(left + (wanted - rising[left]) / step)


def hardened(probabilities: Floats, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return which classes each sample is said to be of, (S, N) bool.

    Those whose probability exceeds `threshold`; where none does, the most probable one.
    """
    chosen = probabilities > threshold
    none = ~chosen.any(axis=1)
    chosen[none, probabilities[none].argmax(axis=1)] = True
    return chosen


def precision_recall_f(
    chosen: NDArray[np.bool_], level: Integers, weights: Weights = None
) -> tuple[float, float, float]:
    """Return micro-averaged precision, recall and F-score of exact bins.

    Parameters
    ----------
    chosen
        (S, N): the classes that each sample is said to be of (see :func:`hardened`).
    level
        (S,): the true class.
    weights
        (S,): how often each sample counts.
    """
    hit = chosen[np.arange(len(level)), level]
    said = chosen.sum(axis=1)
    hits = mean(hit, weights)
    precision = hits / mean(said, weights)
    return precision, hits, 2 * precision * hits / (precision + hits) if hits else 0.0


def separation(probabilities: Floats, level: Integers) -> Floats:
    """Return the area under the ROC curve of every sample, (S,).

    The share of the other classes that are less probable than the true one, ties counting half;
    its mean is scikit-learn's ``roc_auc_score(one_hot, probabilities, average="samples")``. It is
    computed from the probabilities, not from hardened outputs, of which there is no curve.
    """
    true = probabilities[np.arange(len(level)), level][:, np.newaxis]
    below = (probabilities < true).sum(axis=1)
    equal = (probabilities == true).sum(axis=1) - 1
    return np.asarray((below + 0.5 * equal) / (probabilities.shape[1] - 1))


def calibration_error(
    confidence: Floats,
    hit: NDArray[np.bool_],
    weights: Weights = None,
    bins: int = CALIBRATION_BINS,
) -> float:
    """Return the expected calibration error, 0 (calibrated) to 1.

    The mean over the samples of how far the share of hits lies from the mean confidence, in `bins`
    equal intervals of confidence (Naeini et al., AAAI 2015; Guo et al., ICML 2017, eq. 3).

    Parameters
    ----------
    confidence
        (S,): the probability of the predicted class, 0 to 1.
    hit
        (S,): whether that class is the true one.
    weights
        (S,): how often each sample counts.
    bins
        Number of intervals.
    """
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    given = np.ones(len(hit)) if weights is None else np.asarray(weights, np.float64)
    gap = np.bincount(place, given * (hit - confidence), minlength=bins)
    return float(np.abs(gap).sum() / given.sum())


def coverage(truth: Floats, low: Floats, high: Floats, weights: Weights = None) -> float:
    """Return the share of `truth` (S,) that lies within [`low`, `high`]."""
    return mean((low <= truth) & (truth <= high), weights)


def confusion(predicted: Integers, level: Integers, classes: int) -> NDArray[np.int64]:
    """Return how often class `level` (row) was taken for class `predicted` (column)."""
    flat = np.bincount(np.asarray(level) * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)
