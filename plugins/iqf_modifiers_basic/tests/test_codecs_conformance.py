"""The coders keep what every modifier promises."""

from __future__ import annotations

from iqf_core.testing import ModifierConformance


class TestJpeg2000(ModifierConformance):
    component = "jpeg2000"
    parameter_sets = ({"bpppc": 2}, {"reversible": True})
    invalid_pixels_bleed = True


class TestHtj2k(ModifierConformance):
    component = "htj2k"
    parameter_sets = ({}, {"step_dn": 8})
    invalid_pixels_bleed = True


class TestJpegLs(ModifierConformance):
    component = "jpeg_ls"
    parameter_sets = ({"max_error_dn": 0}, {"max_error_dn": 3})
    invalid_pixels_bleed = True


class TestJpegXl(ModifierConformance):
    component = "jpeg_xl"
    parameter_sets = ({"distance": 2, "effort": 3}, {"lossless": True, "effort": 1})
    invalid_pixels_bleed = True


class TestWebP(ModifierConformance):
    component = "webp"
    parameter_sets = ({"quality": 75}, {"lossless": True})
    invalid_pixels_bleed = True


class TestLerc(ModifierConformance):
    component = "lerc"
    parameter_sets = ({"max_error_dn": 0}, {"max_error_dn": 0.01})
    invalid_pixels_bleed = True


class TestCcsds121(ModifierConformance):
    component = "ccsds121"


class TestZstd(ModifierConformance):
    component = "zstd"
    parameter_sets = ({"level": 1},)


class TestDeflate(ModifierConformance):
    component = "deflate"
    parameter_sets = ({"level": 1},)
