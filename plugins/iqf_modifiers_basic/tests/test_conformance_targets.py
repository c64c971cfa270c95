"""The modifiers to a target, and of the grid, keep what every modifier promises."""

from __future__ import annotations

from iqf_core.testing import ModifierConformance


class TestSnr(ModifierConformance):
    component = "snr"
    parameter_sets = ({"target": 12, "initial": 60},)


class TestRer(ModifierConformance):
    component = "rer"
    parameter_sets = ({"target": 0.3, "initial": 0.5},)


class TestGroundSampling(ModifierConformance):
    component = "gsd"
    parameter_sets = (
        {"factor": 2.3},
        {"factor": 1.7, "restore_size": False, "interpolation": "bicubic"},
        {"factor": 0.6, "restore_size": False, "interpolation": "nearest"},
    )
