from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from iqf_core.datasets.run_length import RunLengthMask

masks = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)


def reference_to_string(counts: list[int]) -> str:
    """``rleToString`` of the COCO API's maskApi.c, transcribed."""
    text = ""
    for i in range(len(counts)):
        x = counts[i]
        if i > 2:
            x -= counts[i - 2]
        more = True
        while more:
            c = x & 0x1F
            x >>= 5
            more = x != -1 if c & 0x10 else x != 0
            if more:
                c |= 0x20
            text += chr(c + 48)
    return text


@given(masks)
def test_a_mask_survives_encoding(mask: np.ndarray) -> None:
    encoded = RunLengthMask.from_mask(mask)
    np.testing.assert_array_equal(encoded.decode(), mask)
    assert encoded.area == mask.sum()


@given(masks)
def test_a_mask_survives_compression(mask: np.ndarray) -> None:
    encoded = RunLengthMask.from_mask(mask)
    text = encoded.compressed()
    assert text == reference_to_string(list(encoded.counts))
    assert RunLengthMask.from_compressed(*mask.shape, text) == encoded


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=20))
def test_long_runs_survive_compression(counts: list[int]) -> None:
    encoded = RunLengthMask(1, sum(counts), tuple(counts))
    assert RunLengthMask.from_compressed(1, sum(counts), encoded.compressed()) == encoded


@given(masks)
def test_the_box_encloses_the_mask_tightly(mask: np.ndarray) -> None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        expected = (0, 0, 0, 0)
    else:
        left, top = columns.min(), rows.min()
        expected = (left, top, columns.max() - left + 1, rows.max() - top + 1)
    assert RunLengthMask.from_mask(mask).box() == expected


def test_runs_go_down_the_columns_and_begin_with_zeros() -> None:
    mask = np.array([[1, 0, 0], [1, 1, 0]])
    assert RunLengthMask.from_mask(mask).counts == (0, 2, 1, 1, 2)
    # 100 zeros: 100 = 0b11_00100, the low five bits with the "more" bit, then 3.
    assert RunLengthMask.from_mask(np.zeros((10, 10))).compressed() == "T3"


@given(st.text(max_size=30))
def test_any_text_is_a_mask_or_a_value_error(text: str) -> None:
    try:
        mask = RunLengthMask.from_compressed(4, 5, text)
    except ValueError:
        return
    assert mask.decode().shape == (4, 5)


@pytest.mark.parametrize(
    "text", ["~", "é", "PPPPPPPPPPPPPPPPPP0", "P"], ids=["range", "unicode", "endless", "cut"]
)
def test_what_is_no_compressed_mask_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        RunLengthMask.from_compressed(10, 10, text)


def test_runs_that_do_not_fit_the_size_are_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="cover"):
        RunLengthMask(10, 10, (10**18,))
    with pytest.raises(ValueError, match="negative"):
        RunLengthMask(1, 1, (2, -1))


@given(masks, st.data())
def test_a_part_is_the_part_of_the_pixels(mask: np.ndarray, data: st.DataObject) -> None:
    height, width = mask.shape
    row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    rows = data.draw(st.integers(1, height - row))
    cols = data.draw(st.integers(1, width - col))
    part = RunLengthMask.from_mask(mask).cut(row, col, rows, cols)
    assert np.array_equal(part.decode(), mask[row : row + rows, col : col + cols])


def test_a_part_beyond_the_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        RunLengthMask(2, 2, (4,)).cut(0, 1, 2, 2)
