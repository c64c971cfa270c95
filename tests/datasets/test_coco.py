from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.annotations import Annotation, Annotations
from iqf_core.datasets.formats.coco import CocoFormat
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.errors import DatasetError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NAMES = ("a.png", "b.png")
SAME = {name: ImageChange(name, (20, 30), (20, 30)) for name in NAMES}
HALF = {
    "a.png": ImageChange("a.png", (20, 30), (10, 15), (0.5, 0, 0, 0, 0.5, 0)),
    "b.png": ImageChange("b.png", (20, 30), (10, 15), (0.5, 0, 0, 0, 0.5, 0)),
}


def store(folder: Path, document: Any) -> Path:
    path = folder / "annotations.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def rewritten(folder: Path, document: Any, changes: dict[str, ImageChange]) -> Any:
    target = folder / "copy.json"
    CocoFormat().rewrite(store(folder, document), target, changes)
    return json.loads(target.read_text())


def codes(annotations: Annotations) -> list[str]:
    return [finding.code for finding in annotations.findings]


def test_objects_are_read_with_class_image_and_geometry(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    annotations = CocoFormat().read(store(tmp_path, coco_document), NAMES)
    car, crowd, ship = annotations.objects
    assert annotations.findings == ()
    assert annotations.classes == {5: "car", 7: "ship"}
    assert annotations.objects_per_class() == {5: 1, 7: 2}
    assert (car.image, car.class_id, car.box, car.area) == ("a.png", 5, (2, 4, 10, 8), 80)
    assert car.polygons == ((((2, 4), (12, 4), (12, 12), (2, 12)),),)
    assert car.attributes == {"note": "kept"}
    assert crowd.crowd and crowd.rle is not None and crowd.rle.area == 20
    assert ship.keypoints == ((3, 4, 2), (0, 0, 0)) and ship.box is None
    assert annotations.images["a.png"].attributes == {"license": 3}
    assert (annotations.images["b.png"].height, annotations.images["b.png"].width) == (20, 30)


def test_compressed_and_uncompressed_masks_read_alike(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    compressed = copy.deepcopy(coco_document)
    mask = RunLengthMask(20, 30, (0, 20, 580))
    compressed["annotations"][1]["segmentation"]["counts"] = mask.compressed()
    objects = CocoFormat().read(store(tmp_path, compressed), NAMES).objects
    assert objects[1].rle == mask


@pytest.mark.parametrize(
    ("where", "key", "value", "code"),
    [
        ("images", "file_name", "../a.png", "unsafe-name"),
        ("images", "file_name", "/etc/passwd", "unsafe-name"),
        ("images", "file_name", "C:\\a.png", "unsafe-name"),
        ("images", "file_name", "images\\..\\..\\a.png", "unsafe-name"),
        ("images", "file_name", "gone.png", "missing-image"),
        ("images", "file_name", None, "bad-image"),
        ("images", "id", [1], "bad-image"),
        ("images", "id", 2, "duplicate-image-id"),
        ("images", "file_name", "b.png", "duplicate-image"),
        ("images", "width", 1e30, "bad-size"),
        ("images", "height", -3, "bad-size"),
        ("annotations", "image_id", 99, "unknown-image"),
        ("annotations", "image_id", {}, "unknown-image"),
        ("annotations", "image_id", True, "unknown-image"),
        ("annotations", "category_id", "car", "bad-class-id"),
        ("annotations", "category_id", 3, "unknown-class"),
        ("annotations", "id", 11, "duplicate-id"),
        ("annotations", "bbox", [1, 2, 3], "bad-box"),
        ("annotations", "bbox", [1, 2, float("nan"), 3], "bad-box"),
        ("annotations", "bbox", [1, 2, float("inf"), 3], "bad-box"),
        ("annotations", "bbox", [1, 2, 10**400, 3], "bad-box"),
        ("annotations", "bbox", [1, 2, -3, 3], "bad-box"),
        ("annotations", "bbox", [1, 2, True, 3], "bad-box"),
        ("annotations", "bbox", "1,2,3,4", "bad-box"),
        ("annotations", "bbox", [1, 2, 0, 3], "empty-box"),
        ("annotations", "bbox", [25, 2, 10, 3], "box-outside-image"),
        ("annotations", "segmentation", [[1, 2, 3, 4]], "bad-polygon"),
        ("annotations", "segmentation", [[1, 2, 3, 4, 5, 6, 7]], "bad-polygon"),
        ("annotations", "segmentation", [[1, 2, 3, 4, 5, None]], "bad-polygon"),
        ("annotations", "segmentation", "x", "bad-segmentation"),
        ("annotations", "segmentation", {"size": [20, 30], "counts": [1]}, "bad-mask"),
        ("annotations", "segmentation", {"size": [20, 30], "counts": [600.0]}, "bad-mask"),
        ("annotations", "segmentation", {"size": [20], "counts": "0"}, "bad-mask"),
        ("annotations", "segmentation", {"size": [1e9, 1e9], "counts": [10**18]}, "bad-mask"),
        ("annotations", "segmentation", {"size": [2, 2], "counts": [4]}, "mask-size"),
        ("annotations", "keypoints", [1, 2, 7], "bad-keypoints"),
        ("annotations", "area", -4, "bad-area"),
        ("categories", "id", "x", "bad-class"),
        ("categories", "id", 7, "duplicate-class"),
    ],
)
def test_a_bad_value_is_a_finding_that_names_its_place(
    tmp_path: Path, coco_document: dict[str, Any], where: str, key: str, value: Any, code: str
) -> None:
    coco_document[where][0][key] = value
    annotations = CocoFormat().read(store(tmp_path, coco_document), NAMES)
    assert code in codes(annotations)
    finding = next(each for each in annotations.findings if each.code == code)
    assert finding.file == "annotations.json"
    assert code == "unknown-class" or finding.item.startswith(f"{where}[")


def test_objects_of_images_that_are_not_there_are_left_out(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    annotations = CocoFormat().read(store(tmp_path, coco_document), ["b.png"])
    assert {each.image for each in annotations.objects} == {"b.png"}
    assert set(annotations.images) == {"b.png"}


def test_a_name_with_the_image_folder_in_front_is_found_and_keeps_it(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    coco_document["images"][0]["file_name"] = "images/a.png"
    coco_document["images"][1]["file_name"] = "./b.png"
    annotations = CocoFormat().read(store(tmp_path, coco_document), NAMES)
    assert annotations.findings == () and set(annotations.images) == set(NAMES)
    changes = {
        "a.png": ImageChange("a.tif", (20, 30), (20, 30)),
        "b.png": ImageChange("b.tif", (20, 30), (20, 30)),
    }
    images = rewritten(tmp_path, coco_document, changes)["images"]
    assert [image["file_name"] for image in images] == ["images/a.tif", "b.tif"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"images": {}, "annotations": []}',
        '{"images": []}',
        "[" * 100_000,
        '{"images": [], "annotations": [' + "1" * 5000 + "]}",
        "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_what_is_no_coco_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError) as caught:
        CocoFormat().read(path, NAMES)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_when_nothing_changes_the_copy_is_the_same_bytes(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    coco_document["images"][0]["odd"] = float("nan")
    source = store(tmp_path, json.dumps(coco_document, indent=3))
    CocoFormat().rewrite(source, tmp_path / "copy.json", SAME)
    assert (tmp_path / "copy.json").read_bytes() == source.read_bytes()


def test_renaming_changes_only_names(tmp_path: Path, coco_document: dict[str, Any]) -> None:
    changes = {
        "a.png": ImageChange("a.jpg.png", (20, 30), (20, 30)),
        "b.png": ImageChange("sub/b ñ#%.png", (20, 30), (20, 30)),
    }
    new = rewritten(tmp_path, coco_document, changes)
    assert [image.pop("file_name") for image in new["images"]] == ["a.jpg.png", "sub/b ñ#%.png"]
    for image in coco_document["images"]:
        del image["file_name"]
    assert new == coco_document


def test_left_out_images_take_their_objects_with_them(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    new = rewritten(tmp_path, coco_document, {"a.png": SAME["a.png"]})
    assert [image["id"] for image in new["images"]] == [1]
    assert [each["id"] for each in new["annotations"]] == [10]
    assert new["categories"] == coco_document["categories"]


def test_geometry_follows_a_new_grid(tmp_path: Path, coco_document: dict[str, Any]) -> None:
    new = rewritten(tmp_path, coco_document, HALF)
    car, crowd, ship = new["annotations"]
    assert (new["images"][0]["height"], new["images"][0]["width"]) == (10, 15)
    assert car["bbox"] == [1, 2, 5, 4]
    assert car["segmentation"] == [[1, 2, 6, 2, 6, 6, 1, 6]]
    assert car["area"] == 20
    assert car["note"] == "kept"
    # The first column of 30 disappears: a new pixel's centre falls into the second.
    assert crowd["segmentation"] == {"size": [10, 15], "counts": [150]}
    assert ship["keypoints"] == [1.5, 2, 2, 0, 0, 0]
    assert new["info"] == coco_document["info"]


def test_masks_are_magnified_exactly_in_the_form_they_had(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    mask = (np.random.default_rng(1).random((20, 30)) > 0.5).astype(np.uint8)
    encoded = RunLengthMask.from_mask(mask)
    coco_document["annotations"][0]["segmentation"] = {
        "size": [20, 30],
        "counts": encoded.compressed(),
    }
    twice = {name: ImageChange(name, (20, 30), (40, 60), (2, 0, 0, 0, 2, 0)) for name in NAMES}
    compressed, listed, _ = rewritten(tmp_path, coco_document, twice)["annotations"]
    assert isinstance(compressed["segmentation"]["counts"], str)
    assert listed["segmentation"]["counts"] == [0, 80, 2320]
    again = RunLengthMask.from_compressed(40, 60, compressed["segmentation"]["counts"])
    np.testing.assert_array_equal(again.decode(), np.kron(mask, np.ones((2, 2), np.uint8)))


def test_what_is_malformed_stays_and_is_reported_in_the_copy(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    bad = coco_document["annotations"][0]
    bad["bbox"] = [1, 2, "x", 4]
    bad["segmentation"] = [[1, 2], [2, 4, 12, 4, 12, 12]]
    coco_document["annotations"][1]["segmentation"]["size"] = [10**6, 10**6]
    coco_document["annotations"] += ["nonsense"]
    new = rewritten(tmp_path, coco_document, HALF)["annotations"]
    assert new[0]["bbox"] == [1, 2, "x", 4]
    assert new[0]["segmentation"] == [[1, 2], [1, 2, 6, 2, 6, 6]]
    assert new[1]["segmentation"] == coco_document["annotations"][1]["segmentation"]
    assert new[3] == "nonsense"
    found = {each.code for each in CocoFormat().check(tmp_path / "copy.json", NAMES)}
    assert {"bad-box", "bad-polygon", "bad-mask", "bad-object"} <= found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(st.tuples(*[st.floats(0, 100)] * 4), max_size=4),
    st.floats(0.1, 8),
    st.floats(0.1, 8),
    st.floats(-20, 20),
)
def test_moving_there_and_back_restores_the_geometry(
    tmp_path: Path, boxes: list[tuple[float, ...]], across: float, down: float, shift: float
) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.png", "height": 100, "width": 100}],
        "annotations": [
            {
                "id": index,
                "image_id": 1,
                "category_id": 1,
                "bbox": list(box),
                "area": box[2] * box[3],
                "segmentation": [[box[0], box[1], box[0] + box[2], box[1], box[0], box[3]]],
            }
            for index, box in enumerate(boxes)
        ],
    }
    there = {
        "a.png": ImageChange("b.png", (100, 100), (50, 70), (across, 0, shift, 0, down, -shift))
    }
    back = {
        "b.png": ImageChange(
            "a.png",
            (50, 70),
            (100, 100),
            (1 / across, 0, -shift / across, 0, 1 / down, shift / down),
        )
    }
    restored = rewritten(tmp_path, rewritten(tmp_path, document, there), back)
    assert restored["images"] == document["images"]
    for old, new in zip(document["annotations"], restored["annotations"], strict=True):
        assert new["bbox"] == pytest.approx(old["bbox"], abs=1e-9, rel=1e-9)
        assert new["segmentation"][0] == pytest.approx(old["segmentation"][0], abs=1e-9, rel=1e-9)
        assert new["area"] == pytest.approx(old["area"], abs=1e-9, rel=1e-9)


def test_what_was_read_can_be_written_and_read_again(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    annotations = CocoFormat().read(store(tmp_path, coco_document), NAMES)
    assert CocoFormat().write(annotations, tmp_path / "written.json") == []
    again = CocoFormat().read(tmp_path / "written.json", NAMES)
    assert again.classes == annotations.classes and again.images == annotations.images
    assert again.objects[0] == annotations.objects[0]
    assert again.objects[1].rle == annotations.objects[1].rle
    assert again.objects[2].keypoints == annotations.objects[2].keypoints


def test_writing_says_what_coco_cannot_carry(tmp_path: Path) -> None:
    ring = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    hole = ((1.0, 1.0), (2.0, 1.0), (2.0, 2.0))
    annotations = Annotations(
        objects=(
            Annotation("a.png", 1, polygons=((ring, hole),)),
            Annotation("a.png", 1, oriented_box=ring),
            Annotation("a.png", 1),
        ),
        masks={"a.png": tmp_path / "a.png"},
    )
    findings = CocoFormat().write(annotations, tmp_path / "x.json")
    assert {each.code for each in findings} == {
        "holes-not-carried",
        "oriented-box-as-polygon",
        "geometry-not-carried",
        "masks-not-carried",
    }
    written = CocoFormat().read(tmp_path / "x.json", NAMES)
    assert [each.box for each in written.objects] == [(0, 0, 9, 9)] * 2
    assert [each.area for each in written.objects] == [81, 81]
    assert written.findings == ()


@pytest.mark.shared_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")
def test_real_annotations_follow_a_halved_grid(tmp_path: Path) -> None:
    source = DATA / "coco_photos" / "coco_annotations.json"
    original = json.loads(source.read_text())
    names = [image["file_name"] for image in original["images"]]
    annotations = CocoFormat().read(source, names)
    assert annotations.findings == () and len(annotations.objects) == 130
    changes = {
        image["file_name"]: ImageChange(
            image["file_name"].replace(".jpg", ".png"),
            (image["height"], image["width"]),
            (image["height"] // 2, image["width"] // 2),
            (0.5, 0, 0, 0, 0.5, 0),
        )
        for image in original["images"]
    }
    CocoFormat().rewrite(source, tmp_path / "half.json", changes)
    half = CocoFormat().read(
        tmp_path / "half.json", [change.new_name for change in changes.values()]
    )
    assert half.findings == ()
    for old, new in zip(annotations.objects, half.objects, strict=True):
        assert old.box is not None and new.box is not None
        assert new.box == pytest.approx([value / 2 for value in old.box])
        if old.rle is not None and new.rle is not None:
            assert new.rle.area == pytest.approx(old.rle.area / 4, rel=0.02)


def test_what_is_said_of_classes_and_of_the_whole_is_read_and_written(
    tmp_path: Path, coco_document: dict[str, Any]
) -> None:
    coco_document["categories"][1] |= {"supercategory": "vessel", "keypoints": ["bow"]}
    annotations = CocoFormat().read(store(tmp_path, coco_document), NAMES)
    CocoFormat().write(annotations, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["categories"] == coco_document["categories"]
    assert again["info"] == coco_document["info"]
