from __future__ import annotations

import pytest
from shapely.geometry import box as shapely_box

from iqf_core.datasets.annotations import Annotation
from iqf_core.experiments.report.drawing import (
    Prediction,
    box_outline,
    match,
    overlap,
    overlay,
    read_predictions,
)


@pytest.mark.parametrize(
    ("a", "b"),
    [((0, 0, 4, 4), (2, 1, 4, 4)), ((0, 0, 4, 4), (4, 0, 4, 4)), ((1, 1, 2, 2), (0, 0, 9, 9))],
)
def test_overlaps_are_those_of_shapely(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> None:
    first, second = (shapely_box(x, y, x + w, y + h) for x, y, w, h in (a, b))
    expected = first.intersection(second).area / first.union(second).area
    assert overlap(box_outline(a), box_outline(b)) == pytest.approx(expected)


def test_oriented_boxes_overlap_as_they_lie() -> None:
    diamond = ((5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0))
    assert overlap(diamond, box_outline((0, 0, 10, 10))) == pytest.approx(0.5)
    assert overlap(diamond, diamond) == pytest.approx(1)
    crossed = ((0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (0.0, 4.0))
    assert 0 < overlap(crossed, box_outline((0, 0, 4, 4))) < 1


def _object(*box: float, class_id: int = 1, crowd: bool = False) -> Annotation:
    return Annotation("a", class_id, box=box, crowd=crowd)  # type: ignore[arg-type]


def test_predictions_are_hits_false_alarms_or_leave_objects_missed() -> None:
    objects = [_object(0, 0, 10, 10), _object(50, 50, 10, 10), _object(80, 0, 5, 5, crowd=True)]
    predictions = [
        Prediction(box_outline((1, 0, 10, 10)), 1, 0.6),
        Prediction(
            box_outline((0, 0, 10, 10)), 1, 0.9
        ),  # takes the object although the other came first
        Prediction(box_outline((50, 50, 10, 10)), 2, 0.9),  # another class
    ]
    found = match(predictions, objects)
    assert found.hits == (box_outline((0, 0, 10, 10)),)
    assert set(found.extra) == {box_outline((1, 0, 10, 10)), box_outline((50, 50, 10, 10))}
    assert found.missed == (box_outline((50, 50, 10, 10)),)


def test_what_is_no_prediction_is_left_out() -> None:
    good = {"image_id": 7, "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 1}
    bad = [
        "text",
        {**good, "bbox": [1, 2, 3]},
        {**good, "bbox": [1, 2, 3, float("nan")]},
        {**good, "image_id": 8},
        {**good, "score": "high"},
        {**good, "score": 0.1},
    ]
    found = read_predictions([good, *bad], {"7": "a.png"}, 0.5)
    assert found == {"a.png": [Prediction(((1, 2), (4, 2), (4, 6), (1, 6)), 1, 0.9)]}


@pytest.mark.parametrize(
    "shape",
    [
        {"segmentation": [[0, 0, 4, 0, 4, 3]], "bbox": [0, 0, 9, 9]},
        {"segmentation": [0, 0, 4, 0, 4, 3]},
        {"corners": [0, 0, 4, 0, 4, 3, 0, 3]},
        {"bbox": [0, 0, 4, 0, 4, 3, 0, 3]},
    ],
)
def test_outlines_come_in_several_forms(shape: dict[str, object]) -> None:
    (found,) = read_predictions([{"image_id": 1, **shape}], {"1": "a"}, 0.5)["a"]
    assert found.outline[:3] == ((0, 0), (4, 0), (4, 3))
    assert found.score == 1


def test_boxes_are_drawn_in_pixels_of_the_window() -> None:
    found = match([], [_object(30, 40, 5, 6), _object(0, 0, 5, 5)])
    drawn = overlay(found, offset=(38, 20), shape=(50, 50))
    assert drawn == '<polygon points="10,2 15,2 15,8 10,8" class="miss"></polygon>'
