"""Faults of GeoJSON, DOTA, YOLO, masks, folders and image files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from broken_datasets import (
    HEIGHT,
    WIDTH,
    collection,
    feature,
    scene,
    square,
    write_coco,
    write_geotiff,
    write_image,
    write_json,
)
from iqf_dataset_tools.catalogue import CODES, DROPS, REPAIRS
from iqf_dataset_tools.check import check_dataset
from iqf_dataset_tools.fix import fix_dataset

from iqf_core.api import DatasetError, PluginManager

X, Y = 500_000.0, 4_000_000.0


def codes(*paths: Path, registry: Any) -> set[str]:
    return {each.code for each in check_dataset(*paths, registry=registry, quiet=True).problems}


def test_the_catalogue_is_complete() -> None:
    for code in CODES.values():
        assert code.explanation.endswith(".")
        assert code.fix
        assert code.drop in ("", *DROPS)
        assert code.repair in ("", *REPAIRS)


BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[X, Y], [X + 5, Y - 5], [X + 5, Y], [X, Y - 5], [X, Y]]],
}
GEO = [
    ("missing-geometry", feature(None)),
    ("empty-geometry", feature({"type": "Polygon", "coordinates": []})),
    ("invalid-geometry", feature(BOW_TIE)),
    ("bad-geometry", feature({"type": "Polygon", "coordinates": [[["a", "b"]]]})),
    ("polygon-not-finite", feature({"type": "Point", "coordinates": [float("nan"), 1.0]})),
    ("empty-polygon", feature(square(X, Y, 0.0))),
    ("no-overlap", feature(square(X + 5000, Y, 5))),
    ("polygon-leaves-image", feature(square(X - 5, Y - 5, 10))),
    ("missing-image", feature(square(X, Y, 5), image="gone.tif")),
    ("unknown-image", feature(square(X, Y, 5), image=None)),
    ("bad-class-id", feature(square(X, Y, 5), class_id=None)),
    ("bad-object", 3),
    ("duplicate-object", feature(square(X + 1, Y - 1, 5))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "bad"), GEO, ids=[code for code, _ in GEO])
def test_faults_of_geojson(tmp_path: Path, registry: Any, code: str, bad: Any) -> None:
    folder = tmp_path / "d"
    write_geotiff(folder / "images/a.tif", scene(1))
    document = collection([feature(square(X + 1, Y - 1, 5)), bad])
    write_json(folder / "labels.geojson", document)
    assert codes(folder, registry=registry) == {code}
    fixed = fix_dataset(folder, tmp_path / "o", registry=registry, quiet=True)
    assert {each.code for each in fixed.changes} == {code}
    assert codes(tmp_path / "o", registry=registry) <= {"image-without-annotations"}
    kept = json.loads((tmp_path / "o/labels.geojson").read_text())["features"]
    assert len(kept) == (2 if code in ("invalid-geometry", "polygon-leaves-image") else 1)


def test_geojson_of_another_shape_is_no_reason_to_stop(tmp_path: Path, registry: Any) -> None:
    folder = tmp_path / "d"
    write_geotiff(folder / "images/a.tif", scene(1))
    write_json(folder / "labels.geojson", {"type": "Feature", "features": [feature(None)]})
    assert {"annotations-unreadable", "missing-geometry"} <= codes(folder, registry=registry)


DOTA = [
    ("bad-line", "1 2 3 plane 0"),
    ("polygon-not-finite", "nan 1 9 1 9 9 1 9 plane 0"),
    ("empty-polygon", "1 1 5 1 9 1 1 1 plane 0"),
    ("invalid-geometry", "10 10 30 30 30 10 10 30 plane 0"),
    ("polygon-leaves-image", "70 10 95 10 95 20 70 20 plane 0"),
    ("polygon-outside-image", "170 10 195 10 195 20 170 20 plane 0"),
    ("duplicate-object", "1 1 9 1 9 9 1 9 plane 0"),
]
YOLO = [
    ("bad-line", "0 0.5 0.5"),
    ("polygon-not-finite", "0 nan 0.5 0.1 0.1"),
    ("box-negative", "0 0.5 0.5 -0.1 0.1"),
    ("empty-box", "0 0.5 0.5 0 0.1"),
    ("polygon-leaves-image", "0 0.95 0.5 0.2 0.1"),
    ("polygon-outside-image", "0 2.5 0.5 0.2 0.1"),
    ("unknown-class", "7 0.5 0.5 0.2 0.1"),
    ("duplicate-object", "0 0.5 0.5 0.25 0.25"),
]


@pytest.mark.parametrize(("code", "line"), DOTA, ids=[code for code, _ in DOTA])
def test_faults_of_dota(tmp_path: Path, registry: Any, code: str, line: str) -> None:
    folder = tmp_path / "d"
    write_image(folder / "images/a.png", scene(1))
    (folder / "labelTxt").mkdir()
    (folder / "classes.txt").write_text("plane\n")
    label = folder / "labelTxt/a.txt"
    label.write_text(f"imagesource:x\ngsd:0.1\n1 1 9 1 9 9 1 9 plane 0\n{line}\n")
    report = check_dataset(folder, registry=registry, quiet=True)
    assert [(p.code, p.item) for p in report.problems if p.severity != "info"] == [(code, "line 4")]
    fix_dataset(folder, tmp_path / "o", registry=registry, quiet=True)
    assert codes(tmp_path / "o", registry=registry) == set()
    assert "imagesource:x" in (tmp_path / "o/labelTxt/a.txt").read_text()


@pytest.mark.parametrize(("code", "line"), YOLO, ids=[code for code, _ in YOLO])
def test_faults_of_yolo(tmp_path: Path, registry: Any, code: str, line: str) -> None:
    folder = tmp_path / "d"
    write_image(folder / "images/a.png", scene(1))
    (folder / "labels").mkdir()
    (folder / "classes.txt").write_text("plane\n")
    (folder / "labels/a.txt").write_text(f"0 0.5 0.5 0.25 0.25\n{line}\n")
    assert codes(folder, registry=registry) == {code}
    fix_dataset(folder, tmp_path / "o", registry=registry, quiet=True)
    assert codes(tmp_path / "o", registry=registry) <= {"unknown-class"}


def test_labels_of_no_image(tmp_path: Path, registry: Any) -> None:
    folder = tmp_path / "d"
    write_image(folder / "images/a.png", scene(1))
    write_image(folder / "images/b.jpg", scene(2))
    write_image(folder / "images/b.png", scene(3))
    (folder / "labels").mkdir()
    for name in ("a", "b", "gone"):
        (folder / f"labels/{name}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    found = codes(folder, registry=registry)
    expected = {"missing-label-image", "shared-labels", "unnamed-classes", "duplicate-name"}
    assert expected <= found


def test_faults_of_masks(tmp_path: Path, registry: Any) -> None:
    folder = tmp_path / "d"
    for number in range(6):
        write_image(folder / f"images/{number}.png", scene(number))
    good = np.zeros((HEIGHT, WIDTH), np.uint8)
    good[5:9] = 1
    write_image(folder / "masks/0.png", good)
    write_image(folder / "masks/1.png", good[:50])
    write_image(folder / "masks/2.png", scene(2))
    write_image(folder / "masks/3.png", np.zeros_like(good))
    (folder / "masks/4.png").write_bytes(b"no png")
    write_image(folder / "masks/gone.png", good)
    found = codes(folder, registry=registry)
    assert found == {
        "mask-size", "mask-bands", "empty-mask", "unreadable-mask", "orphan-mask", "missing-mask",
        "image-without-annotations",
    }  # fmt: skip
    fix_dataset(folder, tmp_path / "o", registry=registry, quiet=True)
    masks = sorted(path.name for path in (tmp_path / "o/masks").iterdir())
    assert masks == ["0.png", "1.png", "2.png", "3.png"]


def test_faults_of_image_files(tmp_path: Path, registry: Any) -> None:
    folder = tmp_path / "d" / "images"
    whole = write_image(folder / "whole.jpg", scene(1))
    write_image(folder / "grey.png", scene(2)[..., 0])
    (folder / "copy.jpg").write_bytes(whole.read_bytes())
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("hello")
    (folder / "cut.jpg").write_bytes(whole.read_bytes()[:-400])
    write_geotiff(folder / "deep.tif", np.zeros((9, 9), np.int16))
    write_image(folder / "unknown.png", scene(5).astype(np.uint16) * 256)
    write_image(folder / "sub/WHOLE.png", scene(6))
    report = check_dataset(tmp_path / "d", registry=registry, quiet=True)
    found = {(each.code, each.file) for each in report.problems}
    assert found == {
        ("duplicate-content", "whole.jpg"), ("duplicate-name", "whole.jpg"),
        ("mixed-bands", ""), ("truncated-image", "cut.jpg"),
        ("unknown-peak", "unknown.png"), ("unreadable-image", "empty.png"),
        ("unreadable-image", "text.png"), ("unsupported-dtype", "deep.tif"),
    }  # fmt: skip
    assert report.images == 9


def test_bands_that_iqf_yaml_does_not_name(tmp_path: Path, registry: Any) -> None:
    folder = write_coco(tmp_path / "d")
    (folder / "iqf.yaml").write_text("bands: [red, nir]\n")
    assert "band-mismatch" in codes(folder, registry=registry)
    (folder / "iqf.yaml").write_text("peak: banana\n")
    assert codes(folder, registry=registry) == {"bad-properties"}


def test_images_without_annotations_and_odd_folders(tmp_path: Path, registry: Any) -> None:
    folder = write_coco(tmp_path / "d")
    write_image(folder / "images/bare.png", scene(9))
    write_image(folder / "beside.png", scene(10))
    assert codes(folder, registry=registry) == {"image-without-annotations", "folder-oddity"}


def test_no_dataset_at_all_is_an_error(tmp_path: Path, registry: Any) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        check_dataset(tmp_path / "gone", registry=registry)


def test_leakage_between_parts(tmp_path: Path, registry: Any) -> None:
    root = tmp_path / "d"
    for part, seeds in (("train", (1, 2, 3)), ("val", (4, 5)), ("test", (6, 7))):
        for seed in seeds:
            write_image(root / part / f"{part}{seed}.png", scene(seed, 120, 160))
    assert codes(root, registry=registry) == set()
    (root / "test/same.png").write_bytes((root / "train/train1.png").read_bytes())
    again = scene(2, 120, 160)
    write_image(root / "val/again.jpg", again, cv2.IMWRITE_JPEG_QUALITY, 30)
    write_image(root / "test/small.png", cv2.resize(scene(3, 120, 160), (80, 60)))
    brighter = np.clip(scene(4, 120, 160).astype(int) * 0.8 + 20, 0, 255).astype(np.uint8)
    write_image(root / "test/brighter.png", brighter)
    report = check_dataset(root, registry=registry, quiet=True)
    assert {(each.code, each.file) for each in report.problems} == {
        ("leakage-duplicate", "test/same.png"), ("leakage-near-duplicate", "val/again.jpg"),
        ("leakage-near-duplicate", "test/small.png"),
        ("leakage-near-duplicate", "test/brighter.png"),
    }  # fmt: skip
    assert report.failed
    assert set(report.parts) == {"train", "val", "test"}
    # The same, named one by one.
    named = check_dataset(*(root / part for part in report.parts), registry=registry, quiet=True)
    assert len(named.problems) == len(report.problems)


def test_parts_within_one_image_folder(tmp_path: Path, registry: Any) -> None:
    for part in ("train", "val"):
        write_image(tmp_path / "d/images" / part / f"{part}.png", scene(1))
    report = check_dataset(tmp_path / "d", registry=registry, quiet=True)
    assert [(each.code, each.file) for each in report.problems] == [
        ("leakage-duplicate", "val/val.png")
    ]


def test_a_reference_system_that_nobody_knows(tmp_path: Path, registry: Any) -> None:
    folder = tmp_path / "d"
    write_geotiff(folder / "images/a.tif", scene(1))
    document = collection([feature(square(X + 1, Y - 1, 5))])
    document["crs"]["properties"]["name"] = "moon"
    write_json(folder / "labels.geojson", document)
    assert codes(folder, registry=registry) == {"bad-crs"}
    document["crs"] = 3
    write_json(folder / "labels.geojson", document)
    assert codes(folder, registry=registry) == {"bad-crs"}


FORMATS = '''
from iqf_core.api import Annotations, DatasetFormat, Finding


class Notes(DatasetFormat):
    """Reports that it dislikes the notes."""

    def detect(self, folder, images_folder):
        return sorted(folder.glob("*.notes"))

    def read(self, path, image_names):
        return Annotations(findings=(Finding("odd-note", "warning", "too short", path.name),))


class Broken(DatasetFormat):
    """Cannot look."""

    def detect(self, folder, images_folder):
        raise RuntimeError("out of order")
'''


def test_formats_of_others_are_asked_and_may_fail(tmp_path: Path) -> None:
    (tmp_path / "formats.py").write_text(FORMATS)
    registry = PluginManager.create(files=[tmp_path / "formats.py"]).registry
    write_image(tmp_path / "d/images/a.png", scene(1))
    (tmp_path / "d/a.notes").write_text("x")
    report = check_dataset(tmp_path / "d", registry=registry, quiet=True)
    found = {each.code: each.message for each in report.problems}
    assert found["unmapped"] == "odd-note: too short"
    assert "out of order" in found["format-unavailable"]
