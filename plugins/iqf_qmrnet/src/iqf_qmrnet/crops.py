"""Training and validation crops, made on the fly and the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import IQFError
from iqf_qmrnet.config import TrainingConfig
from iqf_qmrnet.degradation import Degrader, Source, spread
from iqf_qmrnet.grid import Head
from iqf_qmrnet.tiles import saturated

#: Crops drawn until one has a value that can be measured.
_TRIES = 64

#: Places of validation crops that are looked at for each that is wanted.
_CANDIDATES = 4


@dataclass(frozen=True)
class Group:
    """Crops degraded together.

    Attributes
    ----------
    head
        Index of the head that they are labelled for.
    images
        (K, C, crop, crop) float32, scaled to [0, 1] by the peak.
    values
        (K,) float32: the parameter; infinite where an image is unmodified.
    """

    head: int
    images: NDArray[np.float32]
    values: NDArray[np.float32]


class TrainingCrops:
    """Group after group of training crops; the i-th is the same whoever makes it.

    Parameters
    ----------
    heads
        Resolved heads; group i belongs to head i modulo their number.
    degraders
        One for each head.
    config
        Crop size, group size, seed and so on.
    bands
        Band count of what is made: 1 takes one band of each crop at random (for backbones that
        look at each band by itself), 0 leaves all.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        degraders: Sequence[Degrader],
        config: TrainingConfig,
        bands: int = 0,
    ) -> None:
        self._heads = heads
        self._degraders = degraders
        self._config = config
        self._single = bands == 1
        self._bands = max(
            source.image.bands for degrader in degraders for source in degrader.sources
        )

    def group(self, index: int) -> Group:
        """Return the group `index`."""
        which = index % len(self._heads)
        head, degrader, config = self._heads[which], self._degraders[which], self._config
        rng = _generator(config.seed, "train", index)
        if degrader.by_place:
            return self._measured_places(index, which, rng)
        places = _places(degrader, config, rng)
        value, unmodified = _draw(head, config, rng)
        limit = degrader.limit(places[0][0])
        key = f"{config.seed}|train|{index}"
        if unmodified or value > limit:
            crops = degrader.unmodified(places[0][0], [(y, x) for _, y, x in places])
            if np.isfinite(limit):
                label = limit
            else:
                label = -np.inf if head.unmodified == "below" else np.inf
        else:
            value = min(degrader.snap(value), limit)
            table = _contrast(places[0][0], degrader, config, rng)
            crops = degrader.apply(places, value, key, table)
            label = value
        peak = places[0][0].image.peak
        images = np.stack([self._finished(crop, peak, rng) for crop in crops])
        return Group(which, images, np.full(len(crops), label, np.float32))

    def _measured_places(self, index: int, which: int, rng: np.random.Generator) -> Group:
        """Return a group of crops that are images of their own: each has a label of its own."""
        head, degrader, config = self._heads[which], self._degraders[which], self._config
        value, unmodified = _draw(head, config, rng)
        value = degrader.snap(value)
        images, values = [], []
        for number in range(config.group):
            piece = self._measured(degrader, rng)
            limit = degrader.limit(piece)
            if unmodified or value > limit:
                crop = piece.image.pixels
            else:
                key = f"{config.seed}|train|{index}|{number}"
                crop = degrader.apply([(piece, 0, 0)], value, key)[0]
            images.append(self._finished(crop, piece.image.peak, rng))
            values.append(limit if unmodified else min(value, limit))
        return Group(which, np.stack(images), np.array(values, np.float32))

    def _measured(self, degrader: Degrader, rng: np.random.Generator) -> Source:
        """Draw a crop whose initial value is known."""
        for _ in range(_TRIES):
            source = degrader.sources[rng.integers(len(degrader.sources))]
            corners = degrader.places_of(source)
            band = int(rng.integers(source.image.bands)) if self._single else None
            place = degrader.place(source, *corners[rng.integers(len(corners))], band)
            if place is not None:
                return place[0]
        raise IQFError(
            f"{degrader.head.specification}: of {_TRIES} crops of {degrader.crop} pixels none has "
            "a value that can be measured; take larger crops or other images"
        )

    def _finished(
        self, crop: NDArray[Any], peak: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return a crop as (C, crop, crop) float32, in one of its eight positions."""
        if self._single:
            crop = crop[:, :, rng.integers(crop.shape[2])][:, :, np.newaxis]
        planes = crop.transpose(2, 0, 1)
        if self._config.augment:
            turn = int(rng.integers(8))
            planes = planes[:, :: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]
            planes = planes.transpose(0, 2, 1) if turn & 4 else planes
        scaled = np.multiply(planes, np.float32(1 / peak), dtype=np.float32)
        if not self._single and len(scaled) < self._bands:
            scaled = scaled[np.arange(self._bands) % len(scaled)]
        finished: NDArray[np.float32] = scaled
        return finished


def validation_crops(
    head: Head, degrader: Degrader, config: TrainingConfig
) -> Iterator[tuple[Source, NDArray[np.float32], NDArray[np.float32]]]:
    """Iterate the fixed crops of every validation image, evenly spread, each at every level.

    As when images are read, places where too much is saturated are left out.

    Yields
    ------
    source, images, values
        Images (K, C, crop, crop) in [0, 1] at one level, K <= ``validation_crops``, and their
        values (K,). Levels that the image, or a crop of it, cannot be brought to are left out.
    """
    for source in degrader.sources:
        corners = unsaturated(source, config.crop, config.validation_crops)
        found = [degrader.place(source, *corner) for corner in corners]
        places = [place for place in found if place is not None]
        for level in head.levels:
            reached = [place for place in places if level <= degrader.limit(place[0])]
            if not reached:
                continue
            # One by one where a region would hold all that lies between the crops.
            groups = [reached] if degrader.local else [[place] for place in reached]
            crops = [
                crop
                for number, group in enumerate(groups)
                for crop in degrader.apply(
                    group,
                    level,
                    f"{config.seed}|validation|{source.content}|{level}|{number}",
                )
            ]
            images = np.stack([crop.transpose(2, 0, 1) for crop in crops])
            scaled = np.multiply(images, np.float32(1 / source.image.peak), dtype=np.float32)
            yield source, scaled, np.full(len(crops), level, np.float32)


def no_crop(head: Head) -> str:
    """Return what is said where no image has a validation crop."""
    return (
        f"{head.specification}: no validation crop: every image is saturated, or can be brought "
        "to none of the levels"
    )


def unsaturated(source: Source, crop: int, count: int) -> list[tuple[int, int]]:
    """Return the corners (row, column) of at most `count` crops, spread over what can be read."""
    pixels, peak = source.image.pixels, source.image.peak
    candidates = spread(source, crop, _CANDIDATES * count)
    found = (
        (row, column)
        for row, column in candidates
        if not saturated(pixels[row : row + crop, column : column + crop], peak)
    )
    return list(islice(found, count))


def _generator(seed: int, purpose: str, index: int) -> np.random.Generator:
    digest = hashlib.blake2b(f"{seed}|{purpose}|{index}".encode(), digest_size=32).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(digest, np.uint32)))


def _corner(source: Source, crop: int, rng: np.random.Generator) -> tuple[int, int]:
    height, width = source.image.shape[:2]
    return int(rng.integers(height - crop + 1)), int(rng.integers(width - crop + 1))


def _places(
    degrader: Degrader, config: TrainingConfig, rng: np.random.Generator
) -> list[tuple[Source, int, int]]:
    """Draw the crops of one group: from one image, near each other where the modifier is global."""
    source = degrader.sources[rng.integers(len(degrader.sources))]
    count, crop = config.group, config.crop
    if degrader.local:
        return [(source, *_corner(source, crop, rng)) for _ in range(count)]
    height, width = source.image.shape[:2]
    rows = 1 + int(count > 1 and height >= 2 * crop)
    columns = max(1, min(-(-count // rows), width // crop))
    top = int(rng.integers(height - rows * crop + 1))
    left = int(rng.integers(width - columns * crop + 1))
    cells = [
        (top + crop * (n // columns), left + crop * (n % columns)) for n in range(rows * columns)
    ]
    return [(source, *cells[n % len(cells)]) for n in range(count)]


def _draw(head: Head, config: TrainingConfig, rng: np.random.Generator) -> tuple[float, bool]:
    """Return a value of the parameter, and whether the image stays as it is instead."""
    sides = [each for each in head.outside if each is not None]
    if head.ends and rng.random() < config.outside:
        if head.unmodified is not None and (not sides or rng.random() < 0.5):
            return head.high, True
        if sides:
            low, high = sides[rng.integers(len(sides))]
            return float(rng.uniform(low, high)), False
    half = head.step / 2 if not head.integer else 0.0
    # Half a step beyond the ends, where the first and the last class reach; not past the modifier.
    low = head.low - (half if head.outside[0] is not None else 0.0)
    high = head.high + (half if head.outside[1] is not None else 0.0)
    return float(rng.uniform(low, high)), False


def _contrast(
    source: Source, degrader: Degrader, config: TrainingConfig, rng: np.random.Generator
) -> NDArray[Any] | None:
    """Return a table that changes the contrast, None where it would change what values mean."""
    if not config.augment or degrader.prepares or source.image.dtype != "uint8":
        return None
    gain = rng.uniform(0.6, 1.15)
    levels = np.rint(np.clip(np.arange(256) * gain, 0, source.image.peak))
    table: NDArray[np.uint8] = levels.astype(np.uint8)
    return table
