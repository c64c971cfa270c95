"""State dicts from local files, without running code from them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from iqf_core.api import IQFError


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of a state dict that torch saved.

    Raises
    ------
    IQFError
        If there is no such file, or it holds something else.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise IQFError(f"{path}: no such file; expected weights (.safetensors or .pth)")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError) as error:
        raise IQFError(f"{path}: truncated or no safetensors file ({error})") from None
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise IQFError(f"{path}: truncated, or no state dict of tensors ({first})") from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(each, Tensor) for each in state.values()):
        raise IQFError(f"{path}: expected a state dict of tensors")
    return state
