"""NIIRS follows the published equations, and says what it cannot know."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from iqf_metrics_sharpness.giqe import giqe4, giqe5, giqe5_rer, outside
from iqf_metrics_sharpness.niirs import Niirs
from scipy.special import ndtr

from iqf_core.components.context import Context
from iqf_core.components.metric import ImageInput, Value
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.testing import MetricConformance


class TestNiirs(MetricConformance):
    component = "niirs"
    parameter_sets = ({"gsd_m": 0.5},)

    @pytest.fixture
    def cases(self) -> list[tuple[str, int]]:
        # All types and bands go to the metrics it asks, which are tried with all of them.
        return [("uint8", 3), ("uint16", 1), ("float32", 4)]


def image() -> Image:
    rows, columns = np.mgrid[:192, :192]
    pixels = np.full(rows.shape, 90.0)
    for angle in (0.1, 1.5):
        across = columns * np.cos(angle) + rows * np.sin(angle)
        for number, place in enumerate(np.arange(20.3, 220, 41.7)):
            pixels += (35 if number % 2 else -35) * ndtr(across - place)
    pixels += np.random.default_rng(0).normal(0, 1, pixels.shape)
    return Image((pixels + 40).astype(np.float32)[..., None], 255)


def measured(one: Image, **params: Any) -> dict[str, Value]:
    metric = Niirs(Niirs.Params(**params))
    return dict(metric.measure(ImageInput(ImageReader.of(one)), Context()))


def test_giqe5_gives_the_published_example() -> None:
    assert giqe5(20.8 * 0.0254, 0.35, 50) == pytest.approx(5.0, abs=0.05)


def test_giqe4_changes_its_slopes_at_an_edge_response_of_0_9() -> None:
    inch = 0.0254
    assert giqe4(inch, 0.9, 1e9, 1, 1) == pytest.approx(10.251 + 1.559 * math.log10(0.9) - 0.656)
    assert giqe4(10 * inch, 0.5, 1e9, 1, 1) == pytest.approx(
        10.251 - 3.16 + 2.817 * math.log10(0.5) - 0.656
    )


def test_giqe5_counts_the_blurrier_direction_double() -> None:
    assert giqe5_rer(0.5, 0.25) == giqe5_rer(0.25, 0.5) == pytest.approx(0.25 * 2 ** (1 / 3))
    values = {"rer": Value(0.4), "rer_x": Value(0.5), "rer_y": Value(0.32, 0.3, 0.34)}
    five, four = (
        Niirs(Niirs.Params(equation=name)).edge_response(values) for name in ("giqe5", "giqe4")
    )
    assert five.value == giqe5_rer(0.5, 0.32)
    assert four.value == 0.4
    alone = Niirs(Niirs.Params()).edge_response(values | {"rer_x": Value(None, reason="no edge")})
    assert alone.value == 0.4


BAD = {
    "constant": np.full((64, 64), 70, np.uint8),
    "saturated": np.full((64, 64), 255, np.uint8),
    "three by three": np.arange(9, dtype=np.uint8).reshape(3, 3),
    "one pixel wide": np.arange(200, dtype=np.uint8).reshape(200, 1),
    "no edge": np.random.default_rng(0).integers(90, 110, (128, 128)).astype(np.uint8),
    "all NaN": np.full((64, 64), np.nan, np.float32),
}


@pytest.mark.parametrize("name", BAD)
def test_what_lacks_edges_or_noise_has_no_rating(name: str) -> None:
    value = measured(Image(BAD[name][..., None], 255), gsd_m=0.5)["niirs"]
    assert value.value is None
    assert value.reason.startswith(("RER: ", "SNR: "))


def test_half_the_gsd_is_worth_one_level() -> None:
    assert giqe5(0.25, 0.5, 50) - giqe5(0.5, 0.5, 50) == pytest.approx(1, abs=0.001)


def test_the_image_gets_a_rating_from_its_own_gsd_or_the_given_one() -> None:
    own = measured(replace(image(), gsd_m=0.5))
    given = measured(image(), gsd_m=0.5)
    assert own["niirs"].value == given["niirs"].value
    assert own["gsd"].value == 0.5
    assert own["niirs"].low <= own["niirs"].value <= own["niirs"].high
    four = measured(image(), gsd_m=0.5, equation="giqe4")["niirs"].value
    assert four != own["niirs"].value


def test_without_a_gsd_there_is_no_rating() -> None:
    value = measured(image())["niirs"]
    assert value.value is None
    assert "gsd_m" in value.reason


def test_a_gsd_that_the_equation_does_not_hold_for_is_said() -> None:
    assert "GSD" in measured(image(), gsd_m=30)["niirs"].reason
    assert outside(0.5, 0.5, 50) == ""
