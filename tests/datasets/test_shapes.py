from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon, box

from iqf_core.datasets.shapes import CRS84, Placement, name_crs, parse_crs, polygons_of, simplest
from iqf_core.errors import DatasetError
from iqf_core.imaging.georeference import Georeference, GroundControlPoint

ZONE = CRS.from_epsg(32616)
SQUARE = Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (2, 1), (2, 2)]])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("EPSG:32616", 32616),
        ("epsg:3857", 3857),
        ("urn:ogc:def:crs:EPSG::32616", 32616),
        ("urn:ogc:def:crs:EPSG:9.8:4326", 4326),
        ("http://www.opengis.net/def/crs/EPSG/0/4326", 4326),
        (CRS84, 4326),
        ("OGC:CRS84", 4326),
        (ZONE.to_wkt(), 32616),
    ],
)
def test_reference_systems_are_known_by_code_and_wkt(text: str, code: int) -> None:
    assert parse_crs(text).to_epsg() == code


@pytest.mark.parametrize(
    "text", ["", "EPSG:0", "EPSG:abc", "mars", "GEOGCS[", "+proj=utm +zone=16"]
)
def test_other_systems_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="expected an EPSG code"):
        parse_crs(text)


def test_the_name_of_a_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "x.prj").write_text(ZONE.to_wkt())
    with pytest.raises(DatasetError, match="unknown coordinate reference system"):
        parse_crs(str(tmp_path / "x.prj"))


@pytest.mark.parametrize("code", [32616, 4326, 3857])
def test_a_system_has_the_name_it_is_found_by(code: int) -> None:
    assert parse_crs(name_crs(CRS.from_epsg(code)) or "").to_epsg() == code


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=1, max_size=5),
    st.floats(0.3, 3),
    st.floats(-0.2, 0.2),
    st.sampled_from([None, "EPSG:32616", "EPSG:4326", "EPSG:3857"]),
)
def test_pixels_go_to_the_map_and_come_back(
    points: list[tuple[float, float]], gsd: float, shear: float, declared: str | None
) -> None:
    place = Placement(Georeference(ZONE.to_wkt(), (gsd, shear, 7e5, shear, -gsd, 4e6)))
    there = place.to_map(MultiPoint(points), None if declared is None else parse_crs(declared))
    back = place.to_pixels(there, declared)
    # PROJ's transverse Mercator returns within 1e-3 mm; shear may shrink a pixel to 0.2 m.
    assert shapely.get_coordinates(back) == pytest.approx(
        shapely.get_coordinates(MultiPoint(points)), abs=1e-4
    )


def test_an_image_without_a_transform_has_no_place() -> None:
    points = (GroundControlPoint(0, 0, 1, 1),)
    with pytest.raises(DatasetError, match="orthorectify"):
        Placement(Georeference(gcps=points, gcps_crs=ZONE.to_wkt()))


def test_an_image_without_a_system_cannot_be_brought_to_another() -> None:
    place = Placement(Georeference(None, (1, 0, 0, 0, 1, 0)))
    assert place.to_map(Point(1, 2), None) == Point(1, 2)
    with pytest.raises(DatasetError, match="no coordinate reference system"):
        place.to_map(Point(1, 2), ZONE)


@pytest.mark.parametrize(
    ("geometry", "areas"),
    [
        (SQUARE, [15.5]),
        (GeometryCollection([box(0, 0, 1, 1), LineString([(0, 0), (9, 9)]), SQUARE]), [1, 15.5]),
        (Point(1, 1), []),
        (Polygon(), []),
    ],
)
def test_areas_are_found_in_any_geometry(geometry: Any, areas: list[float]) -> None:
    found = polygons_of(geometry)
    assert [Polygon(rings[0], rings[1:]).area for rings in found] == areas
    if areas:
        assert simplest(geometry).area == pytest.approx(sum(areas))
