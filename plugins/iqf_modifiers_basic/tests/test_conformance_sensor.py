"""The modifiers of sensors and atmospheres keep what every modifier promises."""

from __future__ import annotations

from iqf_core.testing import ModifierConformance


class TestShotNoise(ModifierConformance):
    component = "shot_noise"
    parameter_sets = ({"a": 0.3, "b": 2},)


class TestSaltAndPepper(ModifierConformance):
    component = "salt_and_pepper"
    parameter_sets = ({"share": 0.05, "salt_share": 0.3},)


class TestDeadPixels(ModifierConformance):
    component = "dead_pixels"
    parameter_sets = ({"share": 0.05, "column_share": 0.1, "value": "peak"},)


class TestStriping(ModifierConformance):
    component = "striping"
    parameter_sets = (
        {"gain_sigma": 0.02, "offset_sigma_dn": 3},
        {"gain_sigma": 0.1, "axis": "rows"},
    )


class TestBandMisregistration(ModifierConformance):
    component = "band_misregistration"
    parameter_sets = ({"max_shift_px": 1.3},)


class TestGamma(ModifierConformance):
    component = "gamma"
    parameter_sets = ({"gamma": 1.7},)


class TestBrightness(ModifierConformance):
    component = "brightness"
    parameter_sets = ({"factor": 1.3, "offset_rel": -0.05},)


class TestContrast(ModifierConformance):
    component = "contrast"
    parameter_sets = ({"factor": 1.6},)


class TestHaze(ModifierConformance):
    component = "haze"
    parameter_sets = ({"transmission": 0.6, "airlight_rel": 0.9},)


class TestMotionBlur(ModifierConformance):
    component = "motion_blur"
    parameter_sets = ({"length_px": 4.5}, {"length_px": 11, "angle_deg": 30})


class TestDefocus(ModifierConformance):
    component = "defocus"
    parameter_sets = ({"radius_px": 1.7}, {"radius_px": 5})


class TestSystemTransfer(ModifierConformance):
    component = "mtf"
    parameter_sets = ({"sigma_x_px": 0.5, "sigma_y_px": 0.8, "aperture_px": 1, "motion_px": 1.5},)


class TestAdjustSharpness(ModifierConformance):
    component = "adjust_sharpness"
    parameter_sets = ({"factor": 2.5}, {"factor": 0})


class TestUnsharpMask(ModifierConformance):
    component = "unsharp_mask"
    parameter_sets = ({"amount": 1.2, "sigma_px": 1.5}, {"amount": 0.5, "threshold_dn": 2})
