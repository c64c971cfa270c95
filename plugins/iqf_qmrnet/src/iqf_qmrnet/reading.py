"""What a trained network reads in an image: a value for each head, its interval, and a map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Value
from iqf_qmrnet.tiles import Tile, saturated, tiles_of

if TYPE_CHECKING:
    from iqf_core.api import ImageReader
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.grid import Head

#: Variance of rounding to 8 bits, relative to the peak: a tile with less has no texture to read.
_FLAT = 1 / 12 / 255**2

#: Tiles that the network looks at together.
_BATCH = 32


@dataclass(frozen=True)
class HeadReading:
    """What the tiles of an image say about one parameter.

    Attributes
    ----------
    head
        The parameter.
    probabilities
        (T, classes) of every tile, calibrated.
    expected
        (T,) expected value round the mode of every tile, in the parameter's unit.
    spread
        (T,) standard deviation of every tile's distribution, in the parameter's unit.
    interval
        Half of the 68 % interval in units of `spread`; None when the network was not calibrated.
    """

    head: Head
    probabilities: NDArray[np.float64]
    expected: NDArray[np.float64]
    spread: NDArray[np.float64]
    interval: float | None

    def sides(self) -> NDArray[np.int64]:
        """Return for each tile -1 below the range, 1 above, 0 within, (T,)."""
        return sides_of(self.probabilities, self.head)

    def side(self) -> int:
        """Return -1 where the image, its tiles together, lies below the range, 1 above, else 0."""
        return int(sides_of(self.probabilities.mean(axis=0)[np.newaxis], self.head)[0])

    def value(self) -> Value:
        """Return the value of the image, the median over its tiles, or why there is none.

        Half of the interval is the median over the tiles of what the network itself is unsure of:
        tiles of one image err together, so their number makes the interval no smaller.
        """
        if not len(self.expected):
            return Value(None, reason="no tile to read")
        side = self.side()
        if side:
            return Value(None, reason=beyond(self.head, side))
        inside = self.sides() == 0
        # Tiles on both sides of the range may be inside on average only.
        chosen = inside if inside.any() else np.ones_like(inside)
        value = float(np.median(self.expected[chosen]))
        if self.interval is None:
            return Value(_tidy(value))
        half = self.interval * float(np.median(self.spread[chosen]))
        return Value(_tidy(value), _tidy(value - half), _tidy(value + half))


@dataclass(frozen=True)
class ImageReading:
    """What a network reads in an image.

    Attributes
    ----------
    corners
        (T, 2) first row and column of every tile.
    side
        Edge of the tiles in pixels.
    heads
        One reading for every head.
    reason
        Why there are no tiles; empty when there are some.
    """

    corners: NDArray[np.int64]
    side: int
    heads: tuple[HeadReading, ...]
    reason: str = ""

    def values(self) -> dict[str, Value]:
        """Return the value of each head by its name."""
        if self.reason:
            return {each.head.name: Value(None, reason=self.reason) for each in self.heads}
        return {each.head.name: each.value() for each in self.heads}


def sides_of(probabilities: NDArray[Any], head: Head) -> NDArray[np.int64]:
    """Return -1 where at least half of a distribution lies below the range, 1 above, else 0.

    A network without classes for what lies outside piles it up at its first and last level; more
    than half of the probability there is taken for that.
    """
    below, above = probabilities[:, 0] >= 0.5, probabilities[:, -1] >= 0.5
    return above.astype(np.int64) - below.astype(np.int64)


def beyond(head: Head, side: int) -> str:
    """Return what is said instead of a value below (-1) or above (1) the range."""
    word, end = ("below", head.low) if side < 0 else ("above", head.high)
    least = "" if head.ends else "at the end or "
    comparison = "less" if side < 0 else "more"
    unit = f" {head.unit}" if head.unit else ""
    return f"{least}{word} range: {head.parameter} is {comparison} than {end:g}{unit}"


def read_image(
    model: Model, reader: ImageReader, *, overlap: float = 0.0, device: str = "cpu"
) -> ImageReading:
    """Read an image, tile by tile; nothing is random and no file is written.

    Parameters
    ----------
    model
        The trained network.
    reader
        The image: any size, band count and data type.
    overlap
        Share of a tile's edge that neighbours have in common, 0 to 0.9.
    device
        Where the network is.
    """
    side = model.crop
    corners: list[tuple[int, int]] = []
    found: dict[str, list[Any]] = {head.name: [] for head in model.heads}
    flat = full = 0
    stride = max(1, round(side * (1 - overlap)))
    for batch in _batches(tiles_of(reader, side, stride), _BATCH):
        textured = [tile for tile in batch if tile.pixels.var(axis=(0, 1)).max() > _FLAT]
        flat += len(batch) - len(textured)
        read = [tile for tile in textured if not saturated(tile.pixels, 1.0)]
        full += len(textured) - len(read)
        if not read:
            continue
        corners += [(tile.row, tile.column) for tile in read]
        for name, parts in read_tiles(model, [tile.pixels for tile in read], device).items():
            found[name].append(parts)
    heads = tuple(_joined(model, head, found[head.name]) for head in model.heads)
    reason = "" if corners else _why_none(reader, side, flat, full)
    return ImageReading(np.asarray(corners, np.int64).reshape(-1, 2), side, heads, reason)


def read_tiles(
    model: Model, pixels: Sequence[NDArray[np.float32]], device: str = "cpu"
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Read tiles of equal size.

    Parameters
    ----------
    model
        The trained network.
    pixels
        Arrays (side, side, bands), divided by the peak.
    device
        Where the network is.

    Returns
    -------
    dict
        Head name -> probabilities (T, classes), expected values (T,), spreads (T,).
    """
    import torch

    from iqf_qmrnet.decoding import read

    images = torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2).copy()).to(device)
    answer = {}
    with torch.inference_mode():
        logits = model.network(images)
        for head in model.heads:
            temperature = model.temperature(head.name)
            reading = read(head, logits[head.name], temperature)
            shares = torch.softmax(logits[head.name].float() / temperature, dim=1)
            numbers = (shares, reading.expected, reading.spread)
            probabilities, expected, spread = (each.double().cpu().numpy() for each in numbers)
            answer[head.name] = (probabilities, expected, spread)
    return answer


def _joined(model: Model, head: Head, parts: Sequence[Any]) -> HeadReading:
    empty = (np.zeros((0, head.classes)), np.zeros(0), np.zeros(0))
    probabilities, expected, spread = (
        np.concatenate([part[index] for part in (empty, *parts)]) for index in range(3)
    )
    calibration = model.calibration.get(head.name)
    interval = None if calibration is None else calibration.interval
    return HeadReading(head, probabilities, expected, spread, interval)


def _why_none(reader: ImageReader, side: int, flat: int, full: int) -> str:
    height, width, _ = reader.shape
    if min(height, width) < side:
        return (
            f"{height} x {width} pixels are smaller than the {side} x {side} that the network "
            "looks at"
        )
    if full:
        return "saturated: more than a quarter of every part that has texture"
    if flat:
        return "no texture: the image is constant"
    return f"no {side} x {side} pixels without invalid ones among them"


def _batches(tiles: Iterable[Tile], size: int) -> Iterator[list[Tile]]:
    iterator = iter(tiles)
    while batch := list(islice(iterator, size)):
        yield batch


def _tidy(value: float) -> float:
    """Return `value` to 6 digits: what the size of batches may change is beyond them."""
    return float(f"{value:.6g}")
