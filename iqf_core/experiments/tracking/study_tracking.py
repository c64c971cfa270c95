"""The tracking of one study: reading its runs is cheap, writing opens MLflow."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from iqf_core.experiments.study_file import TrackingSettings
from iqf_core.experiments.tracking.reading import read_experiment, with_tags
from iqf_core.experiments.tracking.records import STUDY, RunRecord
from iqf_core.experiments.tracking.target import TrackingTarget, resolve_tracking
from iqf_core.experiments.tracking.tracker import Tracker


class StudyTracking:
    """Where the runs of a study are tracked.

    Parameters
    ----------
    study
        Name of the study.
    folder
        Folder of the study file.
    settings
        Its ``tracking`` section.

    Attributes
    ----------
    study
        Name of the study.
    target
        The store.
    experiment
        MLflow's experiment: the study's name unless the study says otherwise.
    """

    def __init__(self, study: str, folder: Path, settings: TrackingSettings) -> None:
        self.study = study
        self.target: TrackingTarget = resolve_tracking(folder, settings.uri, settings.registry_uri)
        self.experiment = settings.experiment or study

    def records(self) -> list[RunRecord]:
        """Return the study's runs so far, oldest first; makes no store."""
        records = read_experiment(self.target, self.experiment, missing_ok=True)
        return with_tags(records, {STUDY: self.study})

    @cached_property
    def tracker(self) -> Tracker:
        """The writer, made on first use: the store and the experiment are made then too."""
        return Tracker(self.target, self.experiment)
