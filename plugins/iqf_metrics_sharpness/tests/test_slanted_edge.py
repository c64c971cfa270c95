"""An edge of a calibration target measures what the closed forms say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from iqf_metrics_sharpness.response import figures
from iqf_metrics_sharpness.slanted_edge import SlantedEdge
from scipy.special import ndtr

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing import MetricConformance

REGION = {"row": 8, "column": 4, "height": 80, "width": 64}


class TestSlantedEdge(MetricConformance):
    component = "slanted_edge"
    parameter_sets = ({"row": 2, "column": 3, "height": 24, "width": 20},)


def measured(pixels: np.ndarray, **region: Any) -> dict[str, Value]:
    metric = SlantedEdge(SlantedEdge.Params(**(region or REGION)))
    image = Image(pixels.astype(np.float32)[..., None], 255)
    return dict(metric.measure(ImageInput(ImageReader.of(image)), Context()))


def edge(degrees: float, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[:96, :96]
    angle = np.radians(degrees)
    across = (columns - 36.3) * np.cos(angle) + (rows - 47.1) * np.sin(angle)
    noise = np.random.default_rng(0).normal(0, 0.5, across.shape)
    return 60 + 120 * ndtr(across / sigma) + noise


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.3])
@pytest.mark.parametrize("degrees", [5, 95, -173, 30])
def test_a_gaussian_edge_measures_its_closed_forms(degrees: float, sigma: float) -> None:
    values, truth = measured(edge(degrees, sigma)), figures(sigma)
    assert values["rer"].value == pytest.approx(truth["rer"], rel=0.02)
    assert values["fwhm"].value == pytest.approx(truth["fwhm"], rel=0.06)
    assert values["mtf50_freq"].value == pytest.approx(truth["mtf50_freq"], rel=0.03)
    assert values["mtf_nyquist"].value == pytest.approx(truth["mtf_nyquist"], abs=0.02)
    turned = (values["angle"].value - degrees + 180) % 360 - 180
    assert abs(turned) < 0.5


def test_a_region_without_an_edge_says_so() -> None:
    noise = np.random.default_rng(1).normal(100, 10, (96, 96))
    assert "edge" in measured(noise)["rer"].reason
    assert "constant" in measured(np.full((96, 96), 9.0))["rer"].reason


def test_a_region_beyond_the_image_says_so() -> None:
    value = measured(edge(5, 1), row=50, column=0, height=80, width=64)["rer"]
    assert value.value is None
    assert "beyond" in value.reason


def test_an_edge_along_the_grid_is_refused_where_bins_stay_empty() -> None:
    value = measured(edge(0, 1))["rer"]
    assert value.value is None
    assert "slant" in value.reason
