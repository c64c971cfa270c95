from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon

from iqf_core.datasets.annotations import Annotation
from iqf_core.datasets.cutting import cut, region_of
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.datasets.shapes import Placement
from iqf_core.datasets.tiling import tile_starts
from iqf_core.imaging.georeference import Georeference
from iqf_core.imaging.windows import Window

SCENE = (100, 200)
TILE = Window(row=10, col=50, height=40, width=60)
UTM = "EPSG:32616"


def part(each: Annotation, keep: float = 0.3, tile: Window = TILE) -> Annotation | None:
    region = region_of(each, SCENE, None)
    return None if region is None else cut(region, tile, keep)


def cut_of(each: Annotation, keep: float = 0.3) -> Annotation:
    found = part(each, keep)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("length", "size", "overlap", "starts"),
    [
        (100, 40, 10, [0, 30, 60]),
        (110, 40, 10, [0, 30, 60, 70]),
        (40, 40, 10, [0]),
        (30, 40, 10, [0]),
        (41, 40, 0, [0, 1]),
        (80, 40, 0, [0, 40]),
    ],
)
def test_the_last_tile_is_shifted_inward(
    length: int, size: int, overlap: int, starts: list[int]
) -> None:
    assert tile_starts(length, size, overlap) == starts


@given(st.integers(1, 500), st.integers(1, 100), st.data())
def test_tiles_cover_an_edge_and_share_at_least_the_overlap(
    length: int, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    starts = tile_starts(length, size, overlap)
    assert starts[0] == 0 and starts[-1] + min(size, length) == length
    steps = [after - before for before, after in pairwise(starts)]
    assert all(0 < step <= size - overlap for step in steps)


def test_an_object_inside_is_only_moved() -> None:
    each = Annotation(
        "a",
        1,
        box=(60, 20, 10, 5),
        polygons=((((60, 20), (70, 20), (70, 25)),),),
        keypoints=((61, 21, 2), (0, 0, 0)),
        area=25,
        id=7,
    )
    found = cut_of(each)
    assert found.box == (10, 10, 10, 5)
    assert found.polygons == ((((10, 10), (20, 10), (20, 15)),),)
    assert found.keypoints == ((11, 11, 2), (0, 0, 0))
    assert (found.area, found.id, found.attributes) == (25, None, {"source_id": 7})


def test_a_box_is_clipped_and_its_area_follows() -> None:
    found = cut_of(Annotation("a", 1, box=(40, 20, 20, 10), area=200))
    assert (found.box, found.area) == ((0, 10, 10, 10), 100)


@pytest.mark.parametrize(("keep", "is_kept"), [(0.0, True), (0.25, True), (0.26, False)])
def test_an_object_stays_when_enough_of_it_is_in_the_tile(keep: float, is_kept: bool) -> None:
    assert (part(Annotation("a", 1, box=(35, 20, 20, 10)), keep) is not None) == is_kept


def test_an_object_that_touches_the_edge_from_outside_is_not_in_the_tile() -> None:
    assert part(Annotation("a", 1, box=(40, 20, 10, 10)), keep=0) is None


def test_what_the_scene_does_not_show_of_an_object_does_not_count() -> None:
    corner = Window(0, 0, 40, 60)
    assert part(Annotation("a", 1, box=(-90, 0, 100, 10)), 1.0, corner) is not None


def test_polygons_keep_holes_and_fall_apart_where_the_edge_cuts_them() -> None:
    outer = ((40.0, 20.0), (80.0, 20.0), (80.0, 40.0), (40.0, 40.0))
    hole = ((60.0, 25.0), (70.0, 25.0), (70.0, 35.0), (60.0, 35.0))
    found = cut_of(Annotation("a", 1, polygons=((outer, hole),)))
    assert found.polygons is not None and len(found.polygons) == 1
    rings = found.polygons[0]
    assert Polygon(rings[0], rings[1:]).area == 30 * 20 - 100
    comb = ((45, 15), (55, 15), (55, 18), (48, 18), (48, 30), (55, 30), (55, 33), (45, 33))
    assert len(cut_of(Annotation("a", 1, polygons=((comb,),)), 0).polygons or ()) == 2


def test_the_box_shrinks_to_what_is_left_of_the_polygon() -> None:
    triangle = ((40.0, 20.0), (60.0, 20.0), (40.0, 40.0))
    found = cut_of(Annotation("a", 1, box=(40, 20, 20, 20), polygons=((triangle,),)), 0)
    assert found.box == (0, 10, 10, 10)


def test_a_polygon_that_crosses_itself_is_cut_too() -> None:
    bow = ((40.0, 20.0), (60.0, 40.0), (60.0, 20.0), (40.0, 40.0))
    found = cut_of(Annotation("a", 1, polygons=((bow,),)))
    assert found.polygons is not None
    assert sum(Polygon(rings[0]).area for rings in found.polygons) == pytest.approx(100)


def test_a_mask_is_cut_pixel_by_pixel() -> None:
    mask = np.zeros(SCENE, np.uint8)
    mask[5:30, 45:70] = 1
    found = cut_of(Annotation("a", 1, box=(45, 5, 25, 25), rle=RunLengthMask.from_mask(mask)), 0)
    assert found.rle is not None
    assert np.array_equal(found.rle.decode(), mask[10:50, 50:110])
    assert found.box == (0, 0, 20, 20)


def test_a_mask_of_another_size_is_not_used() -> None:
    rle = RunLengthMask.from_mask(np.ones((5, 5), np.uint8))
    found = cut_of(Annotation("a", 1, box=(60, 20, 10, 5), rle=rle))
    assert found.rle is None and found.box == (10, 10, 10, 5)


def test_keypoints_outside_are_not_labelled() -> None:
    found = cut_of(Annotation("a", 1, box=(40, 20, 20, 10), keypoints=((45, 21, 2), (55, 22, 1))))
    assert found.keypoints == ((0, 0, 0), (5, 12, 1))


def test_lines_and_points_are_kept_by_length_and_number() -> None:
    line = Annotation("a", 1, geometry=LineString([(40, 20), (60, 20)]))
    assert part(line, 0.51) is None
    assert cut_of(line, 0.5).geometry == LineString([(0, 10), (10, 10)])
    assert cut_of(Annotation("a", 1, geometry=Point(60, 20))).geometry == Point(10, 10)
    assert part(Annotation("a", 1, geometry=Point(20, 20))) is None


def test_map_coordinates_stay_where_they_are_and_are_cut_on_the_map() -> None:
    place = Placement(Georeference(UTM_WKT, (0.5, 0, 700_000, 0, -0.5, 3_000_000)))
    inside = Polygon([(700_030, 2_999_990), (700_035, 2_999_990), (700_035, 2_999_985)])
    region = region_of(Annotation("a", 1, geometry=inside, crs=UTM), SCENE, place)
    assert region is not None
    found = cut(region, TILE, 0.3)
    assert found is not None and found.geometry == inside
    crossing = Polygon.from_bounds(700_020, 2_999_980, 700_030, 2_999_990)
    region = region_of(Annotation("a", 1, geometry=crossing, crs=UTM), SCENE, place)
    assert region is not None
    found = cut(region, TILE, 0.3)
    assert found is not None and found.geometry is not None
    # 1e-9 of 3,000 km is far below a pixel.
    assert found.geometry.bounds == pytest.approx((700_025, 2_999_980, 700_030, 2_999_990))


def _utm_wkt() -> str:
    from rasterio.crs import CRS

    return str(CRS.from_epsg(32616).to_wkt())


UTM_WKT = _utm_wkt()
coordinates = st.floats(-50, 250, allow_nan=False)


@given(
    st.floats(50, 110), st.floats(10, 50), st.floats(2, 60), st.floats(2, 60), st.floats(0, math.pi)
)
def test_a_cut_oriented_box_keeps_its_orientation_and_encloses_what_is_left(
    x: float, y: float, length: float, width: float, angle: float
) -> None:
    along = np.array((math.cos(angle), math.sin(angle)))
    across = np.array((-along[1], along[0]))
    centre = np.array((x, y))
    corners = tuple(
        tuple(centre + u * length / 2 * along + v * width / 2 * across)
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
    found = part(Annotation("a", 1, oriented_box=corners), keep=0)  # type: ignore[arg-type]
    assert found is not None and found.oriented_box is not None
    new = np.array(found.oriented_box)
    edges = np.roll(new, -1, axis=0) - new
    assert abs(edges[0] @ across) < 1e-6 and abs(edges[1] @ along) < 1e-6
    assert edges[0] @ along >= 0 and edges[1] @ across >= 0
    whole = Polygon(corners)
    shown = whole.intersection(Polygon.from_bounds(50, 10, 110, 50))
    moved = Polygon(new + np.array((50, 10)))
    # Tolerance: coordinates of some hundred pixels in double precision.
    assert moved.buffer(1e-6).covers(shown) and whole.buffer(1e-6).covers(moved)


@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8),
    st.floats(0, 1),
    st.sampled_from(["polygons", "oriented", "box", "geometry"]),
)
def test_whatever_is_left_lies_in_the_tile_and_is_enough(
    points: list[tuple[float, float]], keep: float, kind: str
) -> None:
    xs, ys = zip(*points, strict=True)
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    each = {
        "polygons": Annotation("a", 1, polygons=((tuple(points),),)),
        "oriented": Annotation("a", 1, oriented_box=(points * 2)[:4]),  # type: ignore[arg-type]
        "box": Annotation("a", 1, box=box),
        "geometry": Annotation("a", 1, geometry=Polygon(points)),
    }[kind]
    found = part(each, keep)
    if found is None or kind == "oriented":
        return
    outline = Polygon.from_bounds(-1e-6, -1e-6, 60 + 1e-6, 40 + 1e-6)
    if found.box is not None:
        x, y, width, height = found.box
        assert outline.covers(Polygon.from_bounds(x, y, x + width, y + height))
    for rings in found.polygons or ():
        assert outline.covers(Polygon(rings[0]))
    if found.geometry is not None:
        assert outline.covers(found.geometry)


