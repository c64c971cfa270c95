"""Where an image is looked at: tiles on a fixed grid, free of invalid pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import ImageReader, Window


class Tile(NamedTuple):
    """A square of an image.

    Attributes
    ----------
    row, column
        Its first pixel.
    pixels
        (side, side, bands) float32, divided by the peak.
    """

    row: int
    column: int
    pixels: NDArray[np.float32]


#: A value is saturated from one level of 8 bits below the peak: codecs move it by that much.
_SATURATED = 254 / 255

#: Share of saturated pixels up to which there is enough left to read.
_MOST_SATURATED = 1 / 4


def starts(length: int, side: int, stride: int) -> list[int]:
    """Return where tiles begin on a line of `length` pixels, evenly from end to end.

    As few as keep neighbours at most `stride` apart, so that all is covered; none when the line is
    shorter than `side`.
    """
    if length < side:
        return []
    steps = -(-(length - side) // stride)
    return [round(index * (length - side) / max(steps, 1)) for index in range(steps + 1)]


def tiles_of(reader: ImageReader, side: int, stride: int) -> Iterator[Tile]:
    """Iterate the tiles of an image, row by row; the image is read strip by strip.

    Where pixels are invalid, tiles lie in the runs of columns that are valid over the whole height
    of the strip; so the same image always has the same tiles.

    Parameters
    ----------
    reader
        The image.
    side
        Edge of a tile in pixels.
    stride
        Largest distance of neighbouring tiles in pixels.
    """
    _, width, _ = reader.shape
    top, bottom = valid_rows(reader)
    for offset in starts(bottom - top, side, stride):
        row = top + offset
        strip = reader.read(Window(row, 0, side, width))
        pixels = strip.pixels
        for begin, end in _runs(np.asarray(strip.valid.all(axis=0))):
            for column in (begin + each for each in starts(end - begin, side, stride)):
                cut = pixels[:, column : column + side]
                yield Tile(row, column, np.asarray(cut, np.float32) / np.float32(strip.peak))


def saturated(pixels: NDArray[Any], peak: float) -> bool:
    """Return whether too much of a tile is saturated to read anything in it.

    That is when, of more than a quarter of its pixels, some band is within 1/255 of the peak.

    Parameters
    ----------
    pixels
        (side, side, bands).
    peak
        The largest value that they can have.
    """
    full = (pixels >= _SATURATED * peak).any(axis=2)
    return bool(full.mean() > _MOST_SATURATED)


def valid_rows(reader: ImageReader) -> tuple[int, int]:
    """Return the first row with a valid pixel, and one beyond the last; (0, 0) without any."""
    height, width, _ = reader.shape
    if not reader.masked:
        return 0, height
    found: list[int] = []
    for row in range(0, height, 512):
        part = reader.read(Window(row, 0, min(512, height - row), width))
        rows = np.flatnonzero(part.valid.any(axis=1))
        if rows.size:
            found += [row + int(rows[0]), row + int(rows[-1]) + 1]
    return (min(found), max(found)) if found else (0, 0)


def _runs(flags: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the runs of True in `flags` as (begin, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]
