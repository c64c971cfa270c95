"""Statistics of 8 x 8 blocks that noise is told from texture with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

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
        (N, 21) squared DCT coefficients of u + v >= 9, in DN². White noise of variance v gives
        every coefficient of the orthonormal transform the expectation v.
    position
        (N, 2) block row and column in the grid of all blocks.
    stride
        Pixels between neighbouring blocks of the grid.
    dropped
        Counts of what was left out: ``invalid``, ``clipped`` and ``constant`` blocks.
    """

    signal: float
    mean: Floats
    low: Floats
    high: Floats
    position: NDArray[np.int64]
    stride: int
    dropped: dict[str, int]

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.mean)


@cache
def _high_basis() -> tuple[Floats, NDArray[np.bool_]]:
    """Return (64, 21) basis images of the high frequencies, and which of them have u + v >= 11."""
    transform = dct(np.eye(BLOCK), axis=0, norm="ortho")
    both = np.kron(transform, transform)
    order = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
    return both[order >= 9].T.astype(np.float32), order[order >= 9] >= 11


def highest() -> NDArray[np.bool_]:
    """Return which of the 21 coefficients have u + v >= 11; the others have 9 or 10."""
    return _high_basis()[1]


def low_count() -> int:
    """Return the number of coefficients in :attr:`BandBlocks.low`."""
    return BLOCK * BLOCK - 1 - len(highest())


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
    return [_joined(parts[band], medians[band].value(), stride) for band in range(bands)]


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
    blocks = _gather(pixels, stride)
    rows, columns = blocks.shape[:2]
    position = np.indices((rows, columns)).reshape(2, -1).T
    flat = blocks.reshape(-1, BLOCK * BLOCK)
    kept: NDArray[Any] = np.ones(len(flat), bool)
    if mask is not None:
        valid = mask[: WINDOW + BLOCK - 1, : WINDOW + BLOCK - 1]
        kept = np.all(_gather(valid, stride).reshape(len(flat), -1), axis=1)
    invalid = len(flat) - int(kept.sum())
    ends = ((pixels >= peak) | (pixels == 0)).astype(np.uint8)
    if ends.any():
        clipped = _gather(ends, stride).reshape(len(flat), -1).sum(axis=1) > _CLIPPED
        cut = int((clipped & kept).sum())
        kept &= ~clipped
    else:
        cut = 0
    if not kept.all():
        flat, position = flat[kept], position[kept]
    samples = flat.astype(np.float32)
    mean = samples.mean(axis=1, dtype=np.float64)
    samples -= mean[:, np.newaxis].astype(np.float32)
    energy = np.einsum("ij,ij->i", samples, samples)
    high = samples @ _high_basis()[0]
    np.square(high, out=high)
    low = energy - high.sum(axis=1)
    # What has no variation at all was made so (fill values, cartoons): it has no noise to tell of.
    varied: NDArray[Any] = energy > 0
    constant = len(varied) - int(varied.sum())
    if constant:
        mean, low, high, position = mean[varied], low[varied], high[varied], position[varied]
    dropped = {"invalid": invalid, "clipped": cut, "constant": constant}
    return _Part(mean, low, high, position, dropped)


def _gather(pixels: NDArray[Any], stride: int) -> NDArray[Any]:
    """Return (rows, columns, 64): the blocks at multiples of `stride`."""
    view = sliding_window_view(pixels, (BLOCK, BLOCK))[::stride, ::stride]
    return view.reshape(*view.shape[:2], BLOCK * BLOCK)


def _joined(parts: list[_Part], signal: float, stride: int) -> BandBlocks:
    names = ("invalid", "clipped", "constant")
    if not parts:
        nothing = np.zeros(0)
        high = np.zeros((0, _high_basis()[0].shape[1]), np.float32)
        position = np.zeros((0, 2), np.int64)
        return BandBlocks(signal, nothing, nothing, high, position, stride, dict.fromkeys(names, 0))
    return BandBlocks(
        signal,
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.position for part in parts]),
        stride,
        {name: sum(part.dropped[name] for part in parts) for name in names},
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
        if self._integer:
            self._counts += np.bincount(values, minlength=len(self._counts))
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
