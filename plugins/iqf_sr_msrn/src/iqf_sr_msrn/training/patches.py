"""Pairs of low- and high-resolution patches, drawn by counter."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from iqf_core.api import DatasetError, Image, IQFError
from iqf_sr_msrn.channels import to_luma_chroma, unit_planes
from iqf_sr_msrn.degradation import Degradation, whole_pixels

if TYPE_CHECKING:
    from iqf_core.api import Dataset

#: High-resolution pixels around a patch that a random chain sees besides.
_MARGIN = 16

#: How often a patch is drawn anew when it holds invalid pixels.
_DRAWS = 32

#: Bytes of decoded images that are kept.
_KEPT_BYTES = 2 << 30


@dataclass(frozen=True)
class Pair:
    """An image and its low-resolution version (None where that is made patch by patch)."""

    high: Image
    low: Image | None


class PatchSource:
    """Training patches: batch `n` is the same whenever it is drawn.

    Parameters
    ----------
    dataset, names
        The images.
    degradation
        How the low-resolution images are made.
    patch_px
        Edge of a high-resolution patch.
    batch
        Patches in a batch.
    seed
        Of the draws.
    augment
        Whether patches are flipped and rotated.
    channels
        ``"all"`` or ``"y"``.
    """

    def __init__(
        self,
        dataset: Dataset,
        names: Sequence[str],
        degradation: Degradation,
        *,
        patch_px: int,
        batch: int,
        seed: int,
        augment: bool = True,
        channels: str = "all",
    ) -> None:
        self.dataset, self.names, self.degradation = dataset, list(names), degradation
        self.patch, self.batch_size, self.seed = patch_px, batch, seed
        self.augment, self.channels = augment, channels
        self._pairs: OrderedDict[str, Pair] = OrderedDict()
        self._kept = 0

    def batch(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch `number`: low and high resolution, (N, C, h, w) float32, 1 for the peak.

        Raises
        ------
        IQFError
            If no patch of the drawn image is without invalid pixels.
        """
        pairs = [self._sample(number, index) for index in range(self.batch_size)]
        low, high = zip(*pairs, strict=True)
        return torch.from_numpy(np.stack(low)), torch.from_numpy(np.stack(high))

    def _sample(self, number: int, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.default_rng((self.seed, number, index))
        name = self.names[rng.integers(len(self.names))]
        pair, scale, size = self._pair(name), self.degradation.scale, self.patch
        high = pair.high
        for _ in range(_DRAWS):
            row, column = (
                int(rng.integers((length - size) // scale + 1)) * scale for length in high.shape[:2]
            )
            if high.mask is None or high.mask[row : row + size, column : column + size].all():
                break
        else:
            raise IQFError(f"{name}: {_DRAWS} patches of {size} px all hold invalid pixels")
        part = high.pixels[row : row + size, column : column + size]
        planes = unit_planes(part, high.peak)
        if pair.low is None:
            small = self._degraded(high, row, column, f"{name}|{number}|{index}")
        else:
            top, left, edge = row // scale, column // scale, size // scale
            cut = pair.low.pixels[top : top + edge, left : left + edge]
            small = unit_planes(cut, pair.low.peak)
        if self.channels == "y":
            planes, small = to_luma_chroma(planes)[:1], to_luma_chroma(small)[:1]
        turn = int(rng.integers(8)) if self.augment else 0
        return turned(small, turn), turned(planes, turn)

    def _degraded(self, high: Image, row: int, column: int, key: str) -> NDArray[np.float32]:
        """Return the low-resolution patch, made with a margin that is cut off again."""
        scale, size = self.degradation.scale, self.patch
        margin = -(-_MARGIN // scale) * scale
        top, left = max(0, row - margin), max(0, column - margin)
        bottom = min(high.height, row + size + margin)
        right = min(high.width, column + size + margin)
        low = self.degradation.apply(high.cut((slice(top, bottom), slice(left, right))), key)
        y, x, edge = (row - top) // scale, (column - left) // scale, size // scale
        return unit_planes(low.pixels[y : y + edge, x : x + edge], low.peak)

    def _pair(self, name: str) -> Pair:
        if name in self._pairs:
            self._pairs.move_to_end(name)
            return self._pairs[name]
        pair = load_pair(self.dataset, name, self.degradation, patchwise=self.degradation.random)
        self._pairs[name] = pair
        self._kept += _nbytes(pair)
        while self._kept > _KEPT_BYTES and len(self._pairs) > 1:
            _, oldest = self._pairs.popitem(last=False)
            self._kept -= _nbytes(oldest)
        return pair


def _nbytes(pair: Pair) -> int:
    return pair.high.pixels.nbytes + (0 if pair.low is None else pair.low.pixels.nbytes)


def load_pair(
    dataset: Dataset, name: str, degradation: Degradation, *, patchwise: bool = False
) -> Pair:
    """Read an image and make its low-resolution version."""
    with dataset.open_image(name) as reader:
        high = whole_pixels(reader.read(), degradation.scale)
    return Pair(high, None if patchwise else degradation.apply(high, dataset.image_hash(name)))


def turned(planes: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return (C, H, W) in one of its 8 orientations; 0 is as it is."""
    result = np.rot90(planes, turn % 4, axes=(1, 2))
    return np.ascontiguousarray(result[:, :, ::-1] if turn >= 4 else result)


def check_images(dataset: Dataset, names: Sequence[str], patch_px: int) -> int:
    """Return the images' band count, after a look at all headers.

    Raises
    ------
    DatasetError
        If an image is smaller than the patch, or band counts differ; names the image.
    """
    bands, first = 0, ""
    for name in names:
        header = dataset.header(name)
        height, width, count = header.shape
        if min(height, width) < patch_px:
            raise DatasetError(
                f"{dataset.image_path(name)}: {height} x {width} px is smaller than the patch of "
                f"{patch_px} px; give a smaller patch or leave the image out"
            )
        if bands and count != bands:
            raise DatasetError(
                f"{dataset.image_path(name)} has {count} bands, {first} has {bands}; a network is "
                "trained on images of one band count"
            )
        bands, first = count, first or name
    return bands
