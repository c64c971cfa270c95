"""For authors of plugins: conformance suites, synthetic images, fixtures.

A component's tests begin with a subclass of its suite; every test in it is a promise that the
framework relies on::

    from iqf_core.testing import ModifierConformance

    class TestVignette(ModifierConformance):
        component = "vignette"
        parameter_sets = [{"strength": 0.5}, {"strength": 0}]

The fixtures (:mod:`iqf_core.testing.pytest_plugin`) are there as soon as iqf-core is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_core.testing.executor import ExecutorConformance as ExecutorConformance
    from iqf_core.testing.fake_plugins import FakePlugin as FakePlugin
    from iqf_core.testing.fake_plugins import FakeSite as FakeSite
    from iqf_core.testing.images import make_image as make_image
    from iqf_core.testing.metrics import MetricConformance as MetricConformance
    from iqf_core.testing.modifiers import ModifierConformance as ModifierConformance

_HOMES = {
    "ExecutorConformance": "executor",
    "FakePlugin": "fake_plugins",
    "FakeSite": "fake_plugins",
    "make_image": "images",
    "MetricConformance": "metrics",
    "ModifierConformance": "modifiers",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - static checkers read the imports above


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"iqf_core.testing.{home}"), name)
