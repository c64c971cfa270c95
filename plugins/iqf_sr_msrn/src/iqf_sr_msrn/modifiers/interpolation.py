"""Bicubic and Lanczos interpolation: what super-resolution is compared with."""

from __future__ import annotations

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_sr_msrn.inference import interpolation
from iqf_sr_msrn.inference.enlarging import Enlarger
from iqf_sr_msrn.modifiers.upscaling import Upscaling


class Bicubic(Upscaling):
    """Cubic convolution (Keys 1981); a = -1/2 as MATLAB and Pillow, -3/4 as OpenCV and torch."""

    class Params(BaseParams):
        """Factor and kernel."""

        scale: int = parameter(description="how many times larger", unit="", example=2, ge=2, le=16)
        a: float = parameter(-0.5, description="the kernel's parameter", unit="", ge=-1, le=0)

    def make(self) -> Enlarger:
        """Return the interpolation."""
        params = self.params
        return Enlarger(interpolation.bicubic(params.scale, params.a), params.scale, 2)


class Lanczos(Upscaling):
    """Sinc interpolation with a sinc window of three lobes (Duchon 1979)."""

    class Params(BaseParams):
        """Factor and kernel."""

        scale: int = parameter(description="how many times larger", unit="", example=2, ge=2, le=16)
        lobes: int = parameter(3, description="lobes of the kernel", unit="", ge=1, le=8)

    def make(self) -> Enlarger:
        """Return the interpolation."""
        params = self.params
        return Enlarger(
            interpolation.lanczos(params.scale, params.lobes), params.scale, params.lobes
        )
