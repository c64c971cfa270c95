"""The results of a study: its runs as records, data frames, summaries and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.summary import Summary, summarize
from iqf_core.experiments.results.table import (
    averaged_over,
    find_name,
    group_runs,
    groups_frame,
    metric_names,
    newest,
    planned_params,
    runs_frame,
)
from iqf_core.experiments.tracking.reading import read_experiment
from iqf_core.experiments.tracking.records import STUDY, RunRecord
from iqf_core.experiments.tracking.target import TrackingTarget, resolve_tracking

if TYPE_CHECKING:
    import pandas

    from iqf_core.experiments.study_file import StudySettings

__all__ = ["Results", "RunRecord", "Summary"]


class HasSettings(Protocol):
    """A study."""

    settings: StudySettings


@dataclass(frozen=True)
class _Address:
    """Where the runs of a study are; all runs of the experiment when `study` is empty."""

    study: str
    experiment: str
    target: TrackingTarget
    settings: StudySettings | None = None
    file: Path | None = None


class Results:
    """The results of a study, read from its tracking store.

    Parameters
    ----------
    study
        A study file, a folder with a ``study.yaml``, a ``Study``, or the name of a study whose
        store is ``mlflow.db`` in the current folder, or ``MLFLOW_TRACKING_URI``.
    tracking_uri
        Another store.

    Raises
    ------
    ConfigurationError
        If the study file has mistakes.
    TrackingError
        If there is no such store, or no such study in it.

    Attributes
    ----------
    study
        Name of the study.
    target
        Its tracking store.
    settings
        What its study file says, None when it was asked for by name.
    study_file
        That file, None when there is none.

    Examples
    --------
    >>> results = Results("study.yaml")  # doctest: +SKIP
    >>> results.frame(by=["sigma_dn"], metrics=["val_mse"])  # doctest: +SKIP
    """

    def __init__(self, study: str | Path | HasSettings, *, tracking_uri: str | None = None) -> None:
        address = _address(study, tracking_uri)
        self.study = address.study or address.experiment
        self.target = address.target
        self.settings = address.settings
        self.study_file = address.file
        found = read_experiment(address.target, address.experiment)
        # Studies may share an experiment; runs that IQF did not plan belong to whoever asks.
        own = address.study
        self._runs = [run for run in found if not own or run.tags.get(STUDY, own) == own]

    def runs(self, state: str | None = None, *, superseded: bool = False) -> list[RunRecord]:
        """Return the runs in the order of the study.

        Parameters
        ----------
        state
            Only runs of this state (``FINISHED``, ``FAILED`` …).
        superseded
            Also runs that a newer one of the same point replaced (another version of script or
            data, a failed run that was repeated, ``--force``), oldest first.
        """
        runs = self._runs if superseded else newest(self._runs)
        return [run for run in runs if state is None or run.state == state]

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics of all runs."""
        return metric_names(self.runs())

    @property
    def params(self) -> list[str]:
        """Names of the parameters that the study set."""
        return planned_params(self.runs())

    def frame(
        self,
        by: Sequence[str] | str | None = None,
        metrics: Sequence[str] | str | None = None,
        states: Sequence[str] = ("FINISHED",),
        *,
        superseded: bool = False,
    ) -> pandas.DataFrame:
        """Return the results as a data frame.

        Parameters
        ----------
        by
            Parameters to group by, with their full name or its last part when no other ends so
            (``sigma_dn`` for ``gaussian_noise.sigma_dn``). Runs of other modifiers are left out;
            the unmodified reference has the value that leaves an image as it is (noise 0). A group
            is averaged over everything that is not in `by`; what else than the repetition differs
            within a group stands in the frame's ``attrs["averaged_over"]``.
        metrics
            Metrics to take; default all.
        states
            Only runs of these states.
        superseded
            Also runs that a newer one replaced.

        Returns
        -------
        pandas.DataFrame
            Without `by` one row a run: ``run``, ``state``, ``fingerprint``, ``repetition``, every
            parameter, every metric (last value); integers, floats, booleans and texts as they were
            given, NaN or ``<NA>`` where a run has no value. A name that is both parameter and
            metric is the metric. With `by` one row a group: the parameters, ``runs``, and for each
            metric ``<metric>_mean``, ``<metric>_std`` (n - 1; NaN for one run) and
            ``<metric>_count``; numbers in numeric order.

        Raises
        ------
        ConfigurationError
            If there is no such parameter or metric; with the nearest name.
        """
        runs = [run for run in self.runs(superseded=superseded) if run.state in states]
        names = self.find_metrics(metrics)
        if names is None:
            names = metric_names(runs)
        columns = self.find_params(by)
        if columns is None:
            return runs_frame(runs, names)
        groups = group_runs(runs, columns)
        frame = groups_frame(groups, columns, names)
        frame.attrs["averaged_over"] = averaged_over(groups, columns)
        return frame

    def summary(
        self,
        by: Sequence[str] | str | None = None,
        metrics: Sequence[str] | str | None = None,
        *,
        superseded: bool = False,
    ) -> Summary:
        """Return the finished runs as a short table: mean ± standard deviation a row.

        Parameters
        ----------
        by, metrics
            As for :meth:`frame`; default: a row for each modified copy and each point of the
            hyper-parameters that vary, and the metrics that the task reported.
        superseded
            Also runs that a newer one replaced.
        """
        runs = self.runs("FINISHED", superseded=superseded)
        return summarize(runs, self.find_params(by), self.find_metrics(metrics))

    def plot(self, kind: str = "line", *, out: str | Path, **options: Any) -> Path:
        """Draw the results; see :func:`iqf_core.experiments.results.plots.plot_results`."""
        from iqf_core.experiments.results.plots import plot_results

        return plot_results(self, kind, out=Path(out), **options)

    def report(self, out: str | Path, **options: Any) -> Path:
        """Write the report of the study as one page.

        Parameters
        ----------
        out
            The page: ``.html``.
        **options
            Fields of :class:`~iqf_core.experiments.report.options.ReportOptions`.
        """
        from iqf_core.experiments.report.report import ReportOptions, write_report

        return write_report(self, Path(out), ReportOptions(**options))

    def knees(
        self,
        metric: str | None = None,
        tolerance: str = "5%",
        *,
        lower_is_better: bool | None = None,
        confidence: float = 0.95,
        paired: bool = False,
        pooled: bool = False,
    ) -> pandas.DataFrame:
        """Return how far each degradation can go before performance is lost.

        Parameters
        ----------
        metric
            The measure of performance; default as for a plot.
        tolerance
            The loss that is of no consequence: a share of the reference (``5%``) or a number in
            units of the metric (``0.02``).
        lower_is_better
            Whether less is better; default what the metric's name says (``val_mse``: yes).
        confidence, paired, pooled
            As for :func:`iqf_core.experiments.results.sweeps.sweep_knee`.

        Returns
        -------
        pandas.DataFrame
            As :func:`iqf_core.experiments.results.sweeps.knees_frame` says; the row of a knee has
            ``knee`` True.
        """
        from iqf_core.experiments.results.knee import Tolerance
        from iqf_core.experiments.results.plots import default_metric
        from iqf_core.experiments.results.sweeps import (
            find_sweeps,
            is_lower_better,
            knees_frame,
            sweep_knee,
        )

        runs = self.runs("FINISHED")
        names = self.find_metrics(metric)
        name = names[0] if names else default_metric(runs)
        lower = is_lower_better(name) if lower_is_better is None else lower_is_better
        found = [
            sweep_knee(
                sweep,
                name,
                Tolerance.parse(tolerance),
                higher_is_better=not lower,
                confidence=confidence,
                paired=paired,
                pooled=pooled,
            )
            for sweep in find_sweeps(runs, name)
        ]
        return knees_frame(found, name)

    def bjontegaard(
        self, metric: str | None = None, *, anchor: str | None = None
    ) -> pandas.DataFrame:
        """Return the mean differences of coders against one, over their rate curves.

        Parameters
        ----------
        metric
            The metric; default as for a plot: the first that the task reported, one on validation
            or test data before others.
        anchor
            The coder that the others are compared with, as the frame and the plot's legend call
            it, or the beginning of that; default the first.

        Returns
        -------
        pandas.DataFrame
            One row a coder: ``bd_rate_percent`` (negative: it needs less rate for the same value)
            and ``bd_metric`` (at the same rate), ``…_pchip`` by the other interpolation, NaN with
            a ``reason`` where curves do not overlap or have too few points; see
            :func:`iqf_core.experiments.results.rate_curves.bjontegaard_frame`.

        Raises
        ------
        ConfigurationError
            If there is no such metric or anchor, or no run has a rate.
        """
        from iqf_core.experiments.results.plots import default_metric
        from iqf_core.experiments.results.rate_curves import bjontegaard_frame

        runs = self.runs("FINISHED")
        names = self.find_metrics(metric)
        return bjontegaard_frame(runs, names[0] if names else default_metric(runs), anchor)

    def find_params(self, names: Sequence[str] | str | None) -> list[str] | None:
        """Return the full names of parameters; None stays None."""
        return _find(names, _all_params(self._runs), "parameter")

    def find_metrics(self, names: Sequence[str] | str | None) -> list[str] | None:
        """Return the full names of metrics; None stays None."""
        return _find(names, metric_names(self._runs), "metric")

    def __len__(self) -> int:
        return len(self.runs())

    def __repr__(self) -> str:
        return f"Results({self.study!r}, {len(self)} runs, {self.target.uri})"

    def _repr_html_(self) -> str:
        import pandas

        summary = self.summary()
        table = pandas.DataFrame([*summary.rows], columns=[*summary.header])
        unfinished = len(self) - len(self.runs("FINISHED"))
        notes = [*summary.notes, *([f"{unfinished} runs did not finish"] if unfinished else [])]
        html = table.to_html(index=False)
        return f"<b>{escape(self.study)}</b>{html}<small>{'<br>'.join(map(escape, notes))}</small>"


