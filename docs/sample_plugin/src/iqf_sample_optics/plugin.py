"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Declare the modifiers."""
    return [
        Component(
            "vignetting",
            "iqf_sample_optics.vignetting:Vignetting",
            summary="Natural vignetting: corners darker by the fourth power of a cosine",
        )
    ]


@hookimpl
def iqf_metrics() -> list[Component]:
    """Declare the metrics."""
    return [
        Component(
            "saturation",
            "iqf_sample_optics.saturation:Saturation",
            summary="Fraction of the samples at full scale",
        )
    ]
