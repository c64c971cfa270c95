"""DOTA: what is read, written, checked, and what becomes of it in copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iqf_formats_detection.dota import DotaFormat

from iqf_core.api import Annotation, Annotations, DatasetError, ImageChange, ImageRecord

NAMES = ["P0001.png", "P0002.png", "P0003.png"]
SQUARE = ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0))


def read(folder: Path, text: str) -> Annotations:
    path = folder / "labelTxt"
    path.mkdir(exist_ok=True)
    (path / "a.txt").write_text(text)
    return DotaFormat().read(path, ["a.png"])


def test_the_official_layout_is_found_and_read(dota, opened):
    dataset = opened(dota)
    assert [each.format for each in dataset.annotation_files] == ["dota"]
    annotations = dataset.annotations()
    assert annotations.classes == {0: "large-vehicle", 1: "ship"}
    vehicle, ship, small = annotations.objects
    assert vehicle.oriented_box == ((10, 5), (30, 5), (30, 15), (10, 15))
    assert (vehicle.class_id, vehicle.attributes) == (0, {"difficult": 0})
    assert (ship.class_id, ship.attributes) == (1, {"difficult": 1})
    assert (small.image, small.attributes) == ("P0002.png", {})
    record = annotations.images["P0001.png"].attributes
    assert record == {"imagesource": "GoogleEarth", "gsd": 0.146343590398}
    assert annotations.images["P0002.png"].attributes == {"imagesource": "GF", "gsd": None}
    assert [each.code for each in annotations.findings] == ["named-classes"]


def test_two_folders_of_labels_are_an_error(dota, opened):
    (dota / "labelTxt").mkdir()
    with pytest.raises(DatasetError, match="both dota annotations"):
        opened(dota)


def test_a_list_of_classes_numbers_them(dota):
    (dota / "classes.txt").write_text("plane\nship\n\n")
    annotations = DotaFormat().read(dota / "labelTxt-v1.5", NAMES)
    assert annotations.classes == {0: "plane", 1: "ship", 2: "large-vehicle"}
    assert annotations.findings == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 2 3 4 5 6 7 ship 0", "bad-line"),
        ("1 2 3 4 5 6 7 nan ship 0", "bad-line"),
        ("1 2 3 4 5 6 7 1e30 ship 0", "bad-line"),
        ("1 2 3 4 5 6 7 8 small vehicle 0", "bad-line"),
        ("1 2 3 4 5 6 7 8 ship -1", "bad-line"),
        ("1 1 1 1 1 1 1 1 ship 0", "empty-box"),
    ],
)
def test_bad_lines_are_found(tmp_path, text, code):
    annotations = read(tmp_path, f"{text}\n1 1 5 1 5 5 1 5 ship 0\n")
    finding = annotations.findings[0]
    assert (finding.code, finding.file, finding.item) == (code, "a.txt", "line 1")
    assert annotations.objects[-1].oriented_box == SQUARE


def test_labels_without_image_and_images_of_one_stem_are_found(tmp_path):
    read(tmp_path, "1 1 5 1 5 5 1 5 ship 0\n")
    annotations = DotaFormat().read(tmp_path / "labelTxt", ["a.png", "a.jpg", "b.png"])
    assert [each.image for each in annotations.objects] == ["a.png", "a.jpg"]
    assert annotations.findings[0].code == "shared-labels"
    (finding, *_) = DotaFormat().check(tmp_path / "labelTxt", ["b.png"])
    assert (finding.code, finding.file) == ("missing-image", "a.txt")


def test_what_was_read_is_written_again(dota, tmp_path):
    source = dota / "labelTxt-v1.5"
    annotations = DotaFormat().read(source, NAMES)
    (tmp_path / "new").mkdir()
    assert DotaFormat().write(annotations, tmp_path / "new" / "labelTxt") == []
    written = (tmp_path / "new" / "labelTxt" / "P0001.txt").read_text()
    assert written == (source / "P0001.txt").read_text().replace(".0 ", " ")
    again = DotaFormat().read(tmp_path / "new" / "labelTxt", NAMES)
    assert (again.classes, again.images, again.findings) == (
        annotations.classes,
        annotations.images,
        (),
    )
    assert [each.oriented_box for each in again.objects] == [
        each.oriented_box for each in annotations.objects
    ]


def test_other_outlines_become_rectangles(tmp_path):
    diamond = ((4.0, 0.0), (8.0, 4.0), (4.0, 8.0), (0.0, 4.0))
    bent = (*diamond[:3], (3.0, 7.0), diamond[3])
    annotations = Annotations(
        {3: "storage tank"},
        {"a.png": ImageRecord("a.png")},
        (
            Annotation("a.png", 3, box=(1, 1, 4, 4)),
            Annotation("a.png", 3, polygons=((diamond,),)),
            Annotation("a.png", 3, polygons=((bent,),)),
            Annotation("a.png", 3, keypoints=((1, 1, 2),)),
        ),
    )
    findings = DotaFormat().write(annotations, tmp_path / "labelTxt")
    assert {each.code for each in findings} == {
        "class-renamed",
        "classes-renumbered",
        "outline-not-carried",
        "object-not-carried",
    }
    again = DotaFormat().read(tmp_path / "labelTxt", ["a.png"])
    assert again.classes == {0: "storage-tank"}
    box, quad, rectangle = (each.oriented_box for each in again.objects)
    assert (box, quad) == (SQUARE, diamond)
    # Tolerance: twelve significant digits are written.
    assert sorted(rectangle) == [pytest.approx(point, abs=1e-8) for point in sorted(diamond)]


def test_names_that_would_fall_together_are_refused(tmp_path):
    images = {name: ImageRecord(name) for name in ("a.png", "a.jpg")}
    with pytest.raises(DatasetError, match=r"'a\.png' and 'a\.jpg' would share"):
        DotaFormat().write(Annotations({}, images), tmp_path / "labelTxt")
    with pytest.raises(DatasetError, match="two classes would be called 'small-car'"):
        DotaFormat().write(Annotations({0: "small car", 1: "small-car"}), tmp_path / "labelTxt")


def test_a_copy_on_the_same_grid_has_the_same_bytes_under_new_names(dota):
    source, target = dota / "labelTxt-v1.5", dota / "new"
    changes = {name: ImageChange(f"x/{name}.tif", (40, 60), (40, 60)) for name in NAMES}
    DotaFormat().rewrite(source, target, changes)
    copied = {path.relative_to(target).as_posix() for path in target.rglob("*.txt")}
    assert copied == {"x/P0001.png.txt", "x/P0002.png.txt"}
    assert (target / "x" / "P0001.png.txt").read_bytes() == (source / "P0001.txt").read_bytes()


def test_corners_and_gsd_follow_a_coarser_grid(dota):
    target = dota / "new"
    with (dota / "labelTxt-v1.5" / "P0001.txt").open("a") as file:
        file.write("what is this\n")
    half = ImageChange("P0001.png", (40, 60), (20, 30), (0.5, 0, 0, 0, 0.5, 0))
    DotaFormat().rewrite(dota / "labelTxt-v1.5", target, {"P0001.png": half})
    assert (target / "P0001.txt").read_text().splitlines() == [
        "imagesource:GoogleEarth",
        "gsd:0.292687180796",
        "5 2.5 15 2.5 15 7.5 5 7.5 large-vehicle 0",
        "10 10 12.5 12.5 7.5 17.5 5 15 ship 1",
        "what is this",
    ]


def test_numbers_of_classes_survive_where_images_are_left_out(dota):
    target = dota.parent / "part" / "labelTxt"
    target.parent.mkdir()
    same = ImageChange("P0002.png", (40, 60), (40, 60))
    DotaFormat().rewrite(dota / "labelTxt-v1.5", target, {"P0002.png": same})
    annotations = DotaFormat().read(target, ["P0002.png"])
    assert [each.class_id for each in annotations.objects] == [1]
    assert annotations.classes == {0: "large-vehicle", 1: "ship"}


def test_two_images_of_a_copy_never_share_labels(tmp_path):
    folder = tmp_path / "labelTxt"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.txt").write_text("")
    changes = {name: ImageChange("c.png", (4, 4), (4, 4)) for name in ("a.png", "b.jpg")}
    with pytest.raises(DatasetError, match=r"would share the labels 'c\.txt'"):
        DotaFormat().rewrite(folder, tmp_path / "new", changes)


words = st.sampled_from(["1", "-2.5", "1e9", "nan", "inf", "ship", "0", "gsd:", "é", "1_0", "٣"])
lines = st.one_of(st.text(max_size=60), st.lists(words, max_size=12).map(" ".join))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(lines, max_size=6).map("\n".join), st.binary(max_size=20))
def test_whatever_a_file_holds_is_read_or_found(tmp_path, text, tail):
    folder = tmp_path / "labelTxt"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_bytes(text.encode("utf-8", "surrogatepass") + tail)
    annotations = DotaFormat().read(folder, ["a.png"])
    for each in annotations.objects:
        assert all(abs(value) <= 1e9 for point in each.oriented_box for value in point)
        assert each.class_id in annotations.classes
    turned = ImageChange("a.png", (9, 9), (9, 9), (0, -2, 9, 2, 0, 0))
    DotaFormat().rewrite(folder, tmp_path / "moved", {"a.png": turned})
    moved = DotaFormat().read(tmp_path / "moved", ["a.png"])
    # What a transform moves beyond 1e9 is found there, and not used.
    assert len(moved.objects) <= len(annotations.objects)
    inside = [each for each in annotations.objects if max(map(max, each.oriented_box)) < 1e8]
    assert len(moved.objects) >= len(
        [each for each in inside if min(map(min, each.oriented_box)) > -1e8]
    )
