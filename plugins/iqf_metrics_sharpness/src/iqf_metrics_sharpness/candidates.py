"""Where straight edges may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

Floats = NDArray[Any]

#: Width of the Gaussian whose derivative is the gradient, in px.
_GRADIENT = 1.5

#: An edge rises so many standard errors of the gradient above noise, and to this share of the
#: 99.5 % quantile of all gradients.
_ERRORS, _SHARE = 6.0, 0.1

#: Pixels around a candidate that are kept to fit it.
RADIUS = 16

#: What of them must be there: no invalid and hardly any clipped pixels so close.
_CLEAR = 7

#: Candidates of one direction class that are fitted at first, and when those are too few.
PER_CLASS, MOST = 100, 250

WINDOW = 1024

#: Half of an edge's length that is fitted, px, and how far to both sides its ridge must go on.
LONG, SHORT = 6.0, 3.0
_STEPS = {LONG: (3, -3, 5, -5), SHORT: (2, -2, 3, -3)}

#: The classes of directions: response across x, across y, and others.
CLASSES = ("x", "y", "other")

#: Directions within so many degrees of an axis belong to it.
_SECTOR = 15.0


@dataclass
class Candidates:
    """Places of the image through which a straight edge seems to go.

    Attributes
    ----------
    row, column
        Pixels, (N,).
    angle
        Direction of the gradient, radians, from the x axis towards y (down).
    strength
        Magnitude of the gradient, DN/px.
    patch
        (N, 2 RADIUS + 1, 2 RADIUS + 1) pixels around, NaN where there are none.
    half_length
        Half of the length of the edges, px: LONG or SHORT.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    angle: Floats
    strength: Floats
    patch: Floats
    half_length: float = LONG

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.row)

    def take(self, index: Any) -> Candidates:
        """Return those of an index or mask."""
        return Candidates(
            self.row[index],
            self.column[index],
            self.angle[index],
            self.strength[index],
            self.patch[index],
            self.half_length,
        )


def classes_of(angle: Floats) -> NDArray[np.int64]:
    """Return the index into CLASSES of each direction (radians)."""
    degrees = np.degrees(angle) % 180
    from_x = np.minimum(degrees, 180 - degrees)
    other = np.where(np.abs(degrees - 90) <= _SECTOR, 1, 2)
    return np.where(from_x <= _SECTOR, 0, other)


def find_candidates(
    reader: ImageReader,
    band: int,
    sigma: float,
    region: Any = None,
    half_length: float = LONG,
) -> Candidates:
    """Return at most MOST candidates of each class, spread over the image.

    Parameters
    ----------
    reader
        The image; read in windows.
    band
        Index of the band.
    sigma
        Noise of the band, DN.
    region
        (row, column, height, width) to look in; None for the whole image.
    half_length
        Half of the length of the edges, px: LONG, or SHORT for curved and broken borders.
    """
    height, width, _ = reader.shape
    found: Candidates | None = None
    for tile in reader.windows(WINDOW, halo=RADIUS + 2):
        image = reader.read(tile.outer)
        some = _in_window(
            np.ascontiguousarray(image.pixels[:, :, band]),
            image.mask,
            image.peak,
            sigma,
            _inner(tile, region),
            half_length,
        )
        if some is None:
            continue
        some.row += tile.outer.row
        some.column += tile.outer.col
        found = some if found is None else _joined(found, some)
        found = spread(found, (height, width), MOST)
    if found is None:
        nothing = np.zeros(0, np.int64)
        size = 2 * RADIUS + 1
        patch = np.zeros((0, size, size))
        return Candidates(nothing, nothing, np.zeros(0), np.zeros(0), patch, half_length)
    return found


