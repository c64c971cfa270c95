"""A small convolutional network that keeps the finest detail."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Learned filters at full resolution, their energy pooled, then coarser ones.

    The first layers have no stride: blur, noise and coding live in the finest detail. Every stage
    leaves the logarithm of the mean energy of its channels, which is what a parameter of the
    whole image shows in; the stages' vectors side by side are the features.

    Parameters
    ----------
    width
        Channels of the first stage; doubled in each.
    stages
        Their number; each but the first begins with a convolution of stride 2.
    features
        Length of the feature vector.
    """

    bands = 1

    def __init__(self, width: int = 24, stages: int = 3, features: int = 128) -> None:
        super().__init__()
        self.features = features
        self.stages = nn.ModuleList()
        before, pooled = 1, 0
        for stage in range(stages):
            channels = width * 2**stage
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(before, channels, 5, 1 if stage == 0 else 2, 2, bias=False),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
                    nn.BatchNorm2d(channels),
                )
            )
            before, pooled = channels, pooled + channels
        self.normalise = nn.BatchNorm1d(pooled)
        self.perceptron = nn.Sequential(nn.Linear(pooled, features), nn.GELU())

    def forward(self, planes: Tensor) -> Tensor:
        """Return feature vectors (N, ``features``) of one-band images (N, 1, H, W)."""
        energies = []
        # The contrast of details against their surroundings, not the brightness, tells.
        planes = (planes - planes.mean(dim=(2, 3), keepdim=True)) * 8
        for stage in self.stages:
            planes = stage(planes)
            energies.append(planes.float().square().mean(dim=(2, 3)).add(1e-6).log())
            planes = torch.relu(planes)
        found: Tensor = self.perceptron(self.normalise(torch.cat(energies, dim=1)))
        return found
