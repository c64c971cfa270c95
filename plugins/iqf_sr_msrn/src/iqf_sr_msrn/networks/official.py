"""Checkpoints from elsewhere: the authors' of MSRN, from a local file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from iqf_sr_msrn.model_file import ModelError, load_weights

#: Fixed layers of the authors' implementation, which here are a subtraction.
_MEAN_SHIFTS = ("sub_mean.weight", "sub_mean.bias", "add_mean.weight", "add_mean.bias")


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a state dictionary: a torch file, or safetensors.

    A torch file is read with ``weights_only``: nothing in it is executed.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or is no state dictionary.
    """
    import torch
    from safetensors.torch import load_file

    if not file.is_file():
        raise ModelError(f"{file}: no such file; expected a state dictionary")
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        loaded: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the unpickler stumbles over first
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{file}: cannot be read as a state dictionary ({reason})") from None
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise ModelError(f"{file}: is no state dictionary of tensors")
    return {name.removeprefix("module."): value for name, value in loaded.items()}


def load_official(network: nn.Module, file: Path) -> None:
    """Give an MSRN the weights of a checkpoint of the authors' implementation.

    The fixed mean shifts of that implementation are left out: build the network with
    ``normalization=div2k``.

    Raises
    ------
    ModelError
        If the weights do not fit.
    """
    tensors = {
        name: value for name, value in read_tensors(file).items() if name not in _MEAN_SHIFTS
    }
    load_weights(network, tensors, file)
