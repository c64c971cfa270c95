"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

from iqf_core.plugin import Component, hookimpl

IQF_CONTRACT = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Declare the metrics."""
    home = "iqf_metrics_similarity"
    return [
        Component(
            "psnr",
            f"{home}.pixel_errors:Psnr",
            summary="Peak signal-to-noise ratio",
        ),
        Component(
            "rmse",
            f"{home}.pixel_errors:Rmse",
            summary="Root mean square error",
        ),
        Component(
            "mae",
            f"{home}.pixel_errors:Mae",
            summary="Mean absolute error",
        ),
        Component(
            "ssim",
            f"{home}.ssim:Ssim",
            summary="Structural similarity, also as scikit-image and torchmetrics compute it",
        ),
        Component(
            "ms_ssim",
            f"{home}.ms_ssim:MultiScaleSsim",
            summary="Structural similarity over five scales",
        ),
        Component(
            "sam",
            f"{home}.spectral:SpectralAngle",
            summary="Spectral angle between the bands' vectors",
        ),
        Component(
            "ergas",
            f"{home}.spectral:Ergas",
            summary="Relative dimensionless global error of synthesis (pansharpening)",
        ),
        Component(
            "gmsd",
            f"{home}.gmsd:Gmsd",
            summary="Gradient magnitude similarity deviation",
        ),
        Component(
            "vif",
            f"{home}.vif:Vif",
            summary="Visual information fidelity in the pixel domain (VIFp)",
            aliases=("vifp",),
        ),
        Component(
            "fsim",
            f"{home}.fsim:Fsim",
            summary="Feature similarity from phase congruency and gradients",
        ),
    ]
