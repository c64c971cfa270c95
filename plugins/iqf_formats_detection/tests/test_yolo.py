"""YOLO: what is read, written, checked, and what becomes of it in copies."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iqf_formats_detection.yolo import YoloFormat

from iqf_core.api import Annotation, Annotations, DatasetError, ImageChange, ImageRecord


@pytest.fixture
def read(tmp_path, picture):
    """Read lines of labels of one image of 40 x 60 pixels."""
    picture(tmp_path / "images" / "a.png")

    def read(text):
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / "a.txt").write_text(text)
        return YoloFormat().read(tmp_path / "labels", ["a.png"])

    return read


def test_boxes_are_read_in_pixels_with_the_names_of_classes(yolo, opened):
    dataset = opened(yolo)
    assert [each.format for each in dataset.annotation_files] == ["yolo"]
    annotations = dataset.annotations()
    assert annotations.findings == () and annotations.classes == {0: "car", 1: "small bus"}
    car, bus = annotations.objects
    assert (car.image, car.class_id, car.box) == ("train/a.jpg", 0, (15, 15, 30, 10))
    assert bus.box == pytest.approx((0, 6, 12, 4))
    assert set(annotations.images) == {"train/a.jpg", "train/b.jpg"}
    assert (car.score, annotations.images["train/a.jpg"].height) == (None, 40)


def test_oriented_boxes_and_confidences_are_read(read):
    annotations = read("2 0 0 0.5 0 0.5 0.5 0 0.5\n2 0 0 0.5 0 0.5 0.5 0 0.5 0.75\n")
    plain, predicted = annotations.objects
    assert plain.oriented_box == ((0, 0), (30, 0), (30, 20), (0, 20))
    assert (plain.score, predicted.score) == (None, 0.75)
    assert [each.code for each in annotations.findings] == ["unnamed-classes"]
    assert annotations.classes == {0: "0", 1: "1", 2: "2"}


def test_where_there_are_polygons_four_corners_are_one_too(read):
    first, second = read("0 0 0 1 0 1 1\n0 0 0 0.5 0 0.5 0.5 0 0.5\n").objects
    assert first.polygons == ((((0, 0), (60, 0), (60, 40)),),)
    assert second.oriented_box is None and second.polygons is not None


@pytest.mark.parametrize(
    "text",
    [
        "0 0.5 0.5 0.5",
        "x 0.5 0.5 1 1",
        "0 0.5 0.5 nan 1",
        "-1 0 0 1 1",
        "0.5 0 0 1 1",
        "0 0.5 0.5 -1 1",
        "0 1e300 0 1 1",
        "1e400 0 0 1 1",
    ],
)
def test_bad_lines_are_found(read, text):
    annotations = read(f"{text}\n0 0.5 0.5 1 1\n")
    finding = annotations.findings[0]
    assert (finding.code, finding.file, finding.item) == ("bad-line", "a.txt", "line 1")
    assert [each.box for each in annotations.objects] == [(0, 0, 60, 40)]


def test_labels_in_pixels_are_found(read):
    assert "outside-image" in [each.code for each in read("0 30 20 10 10\n").findings]


def test_names_come_from_a_mapping_a_list_or_the_folder_above(read, tmp_path):
    for name, text in (
        ("classes.txt", "car\nbus\n"),
        ("data.yaml", "names: {0: car, 1: bus}\n"),
        ("../data.yaml", "names: [car, bus]\n"),
    ):
        (tmp_path / name).write_text(text)
        assert read("1 0.5 0.5 1 1\n").classes == {0: "car", 1: "bus"}
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: 3", "names: expected a list"),
        ("names: {a: b}", "names: expected a list"),
        ("names: [[a]]", "names: expected a list"),
        ("names: {-1: b}", "must not be negative"),
        ("- 1", "expected a mapping"),
        ("names: [", "not valid YAML"),
        ("names: [a]\nkpt_shape: [17, 3]", "poses are not supported"),
        ("names: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_list_of_names_that_cannot_be_used_is_an_error(read, tmp_path, text, message):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read("0 0.5 0.5 1 1\n")


def test_unknown_classes_and_unreadable_images_are_found(read, tmp_path):
    (tmp_path / "classes.txt").write_text("car\n")
    assert [each.code for each in read("7 0.5 0.5 1 1\n").findings] == ["unknown-class"]
    (tmp_path / "images" / "a.png").write_bytes(b"no image")
    annotations = read("0 0.5 0.5 1 1\n")
    assert [each.code for each in annotations.findings] == ["unreadable-image"]
    assert annotations.objects == ()


def test_a_folder_of_other_texts_is_not_taken_for_labels(tmp_path, picture, opened):
    picture(tmp_path / "d" / "images" / "a.png")
    (tmp_path / "d" / "labels").mkdir()
    (tmp_path / "d" / "labels" / "a.txt").write_text("a sunny day\n")
    assert opened(tmp_path / "d").annotation_files == ()
    assert opened(tmp_path / "d").companions == ("labels/a.txt",)


def write(folder, *objects, task="auto", classes=None):
    images = {"a.png": ImageRecord("a.png", 40, 60)}
    annotations = Annotations(classes or {0: "car"}, images, objects)
    format_ = YoloFormat(YoloFormat.Params(task=task))
    findings = format_.write(annotations, folder / "labels")
    return (folder / "labels" / "a.txt").read_text().splitlines(), [each.code for each in findings]


BOX = Annotation("a.png", 0, box=(15, 15, 30, 10))
TRIANGLE = (((0.0, 0.0), (30.0, 0.0), (0.0, 20.0)),)


def test_what_is_written_depends_on_the_outlines(tmp_path):
    quad = ((0.0, 0.0), (30.0, 0.0), (30.0, 20.0), (0.0, 20.0))
    oriented = Annotation("a.png", 0, oriented_box=quad)
    polygon = Annotation("a.png", 0, polygons=(TRIANGLE,))
    both = Annotation("a.png", 0, box=(0, 0, 30, 20), polygons=(TRIANGLE,))
    assert write(tmp_path, BOX) == (["0 0.5 0.5 0.5 0.25"], [])
    assert write(tmp_path, oriented) == (["0 0 0 0.5 0 0.5 0.5 0 0.5"], [])
    assert write(tmp_path, polygon) == (["0 0 0 0.5 0 0 0.5"], [])
    assert write(tmp_path, both) == (["0 0.25 0.25 0.5 0.5"], ["outline-not-carried"])
    assert write(tmp_path, both, task="polygons") == (["0 0 0 0.5 0 0 0.5"], [])
    assert write(tmp_path, BOX, task="oriented")[0] == [
        "0 0.25 0.375 0.75 0.375 0.75 0.625 0.25 0.625"
    ]


def test_objects_are_clipped_to_their_image(tmp_path):
    beyond = Annotation("a.png", 0, box=(-30, 0, 60, 40))
    outside = Annotation("a.png", 0, box=(70, 0, 5, 5))
    lines, codes = write(tmp_path, beyond, outside)
    assert lines == ["0 0.25 0.5 0.5 1"] and codes == ["clipped", "outside-image"]


def test_classes_are_counted_from_zero_and_named(tmp_path, picture):
    picture(tmp_path / "images" / "a.png")
    each = Annotation("a.png", 7, box=(15, 15, 30, 10))
    lines, codes = write(tmp_path, each, classes={3: "car", 7: "bus"})
    assert lines == ["1 0.5 0.5 0.5 0.25"] and codes == ["classes-renumbered"]
    assert yaml.safe_load((tmp_path / "data.yaml").read_text()) == {
        "train": "images",
        "val": "images",
        "names": {0: "car", 1: "bus"},
    }


def test_an_image_folder_of_another_name_is_warned_about(tmp_path, picture):
    picture(tmp_path / "photos" / "a.png")
    assert write(tmp_path, BOX)[1] == ["image-folder"]


def test_without_a_size_nothing_is_written(tmp_path):
    annotations = Annotations({0: "car"}, {}, (BOX,))
    with pytest.raises(DatasetError, match=r"size of image 'a\.png' is not known"):
        YoloFormat().write(annotations, tmp_path / "labels")


def test_a_copy_on_the_same_grid_has_the_same_bytes_under_new_names(yolo):
    target = yolo.parent / "copy" / "labels"
    change = ImageChange("train/a.png", (40, 60), (40, 60))
    YoloFormat().rewrite(yolo / "labels", target, {"train/a.jpg": change})
    assert [path.name for path in target.rglob("*.txt")] == ["a.txt"]
    assert (target / "train" / "a.txt").read_bytes() == (
        yolo / "labels" / "train" / "a.txt"
    ).read_bytes()


def test_labels_follow_a_turned_and_a_rounded_grid(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("0 0.5 0.25 0.5 0.1 0.9\n1 0 0 1 0 1 0.5 0 0.5\nodd\n")
    turned = ImageChange("a.png", (40, 60), (60, 40), (0, -1, 40, 1, 0, 0))
    YoloFormat().rewrite(folder, tmp_path / "turned", {"a.png": turned})
    assert (tmp_path / "turned" / "a.txt").read_text().splitlines() == [
        "0 0.75 0.5 0.1 0.5 0.9",
        "1 1 0 1 1 0.5 1 0.5 0",
        "odd",
    ]
    # 41 rows become 20: fractions of the height are not the same any more.
    rounded = ImageChange("a.png", (41, 60), (20, 30), (0.5, 0, 0, 0, 0.5, 0))
    YoloFormat().rewrite(folder, tmp_path / "rounded", {"a.png": rounded})
    first = (tmp_path / "rounded" / "a.txt").read_text().split()
    assert float(first[2]) == pytest.approx(0.25 * 41 / 40)


def test_names_from_above_go_into_a_copy(yolo):
    (yolo / "data.yaml").rename(yolo.parent / "data.yaml")
    target = yolo.parent / "elsewhere" / "part" / "labels"
    target.parent.mkdir(parents=True)
    YoloFormat().rewrite(yolo / "labels", target, {})
    assert (target.parent / "classes.txt").read_text() == "car\nsmall bus\n"


numbers = st.one_of(
    st.floats(-1, 2).map(str), st.sampled_from(["0", "1", "nan", "-inf", "1e99", "x", "é", "1_0"])
)
lines = st.one_of(st.text(max_size=40), st.lists(numbers, max_size=14).map(" ".join))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.lists(lines, max_size=6).map("\n".join), tail=st.binary(max_size=20))
def test_whatever_a_file_holds_is_read_or_found(tmp_path, read, text, tail):
    read("")
    (tmp_path / "labels" / "a.txt").write_bytes(text.encode("utf-8", "surrogatepass") + tail)
    annotations = YoloFormat().read(tmp_path / "labels", ["a.png"])
    for each in annotations.objects:
        points = [
            *(each.oriented_box or ()),
            *(p for rings in each.polygons or () for p in rings[0]),
        ]
        values = [value for point in points for value in point]
        assert all(map(math.isfinite, [*(each.box or ()), *values]))
        assert each.class_id in annotations.classes
    YoloFormat().write(annotations, tmp_path / "again" / "labels")
    turned = ImageChange("a.png", (40, 60), (60, 40), (0, -1, 40, 1, 0, 0))
    YoloFormat().rewrite(tmp_path / "labels", tmp_path / "turned", {"a.png": turned})


yaml_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 5), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5) | st.integers(), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=st.one_of(st.fixed_dictionaries({"names": yaml_values}).map(yaml.dump), st.text()))
def test_whatever_data_yaml_holds_is_read_or_refused(tmp_path, read, document):
    (tmp_path / "data.yaml").write_bytes(document.encode("utf-8", "surrogatepass"))
    try:
        annotations = read("1 0.5 0.5 1 1\n")
    except DatasetError as error:
        assert "data.yaml" in str(error)
    else:
        assert all(isinstance(name, str) for name in annotations.classes.values())
