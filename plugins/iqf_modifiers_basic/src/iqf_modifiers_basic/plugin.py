"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Declare the modifiers."""
    return [
        Component(
            "none",
            "iqf_modifiers_basic.reference:Unmodified",
            summary="The unmodified reference of a study",
        ),
        Component(
            "blur",
            "iqf_modifiers_basic.blur:GaussianBlur",
            summary="Gaussian blur of a given width in pixels",
        ),
        Component(
            "gaussian_noise",
            "iqf_modifiers_basic.noise:GaussianNoise",
            summary="Additive white Gaussian noise, in DN or relative to the peak",
            aliases=("noise",),
        ),
        Component(
            "quantization",
            "iqf_modifiers_basic.quantization:Quantization",
            summary="Fewer grey levels: 2^bits of them, 0 and the peak included",
        ),
        Component(
            "jpeg",
            "iqf_modifiers_basic.jpeg:Jpeg",
            summary="Baseline JPEG compression, 8 bits, 1 or 3 bands",
        ),
    ]
