"""MSRN: the multi-scale residual network (Li, Fang, Mei, Zhang, ECCV 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from iqf_sr_msrn.networks.layers import enlarged, icnr_, same_convolution, shuffle_stages

Tail = Literal["pixelshuffle", "nearest"]


class MultiScaleBlock(nn.Module):
    """Two stages of parallel 3 x 3 and 5 x 5 convolutions that exchange their features.

    ``a = relu(c3(x)), b = relu(c5(x)); c = relu(c3([a b])), d = relu(c5([a b]))``; a 1 x 1
    convolution brings ``[c d]`` back, and `x` is added (section 3.1 of the paper).
    """

    def __init__(self, features: int, *, bias: bool) -> None:
        super().__init__()
        self.conv_3_1 = same_convolution(features, features, 3)
        self.conv_3_2 = same_convolution(2 * features, 2 * features, 3)
        self.conv_5_1 = same_convolution(features, features, 5)
        self.conv_5_2 = same_convolution(2 * features, 2 * features, 5)
        self.confusion = nn.Conv2d(4 * features, features, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, features, H, W) to the same shape."""
        first = torch.cat([self.conv_3_1(x).relu_(), self.conv_5_1(x).relu_()], 1)
        second = torch.cat([self.conv_3_2(first).relu_(), self.conv_5_2(first).relu_()], 1)
        fused: Tensor = self.confusion(second)
        return x + fused


class MSRN(nn.Module):
    """Head, multi-scale blocks, hierarchical fusion of all their outputs, and an enlarging tail.

    The names of the parameters are those of the authors' implementation, so its checkpoints fit.

    Parameters
    ----------
    scale
        2, 3, 4 or 8.
    bands
        Bands of input and output.
    blocks, features
        Number of blocks, channels in them; 8 and 64 in the paper.
    tail
        ``"pixelshuffle"``: the paper's; ``"nearest"``: one nearest-neighbour enlargement between
        the last two convolutions, blocks without a bias in the 1 x 1 convolution: the variant of
        the QMRLoss study.
    residual
        Add the bicubically enlarged input: the network learns the rest, and begins as bicubic.
    mean, value_range
        Subtracted from the bands (in [0, 1]) before and added after; what 1 is for the
        convolutions. The authors' checkpoints: DIV2K's means, 255.
    """

    def __init__(
        self,
        scale: int = 2,
        bands: int = 3,
        blocks: int = 8,
        features: int = 64,
        tail: Tail = "pixelshuffle",
        *,
        residual: bool = False,
        mean: Sequence[float] = (),
        value_range: float = 1.0,
    ) -> None:
        super().__init__()
        self.scale, self.residual, self.value_range = scale, residual, value_range
        shift = torch.tensor(tuple(mean) or (0.0,)).view(1, -1, 1, 1)
        self.mean: Tensor
        self.register_buffer("mean", shift, persistent=False)
        self.head = nn.Sequential(same_convolution(bands, features, 3))
        self.body = nn.ModuleList(
            MultiScaleBlock(features, bias=tail == "pixelshuffle") for _ in range(blocks)
        )
        self.tail = nn.Sequential(
            nn.Conv2d(features * (blocks + 1), features, 1),
            same_convolution(features, features, 3),
            _upsampler(scale, features) if tail == "pixelshuffle" else nn.Upsample(None, scale),
            same_convolution(features, bands, 3),
        )
        if residual:
            for parameter in self.tail[3].parameters():
                nn.init.zeros_(parameter)

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the fused outputs of head and blocks, (N, features (blocks + 1), H, W)."""
        x = self.head(images)
        outputs = [x]
        for block in self.body:
            x = block(x)
            outputs.append(x)
        outputs.append(outputs.pop(0))  # the head's last: the order of the authors' checkpoints
        return torch.cat(outputs, 1)

    def forward_tail(self, features: Tensor) -> Tensor:
        """Return the enlarged image, (N, bands, scale H, scale W)."""
        result: Tensor = self.tail(features)
        return result

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, bands, H, W) in [0, 1] to (N, bands, scale H, scale W), not clipped."""
        centred = (images - self.mean) * self.value_range
        result = self.forward_tail(self.forward_features(centred))
        result = result.to(images.dtype) / self.value_range + self.mean
        return result + enlarged(images, self.scale).to(images.dtype) if self.residual else result


def _upsampler(scale: int, features: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for factor in shuffle_stages(scale):
        convolution = same_convolution(features, features * factor**2, 3)
        icnr_(convolution, factor)
        layers += [convolution, nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)
