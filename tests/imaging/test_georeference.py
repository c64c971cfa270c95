"""Places on Earth stay where they are when the pixel grid changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from iqf_core.errors import UnsupportedImageError
from iqf_core.imaging.georeference import Affine6, Georeference, GroundControlPoint
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import open_image
from iqf_core.imaging.windows import Window
from iqf_core.imaging.writing import write_image

UTM = CRS.from_epsg(32631).to_wkt()
GEOGRAPHIC = CRS.from_epsg(4326).to_wkt()

numbers = st.floats(-100, 100)
scales = st.floats(0.1, 10) | st.floats(-10, -0.1)


def apply(transform: Affine6, point: tuple[float, float]) -> tuple[float, float]:
    a, b, c, d, e, f = transform
    x, y = point
    return a * x + b * y + c, d * x + e * y + f


@given(
    change=st.tuples(
        scales, st.floats(-0.05, 0.05), numbers, st.floats(-0.05, 0.05), scales, numbers
    ),
    point=st.tuples(numbers, numbers),
)
def test_a_point_of_the_old_grid_and_of_the_new_one_lie_at_the_same_place(
    change: Affine6, point: tuple[float, float]
) -> None:
    old = Georeference(UTM, (10.0, 1.0, 500_000.0, -0.5, -9.0, 4.6e6))
    new = old.regridded(change)
    assert new.transform is not None
    moved = apply(change, point)
    # Coordinates of 5e6 have 16 digits, and the inverse amplifies errors by at most 10.
    assert old.transform is not None
    assert np.allclose(apply(new.transform, moved), apply(old.transform, point), atol=1e-5)


def test_halving_the_grid_doubles_the_gsd() -> None:
    old = Georeference(UTM, (10.0, 0.0, 500_000.0, 0.0, -10.0, 4.6e6))
    new = old.regridded((0.5, 0.0, 0.0, 0.0, 0.5, 0.0))
    assert new.transform == (20.0, 0.0, 500_000.0, 0.0, -20.0, 4.6e6)
    assert old.gsd_m((100, 100)) == 10
    assert new.gsd_m((50, 50)) == 20


def test_control_points_move_with_the_grid() -> None:
    old = Georeference(gcps=(GroundControlPoint(10, 20, 2.0, 41.0),), gcps_crs=GEOGRAPHIC)
    (point,) = old.regridded((2.0, 0.0, 1.0, 0.0, 3.0, 5.0)).gcps
    assert (point.row, point.col, point.x, point.y) == (35, 41, 2.0, 41.0)


def test_rational_polynomials_follow_shifts_and_scales() -> None:
    rpcs = {"line_off": 49.5, "samp_off": 99.5, "line_scale": 50.0, "samp_scale": 100.0}
    new = Georeference(rpcs=rpcs).regridded((0.5, 0.0, -10.0, 0.0, 0.25, 0.0)).rpcs
    # The centre of the old image, corner position (100, 50), lies at (40, 12.5) of the new one.
    assert new == {"line_off": 12.0, "samp_off": 39.5, "line_scale": 12.5, "samp_scale": 50.0}


def test_rational_polynomials_cannot_be_rotated() -> None:
    rpcs = {"line_off": 49.5, "samp_off": 99.5, "line_scale": 50.0, "samp_scale": 100.0}
    with pytest.raises(UnsupportedImageError, match="orthorectify"):
        Georeference(rpcs=rpcs).regridded((0.0, 1.0, 0.0, -1.0, 0.0, 0.0))


def test_a_grid_change_must_be_invertible() -> None:
    with pytest.raises(ValueError, match="invertible"):
        Georeference(UTM, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)).regridded((1.0, 1.0, 0, 1.0, 1.0, 0))


def test_gsd_in_feet_is_given_in_metres() -> None:
    feet = CRS.from_epsg(2263).to_wkt()
    place = Georeference(feet, (3.0, 0.0, 980_000.0, 0.0, -3.0, 200_000.0))
    # US survey foot: 1200 / 3937 m.
    assert place.gsd_m((10, 10)) == pytest.approx(3 * 1200 / 3937)


@pytest.mark.parametrize("latitude", [0.0, 41.4, -70.0])
def test_gsd_in_degrees_is_given_in_metres(latitude: float) -> None:
    degrees = 1e-4
    place = Georeference(GEOGRAPHIC, (degrees, 0.0, 2.0, 0.0, -degrees, latitude))
    expected = 111_195 * degrees * np.sqrt(np.cos(np.radians(latitude)))
    assert place.gsd_m((2, 2)) == pytest.approx(expected, rel=1e-3)


def test_gsd_in_web_mercator_is_that_on_the_ground() -> None:
    mercator = CRS.from_epsg(3857).to_wkt()
    at_60_degrees_north = 8_399_738.0
    place = Georeference(mercator, (10.0, 0.0, 0.0, 0.0, -10.0, at_60_degrees_north))
    assert place.gsd_m((2, 2)) == pytest.approx(5.0, rel=0.01)


def test_gsd_from_control_points() -> None:
    corners = ((0, 0), (0, 100), (100, 0))
    points = tuple(
        GroundControlPoint(row, col, 500_000 + 2.5 * col, 4.6e6 - 2.5 * row) for row, col in corners
    )
    assert Georeference(gcps=points, gcps_crs=UTM).gsd_m((100, 100)) == pytest.approx(2.5)


@pytest.mark.parametrize("place", [Georeference(), Georeference(UTM), Georeference(rpcs={"x": 1})])
def test_an_unknown_gsd_is_none(place: Georeference) -> None:
    assert place.gsd_m((10, 10)) is None


def test_a_window_lies_where_its_pixels_lie(tmp_path: Path) -> None:
    place = Georeference(UTM, (10.0, 0.0, 500_000.0, 0.0, -10.0, 4.6e6))
    write_image(tmp_path / "a.tif", Image(np.zeros((50, 60, 1), np.uint8), 255, georeference=place))
    with open_image(tmp_path / "a.tif") as reader:
        part = reader.read(Window(5, 7, 10, 10))
    assert part.georeference is not None
    assert part.georeference.transform == (10.0, 0.0, 500_070.0, 0.0, -10.0, 4_599_950.0)
