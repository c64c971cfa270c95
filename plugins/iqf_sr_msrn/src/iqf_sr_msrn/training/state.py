"""The whole state of a training run, so that it continues as if it had never stopped."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from iqf_core.api import atomic_write_bytes
from iqf_sr_msrn.model_file import ModelError

SCHEMA = "iqf.sr_state/1"
STATE = "state.pt"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and texts, atomically."""
    data = io.BytesIO()
    torch.save({"schema": SCHEMA, **state}, data)
    atomic_write_bytes(path, data.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Return what :func:`save_state` wrote; nothing in the file is executed.

    Raises
    ------
    ModelError
        If it is missing, damaged, or of another version.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file; there is no run to resume")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the unpickler stumbles over first
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: the saved state is damaged ({reason})") from None
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        raise ModelError(f"{path}: is no saved state of {SCHEMA}")
    return state


class MovingWeights:
    """Exponential moving average of a network's weights, in a network of its own.

    Parameters
    ----------
    network
        What is trained.
    average
        A copy of it, which holds the averaged weights.
    decay
        0 for none: the copy then has the latest weights.
    """

    def __init__(self, network: torch.nn.Module, average: torch.nn.Module, decay: float) -> None:
        self.network, self.average, self.decay = network, average, decay
        average.load_state_dict(network.state_dict())
        average.eval().requires_grad_(False)

    def update(self, step: int) -> None:
        """Take in the weights after `step` steps; early ones are forgotten quickly."""
        decay = min(self.decay, (1 + step) / (10 + step)) if self.decay else 0.0
        with torch.no_grad():
            for kept, new in zip(
                self.average.state_dict().values(), self.network.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)
