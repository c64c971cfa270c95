"""Annotations are written by others: whatever they hold, reading them is a result or one error."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.formats.coco import CocoFormat
from iqf_core.datasets.formats.geojson import GeoJsonFormat
from iqf_core.datasets.info import dataset_info
from iqf_core.datasets.untrusted import ImageNames, number, refusal, side, whole
from iqf_core.errors import DatasetError

NAMES = ["a.png", "sub/b.png"]
CHANGES = {
    "a.png": ImageChange("c.png", (4, 6), (2, 3), (0.5, 0, 0, 0, 0.5, 0)),
    "sub/b.png": ImageChange("sub/b.png", (4, 6), (4, 6)),
}
fuzz = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
    deadline=None,
)

# Python's json writes NaN, huge numbers and lone surrogates without a word; so do others.
text = st.text(st.characters(), max_size=6) | st.sampled_from(
    ["a.png", "sub/b.png", "../a.png", "\ud800", "1", "Polygon", "Point"]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.floats()
    | st.just(10**400)
    | text
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(text, inner, max_size=4)
)
SOUND_COCO = {
    "images": [
        {"id": 1, "file_name": "a.png", "height": 4, "width": 6},
        {"id": 2, "file_name": "sub/b.png", "height": 4, "width": 6},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [1, 1, 2, 2],
            "area": 4,
            "iscrowd": 0,
            "segmentation": [[1, 1, 3, 1, 3, 3]],
        },
        {
            "id": 2,
            "image_id": 1,
            "category_id": 1,
            "segmentation": {"size": [4, 6], "counts": [3, 2, 19]},
            "keypoints": [1, 1, 2],
        },
        {
            "id": 3,
            "image_id": 2,
            "category_id": 1,
            "segmentation": {"size": [4, 6], "counts": "32c0"},
        },
    ],
    "categories": [{"id": 1, "name": "ship"}],
}
SOUND_GEOJSON = {
    "type": "FeatureCollection",
    "crs": {"type": "name", "properties": {"name": "EPSG:4326"}},
    "bbox": [0, 0, 6, 4],
    "features": [
        {
            "type": "Feature",
            "properties": {"image_filename": "a.png", "class_id": 1},
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        },
        {
            "type": "Feature",
            "properties": {"image_filename": "sub/b.png", "class_id": "ship"},
            "geometry": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Point", "coordinates": [1, 2, 3]}],
            },
        },
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside `value`."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [
        found
        for key, each in inner
        for found in (
            (*path, key),
            *(places(each, (*path, key)) if isinstance(each, (dict, list)) else ()),
        )
    ]


@st.composite
def damaged(draw: st.DrawFn, sound: dict[str, Any]) -> Any:
    """A sound document in which a few values are missing or replaced by anything."""
    document = copy.deepcopy(sound)
    for _ in range(draw(st.integers(0, 4))):
        *path, last = draw(st.sampled_from(places(document) or [("new",)]))
        holder: Any = document
        for key in path:
            holder = holder[key]
        if draw(st.booleans()):
            holder[last] = draw(anything)
        elif isinstance(holder, list) or last in holder:
            del holder[last]
    return document


coco_documents = anything | damaged(SOUND_COCO) | damaged(SOUND_COCO)
geojson_documents = anything | damaged(SOUND_GEOJSON) | damaged(SOUND_GEOJSON)


def never_a_surprise(form: Any, folder: Path, document: Any) -> None:
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    try:
        annotations = form.read(path, NAMES)
        form.rewrite(path, folder / "copy.json", CHANGES)
    except DatasetError as error:
        assert str(path) in str(error)
        return
    assert {each.image for each in annotations.objects} <= set(NAMES)
    assert set(annotations.images) <= set(NAMES)
    str(annotations.classes).encode()
    form.read(folder / "copy.json", [change.new_name for change in CHANGES.values()])
    form.write(annotations, folder / "written.json")
    form.read(folder / "written.json", NAMES)


def test_the_documents_are_sound_before_they_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(SOUND_COCO))
    coco = CocoFormat().read(path, NAMES)
    assert len(coco.objects) == 3 and coco.findings == ()
    path.write_text(json.dumps(SOUND_GEOJSON))
    assert len(GeoJsonFormat().read(path, NAMES).objects) == 2


@fuzz
@given(coco_documents)
def test_any_json_is_read_as_coco_or_refused(tmp_path: Path, document: Any) -> None:
    never_a_surprise(CocoFormat(), tmp_path, document)


@fuzz
@given(geojson_documents)
def test_any_json_is_read_as_geojson_or_refused(tmp_path: Path, document: Any) -> None:
    never_a_surprise(GeoJsonFormat(), tmp_path, document)


@fuzz
@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "annotations.json"
    path.write_bytes(data)
    for form in (CocoFormat(), GeoJsonFormat()):
        with pytest.raises(DatasetError):
            form.read(path, NAMES)


@fuzz
@given(coco_documents, geojson_documents)
def test_a_dataset_with_any_annotations_opens_and_is_described(
    tmp_path: Path, coco: Any, geojson: Any
) -> None:
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images" / "a.png").touch()
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    (tmp_path / "x.geojson").write_text(json.dumps(geojson))
    try:
        dataset = open_dataset(tmp_path)
    except DatasetError as error:
        assert "both geojson annotations" in str(error)
        return
    json.dumps(dataset_info(dataset).to_json(), allow_nan=False).encode()


@given(st.text())
def test_a_name_never_leads_out_of_the_dataset(name: str) -> None:
    found = ImageNames(NAMES).find(name)
    assert found is None or found in NAMES
    if ".." in name.replace("\\", "/").split("/") or name.startswith("/"):
        assert refusal(name) and found is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", "a.png"),
        ("./a.png", "a.png"),
        ("images/a.png", "a.png"),
        ("images\\sub\\b.png", "sub/b.png"),
        ("deep/images/a.png", None),
        ("b.png", None),
        ("", None),
        (None, None),
        ("images/../a.png", None),
        ("a.png/", "a.png"),
    ],
)
def test_names_are_matched_below_the_image_folder_or_the_dataset(
    name: Any, found: str | None
) -> None:
    assert ImageNames(NAMES).find(name) == found


def test_numbers_are_finite_and_sane() -> None:
    assert number(3) == 3.0 and number(-1.5) == -1.5
    for bad in (True, "3", None, float("nan"), float("inf"), 10**400, 1e12, [1]):
        assert number(bad) is None
    assert [side(value) for value in (4, 4.0, 0, -1, 4.5, 1e9)] == [4, 4, None, None, None, None]
    assert [whole(value) for value in ("3", " -7 ", "x", 2.0, "٣")] == [3, -7, None, 2, None]
