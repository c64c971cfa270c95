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
    parameter_sets = (
        {"row": 2, "column": 3, "height": 24, "width": 20},
        {"x0": 8.0, "y0": 9.5, "x1": 22.0, "y1": 12.0, "half_width": 6.0},
    )


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


def line_along(degrees: float, half: float = 30.0) -> dict[str, float]:
    """Return a line about along the edge: it is a pixel beside it and a degree off."""
    along = np.radians(degrees + 91)
    x, y = 36.3 + np.cos(along - np.pi / 2), 47.1 + np.sin(along - np.pi / 2)
    ends = {"x0": x - half * np.cos(along), "y0": y - half * np.sin(along)}
    return {**ends, "x1": x + half * np.cos(along), "y1": y + half * np.sin(along)}


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.3])
@pytest.mark.parametrize("degrees", [5, 95, -173, 30])
def test_a_line_along_the_edge_does_as_well(degrees: float, sigma: float) -> None:
    values, truth = measured(edge(degrees, sigma), **line_along(degrees)), figures(sigma)
    assert values["rer"].value == pytest.approx(truth["rer"], rel=0.02)
    assert values["fwhm"].value == pytest.approx(truth["fwhm"], rel=0.06)
    assert values["mtf50_freq"].value == pytest.approx(truth["mtf50_freq"], rel=0.03)
    assert values["mtf_nyquist"].value == pytest.approx(truth["mtf_nyquist"], abs=0.02)
    assert values["mtf_half_nyquist"].value == pytest.approx(truth["mtf_half_nyquist"], abs=0.02)
    turned = (values["angle"].value - degrees + 180) % 360 - 180
    assert abs(turned) < 0.5


def test_what_lies_further_from_the_line_does_not_matter() -> None:
    pixels, line = edge(5, 0.8), line_along(5)
    alone = measured(pixels, **line)
    rows, columns = np.mgrid[:96, :96]
    across = (columns - 36.3) * np.cos(np.radians(5)) + (rows - 47.1) * np.sin(np.radians(5))
    beside = measured(np.where(np.abs(across) > 15, 20, pixels), **line)
    assert {name: value.value for name, value in beside.items()} == {
        name: value.value for name, value in alone.items()
    }


def test_a_system_with_halos_is_no_gaussian() -> None:
    degrees, sharpening, wide = 5.0, 0.6, 1.6
    sharp, soft = edge(degrees, 0.7), edge(degrees, wide)
    values = measured(sharp + sharpening * (sharp - soft), **line_along(degrees))
    narrow, broad = figures(0.7), figures(wide)
    for name in ("rer", "mtf_nyquist", "mtf_half_nyquist"):
        truth = (1 + sharpening) * narrow[name] - sharpening * broad[name]
        assert values[name].value == pytest.approx(truth, rel=0.03)


def test_a_line_far_from_the_edge_says_so() -> None:
    line = line_along(5)
    moved = {name: end + (8 if name.startswith("x") else 0) for name, end in line.items()}
    value = measured(edge(5, 1), **moved)["rer"]
    assert value.value is None
    assert "px" in value.reason


def test_a_line_whose_band_leaves_the_image_says_so() -> None:
    value = measured(edge(5, 1), x0=3.0, y0=5.0, x1=3.0, y1=60.0)["rer"]
    assert value.value is None
    assert "beyond" in value.reason


@pytest.mark.parametrize(
    "given", [{}, {"x0": 1.0, "y0": 2.0}, {**REGION, "x0": 1.0, "y0": 2.0, "x1": 50.0, "y1": 2.0}]
)
def test_one_region_or_one_line_is_needed(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a region .* or a line"):
        SlantedEdge.Params(**given)
    with pytest.raises(ValueError, match="at least 8"):
        SlantedEdge.Params(x0=1, y0=1, x1=4, y1=4)


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
