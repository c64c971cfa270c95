"""Every fault a COCO file can have is found, under its own code, and mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_datasets import HEIGHT, WIDTH, coco_document, ring, write_coco
from iqf_dataset_tools.check import check_dataset
from iqf_dataset_tools.fix import fix_dataset

ENTRY = {"height": HEIGHT, "width": WIDTH}
BOW_TIE = [10, 10, 30, 30, 30, 10, 10, 30]


def first(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["annotations"][0].update(values)


def without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in names:
            document["annotations"][0].pop(name, None)

    return change


def image(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["images"][0].update(values)


def more(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[key].append(value)


def both(*changes: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for each in changes:
            each(document)

    return change


def mask(counts: Any, size: Any = (HEIGHT, WIDTH)) -> dict[str, Any]:
    return {"segmentation": {"counts": counts, "size": list(size)}}


def copied(**values: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["annotations"].append({**document["annotations"][0], **values})

    return change


FAULTS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("missing-image", image(file_name="gone.png")),
    ("unsafe-name", image(file_name="../../etc/passwd")),
    ("bad-image-entry", more("images", {"id": 9, "file_name": None})),
    ("duplicate-image-id", more("images", {**ENTRY, "id": 1, "file_name": "2.png"})),
    ("duplicate-image", more("images", {**ENTRY, "id": 9, "file_name": "1.png"})),
    ("size-mismatch", image(height=61)),
    ("bad-size", image(height="60")),
    ("band-mismatch", image(bands=4)),
    ("bad-class", more("categories", {"id": 7})),
    ("duplicate-class", more("categories", {"id": 1, "name": "again"})),
    ("unknown-class", first(category_id=99)),
    ("bad-class-id", first(category_id=None)),
    ("unknown-image", first(image_id=99)),
    ("bad-object", more("annotations", "no object")),
    ("duplicate-id", first(id=2)),
    ("duplicate-object", copied(id=3)),
    ("box-type", first(bbox=["1", 2, 3, 4])),
    ("box-length", first(bbox=[1, 2, 3])),
    ("box-not-finite", first(bbox=[float("nan"), 1, 2, 3])),
    ("box-negative", first(bbox=[10, 10, -5, 5])),
    ("empty-box", first(bbox=[10, 10, 0, 5])),
    ("box-leaves-image", both(first(bbox=[70, 10, 20, 10], area=200), without("segmentation"))),
    ("box-outside-image", first(bbox=[500, 10, 20, 10])),
    ("segmentation-type", first(segmentation="polygon")),
    ("segmentation-type", first(segmentation=ring(1, 1, 5, 5))),
    ("polygon-type", first(segmentation=[["a", 1, 2, 3, 4, 5]])),
    ("polygon-odd", first(segmentation=[[1, 1, 9, 1, 9, 9, 1]])),
    ("polygon-short", first(segmentation=[[1, 1, 9, 9]])),
    ("polygon-not-finite", first(segmentation=[[1, 1, 9, 1, 9, float("inf")]])),
    ("empty-polygon", first(segmentation=[[1, 1, 5, 5, 9, 9]])),
    ("polygon-leaves-image", first(segmentation=[ring(70, 10, 20, 10)], bbox=[70, 10, 20, 10])),
    ("polygon-outside-image", first(segmentation=[ring(200, 10, 20, 10)])),
    ("invalid-geometry", first(segmentation=[BOW_TIE], area=200)),
    ("missing-geometry", without("bbox", "segmentation")),
    ("empty-geometry", first(bbox=[], segmentation=[])),
    ("bad-rle", first(**mask([10, 5]))),
    ("bad-rle", first(**mask("~~not rle~~"))),
    ("rle-size", first(**mask([0, 100], (10, 10)))),
    ("empty-rle", first(**mask([HEIGHT * WIDTH]))),
    ("bad-keypoints", first(keypoints=[1, 2])),
    ("bad-area", first(area=float("nan"))),
    ("missing-area", without("area")),
    ("area-mismatch", first(area=1000)),
]  # fmt: skip

#: What is for a person to decide.
BY_HAND = {"band-mismatch"}


def test_a_sound_dataset_has_no_problems(tmp_path: Path, registry: Any) -> None:
    report = check_dataset(write_coco(tmp_path / "d"), registry=registry, quiet=True)
    assert report.problems == ()
    assert (report.images, report.objects, report.failed) == (2, 2, False)


@pytest.mark.parametrize(
    ("code", "change"), FAULTS, ids=[f"{c}-{n}" for n, (c, _) in enumerate(FAULTS)]
)
def test_a_fault_is_found_and_mended(
    tmp_path: Path, registry: Any, code: str, change: Callable[[dict[str, Any]], None]
) -> None:
    document = coco_document()
    change(document)
    source = write_coco(tmp_path / "d", document)
    before = (source / "annotations.json").read_bytes()
    report = check_dataset(source, registry=registry, quiet=True)
    found = [each for each in report.problems if each.code == code]
    assert len(found) == 1, report.problems
    assert found[0].file == "annotations.json"
    assert report.failed == any(each.severity == "error" for each in report.problems)
    assert found[0].message and found[0].kind.explanation and found[0].kind.fix

    fixed = fix_dataset(source, tmp_path / "fixed", registry=registry, quiet=True)
    assert (source / "annotations.json").read_bytes() == before
    after = check_dataset(tmp_path / "fixed", registry=registry, quiet=True)
    if code in BY_HAND:
        assert code in {each.code for each in after.problems}
        assert code in {each.code for each in fixed.left}
        return
    assert not [each for each in after.problems if each.severity != "info"]
    assert code in {each.code for each in fixed.changes}
    record = json.loads((tmp_path / "fixed/.iqf/fix.json").read_text())
    assert record["schema"] == "iqf.dataset-fix/1"
    assert len(record["changes"]) == len(fixed.changes) > 0


@pytest.mark.parametrize(
    "text",
    [
        "{ not json",
        '{"images": 3, "annotations": {}}',
        '{"images": [], "categories": []}',
    ],
)
def test_the_check_goes_on_where_the_reader_refuses(
    tmp_path: Path, registry: Any, text: str
) -> None:
    folder = write_coco(tmp_path / "d")
    (folder / "annotations.json").write_text(text)
    (folder / "images/1.png").write_bytes((folder / "images/1.png").read_bytes()[:200])
    report = check_dataset(folder, registry=registry, quiet=True)
    codes = {each.code for each in report.problems}
    assert "annotations-unreadable" in codes
    assert "truncated-image" in codes or "unreadable-image" in codes


def test_objects_of_a_broken_list_are_still_looked_at(tmp_path: Path, registry: Any) -> None:
    document = {**coco_document(), "images": None}
    folder = write_coco(tmp_path / "d", document)
    report = check_dataset(folder, registry=registry, quiet=True)
    assert {"annotations-unreadable", "unknown-image"} <= {each.code for each in report.problems}
    assert report.objects == 2


def test_two_annotation_files_are_both_checked(tmp_path: Path, registry: Any) -> None:
    document = coco_document()
    document["annotations"][0]["bbox"] = [1]
    folder = write_coco(tmp_path / "d")
    (folder / "other.json").write_text(json.dumps(document))
    report = check_dataset(folder, registry=registry, quiet=True)
    found = {(each.code, each.file) for each in report.problems}
    assert ("box-length", "other.json") in found
    assert "ambiguous-annotations" in {code for code, _ in found}


def test_repairing_goes_before_dropping(tmp_path: Path, registry: Any) -> None:
    document = coco_document()
    document["annotations"][0].update(segmentation=[BOW_TIE], bbox=[1, 2, 3], area=0)
    source = write_coco(tmp_path / "d", document)
    areas = {}
    for method in ("make_valid", "buffer"):
        from iqf_dataset_tools.mending import Choices

        out = tmp_path / method
        fix_dataset(source, out, registry=registry, choices=Choices(method=method), quiet=True)
        objects = json.loads((out / "annotations.json").read_text())["annotations"]
        assert len(objects) == 2
        assert objects[0]["bbox"][2] > 0
        areas[method] = objects[0]["area"]
    # Both triangles of the bow tie have 100 px²; buffer(0) keeps one of them.
    assert areas == {"make_valid": pytest.approx(200), "buffer": pytest.approx(100)}


def test_nothing_is_done_that_was_not_asked_for(tmp_path: Path, registry: Any) -> None:
    from iqf_dataset_tools.mending import Choices

    document = coco_document()
    document["annotations"][0].update(segmentation=[BOW_TIE], area=200)
    document["annotations"][1]["category_id"] = 99
    source = write_coco(tmp_path / "d", document)
    nothing = Choices(drop=frozenset(), repair=frozenset())
    fixed = fix_dataset(source, tmp_path / "o", registry=registry, choices=nothing, quiet=True)
    assert fixed.changes == ()
    written = (tmp_path / "o/annotations.json").read_bytes()
    assert written == (source / "annotations.json").read_bytes()
    assert {"invalid-geometry", "unknown-class"} <= {each.code for each in fixed.left}
