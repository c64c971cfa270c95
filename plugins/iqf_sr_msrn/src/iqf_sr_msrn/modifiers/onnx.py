"""Anyone's super-resolution network, as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import ConfigurationError, parameter
from iqf_core.api import Params as BaseParams
from iqf_sr_msrn.modifiers.upscaling import Upscaling

if TYPE_CHECKING:
    from iqf_sr_msrn.inference.enlarging import Enlarger

#: Edge of the image that the scale is inferred with.
_PROBE_PX = 32


class OnnxUpscaling(Upscaling):
    """Super-resolution with a network in an ONNX file (FSRCNN, ESRGAN, CAR, LIIF …).

    Input and output are one tensor each, NCHW float32 in [0, 1], red, green, blue or (with
    ``channels=y``) the luma alone, whose chroma is enlarged bicubically. The scale is inferred.
    Needs the extra ``iqf-sr-msrn[onnx]``.
    """

    class Params(BaseParams):
        """The file, and what it takes."""

        model: Path = parameter(description="ONNX file", example="fsrcnn.onnx")
        channels: Literal["rgb", "y"] = parameter("rgb", description="what the network takes")
        halo_px: int = parameter(
            32, description="overlap of tiles: the radius of the network", unit="px", ge=0
        )

    def make(self) -> Enlarger:
        """Open the file and infer the scale.

        Raises
        ------
        ConfigurationError
            If onnxruntime is missing, or the file is no such network.
        """
        from iqf_sr_msrn.inference.enlarging import Enlarger
        from iqf_sr_msrn.inference.forward import on_channels

        file = self.params.model
        run = _session(file)
        inputs = 1 if self.params.channels == "y" else 3
        scale = _inferred_scale(run, inputs, file)
        function = on_channels(run, "y" if inputs == 1 else "all", scale)
        bands = (1, 3) if inputs == 1 else (3,)
        return Enlarger(function, scale, self.params.halo_px, bands, f"the network {file}")


def _session(file: Path) -> Any:
    """Return a function (C, h, w) -> (C, h', w') that runs the file."""
    try:
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigurationError(
            "modifier/onnx needs onnxruntime: install iqf-sr-msrn[onnx]"
        ) from None
    if not file.is_file():
        raise ConfigurationError(f"modifier/onnx: {file}: no such file; expected an ONNX network")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(file.absolute()), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has no common base class for its errors
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"modifier/onnx: {file}: cannot be opened ({reason})") from None
    name = session.get_inputs()[0].name

    def run(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        batch = np.ascontiguousarray(planes[np.newaxis], np.float32)
        result: NDArray[np.float32] = session.run(None, {name: batch})[0][0]
        return result

    return run


def _inferred_scale(run: Any, inputs: int, file: Path) -> int:
    probe = np.full((inputs, _PROBE_PX, _PROBE_PX), 0.5, np.float32)
    try:
        shape = run(probe).shape
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"modifier/onnx: {file}: does not take {inputs} bands of {_PROBE_PX} x {_PROBE_PX} px "
            f"as NCHW float32 ({reason}); see channels=y and channels=rgb"
        ) from None
    scale = shape[-1] // _PROBE_PX
    if shape != (inputs, scale * _PROBE_PX, scale * _PROBE_PX) or scale < 1:
        raise ConfigurationError(
            f"modifier/onnx: {file}: makes {list(shape)} of {[inputs, _PROBE_PX, _PROBE_PX]}; "
            "expected the same bands, height and width times a whole number"
        )
    return int(scale)
