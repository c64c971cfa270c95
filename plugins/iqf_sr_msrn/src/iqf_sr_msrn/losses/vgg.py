"""The perceptual loss on features of VGG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from iqf_core.api import ConfigurationError, Loss, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Context


class Vgg(Loss):
    """L1 distance of VGG16 features (Johnson, Alahi, Fei-Fei, ECCV 2016).

    The network is frozen, and its weights come from a local file in torchvision's format
    (``vgg16-….pth``, or safetensors with the same names): nothing is fetched. Images of one band
    are repeated, of more than three the first three are used; they must be red, green and blue.
    """

    class Params(BaseParams):
        """The weights, and the layers."""

        weights: Path = parameter(
            description="file of VGG16's weights, in torchvision's format", example="vgg16.pth"
        )
        layers: Literal["relu1_2", "relu2_2", "relu3_3", "all"] = parameter(
            "all", description="one layer, or all three of them added"
        )

    def build(self, context: Context) -> nn.Module:
        """Return the criterion.

        Raises
        ------
        ConfigurationError
            If the file is missing or holds something else.
        """
        from iqf_sr_msrn.losses.perceptual import LAYERS, VggLoss
        from iqf_sr_msrn.networks.official import read_tensors

        if not self.params.weights.is_file():
            raise ConfigurationError(
                f"loss/vgg: {self.params.weights}: no such file; expected VGG16's weights in "
                "torchvision's format"
            )
        names = tuple(LAYERS) if self.params.layers == "all" else (self.params.layers,)
        loss = VggLoss(names)
        loss.load(read_tensors(self.params.weights), str(self.params.weights))
        return loss.to(context.device)
