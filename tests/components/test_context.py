"""Randomness: a stream per block of the full image, whatever the windows."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core.components.context import BLOCK, Context

FULL = (600, 520, 3)


def context(**changes):
    return Context(seed=1, source_hash="abc", **changes).at((0, 0), FULL)


@pytest.mark.parametrize(
    "window", [(0, 0, 600, 520), (0, 0, 100, 100), (200, 300, 300, 220), (599, 519, 1, 1)]
)
def test_a_window_gets_the_noise_that_the_whole_image_gets(window):
    row, column, height, width = window
    whole = context().standard_normal(FULL)
    part = context().at((row, column), FULL).standard_normal((height, width, 3))
    assert np.array_equal(part, whole[row : row + height, column : column + width])


def test_blocks_cover_a_window_once():
    covered = np.zeros((350, 300), int)
    for block in context().at((100, 200), FULL).blocks(350, 300):
        covered[block.in_window] += 1
        shape = covered[block.in_window].shape
        assert shape == np.zeros(block.shape)[block.in_block].shape
    assert (covered == 1).all()


def test_noise_is_standard_normal_and_independent_between_blocks_and_bands():
    noise = context().standard_normal(FULL)
    count = noise[..., 0].size
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * noise.size)
    bands = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    assert abs(bands) < 4 / np.sqrt(count)
    blocks = np.corrcoef(
        noise[:BLOCK, :BLOCK, 0].ravel(), noise[:BLOCK, BLOCK : 2 * BLOCK, 0].ravel()
    )[0, 1]
    assert abs(blocks) < 4 / BLOCK


@pytest.mark.parametrize("change", [{"seed": 2}, {"source_hash": "abd"}, {"position": 1}])
def test_seed_image_and_position_each_give_other_noise(change):
    from dataclasses import replace

    one = context().standard_normal((8, 8, 1))
    other = replace(context(), **change).standard_normal((8, 8, 1))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, context().standard_normal((8, 8, 1)))
