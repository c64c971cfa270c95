"""The published checkpoints of QMRNet: whole pickled torchvision ResNets in ``.pth`` files.

A pickle may run any code. These files are read with ``torch.load(weights_only=True)`` and a list of
the classes that they may name: those of ``torch.nn`` and of ``torchvision.models.resnet``. Anything
else in a file is refused before it is called. What was read is not used as it is: its tensors are
taken out of it and put into a ResNet that torchvision makes here.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.api import ConfigurationError

if TYPE_CHECKING:
    from torch import Tensor

#: torchvision's ResNets, by name.
ARCHITECTURES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@dataclass(frozen=True)
class Published:
    """A published network.

    Attributes
    ----------
    architecture
        Its name in torchvision (``resnet18``).
    classes
        N, the number of values of its one parameter.
    state
        Its parameters and buffers by torchvision's names, the head as ``fc.weight`` and
        ``fc.bias``.
    """

    architecture: str
    classes: int
    state: dict[str, Tensor]


def read_published(path: Path) -> Published:
    """Read a published checkpoint.

    Parameters
    ----------
    path
        A ``.pth`` file with a pickled torchvision ResNet whose last layer gives the N classes, or
        with the state dictionary of one.

    Raises
    ------
    ConfigurationError
        If the file is missing, truncated, names other classes than those of torch.nn and
        torchvision, or holds no ResNet.
    """
    import torch

    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file; expected a published QMRNet (.pth)")
    try:
        with torch.serialization.safe_globals(allowed_classes()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConfigurationError(f"{path}: {_why_refused(error)}") from None
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise ConfigurationError(
            f"{path}: cannot be read as a PyTorch checkpoint "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}); "
            "it is damaged, truncated or something else"
        ) from None
    return _identify(path, _state(path, content))


def allowed_classes() -> list[Any]:
    """Return every class that a published checkpoint may name."""
    import torch
    from torchvision.models import resnet  # type: ignore[import-untyped]

    modules = [
        each
        for each in vars(torch.nn).values()
        if isinstance(each, type) and issubclass(each, torch.nn.Module)
    ]
    return [*modules, resnet.ResNet, resnet.BasicBlock, resnet.Bottleneck, set]


def _why_refused(error: pickle.UnpicklingError) -> str:
    """Return one line for what torch says in many."""
    import re

    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named:
        return (
            f"refused, because it names {named[1]}; a published QMRNet holds only classes of "
            "torch.nn and torchvision's ResNet, anything else could run code"
        )
    return (
        "refused: this is no published QMRNet (a pickled torchvision ResNet), or it is truncated; "
        "anything else could run code"
    )


def _state(path: Path, content: Any) -> dict[str, Tensor]:
    import torch

    if isinstance(content, torch.nn.DataParallel):
        content = content.module
    if isinstance(content, torch.nn.Module):
        try:
            content = content.state_dict()
        except Exception:
            content = None
    if not isinstance(content, dict) or not content:
        raise ConfigurationError(f"{path}: holds no network; expected a torchvision ResNet")
    if not all(isinstance(each, torch.Tensor) for each in content.values()):
        raise ConfigurationError(f"{path}: holds something else than the tensors of a ResNet")
    # The published heads are a Linear, or a Sequential with one Linear in it.
    return {str(name).replace("fc.0.", "fc."): value.detach() for name, value in content.items()}


def _identify(path: Path, state: dict[str, Tensor]) -> Published:
    """Find the torchvision ResNet whose parameters are those of `state`."""
    import torch
    from torchvision import models  # type: ignore[import-untyped]

    weight = state.get("fc.weight")
    if weight is None or weight.ndim != 2:
        raise ConfigurationError(
            f"{path}: has no classifying layer 'fc'; expected a torchvision ResNet"
        )
    classes = len(weight)
    shapes = {name: value.shape for name, value in state.items()}
    for architecture in ARCHITECTURES:
        with torch.device("meta"):
            network = models.get_model(architecture, weights=None, num_classes=classes)
        if shapes == {name: value.shape for name, value in network.state_dict().items()}:
            return Published(architecture, classes, state)
    raise ConfigurationError(
        f"{path}: its layers are those of none of {', '.join(ARCHITECTURES)} of torchvision"
    )
