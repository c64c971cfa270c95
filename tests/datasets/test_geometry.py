from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqf_core.datasets.geometry import (
    Transform,
    area_factor,
    compose,
    invert,
    move_box,
    move_point,
    resample_nearest,
)

small = st.floats(-50, 50, allow_nan=False)
factor = st.floats(0.1, 10)
scales = st.builds(lambda a, c, e, f: (a, 0.0, c, 0.0, e, f), factor, small, factor, small)
affines = st.tuples(*[small] * 6).filter(lambda t: abs(t[0] * t[4] - t[1] * t[3]) > 0.1)


@given(affines, small, small)
def test_the_inverse_brings_a_point_back(transform: Transform, x: float, y: float) -> None:
    back = move_point(invert(transform), *move_point(transform, x, y))
    # Values to 1e4 and a determinant from 0.1: rounding stays far below 1e-5 pixels.
    assert back == pytest.approx((x, y), abs=1e-5)


@given(affines, affines, small, small)
def test_composing_is_applying_one_after_the_other(
    outer: Transform, inner: Transform, x: float, y: float
) -> None:
    expected = move_point(outer, *move_point(inner, x, y))
    assert move_point(compose(outer, inner), x, y) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(affines, small, small, st.floats(0, 40), st.floats(0, 40))
def test_a_moved_box_encloses_its_moved_corners(
    transform: Transform, x: float, y: float, width: float, height: float
) -> None:
    left, top, new_width, new_height = move_box(transform, (x, y, width, height))
    for corner in ((x, y), (x + width, y), (x, y + height), (x + width, y + height)):
        new_x, new_y = move_point(transform, *corner)
        assert left - 1e-6 <= new_x <= left + new_width + 1e-6
        assert top - 1e-6 <= new_y <= top + new_height + 1e-6


@given(scales, small, small, st.floats(0, 40), st.floats(0, 40))
def test_scaling_a_box_multiplies_its_area(
    transform: Transform, x: float, y: float, width: float, height: float
) -> None:
    _, _, new_width, new_height = move_box(transform, (x, y, width, height))
    assert new_width * new_height == pytest.approx(width * height * area_factor(transform))


def test_a_quarter_turn_turns_a_box() -> None:
    turn = (0.0, -1.0, 20.0, 1.0, 0.0, 0.0)  # of an image 20 pixels high
    assert move_box(turn, (2, 4, 10, 8)) == (8, 2, 8, 10)


def test_a_flat_transform_has_no_inverse() -> None:
    with pytest.raises(ValueError, match="cannot be inverted"):
        invert((1, 2, 0, 2, 4, 0))


@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_integer_magnification_repeats_labels(times: int, height: int, width: int) -> None:
    labels = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    grown = resample_nearest(labels, (height * times, width * times), (times, 0, 0, 0, times, 0))
    np.testing.assert_array_equal(grown, np.kron(labels, np.ones((times, times), np.uint16)))


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 3))
def test_scaled_labels_have_no_empty_border(height: int, width: int, scale: float) -> None:
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    labels = np.ones((height, width), np.uint8)
    assert resample_nearest(labels, shape, (scale, 0, 0, 0, scale, 0)).all()


def test_what_lies_outside_the_old_image_is_zero() -> None:
    labels = np.ones((3, 3), np.uint8)
    moved = resample_nearest(labels, (3, 3), (1, 0, 1, 0, 1, 0))
    np.testing.assert_array_equal(moved, [[0, 1, 1]] * 3)


def test_a_quarter_turn_turns_labels() -> None:
    labels = np.arange(6).reshape(2, 3)
    turned = resample_nearest(labels, (3, 2), (0, -1, 2, 1, 0, 0))
    np.testing.assert_array_equal(turned, np.rot90(labels, -1))
