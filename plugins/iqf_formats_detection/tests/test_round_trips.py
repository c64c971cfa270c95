"""Annotations that go to another format, or to another grid, and back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iqf_formats_detection.dota import DotaFormat
from iqf_formats_detection.yolo import YoloFormat

from iqf_core.api import Annotation, Annotations, ImageChange, ImageRecord
from iqf_core.datasets.formats.coco import CocoFormat
from iqf_core.datasets.geometry import invert

HEIGHT, WIDTH = 40, 60
#: Twelve significant digits are written, of coordinates below 100 pixels and of fractions.
WRITTEN = 1e-8

examples = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@st.composite
def boxes(draw):
    x, y = draw(st.floats(0, WIDTH - 1)), draw(st.floats(0, HEIGHT - 1))
    return x, y, draw(st.floats(0.5, WIDTH - x)), draw(st.floats(0.5, HEIGHT - y))


quads = st.tuples(*[st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))] * 4).filter(
    lambda quad: quad[0] != quad[3]  # such a ring is a triangle
)


@st.composite
def transforms(draw):
    a, b, d, e = (draw(st.floats(-3, 3)) for _ in range(4))
    if abs(a * e - b * d) < 0.1:
        a, b, d, e = 0.5, 0.0, 0.0, 0.5
    return a, b, draw(st.floats(-99, 99)), d, e, draw(st.floats(-99, 99))


def of(objects):
    """Return annotations of one image that is `HEIGHT` x `WIDTH` pixels large."""
    images = {"a.png": ImageRecord("a.png", HEIGHT, WIDTH)}
    return Annotations({0: "ship", 1: "car"}, images, tuple(objects))


def through(folder, annotations, first, *others):
    """Write and read with each of the formats, in turn."""
    for index, format_ in enumerate((first, *others)):
        path = folder / f"step-{index}" / (format_.default_name or "x")
        path.parent.mkdir(exist_ok=True)
        format_.write(annotations, path)
        annotations = format_.read(path, ["a.png"])
        if annotations.images["a.png"].height is None:
            # What conversion adds from the headers of images.
            annotations = Annotations(annotations.classes, of(()).images, annotations.objects)
    return annotations


@pytest.fixture
def folder(tmp_path, picture):
    for index in range(3):
        picture(tmp_path / f"step-{index}" / "images" / "a.png")
    return tmp_path


@examples
@given(st.lists(st.tuples(boxes(), st.integers(0, 1)), min_size=1, max_size=4))
@pytest.mark.parametrize("other", [DotaFormat, YoloFormat])
def test_boxes_survive_the_way_from_coco_and_back(folder, other, given_boxes):
    objects = [Annotation("a.png", number, box=box) for box, number in given_boxes]
    back = through(folder, of(objects), CocoFormat(), other(), CocoFormat())
    assert back.classes == {0: "ship", 1: "car"}
    for before, after in zip(objects, back.objects, strict=True):
        assert after.class_id == before.class_id
        assert after.box == pytest.approx(before.box, abs=100 * WRITTEN)


@examples
@given(st.lists(quads, min_size=1, max_size=4))
def test_oriented_boxes_survive_the_way_from_dota_and_back(folder, given_quads):
    objects = [Annotation("a.png", 0, oriented_box=quad) for quad in given_quads]
    back = through(folder, of(objects), DotaFormat(), CocoFormat(), DotaFormat())
    for before, after in zip(objects, back.objects, strict=True):
        for one, other in zip(before.oriented_box, after.oriented_box, strict=True):
            assert other == pytest.approx(one, abs=WRITTEN)


@examples
@given(st.lists(quads, min_size=1, max_size=3), transforms())
@pytest.mark.parametrize("kind", ["dota", "yolo", "coco"])
def test_a_grid_and_its_inverse_lead_back(folder, kind, given_quads, transform):
    format_ = {"dota": DotaFormat, "yolo": YoloFormat, "coco": CocoFormat}[kind]()
    objects = [
        Annotation("a.png", 0, oriented_box=quad)
        if kind != "coco"
        else Annotation("a.png", 0, box=(0, 0, 1, 1), polygons=((quad,),))
        for quad in given_quads
    ]
    path = folder / "step-0" / format_.default_name
    format_.write(of(objects), path)
    before = format_.read(path, ["a.png"])
    there = ImageChange("a.png", (HEIGHT, WIDTH), (50, 70), transform)
    back = ImageChange("a.png", (50, 70), (HEIGHT, WIDTH), invert(transform))
    moved, again = (folder / f"step-{i}" / format_.default_name for i in (1, 2))
    format_.rewrite(path, moved, {"a.png": there})
    format_.rewrite(moved, again, {"a.png": back})
    after = format_.read(again, ["a.png"])
    for one, other in zip(before.objects, after.objects, strict=True):
        first = one.oriented_box or one.polygons[0][0]
        second = other.oriented_box or other.polygons[0][0]
        for here, there_ in zip(first, second, strict=True):
            # The transforms stretch what is lost in writing by at most about a hundred.
            assert there_ == pytest.approx(here, abs=1000 * WRITTEN)
