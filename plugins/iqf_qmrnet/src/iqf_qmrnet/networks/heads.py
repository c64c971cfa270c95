"""The network: a backbone, and a linear head for every parameter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from iqf_qmrnet.grid import Head


class QMRNet(nn.Module):
    """Logits of every head, from images of any band count.

    The Quality Metric Regression Network of Berga et al. (Remote Sensing 15(9) 2451, 2023,
    section 2.2): the classes of a head are the levels of one parameter; several heads share the
    backbone ("multi-head").

    An image whose band count is not the backbone's is looked at band by band, and the logits are
    averaged over its bands (the geometric mean of their probabilities). So weights do not depend
    on the band count.

    Parameters
    ----------
    backbone
        Images (N, ``backbone.bands``, H, W) to vectors (N, ``backbone.features``).
    heads
        At least one.
    """

    def __init__(self, backbone: nn.Module, heads: Sequence[Head]) -> None:
        super().__init__()
        self.backbone = backbone
        self.bands: int = backbone.bands  # type: ignore[assignment]
        features: int = backbone.features  # type: ignore[assignment]
        self.heads = nn.ModuleDict({head.name: nn.Linear(features, head.classes) for head in heads})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return head name -> logits (N, classes).

        Parameters
        ----------
        images
            (N, C, H, W), float, scaled to [0, 1] by the peak.
        """
        count, bands = images.shape[:2]
        folded = images
        if bands != self.bands:
            folded = images.reshape(count * bands, 1, *images.shape[2:])
            folded = folded.expand(-1, self.bands, -1, -1)
        vectors = self.backbone(folded)
        found = {}
        for name, head in self.heads.items():
            logits = head(vectors)
            if logits.dtype != torch.float64:  # what autocast left in 16 bits
                logits = logits.float()
            if folded is not images:
                logits = logits.reshape(count, bands, -1).mean(dim=1)
            found[name] = logits
        return found

    @torch.jit.unused
    def parameter_count(self) -> int:
        """Return the number of trained parameters."""
        return sum(each.numel() for each in self.parameters() if each.requires_grad)