def _inner(tile: Any, region: Any) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of where to look, in the outer window."""
    top, left = tile.window.row, tile.window.col
    bottom, right = top + tile.window.height, left + tile.window.width
    if region is not None:
        row, column, height, width = region
        top, left = max(top, row), max(left, column)
        bottom, right = min(bottom, row + height), min(right, column + width)
    row0, column0 = tile.outer.row, tile.outer.col
    return top - row0, bottom - row0, left - column0, right - column0


def _joined(one: Candidates, other: Candidates) -> Candidates:
    names = ("row", "column", "angle", "strength", "patch")
    parts = [np.concatenate([getattr(one, name), getattr(other, name)]) for name in names]
    return Candidates(parts[0], parts[1], parts[2], parts[3], parts[4], half_length=one.half_length)


def spread(found: Candidates, shape: tuple[int, int], most: int) -> Candidates:
    """Return at most `most` of each class: the strongest of every part of the image first."""
    part = found.row * 8 // shape[0] * 8 + found.column * 8 // shape[1]
    kept = []
    number = classes_of(found.angle)
    strength = _steps(found.strength)
    # An order that has nothing to do with the image.
    shuffled = (found.row * 7919 + found.column * 104729) % 10007
    for each in range(len(CLASSES)):
        members = np.nonzero(number == each)[0]
        if len(members) > most:
            order = members[
                np.lexsort((members, shuffled[members], -strength[members], part[members]))
            ]
            starts = np.r_[True, part[order][1:] != part[order][:-1]]
            index = np.arange(len(order))
            rank = index - np.maximum.accumulate(np.where(starts, index, 0))
            # Two ranks of a part are worth one: strong edges first, yet from everywhere.
            members = order[np.lexsort((order, shuffled[order], -strength[order], rank // 4))][
                :most
            ]
        kept.append(np.sort(members))
    return found.take(np.concatenate(kept))


def gradient(pixels: Floats) -> tuple[Floats, Floats, float]:
    """Return the derivatives along x and y, and their noise for white noise of sigma 1."""
    radius = math.ceil(4 * _GRADIENT)
    x = np.arange(-radius, radius + 1)
    smooth = np.exp(-(x**2) / (2 * _GRADIENT**2))
    smooth /= smooth.sum()
    slope: Floats = x * smooth
    slope /= (slope * x).sum()
    along = cv2.sepFilter2D(pixels, cv2.CV_32F, slope, smooth)
    down = cv2.sepFilter2D(pixels, cv2.CV_32F, smooth, slope)
    return along, down, math.sqrt(float((slope**2).sum() * (smooth**2).sum()))


def _in_window(
    pixels: Floats,
    mask: NDArray[np.bool_] | None,
    peak: float,
    sigma: float,
    where: tuple[int, int, int, int],
    half_length: float,
) -> Candidates | None:
    height, width = pixels.shape
    edge = _CLEAR + 1
    top, bottom = max(where[0], edge), min(where[1], height - edge)
    left, right = max(where[2], edge), min(where[3], width - edge)
    if top >= bottom or left >= right:
        return None
    bad = _unusable(pixels, mask, peak)
    values = pixels.astype(np.float32)
    if mask is not None:
        values[~mask] = 0 if not mask.any() else float(values[mask].mean())
    values -= np.float32(values.mean(dtype=np.float64))
    dx, dy, per_sigma = gradient(values)
    magnitude = cv2.magnitude(dx, dy)
    usable = np.zeros(pixels.shape, bool)
    usable[top:bottom, left:right] = ~bad[top:bottom, left:right]
    if not usable.any():
        return None
    sample = magnitude[usable]
    step = max(1, len(sample) // 200_000)
    least = max(
        _ERRORS * per_sigma * sigma, _SHARE * float(np.quantile(sample[::step], 0.995)), 1e-12
    )
    row, column = np.nonzero(usable & (magnitude > least))
    index = _straight_ridges(dx, dy, magnitude, row, column, _STEPS[half_length])
    row, column = row[index], column[index]
    if not len(row):
        return None
    index = _one_of_each_cell(row, column)
    row, column = row[index], column[index]
    angle = np.arctan2(dy[row, column], dx[row, column]).astype(float)
    strength = magnitude[row, column].astype(float)
    size = 2 * RADIUS + 1
    light = Candidates(row, column, angle, strength, np.zeros((len(row), 0)), half_length)
    light = spread(light, (height, width), MOST)
    padded = np.pad(
        np.where(mask, values, np.nan) if mask is not None else values,
        RADIUS,
        constant_values=np.nan,
    )
    light.patch = np.stack(
        [padded[r : r + size, c : c + size] for r, c in zip(light.row, light.column, strict=True)]
    )
    return light


def _unusable(pixels: Floats, mask: NDArray[np.bool_] | None, peak: float) -> NDArray[Any]:
    """Return where invalid pixels, or more than 1 % of clipped ones, are too close."""
    size = (2 * _CLEAR + 1, 2 * _CLEAR + 1)
    ends = pixels >= peak
    if pixels.dtype.kind == "u":
        ends |= pixels == 0
    bad = np.zeros(pixels.shape, bool)
    if ends.any():
        bad |= cv2.blur(ends.astype(np.float32), size) > 0.01
    if mask is not None:
        bad |= cv2.dilate((~mask).astype(np.uint8), np.ones(size, np.uint8)) > 0
    return bad


def _straight_ridges(
    dx: Floats,
    dy: Floats,
    magnitude: Floats,
    row: Floats,
    column: Floats,
    steps: tuple[int, ...],
) -> NDArray[Any]:
    """Return which pixels are ridges of the gradient that go straight on for `steps` px."""
    # Flat indices: no step leads out of the window, whose margin is not looked at.
    width = magnitude.shape[1]
    flat, flat_dx, flat_dy = magnitude.ravel(), dx.ravel(), dy.ravel()
    place = row * width + column
    here = flat[place]
    x, y = flat_dx[place] / here, flat_dy[place] / here

    def step(right: Floats, down: Floats) -> NDArray[Any]:
        return np.asarray(np.rint(down).astype(np.intp) * width + np.rint(right).astype(np.intp))

    across = step(x, y)
    index: NDArray[Any] = np.nonzero(flat[place + across] <= here)[0]
    index = index[flat[place[index] - across[index]] <= here[index]]
    for distance in steps:
        x_here, y_here = x[index], y[index]
        other = place[index] + step(-y_here * distance, x_here * distance)
        there = flat[other]
        along = flat_dx[other] * x_here + flat_dy[other] * y_here
        index = index[(along > 0.97 * there) & (there > 0.6 * here[index])]
    return index


def _one_of_each_cell(row: Floats, column: Floats, size: int = 5) -> Floats:
    """Return the pixel nearest to the middle of every cell: the strongest would be biased."""
    off = np.abs(row % size - size // 2) + np.abs(column % size - size // 2)
    order = np.lexsort((column, row, off, column // size, row // size))
    r, c = row[order] // size, column[order] // size
    first = np.r_[True, (r[1:] != r[:-1]) | (c[1:] != c[:-1])]
    return np.sort(order[first])


def _steps(strength: Floats) -> Floats:
    """Return the strength in steps of 30 %.

    Of edges of one contrast, those that noise made look stronger look sharper as well: to prefer
    them would bias the width.
    """
    return np.asarray(np.floor(np.log(np.maximum(strength, 1e-30)) / np.log(1.3)))
