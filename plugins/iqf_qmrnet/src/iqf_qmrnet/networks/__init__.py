"""Backbones: from images to one feature vector each, and the network of several heads on it.

A backbone is a ``torch.nn.Module`` with an attribute ``features`` (length of its vectors) and
``bands``: the number of bands that ``forward`` takes, 1 for those that look at each band by
itself, 3 for torchvision's classifiers. :class:`iqf_qmrnet.networks.heads.QMRNet` folds images of
any other band count into it.

Names: ``spectral`` (default), ``small_cnn``, and any of torchvision's classifiers (``resnet18``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from iqf_core.api import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.networks.heads import QMRNet

OWN = ("spectral", "small_cnn")


def build_backbone(name: str, options: Mapping[str, Any], weights: Path | None = None) -> nn.Module:
    """Return the backbone `name`.

    Parameters
    ----------
    name
        ``"spectral"``, ``"small_cnn"`` or a classifier of torchvision's.
    options
        Keyword arguments of its constructor.
    weights
        A file with the classifier's weights (a state dict, safetensors or ``.pth``).

    Raises
    ------
    ConfigurationError
        If there is none of that name, it takes no such options, or the weights do not fit.
    """
    if name in OWN:
        from iqf_qmrnet.networks.small_cnn import SmallCNN
        from iqf_qmrnet.networks.spectral import Spectral

        made: type[nn.Module] = Spectral if name == "spectral" else SmallCNN
        if weights is not None:
            raise ConfigurationError(
                f"backbone {name!r} takes no weights file: it is trained from its beginning"
            )
        try:
            return made(**options)
        except TypeError as error:
            raise ConfigurationError(f"backbone {name!r}: {_plain(error)}") from None
    from iqf_qmrnet.networks.classifiers import Classifier

    return Classifier(name, options, weights)


def _plain(error: TypeError) -> str:
    return str(error).rpartition("() ")[2] or str(error)


def build_network(
    config: NetworkConfig, heads: tuple[Head, ...], weights: Path | None = None
) -> QMRNet:
    """Return a network with new weights.

    Its ``forward`` maps a float tensor (N, C, H, W), scaled to [0, 1] by the peak, any C, to a
    dictionary: head name -> logits (N, classes).

    Raises
    ------
    ConfigurationError
        As :func:`build_backbone`.
    """
    from iqf_qmrnet.networks.heads import QMRNet

    return QMRNet(build_backbone(config.backbone, config.options, weights), heads)
