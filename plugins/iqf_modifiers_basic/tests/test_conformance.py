"""The modifiers keep what every modifier promises."""

from __future__ import annotations

from iqf_core.testing import ModifierConformance


class TestNone(ModifierConformance):
    component = "none"


class TestBlur(ModifierConformance):
    component = "blur"
    parameter_sets = ({"sigma_px": 0.4}, {"sigma_px": 1.5}, {"sigma_px": 6.3})


class TestGaussianNoise(ModifierConformance):
    component = "gaussian_noise"
    parameter_sets = ({"sigma_dn": 4}, {"sigma_rel": 0.05}, {"sigma_dn": 0})


class TestQuantization(ModifierConformance):
    component = "quantization"
    parameter_sets = ({"bits": 1}, {"bits": 3}, {"bits": 16})


class TestJpeg(ModifierConformance):
    component = "jpeg"
    parameter_sets = ({"quality": 40}, {"quality": 95, "subsampling": 444})
    invalid_pixels_bleed = True
