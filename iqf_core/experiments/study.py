"""Studies from Python: the same fields as a study file, the same plan, the same runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from iqf_core.components.base import BaseComponent
from iqf_core.errors import ConfigurationError, PluginError
from iqf_core.experiments.plan import Plan, component_problems, make_plan
from iqf_core.experiments.running.runner import RunOptions, RunReport, run_plan
from iqf_core.experiments.study_file import (
    StudySettings,
    examine_study,
    read_metrics,
    settings_from,
)
from iqf_core.experiments.tracking.study_tracking import StudyTracking
from iqf_core.plugins.local_files import component_name
from iqf_core.plugins.manager import PluginManager
from iqf_core.yaml12 import YamlDocument

if TYPE_CHECKING:
    from iqf_core.experiments.measuring.applying import MeasureReport
    from iqf_core.experiments.results.results import Results


class Study:
    """A study: datasets, modifiers, a task, parameters, repetitions, metrics.

    Parameters
    ----------
    study
        Its name.
    datasets
        Folders by role (``train``, ``val``, ``test``).
    modifiers
        One entry for each degraded copy: a specification string, a mapping, a component instance,
        or a list of these, which is a chain. Lists of values make grids.
    folder
        Where relative paths start, and where the tracking store lies.
    manager
        The plugins; default: those installed.
    **fields
        Every other field of a study file: ``task``, ``params``, ``metrics``, ``repetitions``,
        ``executor``, ``apply_to``, ``seed`` ….

    Raises
    ------
    ConfigurationError
        With every mistake.

    Examples
    --------
    >>> study = Study(
    ...     "blur", {"train": "data/train"}, ["none", "blur:sigma_px=1|2"],
    ...     task={"python_script": {"path": "train.py"}},
    ... )  # doctest: +SKIP
    >>> study.run()  # doctest: +SKIP
    """

    def __init__(
        self,
        study: str,
        datasets: Mapping[str, str | Path],
        modifiers: Sequence[Any] = ("none",),
        *,
        folder: str | Path = ".",
        manager: PluginManager | None = None,
        **fields: Any,
    ) -> None:
        self.manager = manager or PluginManager.create()
        data = {
            "study": study,
            "datasets": {role: str(path) for role, path in datasets.items()},
            "modifiers": [self._plain(entry) for entry in modifiers],
            **fields,
        }
        if "metrics" in data:
            metrics = data["metrics"]
            data["metrics"] = [
                self._plain(entry)
                for entry in (metrics if isinstance(metrics, (list, tuple)) else [metrics])
            ]
        self.settings = settings_from(YamlDocument(data), Path(folder).absolute())

    @classmethod
    def from_file(cls, path: str | Path, manager: PluginManager | None = None) -> Self:
        """Read a study file.

        Raises
        ------
        ConfigurationError
            With every mistake in it.
        """
        study = cls.__new__(cls)
        study.manager = manager or PluginManager.create()
        study.settings, problems = examine_study(Path(path))
        if problems:
            raise ConfigurationError(
                [*problems, *component_problems(study.settings, study.manager)]
            )
        return study

    @property
    def name(self) -> str:
        """The study's name."""
        return self.settings.name

    @property
    def folder(self) -> Path:
        """Where its relative paths start."""
        return self.settings.folder

    @cached_property
    def tracking(self) -> StudyTracking:
        """Where its runs are tracked."""
        return StudyTracking(self.name, self.folder, self.settings.tracking)

    def plan(self) -> Plan:
        """Expand the study into its runs; looks at the data as they are now.

        Raises
        ------
        ConfigurationError
            With every mistake in datasets, modifiers and task.
        """
        return make_plan(self.settings, self.manager)

    def run(self, **options: Any) -> RunReport:
        """Run what is left of the study.

        Parameters
        ----------
        **options
            Fields of :class:`~iqf_core.experiments.running.runner.RunOptions`: ``workers``,
            ``executor``, ``only_failed``, ``force``, ``quiet``.
        """
        return run_plan(self.plan(), self.manager, self.tracking, RunOptions(**options))

    def measure(
        self,
        metrics: Sequence[Any] | None = None,
        *,
        workers: int | None = None,
        quiet: bool = False,
    ) -> MeasureReport:
        """Measure the finished runs, and track the values with them.

        Parameters
        ----------
        metrics
            Entries as under ``metrics`` in a study file; default: those of the study. What was
            measured before is measured again and replaced.
        workers
            Processes to use; None for one per usable core.
        quiet
            Show no progress.

        Returns
        -------
        MeasureReport
            The values of every run, runs that could not be measured, and runs that did not finish.

        Raises
        ------
        ConfigurationError
            With every mistake in the metrics, or if there is none.
        """
        from iqf_core.experiments.measuring.applying import measure_runs
        from iqf_core.experiments.running.locking import study_locked

        study = self
        if metrics is not None:
            entries = read_metrics([self._plain(each) for each in metrics], self.settings)
            study = self.with_settings(metrics=entries)
        plan = study.plan()
        if not plan.metrics:
            raise ConfigurationError(f"study {self.name!r} has no metrics; say which to measure")
        with study_locked(self.folder, self.name):
            return measure_runs(
                plan, self.manager, self.tracking, again=True, workers=workers, quiet=quiet
            )

    def results(self) -> Results:
        """Return the results recorded so far."""
        from iqf_core.experiments.results.results import Results

        return Results(self)

    def with_settings(self, **changes: Any) -> Study:
        """Return the same study with other settings (fields of ``StudySettings``)."""
        study = Study.__new__(Study)
        study.manager = self.manager
        study.settings = replace(self.settings, **changes)
        return study

    def _plain(self, entry: Any) -> Any:
        if isinstance(entry, BaseComponent):
            return self._from_instance(entry)
        if isinstance(entry, (list, tuple)):
            return [self._plain(item) for item in entry]
        return entry

    def _from_instance(self, component: BaseComponent) -> dict[str, Any]:
        """Return the mapping that makes `component` again, in worker processes too."""
        kind = type(component)
        target = f"{kind.__module__}:{kind.__qualname__}"
        names = [
            entry.qualified_name
            for entry in self.manager.registry.entries(kind.kind)
            if entry.component.target == target
        ]
        if not names:
            source = inspect.getsourcefile(kind)
            if source is None or not Path(source).is_file():
                raise PluginError(
                    f"{kind.__qualname__} is defined in no file; put it in a Python file, so that "
                    "worker processes can import it"
                )
            self.manager.add_file(Path(source))
            names = [component_name(kind)]
        params = component.params.model_dump(mode="json")
        return {names[0]: {key: {"value": value} for key, value in params.items()}}


__all__ = ["Plan", "RunOptions", "RunReport", "Study", "StudySettings"]
