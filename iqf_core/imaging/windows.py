"""Rectangular windows of an image, and the grids of them that bound memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels.

    Attributes
    ----------
    row, col
        Its first pixel in the full image.
    height, width
        Its size in pixels, both positive.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.row < 0 or self.col < 0 or self.height < 1 or self.width < 1:
            raise ValueError(f"{self}: a window starts at 0 or later and has at least one pixel")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def offset(self) -> tuple[int, int]:
        """(row, column) of the first pixel."""
        return self.row, self.col

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices that cut the window from an array of the full image."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )

    def is_inside(self, height: int, width: int) -> bool:
        """Return whether an image of `height` x `width` contains the window."""
        return self.row + self.height <= height and self.col + self.width <= width


class Tile(NamedTuple):
    """One step through a large image: read `outer`, process it, cut `inner`, write `window`.

    Attributes
    ----------
    window
        The pixels this step is responsible for.
    outer
        The same with its halo, clipped to the image.
    inner
        Slices that cut `window` from an array of `outer`.
    """

    window: Window
    outer: Window
    inner: tuple[slice, slice]


def tiles(height: int, width: int, size: int) -> Iterator[Window]:
    """Iterate the windows of a regular grid over an image, row by row.

    Parameters
    ----------
    height, width
        The image's size in pixels.
    size
        Edge of a window in pixels; the last ones of a row or column are smaller.
    """
    if size < 1:
        raise ValueError(f"windows of {size} pixels: the size must be at least 1")
    for row in range(0, height, size):
        for col in range(0, width, size):
            yield Window(row, col, min(size, height - row), min(size, width - col))


def with_halo(
    window: Window, halo: int, height: int, width: int
) -> tuple[Window, tuple[slice, slice]]:
    """Grow `window` by `halo` pixels on every side, as far as the image reaches.

    Returns
    -------
    Window, (slice, slice)
        The larger window, and the slices that cut `window` from an array of it.
    """
    top, left = max(0, window.row - halo), max(0, window.col - halo)
    bottom = min(height, window.row + window.height + halo)
    right = min(width, window.col + window.width + halo)
    inner = (
        slice(window.row - top, window.row - top + window.height),
        slice(window.col - left, window.col - left + window.width),
    )
    return Window(top, left, bottom - top, right - left), inner
