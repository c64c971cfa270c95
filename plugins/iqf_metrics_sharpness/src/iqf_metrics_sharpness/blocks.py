"""Statistics of 8 x 8 blocks that noise is told from texture with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dct

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

Floats = NDArray[Any]

#: Edge of a block in pixels.
BLOCK = 8

#: A band gives at most so many blocks: more would not make the estimate better (its statistical
#: error is then about 0.1 %), and memory shall not grow with the image.
MAX_BLOCKS = 100_000

#: Edge of the windows an image is read in; a multiple of every stride, so blocks form one grid.
WINDOW = 1024

#: So many samples of a block may lie at the end of the scale; with more its noise is cut off.
_CLIPPED = 2


@dataclass(frozen=True)
class BandBlocks:
    """What the blocks of one band hold.

    Attributes
    ----------
    signal
        Median of the band's valid pixels, in DN; 0 where there are none.
    mean, low
        Mean (DN) and sum of the squared DCT coefficients of u + v in 1..8 of each of N blocks.
    high
        (21, N) squared DCT coefficients of u + v >= 9, in DN². White noise of variance v gives
        every coefficient of the orthonormal transform the expectation v.
    position
        (N, 2) block row and column in the grid of all blocks.
    stride
        Pixels between neighbouring blocks of the grid.
    dropped
        Counts of what was left out: ``invalid``, ``clipped`` and ``constant`` blocks.
    integer
        Whether the pixels are integers: rounding is part of their noise.
    """

    signal: float
    mean: Floats
    low: Floats
    high: Floats
    position: NDArray[np.int64]
    stride: int
    dropped: dict[str, int]
    integer: bool

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.mean)


@cache
def _transform() -> Floats:
    """Return the (8, 8) matrix of the orthonormal cosine transform."""
    return np.asarray(dct(np.eye(BLOCK), axis=0, norm="ortho"), np.float32)


#: u + v of the high coefficients, in the order of :attr:`BandBlocks.high`.
_ORDERS = np.array([u + v for v in range(2, BLOCK) for u in range(9 - v, BLOCK)])


def highest() -> NDArray[np.bool_]:
    """Return which of the 21 coefficients have u + v >= 11; the others have 9 or 10."""
    return _ORDERS >= 11


def low_count() -> int:
    """Return the number of coefficients in :attr:`BandBlocks.low`."""
    return BLOCK * BLOCK - 1 - len(_ORDERS)


def band_blocks(reader: ImageReader) -> list[BandBlocks]:
    """Return the statistics of every band, from one pass through the image in windows."""
    height, width, bands = reader.shape
    stride = _stride(height, width, bands)
    parts: list[list[_Part]] = [[] for _ in range(bands)]
    medians = [_Median(reader.dtype, height * width) for _ in range(bands)]
    for tile in reader.windows(WINDOW, halo=BLOCK):
        image = reader.read(tile.outer)
        inner = image.cut(tile.inner)
        top, left = tile.window.row - tile.outer.row, tile.window.col - tile.outer.col
        for band in range(bands):
            medians[band].add(inner.pixels[:, :, band], inner.mask)
            part = _part(
                image.pixels[top:, left:, band],
                None if image.mask is None else image.mask[top:, left:],
                image.peak,
                stride,
            )
            if part is not None:
                part.position += (tile.window.row // stride, tile.window.col // stride)
                parts[band].append(part)
    integer = reader.dtype != "float32"
    return [_joined(parts[band], medians[band].value(), stride, integer) for band in range(bands)]


@dataclass
class _Part:
    mean: Floats
    low: Floats
    high: Floats
    position: NDArray[np.int64]
    dropped: dict[str, int]


def _stride(height: int, width: int, bands: int) -> int:
    stride = BLOCK // 2
    most = min(MAX_BLOCKS, 4 * MAX_BLOCKS // bands)
    while height * width > most * stride * stride and stride < WINDOW // 4:
        stride *= 2
    return stride


def _part(
    pixels: NDArray[Any], mask: NDArray[np.bool_] | None, peak: float, stride: int
) -> _Part | None:
    """Return the blocks that begin in the window, of which `pixels` holds BLOCK more at the end."""
    # A block that begins beyond the window is its neighbour's.
    pixels = pixels[: WINDOW + BLOCK - 1, : WINDOW + BLOCK - 1]
    if min(pixels.shape) < BLOCK:
        return None
    step = 1 if stride < BLOCK else 2
    laid = _laid_out(pixels, stride)
    whole = None
    if mask is not None and not mask.all():
        valid = _laid_out(mask[: pixels.shape[0], : pixels.shape[1]], stride)
        whole = _sums(valid, step, np.uint8) == BLOCK * BLOCK
        # What is invalid may be anything, NaN as well.
        laid = np.where(valid, laid, laid.dtype.type(0))
    centre = _centre(laid)
    shifted = np.subtract(laid, centre, dtype=np.float32)
    total = _sums(shifted, step, np.float64) / BLOCK**2
    squares = _sums(np.square(shifted, dtype=np.float64), step, np.float64)
    energy = squares - BLOCK**2 * total**2
    # What has no variation at all was made so (fill values, cartoons): it has no noise to tell of.
    causes = {"constant": ~(energy > 1e-13 * squares)}
    ends = (laid >= peak) | (laid == 0)
    if ends.any():
        causes["clipped"] = _sums(ends, step, np.uint8) > _CLIPPED
    if whole is not None:
        causes["invalid"] = ~whole
    kept: NDArray[np.bool_] = np.ones(energy.shape, bool)
    dropped = dict.fromkeys(_CAUSES, 0)
    for cause in _CAUSES:
        if cause in causes:
            dropped[cause] = int((kept & causes[cause]).sum())
            kept &= ~causes[cause]
    high = _high(shifted, step)
    low, mean = energy.ravel() - high.sum(axis=0), total.ravel() + float(centre)
    position = np.indices(kept.shape).reshape(2, -1).T
    if not kept.all():
        flat = np.flatnonzero(kept)
        mean, low, high, position = (
            mean[flat],
            low[flat],
            np.take(high, flat, axis=1),
            position[flat],
        )
    return _Part(mean, low, high, position, dropped)


#: Why blocks are left out, in the order in which it is looked at.
_CAUSES = ("invalid", "clipped", "constant")


def _laid_out(pixels: NDArray[Any], stride: int) -> NDArray[Any]:
    """Return `pixels` cut to quarters of blocks, or blocks that are apart put side by side."""
    half = BLOCK // 2
    if stride <= BLOCK:
        unit = half if stride < BLOCK else BLOCK
        height, width = (length // unit * unit for length in pixels.shape)
        return np.ascontiguousarray(pixels[:height, :width])
    view = sliding_window_view(pixels, (BLOCK, BLOCK))[::stride, ::stride]
    rows, columns = view.shape[:2]
    return view.transpose(0, 2, 1, 3).reshape(rows * BLOCK, columns * BLOCK)


def _centre(laid: NDArray[Any]) -> np.float32:
    """Return a level near the mean, whose difference from every integer pixel is exact."""
    sample = laid[::16, ::16].astype(np.float64)
    middle = float(sample.mean())
    return np.float32(np.rint(middle) if laid.dtype.kind == "u" else middle)


def _sums(values: NDArray[Any], step: int, dtype: type) -> NDArray[Any]:
    """Return the sum over every block: of neighbouring quarters, `step` quarters apart."""
    half = BLOCK // 2
    height, width = values.shape
    rows = np.add.reduce(values.reshape(height // half, half, width), axis=1, dtype=dtype)
    rows = rows[:-1] + rows[1:] if step == 1 else rows[::2] + rows[1::2]
    quarters = rows[:, ::half] + rows[:, 1::half] + rows[:, 2::half] + rows[:, 3::half]
    first, second = _neighbours(quarters, step)
    return np.asarray(first + second)


def _neighbours(values: NDArray[Any], step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first and the second half of every block along the last axis."""
    if step == 1:
        return values[..., :-1], values[..., 1:]
    return values[..., ::2], values[..., 1::2]


