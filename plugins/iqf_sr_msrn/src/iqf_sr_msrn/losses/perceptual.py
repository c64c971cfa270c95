"""VGG16's first layers, frozen, as a criterion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from iqf_core.api import ConfigurationError

#: Layer -> its index in torchvision's ``vgg16().features``.
LAYERS = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15}

#: ImageNet's means and deviations of red, green and blue, as torchvision's weights expect them.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VggLoss(nn.Module):
    """Sum over the layers of the mean absolute difference of features."""

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        from torchvision.models import vgg16  # type: ignore[import-untyped,unused-ignore]

        self.indices = sorted(LAYERS[name] for name in layers)
        self.features = vgg16(weights=None).features[: self.indices[-1] + 1]
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def load(self, tensors: Mapping[str, Tensor], file: str) -> None:
        """Take the weights ``features.N.weight`` and ``features.N.bias``.

        Raises
        ------
        ConfigurationError
            If one is missing or of another shape; names `file`.
        """
        for name, value in self.features.state_dict().items():
            given = tensors.get(f"features.{name}")
            if given is None or given.shape != value.shape:
                found = "missing" if given is None else f"of shape {list(given.shape)}"
                raise ConfigurationError(
                    f"loss/vgg: {file}: features.{name} is {found}; expected VGG16's weights in "
                    "torchvision's format"
                )
            value.copy_(given)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return a scalar of two tensors (N, C, H, W), 1 is full scale."""
        one = self._features(prediction)
        with torch.no_grad():
            other = self._features(target)
        return torch.stack([(a - b).abs().mean() for a, b in zip(one, other, strict=True)]).sum()

    def _features(self, images: Tensor) -> list[Tensor]:
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
        x = (colour - self.mean) / self.deviation
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.indices:
                found.append(x)
        return found
