"""The distances of QMRLoss, against independent implementations and by hand."""

from __future__ import annotations

import pytest
import torch
from iqf_qmrnet.distances import (
    distribution_distance,
    elementwise_distance,
    expected_distance,
    point_mass,
)
from scipy.stats import wasserstein_distance

GRID = torch.linspace(1.0, 2.5, 50, dtype=torch.float64)


def peaked(position):
    """Return a peaked distribution around a bin."""
    return torch.softmax(-0.5 * (torch.arange(50, dtype=torch.float64) - position) ** 2, 0)[None]


@pytest.mark.parametrize("grid", [GRID, GRID.flip(0), GRID**3])
def test_the_distribution_distance_is_scipys(grid):
    torch.manual_seed(0)
    prediction, target = torch.rand(2, 4, 50, dtype=torch.float64).softmax(2).unbind()
    expected = [
        wasserstein_distance(grid, grid, *pair) for pair in zip(prediction, target, strict=True)
    ]
    span = abs(float(grid[-1] - grid[0]))
    measured = distribution_distance(prediction, target, grid)
    torch.testing.assert_close(measured * span, torch.tensor(expected, dtype=torch.float64))


def test_only_distances_of_distributions_grow_with_the_error():
    truth = peaked(20)
    shifts = [0, 1, 5, 15]
    moved = [float(distribution_distance(peaked(20 + by), truth, GRID)) * 49 for by in shifts]
    assert moved == pytest.approx(shifts, abs=1e-6)
    means = [float(expected_distance(peaked(20 + by), truth, GRID)) * 49 for by in shifts]
    assert means == pytest.approx(shifts, abs=1e-6)
    for kind in ("l1", "mse"):
        near, far = (float(elementwise_distance(peaked(20 + by), truth, kind)) for by in (7, 15))
        assert far == pytest.approx(near, rel=0.05)


def test_elementwise_distances_by_hand():
    one, other = torch.tensor([[0.5, 0.25]]), torch.tensor([[1.0, 0.0]])
    assert float(elementwise_distance(one, other, "l1")) == 0.375
    assert float(elementwise_distance(one, other, "mse")) == pytest.approx((0.25 + 0.0625) / 2)
    expected = -(torch.tensor(0.5).log() + torch.tensor(0.75).log()) / 2
    assert float(elementwise_distance(one, other, "bce")) == pytest.approx(float(expected))


@pytest.mark.parametrize("grid", [GRID, GRID.flip(0), GRID**2])
@pytest.mark.parametrize("share", [0.0, 0.31, 0.5, 1.0])
def test_a_point_mass_has_the_value_as_its_mean(grid, share):
    value = float(grid.min() + share * (grid.max() - grid.min()))
    masses = point_mass(value, grid)
    assert float(masses.sum()) == pytest.approx(1)
    assert float(masses @ grid) == pytest.approx(value)
    assert int((masses > 1e-9).sum()) <= 2