def test_a_box_that_lies_elsewhere_than_its_polygon_is_mended() -> None:
    polygon = ((40.0, 20.0), (60.0, 20.0), (60.0, 30.0), (40.0, 30.0))
    found = cut_of(Annotation("a", 1, box=(150, 80, 5, 5), polygons=((polygon,),)))
    assert found.box == (0, 10, 10, 10)


wild = st.one_of(st.floats(-1e9, 1e9), st.floats(-10, 120), st.sampled_from([0.0, 50.0, 1e-300]))
wild_points = st.tuples(wild, wild)
wild_rings = st.lists(wild_points, min_size=3, max_size=7).map(tuple)
visibilities = st.sampled_from([0, 1, 2])
wild_objects = st.fixed_dictionaries(
    {},
    optional={
        "box": st.tuples(wild, wild, st.floats(0, 1e9), st.floats(0, 1e9)),
        "polygons": st.lists(wild_rings.map(lambda ring: (ring,)), min_size=1).map(tuple),
        "oriented_box": st.tuples(*[wild_points] * 4),
        "keypoints": st.lists(st.tuples(wild, wild, visibilities), min_size=1).map(tuple),
        "geometry": st.one_of(wild_rings.map(Polygon), wild_points.map(Point)),
    },
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of GEOS, on coordinates such as 1e-300
@settings(deadline=None, max_examples=300)
@given(wild_objects.filter(bool), st.floats(0, 1))
def test_no_outline_that_readers_let_pass_is_too_odd_to_be_cut(
    fields: dict[str, Any], keep: float
) -> None:
    found = part(Annotation("a", 1, **fields), keep)
    if found is not None and found.box is not None:
        x, y, width, height = found.box
        # 1e-6: what is left of 1e9 in double precision.
        assert min(x, y, 60 - x - width, 40 - y - height) >= -1e-6 and min(width, height) >= 0
