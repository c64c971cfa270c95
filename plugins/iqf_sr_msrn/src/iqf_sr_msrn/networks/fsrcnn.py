"""FSRCNN: the fast super-resolution convolutional network (Dong, Loy, Tang, ECCV 2016)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from iqf_sr_msrn.networks.layers import enlarged, same_convolution


class FSRCNN(nn.Module):
    """Feature extraction, shrinking, mapping, expanding, and one transposed convolution.

    Parameters
    ----------
    scale
        2, 3, 4 or 8.
    bands
        Bands of input and output; the paper's network has the luma alone.
    features, shrunk, mappings
        d, s and m of the paper: 56, 12 and 4.
    residual
        Add the bicubically enlarged input.
    """

    def __init__(
        self,
        scale: int = 2,
        bands: int = 1,
        features: int = 56,
        shrunk: int = 12,
        mappings: int = 4,
        *,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.scale, self.residual = scale, residual
        layers: list[nn.Module] = [same_convolution(bands, features, 5), nn.PReLU(features)]
        layers += [nn.Conv2d(features, shrunk, 1), nn.PReLU(shrunk)]
        for _ in range(mappings):
            layers.append(same_convolution(shrunk, shrunk, 3))
        layers.append(nn.PReLU(shrunk))
        layers += [nn.Conv2d(shrunk, features, 1), nn.PReLU(features)]
        for layer in layers:  # He et al. for PReLU, as in section 3.3 of the paper
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=0.25)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        self.body = nn.Sequential(*layers)
        self.enlarge = nn.ConvTranspose2d(
            features, bands, 9, stride=scale, padding=4, output_padding=scale - 1
        )
        nn.init.normal_(self.enlarge.weight, std=0.001)
        assert self.enlarge.bias is not None
        nn.init.zeros_(self.enlarge.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, bands, H, W) in [0, 1] to (N, bands, scale H, scale W), not clipped."""
        result: Tensor = self.enlarge(self.body(images)).to(images.dtype)
        return result + enlarged(images, self.scale).to(images.dtype) if self.residual else result

    @staticmethod
    def halo(scale: int, mappings: int) -> int:
        """Return how many input pixels around a pixel the output depends on."""
        return 2 + mappings + math.ceil(5 / scale) + 1


def parameter_count(module: torch.nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)
