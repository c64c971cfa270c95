"""Torchvision's classifiers as backbones; weights come from a local file only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from iqf_core.api import ConfigurationError
from iqf_qmrnet.networks.weights import read_state_dict


class Classifier(nn.Module):
    """A classifier without its last layer.

    The paper's network is ``resnet18``. Three bands are taken as they are; any other image is
    looked at band by band, each repeated three times.

    Parameters
    ----------
    name
        As ``torchvision.models`` lists it.
    options
        Keyword arguments of its constructor, such as ``dropout``.
    weights
        A state dict of the whole classifier (its last layer may have any size); None begins with
        random weights.

    Raises
    ------
    ConfigurationError
        If torchvision has no such classifier or it ends in no linear layer, or if the weights do
        not fit.
    """

    bands = 3

    def __init__(
        self, name: str, options: Mapping[str, Any] | None = None, weights: Path | None = None
    ) -> None:
        super().__init__()
        from torchvision import models  # type: ignore[import-untyped]

        names = models.list_models(module=models)
        if name not in names:
            from difflib import get_close_matches

            close = get_close_matches(name, ["spectral", "small_cnn", *names], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigurationError(
                f"no backbone named {name!r}{hint}; expected spectral, small_cnn or a classifier "
                "of torchvision.models such as resnet18"
            )
        try:
            self.network = models.get_model(name, weights=None, **dict(options or {}))
        except TypeError as error:
            raise ConfigurationError(f"backbone {name!r}: {error}") from None
        place, last = self._last_linear(name)
        if weights is not None:
            self._load(name, weights, place)
        self.features: int = last.in_features
        parent, _, attribute = place.rpartition(".")
        setattr(self.network.get_submodule(parent), attribute, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        """Return feature vectors (N, ``features``) of three-band images (N, 3, H, W)."""
        found = self.network(images)
        # Inception and GoogLeNet add outputs of auxiliary classifiers in training.
        plain: Tensor = found if isinstance(found, Tensor) else found[0]
        return plain

    def _last_linear(self, name: str) -> tuple[str, nn.Linear]:
        place, last = "", None
        for place_, module in self.network.named_modules():
            if isinstance(module, nn.Linear) and not place_.lower().startswith("aux"):
                place, last = place_, module
        if last is None:
            raise ConfigurationError(
                f"backbone {name!r} does not end in a linear layer; choose another, such as "
                "resnet18"
            )
        return place, last

    def _load(self, name: str, weights: Path, last: str) -> None:
        state = read_state_dict(weights)
        state = {key: value for key, value in state.items() if not key.startswith(f"{last}.")}
        own = self.network.state_dict()
        wrong = [
            key for key, value in state.items() if key not in own or own[key].shape != value.shape
        ]
        missing = [key for key in own if key not in state and not key.startswith(f"{last}.")]
        if wrong or missing:
            example = (wrong or missing)[0]
            raise ConfigurationError(
                f"{weights}: these are no weights of {name}: {example!r} "
                f"{'does not fit' if wrong else 'is missing'}"
            )
        self.network.load_state_dict(state, strict=False)
