"""A published checkpoint becomes a model: its tensors, and the grid that the file does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.api import ConfigurationError

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_qmrnet.checkpoint import Model


def import_published(path: Path, parameter: str, crop: int, context: Context) -> Model:
    """Return the model of a published checkpoint.

    Parameters
    ----------
    path
        The ``.pth`` file, see :func:`iqf_qmrnet.published.read_published`.
    parameter
        What it was trained on: ``blur:sigma_px=1..2.5/50``, or a preset.
    crop
        Side of the crops that it was trained on, in pixels.
    context
        With the registry, where the modifier is found.

    Raises
    ------
    ConfigurationError
        If the file is refused, or the parameter has another number of levels than the network.
    """
    from iqf_qmrnet.checkpoint import Model, fit_state
    from iqf_qmrnet.config import TrainingConfig
    from iqf_qmrnet.degradation import resolve_head
    from iqf_qmrnet.grid import parse_head
    from iqf_qmrnet.networks import build_network
    from iqf_qmrnet.published import read_published

    head = resolve_head(parse_head(parameter, ends=False), context)
    found = read_published(path)
    if found.classes != head.bins:
        raise ConfigurationError(
            f"{path}: the network has {found.classes} classes, {parameter} has {head.bins} levels; "
            "give the range and number of levels that it was trained on"
        )
    config = TrainingConfig(
        parameters=[parameter], crop=crop, backbone=found.architecture, loss="bce"
    )
    network = build_network(config.network, (head,))
    state = {
        f"heads.{head.name}.{name[3:]}" if name.startswith("fc.") else f"backbone.network.{name}": (
            value
        )
        for name, value in found.state.items()
    }
    fit_state(network, state, str(path))
    # Published networks took three bands, divided by 255, without ImageNet's mean and deviation.
    return Model(network.eval(), (head,), config.model_dump(mode="json"), crop)
