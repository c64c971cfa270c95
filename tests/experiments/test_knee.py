from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.knee import (
    Tolerance,
    find_knee,
    non_inferiority,
    pooled_variance,
)


def _draw(generator: np.random.Generator, mean: float, count: int, spread: float) -> list[float]:
    return list(generator.normal(mean, spread, count))


@pytest.mark.parametrize("text", ["5%", " 5 % ", "0.02"])
def test_tolerances_are_spelt(text: str) -> None:
    assert Tolerance.parse(text) in (Tolerance(0.05), Tolerance(0.02, relative=False))


@pytest.mark.parametrize("text", ["five", "", "-1%", "0", "nan"])
def test_other_tolerances_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        Tolerance.parse(text)


def test_the_absolute_test_is_welchs() -> None:
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(3)
    for count in (2, 3, 7):
        a, b = _draw(generator, 0.8, count, 0.02), _draw(generator, 0.78, count + 1, 0.05)
        expected = ttest_ind(np.array(b) + 0.05, a, equal_var=False, alternative="greater").pvalue
        found = non_inferiority(a, b, Tolerance(0.05, relative=False))
        assert found.p_value == pytest.approx(expected, rel=1e-9)
        worse = non_inferiority(
            [-x for x in a],
            [-x for x in b],
            Tolerance(0.05, relative=False),
            higher_is_better=False,
        )
        assert worse == found


def test_the_paired_test_is_students() -> None:
    from scipy.stats import ttest_1samp

    generator = np.random.default_rng(4)
    a, b = np.array(_draw(generator, 0.8, 5, 0.02)), np.array(_draw(generator, 0.78, 5, 0.02))
    expected = ttest_1samp(b - 0.95 * a, 0, alternative="greater").pvalue
    assert non_inferiority(a, b, paired=True).p_value == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="cannot be paired"):
        non_inferiority(a, b[:3], paired=True)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("repetitions", [3, 8])
def test_a_point_at_the_margin_passes_at_most_at_the_level(
    relative: bool, repetitions: int
) -> None:
    generator = np.random.default_rng(5)
    tolerance = Tolerance(0.05, relative=relative)
    worst = 0.8 * 0.95 if relative else 0.75
    passed = [
        non_inferiority(
            _draw(generator, 0.8, repetitions, 0.02),
            _draw(generator, worst, repetitions, 0.02),
            tolerance,
        ).within
        for _ in range(3000)
    ]
    # The standard error of a share of 5 % over 3000 trials is 0.4 %; Welch's test with so few
    # values is known to be slightly conservative.
    assert 0.02 <= np.mean(passed) <= 0.05 + 3 * 0.004


def test_a_known_knee_is_found_and_seldom_overrun() -> None:
    # The truth loses 0, 1, 2, 10 and 20 % of 0.8: the last point within 5 % is the third.
    generator = np.random.default_rng(6)
    truth = [0.8, 0.792, 0.784, 0.72, 0.64]
    found = [
        find_knee(
            _draw(generator, 0.8, 5, 0.008), [_draw(generator, mean, 5, 0.008) for mean in truth]
        ).index
        for _ in range(500)
    ]
    assert np.mean([index == 2 for index in found]) > 0.9
    assert np.mean([index is not None and index > 2 for index in found]) <= 0.05


def test_errors_have_knees_too() -> None:
    reference = [1.00, 1.02, 0.98]
    points = [[1.01, 1.0, 1.02], [1.03, 1.01, 1.02], [1.5, 1.4, 1.6]]
    knee = find_knee(reference, points, Tolerance(0.1), higher_is_better=False)
    assert (knee.index, knee.beyond) == (1, False)
    assert knee.verdicts[2].loss == pytest.approx(0.5)


def test_noise_makes_the_knee_earlier_not_later() -> None:
    quiet = find_knee([0.8, 0.801, 0.799], [[0.79, 0.791, 0.789]])
    noisy = find_knee([0.8, 0.9, 0.7], [[0.79, 0.89, 0.69]])
    assert (quiet.index, noisy.index) == (0, None)


def test_testing_ends_with_the_first_failure() -> None:
    knee = find_knee([0.8, 0.8, 0.801], [[0.5, 0.5, 0.51], [0.8, 0.8, 0.801]])
    assert knee.index is None
    assert [verdict.within for verdict in knee.verdicts] == [False, True]


def test_what_cannot_be_tested_is_not_within() -> None:
    one = non_inferiority([0.8], [0.8, 0.8])
    assert (one.within, one.p_value, one.loss) == (False, None, 0)
    assert "two repetitions" in one.reason
    nothing = non_inferiority([0.8, 0.8], [math.nan])
    assert (nothing.within, nothing.reason) == (False, "no values")
    assert "not positive" in non_inferiority([-1.0, -1.1], [-1.0, -1.1]).reason


def test_zero_is_a_value_and_no_spread_decides_by_the_means() -> None:
    zero = Tolerance(0.1, relative=False)
    assert non_inferiority([0.0, 0.0], [0.0, 0.0], zero).p_value == 0
    assert non_inferiority([0.0, 0.0], [-0.1, -0.1], zero).within is False


def test_the_pooled_spread_is_that_of_the_analysis_of_variance() -> None:
    groups = [[1.0, 3.0], [10.0, 10.0, 13.0], [5.0], [math.nan, 2.0]]
    # Squares around the means: 2 + 6 + 0 + 0 over 1 + 2 degrees of freedom.
    assert pooled_variance(groups) == pytest.approx((8 / 3, 3))
    assert pooled_variance([[1.0], [2.0], []]) is None


def test_with_two_groups_of_one_size_pooling_is_students_test() -> None:
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(8)
    a, b = _draw(generator, 0.8, 4, 0.02), _draw(generator, 0.78, 4, 0.03)
    expected = ttest_ind(np.array(b) + 0.05, a, equal_var=True, alternative="greater").pvalue
    tolerance = Tolerance(0.05, relative=False)
    found = non_inferiority(a, b, tolerance, pooled=pooled_variance([a, b]))
    assert found.p_value == pytest.approx(expected, rel=1e-9)


def test_pooling_holds_the_level_and_finds_more_with_few_repetitions() -> None:
    generator = np.random.default_rng(9)
    level: list[bool] = []
    power: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(2000):
        groups = [_draw(generator, mean, 3, 0.02) for mean in (0.8, 0.76, 0.8, 0.5, 0.3)]
        pooled = pooled_variance(groups)
        level.append(non_inferiority(groups[0], groups[1], pooled=pooled).within)
        for pool in (True, False):
            given = pooled if pool else None
            power[pool].append(non_inferiority(groups[0], groups[2], pooled=given).within)
    assert np.mean(level) <= 0.05 + 3 * 0.005  # standard error over 2000 trials: 0.5 %
    assert np.mean(power[True]) > np.mean(power[False]) + 0.05
