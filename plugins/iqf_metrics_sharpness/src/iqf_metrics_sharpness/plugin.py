"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Declare the metrics."""
    return [
        Component(
            "snr",
            "iqf_metrics_sharpness.snr:Snr",
            summary="Signal-to-noise ratio, noise sigma and noise model, per band",
        ),
        Component(
            "sharpness",
            "iqf_metrics_sharpness.sharpness:Sharpness",
            summary="Relative edge response, FWHM and MTF from the edges in the image",
        ),
        Component(
            "niirs",
            "iqf_metrics_sharpness.niirs:Niirs",
            summary="Interpretability rating (NIIRS) by GIQE 5 or 4 from GSD, RER and SNR",
        ),
        Component(
            "slanted_edge",
            "iqf_metrics_sharpness.slanted_edge:SlantedEdge",
            summary="Edge response and MTF of one edge of a calibration target (ISO 12233)",
        ),
    ]