def _high(shifted: Floats, step: int) -> Floats:
    """Return (21, N) squares of the high DCT coefficients of every block.

    The transform is done down the columns first, for half a block at a time: overlapping blocks
    share the work, and nothing is gathered.
    """
    half = BLOCK // 2
    height, width = shifted.shape
    matrix = _transform()
    chunks = shifted.reshape(height // half, half, width)
    upper, lower = (chunks[:-1], chunks[1:]) if step == 1 else (chunks[::2], chunks[1::2])
    down = np.matmul(matrix[2:, :half], upper)
    down += np.matmul(matrix[2:, half:], lower)
    rows, columns = len(down), width // half - 1 if step == 1 else width // BLOCK
    high = np.empty((len(_ORDERS), rows, columns), np.float32)
    at = 0
    for v in range(2, BLOCK):
        count = v - 1
        wanted = matrix[9 - v :]
        both = np.concatenate([wanted[:, :half], wanted[:, half:]])
        quarters = down[:, v - 2].reshape(rows, width // half, half)
        across = np.matmul(both, quarters.swapaxes(1, 2))
        left, _ = _neighbours(across[:, :count], step)
        _, right = _neighbours(across[:, count:], step)
        np.add(left.swapaxes(0, 1), right.swapaxes(0, 1), out=high[at : at + count])
        at += count
    with np.errstate(over="ignore"):
        np.square(high, out=high)
    return high.reshape(len(_ORDERS), -1)


def _joined(parts: list[_Part], signal: float, stride: int, integer: bool) -> BandBlocks:
    if not parts:
        nothing = np.zeros(0)
        high = np.zeros((len(_ORDERS), 0), np.float32)
        position = np.zeros((0, 2), np.int64)
        dropped = dict.fromkeys(_CAUSES, 0)
        return BandBlocks(signal, nothing, nothing, high, position, stride, dropped, integer)
    return BandBlocks(
        signal,
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts], axis=1),
        np.concatenate([part.position for part in parts]),
        stride,
        {name: sum(part.dropped[name] for part in parts) for name in _CAUSES},
        integer,
    )


class _Median:
    """The lower median of a band: exact for integers, and for up to 2^25 floats."""

    def __init__(self, dtype: str, pixels: int) -> None:
        self._counts = np.zeros(1 << 16 if dtype == "uint16" else 1 << 8, np.int64)
        self._values: list[Floats] = []
        self._integer = dtype != "float32"
        self._step = max(1, -(-pixels // (1 << 25)))

    def add(self, pixels: NDArray[Any], mask: NDArray[np.bool_] | None) -> None:
        values = pixels.ravel() if mask is None else pixels[mask]
        if not values.size:
            return
        if self._integer:
            count = len(self._counts)
            found = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [count], [0, count])
            self._counts += found.ravel().astype(np.int64)
        else:
            self._values.append(values[:: self._step].copy())

    def value(self) -> float:
        if self._integer:
            cumulated = self._counts.cumsum()
            if not cumulated[-1]:
                return 0.0
            return float(np.searchsorted(cumulated, (cumulated[-1] - 1) // 2, side="right"))
        values = np.concatenate(self._values) if self._values else np.zeros(0, np.float32)
        if not len(values):
            return 0.0
        middle = (len(values) - 1) // 2
        return float(np.partition(values, middle)[middle])
