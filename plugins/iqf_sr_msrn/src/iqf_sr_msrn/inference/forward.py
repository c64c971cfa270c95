"""An image through a network: in tiles that overlap, so that no seam appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from iqf_sr_msrn.channels import from_luma_chroma, to_luma_chroma
from iqf_sr_msrn.networks.layers import enlarged

if TYPE_CHECKING:
    from torch import nn

#: Maps planes (C, h, w) to (C, scale h, scale w).
Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]

#: Edge of a tile in input pixels.
TILE_PX = 192


def network_function(
    network: nn.Module, channels: str, scale: int, *, ensemble: bool = False
) -> Function:
    """Return what maps planes of all bands, 1 for the peak, to enlarged ones."""

    def run(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            device = next(network.parameters()).device
            images = torch.from_numpy(np.ascontiguousarray(planes[np.newaxis])).to(device)
            result: NDArray[np.float32] = network(images).float().cpu().numpy()[0]
        return result

    return on_channels(_ensembled(run) if ensemble else run, channels, scale)


def on_channels(function: Function, channels: str, scale: int) -> Function:
    """Return a function of all bands from one of the luma; chroma is enlarged bicubically."""

    def luma(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(planes) == 1:
            return function(planes)
        split = to_luma_chroma(planes)
        chroma = enlarged(torch.from_numpy(split[None, 1:]), scale)[0].numpy()
        return from_luma_chroma(np.concatenate([function(split[:1]), chroma]))

    return luma if channels == "y" else function


def tiled(
    planes: NDArray[np.float32],
    function: Function,
    scale: int,
    halo: int,
    tile_px: int = TILE_PX,
) -> NDArray[np.float32]:
    """Apply `function` tile by tile; with a halo of its radius this is what the whole gives."""
    bands, height, width = planes.shape
    result = np.empty((bands, height * scale, width * scale), np.float32)
    for window, outer, inner in tile_grid(height, width, tile_px, halo):
        enlarged_tile = function(planes[(slice(None), *outer)])
        result[(slice(None), *_times(window, scale))] = enlarged_tile[
            (slice(None), *_times(inner, scale))
        ]
    return result


Slices = tuple[slice, slice]


def tile_grid(
    height: int, width: int, size: int, halo: int
) -> Iterator[tuple[Slices, Slices, Slices]]:
    """Iterate the tiles: what each writes, what it reads, where the first lies in the second."""
    for row in range(0, height, size):
        for column in range(0, width, size):
            bottom, right = min(row + size, height), min(column + size, width)
            top, left = max(0, row - halo), max(0, column - halo)
            window = (slice(row, bottom), slice(column, right))
            outer = (
                slice(top, min(height, bottom + halo)),
                slice(left, min(width, right + halo)),
            )
            inner = (slice(row - top, bottom - top), slice(column - left, right - left))
            yield window, outer, inner


def _times(part: Slices, scale: int) -> Slices:
    return (
        slice(part[0].start * scale, part[0].stop * scale),
        slice(part[1].start * scale, part[1].stop * scale),
    )


def _ensembled(function: Function) -> Function:
    """Return the mean over the 8 orientations of the input, each turned back."""

    def run(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        total: NDArray[Any] | None = None
        for turn in range(8):
            seen = np.rot90(planes, turn % 4, axes=(1, 2))
            seen = seen[:, :, ::-1] if turn >= 4 else seen
            given = function(np.ascontiguousarray(seen))
            given = given[:, :, ::-1] if turn >= 4 else given
            back = np.rot90(given, -(turn % 4), axes=(1, 2))
            total = back.astype(np.float64) if total is None else total + back
        assert total is not None
        return (total / 8).astype(np.float32)

    return run
