"""A network as an ONNX file, for programs without torch and for the modifier ``onnx``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from iqf_core.api import ConfigurationError


def export_onnx(network: nn.Module, path: Path, bands: int) -> None:
    """Write `network` for images (1, `bands`, H, W) of any size.

    Parameters
    ----------
    network
        In evaluation mode, on the processor.
    path
        The file; replaced where it is there.
    bands
        Of the network.

    Raises
    ------
    ConfigurationError
        If onnxscript, which torch exports with, is not installed.
    """
    try:
        import onnxscript  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        raise ConfigurationError("writing ONNX files needs onnxscript: install it") from None
    size = torch.export.Dim.DYNAMIC
    torch.onnx.export(
        network,
        (torch.rand(1, bands, 24, 28),),
        str(path),
        dynamo=True,
        dynamic_shapes=({2: size, 3: size},),
        external_data=False,
        verbose=False,
    )
