"""The closed forms agree with each other and with numerical integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from iqf_metrics_sharpness.response import GAUSSIAN, edge_spread, figures, line_spread, transfer
from scipy.integrate import quad


@pytest.mark.parametrize("width", [0.5, 1.0, 2.5])
def test_figures_of_a_gaussian_are_the_closed_forms(width: float) -> None:
    told = figures(width)
    assert told["rer"] == pytest.approx(math.erf(1 / (2 * math.sqrt(2) * width)), rel=1e-12)
    assert told["fwhm"] == pytest.approx(2 * math.sqrt(2 * math.log(2)) * width, rel=1e-4)
    assert told["mtf50_freq"] == pytest.approx(0.18739 / width, rel=1e-4)
    assert told["mtf_nyquist"] == pytest.approx(math.exp(-(math.pi**2) * width**2 / 2))


@pytest.mark.parametrize(
    "shape",
    [GAUSSIAN, np.array([0.05, -0.02, 0.003, 0, 0, 0]), np.array([0, 0, 0.003, 0.1, -0.02, 0.05])],
)
def test_edge_line_and_transfer_belong_together(shape: np.ndarray) -> None:
    width = 0.9
    rise, _ = quad(lambda u: float(line_spread(np.array(u), shape)), -50, 0.7, limit=200)
    assert rise == pytest.approx(float(edge_spread(np.array(0.7), shape)), abs=1e-7)
    # RER = 2 int H(f) sinc(f) df.
    integral, _ = quad(lambda f: float(transfer(f, width, shape)) * np.sinc(f), 0, 3, limit=200)
    assert 2 * integral == pytest.approx(figures(width, shape)["rer"], abs=1e-6)
