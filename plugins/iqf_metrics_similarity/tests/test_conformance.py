"""The metrics keep what every metric promises."""

from __future__ import annotations

from iqf_core.testing import MetricConformance


class TestPsnr(MetricConformance):
    component = "psnr"


class TestRmse(MetricConformance):
    component = "rmse"


class TestMae(MetricConformance):
    component = "mae"


class TestSsim(MetricConformance):
    component = "ssim"
    parameter_sets = ({}, {"variant": "skimage_uniform"}, {"sigma": 1.0, "border": "reflect"})


class TestMultiScaleSsim(MetricConformance):
    component = "ms_ssim"


class TestSpectralAngle(MetricConformance):
    component = "sam"


class TestErgas(MetricConformance):
    component = "ergas"
    parameter_sets = ({"gsd_ratio": 0.25},)


class TestGmsd(MetricConformance):
    component = "gmsd"


class TestVif(MetricConformance):
    component = "vif"


class TestFsim(MetricConformance):
    component = "fsim"