def _all_params(runs: Sequence[RunRecord]) -> list[str]:
    """Return every parameter; those that the study set come first."""
    return list(
        dict.fromkeys([*planned_params(runs), *(key for run in runs for key in run.params)])
    )


def _find(names: Sequence[str] | str | None, known: Sequence[str], kind: str) -> list[str] | None:
    if names is None or not len(names):
        return None
    given = [names] if isinstance(names, str) else names
    return list(dict.fromkeys(find_name(name, known, kind) for name in given))


def _address(study: str | Path | HasSettings, tracking_uri: str | None) -> _Address:
    if not isinstance(study, str | Path):
        return _of_settings(study.settings, tracking_uri)
    path = Path(study)
    if path.is_dir() and (path / "study.yaml").is_file():
        path = path / "study.yaml"
    if path.is_file():
        from iqf_core.experiments.study_file import read_study

        return replace(_of_settings(read_study(path), tracking_uri), file=path)
    if isinstance(study, Path) or path.suffix in (".yaml", ".yml"):
        raise ConfigurationError(f"{path}: no such study file")
    return _Address("", study, resolve_tracking(Path.cwd(), tracking_uri))


def _of_settings(settings: StudySettings, tracking_uri: str | None) -> _Address:
    tracking = settings.tracking
    if tracking_uri:  # given on the spot: relative to where we are
        target = resolve_tracking(Path.cwd(), tracking_uri)
    else:
        target = resolve_tracking(settings.folder, tracking.uri, tracking.registry_uri)
    return _Address(settings.name, tracking.experiment or settings.name, target, settings)
