"""Metrics that each break one promise, and one that keeps them all; not collected as tests."""

from __future__ import annotations

import itertools

import numpy as np

from iqf_core.api import Metric, Output, Value
from iqf_core.testing import MetricConformance

COUNT = itertools.count()


class Mean(Metric):
    """The mean of the valid pixels."""

    dtypes = ("uint8",)
    outputs = (Output("mean", unit="DN", summary="Mean of the valid pixels"),)

    def samples(self, subject):
        return subject.image.pixels[subject.image.valid].astype(float)


class Sound(Mean):
    def measure(self, subject, context):
        samples = self.samples(subject)
        if not samples.size:
            return {"mean": Value(None, reason="no valid pixel")}
        bands = tuple(Value(float(band)) for band in samples.mean(axis=0))
        return {"mean": Value(float(samples.mean()), bands=bands)}


class GivesNaN(Mean):
    def measure(self, subject, context):
        with np.errstate(all="ignore"):
            return {"mean": Value(float(np.divide(0, self.samples(subject).std())))}


class FailsOnFlat(Mean):
    def measure(self, subject, context):
        assert np.ptp(self.samples(subject)) > 0
        return {"mean": Value(1.0)}


class ForgetsAnOutput(Sound):
    outputs = (*Mean.outputs, Output("spread", unit="DN", summary="Standard deviation"))


class GivesMore(Sound):
    def measure(self, subject, context):
        return {**super().measure(subject, context), "spread": Value(1.0)}


class OutsideItsInterval(Mean):
    def measure(self, subject, context):
        return {"mean": Value(1.0, low=2.0, high=3.0)}


class ShortVector(Mean):
    outputs = (Output("mean", summary="Mean and more", vector=("mean", "median")),)

    def measure(self, subject, context):
        return {"mean": Value((1.0,))}


class ChangesItsInput(Sound):
    def measure(self, subject, context):
        subject.image.pixels[0, 0] = 0
        return super().measure(subject, context)


class MoreEachTime(Mean):
    def measure(self, subject, context):
        return {"mean": Value(float(next(COUNT)))}


class DeclaresNothing(Mean):
    outputs = ()

    def measure(self, subject, context):
        return {}


def _suite(component):
    return type(f"Test{component.__name__}", (MetricConformance,), {"component": component})


globals().update(
    {
        f"Test{value.__name__}": _suite(value)
        for value in list(globals().values())
        if isinstance(value, type) and issubclass(value, Mean) and value is not Mean
    }
)
