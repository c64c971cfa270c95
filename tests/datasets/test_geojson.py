from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.annotations import Annotation, Annotations
from iqf_core.datasets.formats.geojson import GeoJsonFormat
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.errors import DatasetError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SQUARE = [[[0, 0], [8, 0], [8, 8], [0, 8], [0, 0]]]


def feature(image: Any = "a.tif", class_id: Any = 1, **geometry: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"image_filename": image, "class_id": class_id, "height_m": 12},
        "geometry": geometry or {"type": "Polygon", "coordinates": SQUARE},
    }


def store(folder: Path, *features: Any, **members: Any) -> Path:
    path = folder / "annotations.geojson"
    document = {"type": "FeatureCollection", **members, "features": list(features)}
    path.write_text(json.dumps(document))
    return path


def test_features_become_objects_with_their_reference_system(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32616"}}
    path = store(tmp_path, feature(), feature("b.tif", "3"), crs=crs)
    annotations = GeoJsonFormat().read(path, ["a.tif", "b.tif"])
    first, second = annotations.objects
    assert (first.image, first.class_id, first.attributes) == ("a.tif", 1, {"height_m": 12})
    assert first.crs == "urn:ogc:def:crs:EPSG::32616"
    assert first.geometry is not None and first.geometry.area == 64
    assert second.class_id == 3
    assert annotations.classes == {1: "1", 3: "3"}
    assert annotations.findings == ()


def test_class_names_are_numbered_in_alphabetical_order_around_the_numbers(tmp_path: Path) -> None:
    path = store(tmp_path, feature(class_id="ship"), feature(class_id="car"), feature(class_id=1))
    annotations = GeoJsonFormat().read(path, ["a.tif"])
    assert annotations.classes == {0: "car", 1: "1", 2: "ship"}
    assert [each.class_id for each in annotations.objects] == [2, 0, 1]
    assert [finding.code for finding in annotations.findings] == ["named-classes"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("text", "bad-feature"),
        ({"type": "Feature", "properties": None, "geometry": None}, "bad-feature"),
        (feature(image=None), "bad-image"),
        (feature(image="../a.tif"), "unsafe-name"),
        (feature(image="/a.tif"), "unsafe-name"),
        (feature(image="gone.tif"), "missing-image"),
        (feature(class_id=None), "bad-class-id"),
        (feature(class_id=[1]), "bad-class-id"),
        (feature(class_id=1.5), "bad-class-id"),
        ({**feature(), "geometry": None}, "no-geometry"),
        (feature(type="Polygon", coordinates=[]), "empty-geometry"),
        (feature(type="Nonsense", coordinates=[1, 2]), "bad-geometry"),
        (feature(type="Polygon"), "bad-geometry"),
        (feature(type="Polygon", coordinates="x"), "bad-geometry"),
        (feature(type="Point", coordinates=[float("nan"), 1]), "bad-geometry"),
        (feature(type="Point", coordinates=[float("inf"), 1]), "bad-geometry"),
        (feature(type="Point", coordinates=[1e300, 1]), "bad-geometry"),
        (feature(type="Point", coordinates=[10**400, 1]), "bad-geometry"),
        (
            feature(type="Polygon", coordinates=[[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]),
            "invalid-geometry",
        ),
    ],
)
def test_a_bad_feature_is_a_finding_that_names_its_place(
    tmp_path: Path, bad: Any, code: str
) -> None:
    annotations = GeoJsonFormat().read(store(tmp_path, feature(), bad), ["a.tif"])
    findings = {finding.code: finding for finding in annotations.findings}
    assert findings[code].item == "features[1]"
    assert findings[code].file == "annotations.geojson"
    assert len(annotations.objects) == (2 if code == "invalid-geometry" else 1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"type": "Feature"}', '{"type": "FeatureCollection"}', "[" * 100_000],
)
def test_what_is_no_feature_collection_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"x\.geojson"):
        GeoJsonFormat().read(path, ["a.tif"])


def test_features_that_name_no_image_are_one_clear_error(tmp_path: Path) -> None:
    path = store(tmp_path, {"type": "Feature", "properties": {"name": "area"}, "geometry": None})
    with pytest.raises(DatasetError, match="image_filename"):
        GeoJsonFormat().read(path, ["a.tif"])


def test_deeply_nested_collections_do_no_harm(tmp_path: Path) -> None:
    geometry: dict[str, Any] = {"type": "Point", "coordinates": [1, 1]}
    for _ in range(200):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    annotations = GeoJsonFormat().read(store(tmp_path, feature(**geometry)), ["a.tif"])
    assert len(annotations.objects) + len(annotations.findings) >= 1


