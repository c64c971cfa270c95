"""The knee of a curve: how far a dataset can be degraded before performance is lost.

A degraded point is *within the tolerance* when a one-sided non-inferiority test over the
repetitions says so: the null hypothesis is that it is worse than the reference by the tolerance or
more, and it must be rejected at the stated confidence. Not finding a difference is no evidence of
equality; few or noisy repetitions therefore make the knee later, never earlier (S. Wellek, *Testing
Statistical Hypotheses of Equivalence and Noninferiority*, 2nd ed., CRC Press 2010).

Points are tested from the least to the most degraded, and testing ends with the first that fails.
In such a fixed sequence each test has the full level and the chance of a knee that is too far is
still at most 1 - confidence (W. Maurer, L. A. Hothorn, W. Lehmacher, *Multiple comparisons in drug
clinical trials and preclinical assays: a-priori ordered hypotheses*, Biometrie in der
chemisch-pharmazeutischen Industrie 6 (1995), 3-18).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iqf_core.errors import ConfigurationError

#: What is tolerated, and how sure one is, when nobody says otherwise.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Tolerance:
    """The loss of performance that is of no consequence.

    Attributes
    ----------
    amount
        In units of the metric, or the share of the reference's mean.
    relative
        Which of the two.
    """

    amount: float
    relative: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise ConfigurationError(f"tolerance {self.amount:g}: expected more than 0")

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Return the tolerance that a text spells: ``5%`` of the reference, or ``0.02`` itself.

        Raises
        ------
        ConfigurationError
            If it is neither.
        """
        number = text.strip().removesuffix("%")
        try:
            amount = float(number)
        except ValueError:
            raise ConfigurationError(
                f"tolerance {text!r}: expected a share such as 5% or a number such as 0.02"
            ) from None
        relative = text.strip().endswith("%")
        return cls(amount / 100 if relative else amount, relative)

    def __str__(self) -> str:
        return f"{100 * self.amount:g} %" if self.relative else f"{self.amount:g}"


DEFAULT_TOLERANCE = Tolerance(0.05)


@dataclass(frozen=True)
class Verdict:
    """What the test says of one point.

    Attributes
    ----------
    loss
        By how much its mean is worse than the reference's, in units of the metric; negative when
        it is better. NaN without values.
    p_value
        The chance of such values, or better ones, if it were worse by the whole tolerance; None
        when there was no test.
    within
        Whether it is within the tolerance at the confidence asked for.
    reason
        Why there was no test, else empty.
    """

    loss: float
    p_value: float | None
    within: bool
    reason: str = ""


@dataclass(frozen=True)
class Knee:
    """Where a curve bends.

    Attributes
    ----------
    index
        The last point, from the least degraded one, up to which all are within the tolerance;
        None when already the first is not.
    verdicts
        What the test says of every point, in the same order; those behind the first failure are
        for the reader and move no knee.
    """

    index: int | None
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Knee:
        """Return the knee of verdicts from the least to the most degraded point."""
        failed = [n for n, verdict in enumerate(verdicts) if not verdict.within]
        passed = failed[0] if failed else len(verdicts)
        return cls(passed - 1 if passed else None, tuple(verdicts))

    @property
    def beyond(self) -> bool:
        """Whether all points are within the tolerance: the bend lies outside what was tried."""
        return self.index is not None and self.index == len(self.verdicts) - 1


