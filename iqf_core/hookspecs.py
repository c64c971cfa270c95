"""The plugin contract: the hooks a plugin module may implement.

A plugin is a light module named in the entry-point group ``iqf.plugins``. For each kind of
component it contributes it implements one hook that returns declarations
(:class:`iqf_core.plugin.Component`); nothing heavy is imported to answer. The code behind a
declaration is imported when a user first asks for that component::

    # my_plugin/plugin.py
    from iqf_core.plugin import Component, hookimpl

    IQF_CONTRACT = 1

    @hookimpl
    def iqf_metrics():
        return [Component("entropy", "my_plugin.metric:Entropy", summary="Shannon entropy in bits")]

The life-cycle hooks let a plugin observe a study. They are called in the driving process; an
exception in one is reported and changes nothing in the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iqf_core.plugin import Component, hookspec

#: Kind of component -> the hook that declares it.
REGISTRATION_HOOKS: dict[str, str] = {
    "modifier": "iqf_modifiers",
    "metric": "iqf_metrics",
    "loss": "iqf_losses",
    "network": "iqf_networks",
    "trainer": "iqf_trainers",
    "executor": "iqf_task_executors",
    "format": "iqf_dataset_formats",
    "preset": "iqf_presets",
    "command": "iqf_commands",
}

KINDS = tuple(REGISTRATION_HOOKS)


@hookspec
def iqf_modifiers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare modifiers; targets are subclasses of :class:`iqf_core.api.Modifier`."""


@hookspec
def iqf_metrics() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare metrics; targets are subclasses of :class:`iqf_core.api.Metric`."""


@hookspec
def iqf_losses() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare losses; targets are subclasses of :class:`iqf_core.api.Loss`."""


@hookspec
def iqf_networks() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare networks; targets are subclasses of :class:`iqf_core.api.Network`."""


@hookspec
def iqf_trainers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare trainers; targets are subclasses of :class:`iqf_core.api.Trainer`."""


@hookspec
def iqf_task_executors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare executors; targets are subclasses of :class:`iqf_core.api.Executor`."""


@hookspec
def iqf_dataset_formats() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare dataset formats; targets are subclasses of :class:`iqf_core.api.DatasetFormat`."""


@hookspec
def iqf_presets() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare presets, chains with a name; targets are sequences of specification strings."""


@hookspec
def iqf_commands() -> Iterable[Component]:  # type: ignore[empty-body]
    """Declare CLI commands: the name is the dotted path, the target a :class:`click.Command`."""


@hookspec
def iqf_run_started(study: str, run: Mapping[str, Any]) -> None:
    """Observe that a run of a study begins.

    Parameters
    ----------
    study
        Name of the study.
    run
        ``fingerprint``, ``name``, ``params``, ``datasets`` of the run.
    """


@hookspec
def iqf_run_finished(study: str, run: Mapping[str, Any], state: str) -> None:
    """Observe that a run ended.

    Parameters
    ----------
    study
        Name of the study.
    run
        As for :func:`iqf_run_started`, with ``metrics`` and ``run_id``.
    state
        ``FINISHED``, ``FAILED``, ``TIMED_OUT``, ``KILLED`` or ``BAD_RESULTS``.
    """
