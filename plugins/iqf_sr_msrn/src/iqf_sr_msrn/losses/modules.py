"""The criteria as torch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CharbonnierLoss(nn.Module):
    """Mean of sqrt(difference² + epsilon²)."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return a scalar of two tensors (N, C, H, W)."""
        return torch.sqrt((prediction - target) ** 2 + self.epsilon**2).mean()


class SsimLoss(nn.Module):
    """1 - mean SSIM."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return a scalar of two tensors (N, C, H, W), 1 is full scale."""
        return 1 - ssim(prediction, target)


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean structural similarity of images with full scale 1.

    Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13 (2004): an 11 x 11 Gaussian window of 1.5 pixels,
    K1 = 0.01, K2 = 0.03, mean over the positions where the window fits.

    Parameters
    ----------
    one, other
        (N, C, H, W), at least 11 x 11 pixels.

    Raises
    ------
    ValueError
        If the images are smaller.
    """
    if min(one.shape[-2:]) < 11:
        raise ValueError(f"SSIM needs images of 11 x 11 pixels, not {list(one.shape[-2:])}")
    bands = one.shape[1]
    axis = torch.arange(11, dtype=one.dtype, device=one.device) - 5
    line = torch.exp(-(axis**2) / (2 * 1.5**2))
    line = line / line.sum()

    def smooth(images: Tensor) -> Tensor:
        down = line.view(1, 1, 11, 1).expand(bands, 1, 11, 1)
        across = line.view(1, 1, 1, 11).expand(bands, 1, 1, 11)
        return functional.conv2d(
            functional.conv2d(images, down, groups=bands), across, groups=bands
        )

    mean_one, mean_other = smooth(one), smooth(other)
    variance_one = smooth(one * one) - mean_one**2
    variance_other = smooth(other * other) - mean_other**2
    covariance = smooth(one * other) - mean_one * mean_other
    c1, c2 = 0.01**2, 0.03**2
    structure = (2 * covariance + c2) / (variance_one + variance_other + c2)
    luminance = (2 * mean_one * mean_other + c1) / (mean_one**2 + mean_other**2 + c1)
    return (luminance * structure).mean()