def non_inferiority(
    reference: Sequence[float],
    values: Sequence[float],
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    higher_is_better: bool = True,
    confidence: float = CONFIDENCE,
    paired: bool = False,
    pooled: tuple[float, float] | None = None,
) -> Verdict:
    """Test whether `values` are worse than the `reference` by less than the tolerance.

    Parameters
    ----------
    reference, values
        The metric in each repetition; NaN is missing.
    tolerance
        The margin. A relative one is tested as a ratio of means, with the reference's own spread.
    higher_is_better
        Whether a higher value is the better one.
    confidence
        One minus the level of the one-sided test, between 0.5 and 1.
    paired
        Whether equal places are the same repetition (same seed): then the differences are tested.
        Pairs with a missing side are left out.
    pooled
        Variance and degrees of freedom from more points than these two, where all may be taken to
        spread alike; see :func:`pooled_variance`. Not with `paired`.

    Returns
    -------
    Verdict
        Without a test, and so not within, when a side has fewer than two values.

    Notes
    -----
    With ``s`` = 1 when higher is better, else -1, the statistic is::

        t = (s mean(values) - s k mean(reference) + margin) / se

    An absolute margin has k = 1; a relative one has margin = 0 and k = 1 - s amount, which is the
    test of a ratio of means (D. Hauschke, V. Steinijans, I. Pigeot, *Bioequivalence Studies in
    Drug Development*, Wiley 2007). Unpaired, ``se² = var(values) / n + k² var(reference) / n_ref``
    with the degrees of freedom of Welch and Satterthwaite; pooled, both variances are the given
    one; paired, that of the differences with n - 1. Repetitions without any spread decide by their
    means alone.
    """
    if not 0.5 < confidence < 1:
        raise ConfigurationError(f"confidence {confidence:g}: expected between 0.5 and 1")
    a = np.asarray(reference, np.float64)
    b = np.asarray(values, np.float64)
    if paired:
        if len(a) != len(b):
            raise ValueError(f"{len(b)} values cannot be paired with {len(a)} of the reference")
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
    else:
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    if not len(a) or not len(b):
        return Verdict(math.nan, None, False, "no values")
    sign = 1.0 if higher_is_better else -1.0
    loss = sign * float(a.mean() - b.mean())
    if len(a) < 2 or len(b) < 2:
        return Verdict(loss, None, False, "a test needs at least two repetitions of both")
    if tolerance.relative and a.mean() <= 0:
        return Verdict(loss, None, False, "a share of a reference that is not positive: no margin")
    factor = 1 - sign * tolerance.amount if tolerance.relative else 1.0
    margin = 0.0 if tolerance.relative else tolerance.amount
    if paired:
        differences = sign * (b - factor * a) + margin
        excess, variance, freedom = _mean_of(differences)
    else:
        excess = sign * float(b.mean() - factor * a.mean()) + margin
        if pooled is not None:
            variance = pooled[0] * (1 / len(b) + factor**2 / len(a))
            p_value = _upper_tail(excess, variance, pooled[1])
            return Verdict(loss, p_value, p_value <= 1 - confidence)
        parts = (float(b.var(ddof=1)) / len(b), factor**2 * float(a.var(ddof=1)) / len(a))
        variance = sum(parts)
        weights = (parts[0] ** 2 / (len(b) - 1), parts[1] ** 2 / (len(a) - 1))
        freedom = variance**2 / sum(weights) if sum(weights) > 0 else 1.0
    p_value = _upper_tail(excess, variance, freedom)
    return Verdict(loss, p_value, p_value <= 1 - confidence)


def pooled_variance(groups: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """Return the variance within groups, and its degrees of freedom; None without any.

    Each group has its own mean: the mean square within, of the analysis of variance. NaN is
    missing.
    """
    finite = [values[np.isfinite(values)] for values in map(np.asarray, groups) if len(values)]
    freedom = sum(len(values) - 1 for values in finite if len(values))
    if freedom < 1:
        return None
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in finite if len(values))
    return squares / freedom, float(freedom)


def _mean_of(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    count = len(differences)
    return float(differences.mean()), float(differences.var(ddof=1)) / count, count - 1.0


def _upper_tail(excess: float, variance: float, freedom: float) -> float:
    """Return the p-value of a t statistic; without variance the mean alone decides."""
    if variance <= 0:
        return 0.0 if excess > 0 else 1.0
    from scipy.special import stdtr

    return float(stdtr(freedom, -excess / math.sqrt(variance)))


def find_knee(
    reference: Sequence[float],
    points: Sequence[Sequence[float]],
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    *,
    higher_is_better: bool = True,
    confidence: float = CONFIDENCE,
    paired: bool = False,
) -> Knee:
    """Return how far one can go along `points` without losing more than the tolerance.

    Parameters
    ----------
    reference
        The metric of the unmodified dataset in each repetition.
    points
        The same at each degradation, from the least to the most.
    tolerance, higher_is_better, confidence, paired
        As for :func:`non_inferiority`.
    """
    verdicts = tuple(
        non_inferiority(
            reference,
            values,
            tolerance,
            higher_is_better=higher_is_better,
            confidence=confidence,
            paired=paired,
        )
        for values in points
    )
    return Knee.of(verdicts)
