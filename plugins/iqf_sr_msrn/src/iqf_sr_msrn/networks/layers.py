"""Parts that super-resolution networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def same_convolution(inputs: int, outputs: int, size: int, *, bias: bool = True) -> nn.Conv2d:
    """Return a convolution with a `size` x `size` kernel that keeps height and width."""
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=bias)


def shuffle_stages(scale: int) -> list[int]:
    """Return the factors of the pixel shuffles that enlarge by `scale`: 2s for powers of 2."""
    stages = int(math.log2(scale))
    return [2] * stages if 2**stages == scale else [scale]


def icnr_(convolution: nn.Conv2d, factor: int) -> None:
    """Initialise the convolution before a pixel shuffle so that its result has no checkerboard.

    The `factor`² kernels that make one output band begin equal: what the shuffle gives is the
    nearest-neighbour enlargement of one convolution (Aitken et al., arXiv:1707.02937).
    """
    with torch.no_grad():
        for values in convolution.parameters():
            values.copy_(values[:: factor**2].repeat_interleave(factor**2, dim=0))


def enlarged(images: Tensor, scale: int) -> Tensor:
    """Return (N, C, scale H, scale W): bicubic interpolation, corners of pixels aligned."""
    return functional.interpolate(
        images.float(), scale_factor=scale, mode="bicubic", align_corners=False
    )