def test_map_coordinates_stay_and_pixel_coordinates_move(tmp_path: Path) -> None:
    document = store(
        tmp_path,
        feature("a.tif"),
        {**feature("b.png"), "bbox": [0, 0, 8, 8]},
        feature("b.png", type="Point", coordinates=[4, 6, 100]),
        feature(
            "b.png",
            type="GeometryCollection",
            geometries=[{"type": "LineString", "coordinates": [[0, 2], [4, 4]]}],
        ),
        name="kept",
        bbox=[0, 0, 8, 8],
    )
    half = (0.5, 0, 0, 0, 0.5, 0)
    changes = {
        "a.tif": ImageChange("x.tif", (8, 8), (4, 4), half, georeferenced=True),
        "b.png": ImageChange("y.png", (8, 8), (4, 4), half),
    }
    GeoJsonFormat().rewrite(document, tmp_path / "copy.geojson", changes)
    new = json.loads((tmp_path / "copy.geojson").read_text())
    mapped, square, point, collection = new["features"]
    assert mapped["geometry"]["coordinates"] == SQUARE
    assert mapped["properties"] == {"image_filename": "x.tif", "class_id": 1, "height_m": 12}
    assert square["properties"]["image_filename"] == "y.png"
    assert square["geometry"]["coordinates"] == [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
    assert "bbox" not in square and "bbox" not in new
    assert point["geometry"]["coordinates"] == [2, 3, 100]
    assert collection["geometry"]["geometries"][0]["coordinates"] == [[0, 1], [2, 2]]
    assert new["name"] == "kept"


def test_left_out_images_take_their_features_with_them(tmp_path: Path) -> None:
    stray = {"type": "Feature", "properties": {"note": "no image"}, "geometry": None}
    source = store(tmp_path, feature("a.tif"), feature("b.tif"), stray)
    changes = {"b.tif": ImageChange("b.tif", (8, 8), (8, 8))}
    GeoJsonFormat().rewrite(source, tmp_path / "copy.geojson", changes)
    features = json.loads((tmp_path / "copy.geojson").read_text())["features"]
    assert [each["properties"].get("image_filename") for each in features] == ["b.tif", None]


def test_a_copy_without_any_named_feature_is_still_readable(tmp_path: Path) -> None:
    source = store(tmp_path, feature("a.tif"), None)
    GeoJsonFormat().rewrite(source, tmp_path / "copy.geojson", {})
    assert GeoJsonFormat().read(tmp_path / "copy.geojson", []).objects == ()


def test_when_nothing_changes_the_copy_is_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "x.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [feature()]}, indent=2))
    changes = {"a.tif": ImageChange("a.tif", (8, 8), (8, 8))}
    GeoJsonFormat().rewrite(source, tmp_path / "copy.geojson", changes)
    assert (tmp_path / "copy.geojson").read_bytes() == source.read_bytes()


def test_what_was_read_can_be_written_and_read_again(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "EPSG:4326"}}
    names = ["a.tif"]
    annotations = GeoJsonFormat().read(store(tmp_path, feature(), crs=crs), names)
    assert GeoJsonFormat().write(annotations, tmp_path / "again.geojson") == []
    assert GeoJsonFormat().read(tmp_path / "again.geojson", names) == annotations


def test_writing_says_what_geojson_cannot_carry(tmp_path: Path) -> None:
    annotations = Annotations(
        classes={1: "ship", 2: "port"},
        objects=(
            Annotation("a.tif", 1, box=(1, 2, 3, 4)),
            Annotation("a.tif", 1, rle=RunLengthMask(1, 1, (1,))),
            Annotation("a.tif", 1, oriented_box=((0, 0), (2, 2), (0, 4), (-2, 2))),
        ),
    )
    findings = GeoJsonFormat().write(annotations, tmp_path / "x.geojson")
    assert {each.code for each in findings} == {
        "mask-not-carried",
        "object-not-carried",
        "classes-not-carried",
    }
    again = GeoJsonFormat().read(tmp_path / "x.geojson", ["a.tif"])
    assert [each.geometry.area for each in again.objects if each.geometry is not None] == [12, 8]
    assert again.classes == {1: "ship"}


def test_only_files_that_name_images_are_annotations(tmp_path: Path) -> None:
    area = tmp_path / "area.geojson"
    area.write_text('{"type": "FeatureCollection", "features": []}')
    assert GeoJsonFormat().detect(tmp_path, tmp_path / "images") == [area]
    annotations = store(tmp_path, feature())
    assert GeoJsonFormat().detect(tmp_path, tmp_path / "images") == [annotations]
    as_json = tmp_path / "other.json"
    as_json.write_text(annotations.read_text())
    (tmp_path / "table.json").write_text('{"a": "FeatureCollection", "image_filename": 1}')
    found = GeoJsonFormat().detect(tmp_path, tmp_path / "images")
    assert found == [annotations, as_json]


@pytest.mark.shared_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")
def test_real_footprints_are_read() -> None:
    path = DATA / "geo_tiles" / "annots.geojson"
    names = sorted(each.name for each in (DATA / "geo_tiles" / "images").iterdir())
    annotations = GeoJsonFormat().read(path, names)
    assert annotations.findings == () and len(annotations.objects) == 15
    assert annotations.classes == {0: "0"}
