"""What a component is told about its surroundings: registry, cache, device, place, randomness."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.plugins.registry import Registry

#: Edge of the blocks that own a random stream each, in pixels of the full image.
BLOCK = 256


@dataclass(frozen=True)
class BlockSlice:
    """The part of one random block that a window covers.

    Attributes
    ----------
    index
        (row, column) of the block in the full image's grid of blocks.
    shape
        Height and width of the whole block, clipped to the image.
    in_block, in_window
        The same pixels as slices of the block and of the window.
    """

    index: tuple[int, int]
    shape: tuple[int, int]
    in_block: tuple[slice, slice]
    in_window: tuple[slice, slice]


@dataclass(frozen=True)
class Context:
    """The surroundings a component works in; made anew in every worker process.

    Attributes
    ----------
    registry
        Where other components are found by name.
    seed
        The seed of the study or command.
    cache
        A folder for what may be kept between runs; None means nothing is kept.
    device
        ``"cpu"``, ``"cuda"`` …, for components that compute with torch.
    source_hash
        Content hash of the source image file; part of every random stream's key.
    position
        Index of the modifier in its chain.
    offset
        (row, column) of the window's first pixel in the full image.
    full_shape
        (height, width, bands) of the full image.
    properties
        What the user states of the images in the dataset's ``iqf.yaml`` (``{"snr": 42.0}``), as
        far as it holds for what the component sees.
    notes
        Where :meth:`note` puts what is worth telling the user; None where nobody listens.
    """

    registry: Registry | None = None
    seed: int = 0
    cache: Path | None = None
    device: str = "cpu"
    source_hash: str = ""
    position: int = 0
    offset: tuple[int, int] = (0, 0)
    full_shape: tuple[int, int, int] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] | None = None

    def note(self, message: str) -> None:
        """Tell the user something about this image; it is kept with the result.

        For :meth:`~iqf_core.components.modifier.Modifier.prepare`, which sees an image once.
        """
        if self.notes is not None and message not in self.notes:
            self.notes.append(message)

    def at(self, offset: tuple[int, int], full_shape: tuple[int, int, int]) -> Context:
        """Return the same context for a window that begins at `offset` of a `full_shape` image."""
        return replace(self, offset=offset, full_shape=full_shape)

    def rng(self, block: tuple[int, int] = (0, 0)) -> np.random.Generator:
        """Return the random generator of one 256 x 256 block of the full image.

        The stream depends on the seed, the source image, the position in the chain and the block,
        and on nothing else: neither order, workers nor windows change it. Blocks of pixels have
        indices from (0, 0) on: negative ones are free for streams that belong to something else,
        such as the columns of a sensor.
        """
        key = f"{self.seed}|{self.source_hash}|{self.position}|{block[0]}|{block[1]}"
        digest = hashlib.blake2b(key.encode(), digest_size=32).digest()
        return np.random.Generator(np.random.SFC64(np.frombuffer(digest, np.uint32)))

    def blocks(self, height: int, width: int) -> Iterator[BlockSlice]:
        """Iterate the random blocks that a window of `height` x `width` at `offset` touches."""
        top, left = self.offset
        full_height, full_width = self.full_shape[:2] if self.full_shape else (height, width)
        for row in range(top // BLOCK, -(-(top + height) // BLOCK)):
            for column in range(left // BLOCK, -(-(left + width) // BLOCK)):
                y0, x0 = row * BLOCK, column * BLOCK
                y1, x1 = min(y0 + BLOCK, full_height), min(x0 + BLOCK, full_width)
                ya, yb = max(y0, top), min(y1, top + height)
                xa, xb = max(x0, left), min(x1, left + width)
                yield BlockSlice(
                    index=(row, column),
                    shape=(y1 - y0, x1 - x0),
                    in_block=(slice(ya - y0, yb - y0), slice(xa - x0, xb - x0)),
                    in_window=(slice(ya - top, yb - top), slice(xa - left, xb - left)),
                )

    def standard_normal(self, shape: tuple[int, int, int]) -> NDArray[np.float32]:
        """Return standard normal noise for a window of `shape` (H, W, C), float32.

        Drawn block by block, so any window of an image gets the values that the whole image gets.
        """
        height, width, bands = shape
        noise = np.empty(shape, np.float32)
        for block in self.blocks(height, width):
            drawn = self.rng(block.index).standard_normal((*block.shape, bands), np.float32)
            noise[block.in_window] = drawn[block.in_block]
        return noise
