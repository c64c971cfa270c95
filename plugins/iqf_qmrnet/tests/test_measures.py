"""The measures of an evaluation, against values computed by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_qmrnet import measures
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score


@pytest.fixture
def predicted():
    """Random probabilities (300, 7) that lean towards the true class, and the true classes."""
    rng = np.random.default_rng(4)
    level = np.concatenate([np.arange(7), rng.integers(0, 7, 293)])
    logits = rng.normal(size=(300, 7))
    logits[np.arange(300), level] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities, level


def test_median_rank_and_recall_by_hand():
    distance = np.array([0, 0, 1, 2, 7])
    assert measures.median(distance) == 1
    assert measures.median(distance[:4]) == 0.5
    assert measures.recall_at(distance, 0) == 0.4
    assert measures.recall_at(distance, 1) == 0.6
    assert measures.recall_at(distance, 5) == 0.8
    assert measures.recall_at(distance, 10) == 1


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_repetitions(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, 25).astype(float)
    weights = rng.integers(0, 4, 25)
    weights[0] += 1
    repeated = np.repeat(values, weights)
    assert measures.median(values, weights) == np.median(repeated)
    assert measures.mean(values, weights) == pytest.approx(repeated.mean())
    assert measures.recall_at(values, 3, weights) == pytest.approx((repeated <= 3).mean())


def test_positions_on_rising_falling_and_uneven_grids():
    rising = np.array([1.0, 2.0, 4.0])
    values = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 0.5])
    expected = np.array([0, 0.5, 1, 1.5, 2, 2.5, -0.5])
    np.testing.assert_allclose(measures.grid_position(values, rising), expected)
    np.testing.assert_allclose(measures.grid_position(values, rising[::-1]), 2 - expected)


def test_hardening_takes_what_exceeds_the_threshold_else_the_largest():
    probabilities = np.array([[0.5, 0.4, 0.1], [0.3, 0.29, 0.2], [0.1, 0.1, 0.8]])
    chosen = [[True, True, False], [True, False, False], [False, False, True]]
    np.testing.assert_array_equal(measures.hardened(probabilities), chosen)


def test_precision_recall_and_f_by_hand():
    chosen = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], bool)
    precision, recall, f_score = measures.precision_recall_f(chosen, np.array([0, 1, 2]))
    assert (precision, recall) == (pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert f_score == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    nothing = np.array([[0, 1]], bool)
    assert measures.precision_recall_f(nothing, np.array([0])) == (0, 0, 0)


def test_precision_recall_and_f_are_scikit_learns(predicted):
    probabilities, level = predicted
    chosen = measures.hardened(probabilities)
    *expected, _ = precision_recall_fscore_support(np.eye(7)[level], chosen, average="micro")
    assert measures.precision_recall_f(chosen, level) == pytest.approx(tuple(expected))


def test_the_area_under_the_curve_is_scikit_learns(predicted):
    probabilities, level = predicted
    probabilities = probabilities.round(1)  # with ties
    expected = roc_auc_score(np.eye(7)[level], probabilities, average="samples")
    assert measures.separation(probabilities, level).mean() == pytest.approx(expected)


def test_the_area_under_the_curve_by_hand():
    probabilities = np.array([[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]])
    np.testing.assert_allclose(measures.separation(probabilities, np.array([0, 1])), [1, 0.25])


def test_the_calibration_error_by_hand():
    # Two samples at 0.9 of which one hits, two at 0.3 of which none hits: |.5-.9|/2 + |0-.3|/2.
    confidence = np.array([0.9, 0.9, 0.3, 0.3])
    hit = np.array([True, False, False, False])
    assert measures.calibration_error(confidence, hit, bins=10) == pytest.approx(0.35)
    weights = np.array([2, 0, 1, 1])
    assert measures.calibration_error(confidence, hit, weights, 10) == pytest.approx(0.2)


def test_a_calibrated_forecast_has_a_small_calibration_error():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(size=200_000)
    hit = rng.uniform(size=200_000) < confidence
    assert measures.calibration_error(confidence, hit) < 0.005
    assert measures.calibration_error(confidence, ~hit) > 0.4


def test_coverage_by_hand():
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    low, high = np.array([0.0, 2.0, 3.5, 0.0]), np.array([1.0, 2.5, 4.0, 3.0])
    assert measures.coverage(truth, low, high) == 0.5


def test_the_confusion_matrix_is_scikit_learns(predicted):
    probabilities, level = predicted
    chosen = probabilities.argmax(1)
    expected = confusion_matrix(level, chosen, labels=range(7))
    np.testing.assert_array_equal(measures.confusion(chosen, level, 7), expected)
