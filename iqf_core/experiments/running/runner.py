"""Running a plan: what is left of it, resumed after whatever interruption."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.context import Context
from iqf_core.components.executor import Executor, Resources, Task
from iqf_core.components.specification import Specification
from iqf_core.errors import IQFError
from iqf_core.execution.capacity import usable_cores
from iqf_core.experiments.measuring.applying import measure_runs
from iqf_core.experiments.plan import Plan, Run
from iqf_core.experiments.running import recording
from iqf_core.experiments.running.copies import Copies, RunDataset, make_copies
from iqf_core.experiments.running.interruption import undivided
from iqf_core.experiments.running.job import OUTPUT_FOLDER, read_outcome
from iqf_core.experiments.running.latest import latest_records as latest_records
from iqf_core.experiments.running.locking import StudyBusyError as StudyBusyError
from iqf_core.experiments.running.locking import study_locked
from iqf_core.experiments.running.recording import Ended
from iqf_core.experiments.running.states import RunState
from iqf_core.experiments.script.arguments import script_arguments
from iqf_core.experiments.tracking.records import FINGERPRINT, RunRecord
from iqf_core.experiments.tracking.study_tracking import StudyTracking
from iqf_core.experiments.tracking.tracker import Tracker
from iqf_core.progress import Bar, progress

if TYPE_CHECKING:
    from iqf_core.plugins.manager import PluginManager

_JOB = "iqf_core.experiments.running.job:run_program"


@dataclass
class RunReport:
    """What a call of :func:`run_plan` did.

    Attributes
    ----------
    total
        Runs in the plan.
    reused
        Runs that were finished before.
    ended
        The runs of this call, by index.
    unmeasured
        Finished runs of which not everything could be measured, by index, and why.
    """

    total: int
    reused: int = 0
    ended: dict[int, Ended] = field(default_factory=dict)
    unmeasured: dict[int, str] = field(default_factory=dict)

    @property
    def failed(self) -> dict[int, Ended]:
        """The runs of this call that did not finish."""
        return {
            index: ended
            for index, ended in self.ended.items()
            if ended.state is not RunState.FINISHED
        }


@dataclass(frozen=True)
class RunOptions:
    """How to run a plan.

    Attributes
    ----------
    executor
        Overrides the study's executor.
    workers
        Overrides how many runs go on at once.
    only_failed
        Only runs that were tried and did not finish.
    force
        All runs, finished or not.
    quiet
        Show no progress.
    """

    executor: Specification | None = None
    workers: int | None = None
    only_failed: bool = False
    force: bool = False
    quiet: bool = False


def run_plan(
    plan: Plan,
    manager: PluginManager,
    tracking: StudyTracking,
    options: RunOptions | None = None,
) -> RunReport:
    """Run what is left of a plan.

    A failing run does not stop the others. Ctrl-C stops all, marks the runs that were going on as
    killed, and a second call continues; so does one after a ``kill -9``.

    Raises
    ------
    StudyBusyError
        If another process is running the same study.
    KeyboardInterrupt
        When stopped, after the marks are made.
    """
    options = options or RunOptions()
    settings = plan.settings
    with study_locked(settings.folder, settings.name) as state_folder:
        report = _Runner(plan, manager, tracking, options, state_folder).run()
        if plan.metrics:
            report.unmeasured = measure_runs(
                plan, manager, tracking, workers=options.workers, quiet=options.quiet
            ).failed
    return report


@dataclass
class _Going:
    """A run that has been started."""

    run: Run
    run_id: str
    params: Mapping[str, Any]
    datasets: Mapping[str, RunDataset]


class _Runner:
    def __init__(
        self,
        plan: Plan,
        manager: PluginManager,
        tracking: StudyTracking,
        options: RunOptions,
        folder: Path,
    ) -> None:
        self.plan = plan
        self.manager = manager
        self.tracking = tracking
        self.options = options
        self.folder = folder
        self.versions = manager.versions()
        self.report = RunReport(total=len(plan.runs))
        self.going: dict[Future[Any], _Going] = {}

    @property
    def tracker(self) -> Tracker:
        return self.tracking.tracker

    def run(self) -> RunReport:
        records = self.tracking.records()
        interrupted = {
            record.tags.get(FINGERPRINT, ""): record
            for record in records
            if record.status == "RUNNING"
        }
        self._finish_interrupted(interrupted)
        # What is left is that of runs which ended, whose driver was killed before it tidied up.
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        if interrupted:
            records = self.tracking.records()
        pending = self._pending(latest_records(records))
        self.report.reused = len(self.plan.runs) - len(pending)
        if pending:
            self._run_all(pending)
        return self.report

    def _pending(self, latest: Mapping[str, RunRecord]) -> list[Run]:
        if self.options.force:
            return list(self.plan.runs)
        pending = []
        for run in self.plan.runs:
            record = latest.get(run.fingerprint)
            if record is None:
                wanted = not self.options.only_failed
            else:
                wanted = record.state != RunState.FINISHED
            if wanted:
                pending.append(run)
        return pending

    # After an interruption

    def _finish_interrupted(self, interrupted: Mapping[str, RunRecord]) -> None:
        """Log the runs whose program had ended when the driver died; mark the others as killed."""
        runs = {run.fingerprint: run for run in self.plan.runs}
        for fingerprint, record in interrupted.items():
            if record.state != RunState.RUNNING:  # all is logged but MLflow's status
                self.tracker.finish(record.run_id, RunState(record.state).mlflow_status)
                continue
            run = runs.get(fingerprint)
            work = self._work(fingerprint)
            outcome = read_outcome(work) if run is not None else None
            if run is None or outcome is None or not self._belongs(work, record.run_id):
                recording.record_failure(
                    self.tracker, record.run_id, RunState.KILLED, "the driving process ended"
                )
            else:
                datasets = make_copies(self.plan, [run], self.manager, workers=1, quiet=True).of(
                    run, self.plan.datasets
                )
                params = recording.run_params(self.plan, run, datasets)
                self._record(_Going(run, record.run_id, params, datasets), outcome, resumed=True)
            shutil.rmtree(work, ignore_errors=True)

    @staticmethod
    def _belongs(work: Path, run_id: str) -> bool:
        try:
            return (work / "run_id").read_text() == run_id
        except OSError:
            return False

    def _work(self, fingerprint: str) -> Path:
        return self.folder / "work" / fingerprint[:16]

    # Running

    def _run_all(self, pending: list[Run]) -> None:
        copies = make_copies(
            self.plan,
            pending,
            self.manager,
            workers=self.options.workers,
            quiet=self.options.quiet,
        )
        with progress("Runs", len(pending), quiet=self.options.quiet) as bar:
            runnable = []
            for run in pending:
                reason = copies.failed.get(run.chain.fingerprint())
                if reason is None:
                    runnable.append(run)
                else:
                    self._fail_without_copy(run, reason, bar)
            if self.plan.task is None:
                for run in runnable:
                    with undivided():
                        self._record_datasets(run, copies, bar)
            elif runnable:
                with self._executor(len(runnable)) as executor:
                    try:
                        self._run_tasks(runnable, copies, executor, bar)
                    except BaseException:
                        with undivided():
                            executor.shutdown(cancel=True)
                            self._mark_stopped()
                        raise

    def _run_tasks(self, runs: list[Run], copies: Copies, executor: Executor, bar: Bar) -> None:
        waiting = list(reversed(runs))
        while waiting or self.going:
            with undivided():
                self._fill(waiting, copies, executor)
            done, _ = wait(self.going, return_when=FIRST_COMPLETED)
            with undivided():
                # The workers get their next runs before the ended ones are recorded.
                ended = [(future, self.going.pop(future)) for future in done]
                try:
                    self._fill(waiting, copies, executor)
                    while ended:
                        self._end(*ended[0])
                        ended.pop(0)
                        bar.advance()
                except BaseException:
                    self.going |= dict(ended)
                    raise

    def _fill(self, waiting: list[Run], copies: Copies, executor: Executor) -> None:
        while waiting and len(self.going) < executor.workers:
            self._start(waiting.pop(), copies, executor)

    def _start(self, run: Run, copies: Copies, executor: Executor) -> None:
        settings, task = self.plan.settings, self.plan.task
        assert task is not None
        datasets = copies.of(run, self.plan.datasets)
        params = recording.run_params(self.plan, run, datasets)
        run_id = self._create(run, params)
        work = self._work(run.fingerprint)
        shutil.rmtree(work, ignore_errors=True)
        (work / OUTPUT_FOLDER).mkdir(parents=True)
        (work / "run_id").write_text(run_id)
        monitoring = None
        if settings.monitoring:
            monitoring = {
                "mlfuri": self.tracker.target.uri,
                "mlfexpid": self.tracker.experiment_id,
                "mlfrunid": run_id,
            }
        arguments = script_arguments(
            work / OUTPUT_FOLDER,
            {role: dataset.path for role, dataset in datasets.items()},
            run.params,
            seed=run.seed if settings.pass_seed else None,
            monitoring=monitoring,
        )
        environment = {
            "PYTHONUNBUFFERED": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **task.command.environment,
            "IQF_SEED": str(run.seed),
            "IQF_REPETITION": str(run.repetition),
        }
        going = _Going(run, run_id, params, datasets)
        future = executor.submit(
            Task(
                function=_JOB,
                arguments={
                    "work": str(work),
                    "arguments": [*task.command.arguments, *arguments],
                    "folder": str(task.command.folder or settings.folder),
                    "environment": environment,
                    "timeout_s": task.command.timeout_s,
                },
                name=run.name,
                resources=self._resources(executor.workers),
            )
        )
        self.going[future] = going

    def _end(self, future: Future[Any], going: _Going) -> None:
        try:
            outcome = future.result()
        except IQFError as error:
            self._failed(going, RunState.FAILED, str(error))
        else:
            self._record(going, outcome, resumed=False)
        shutil.rmtree(self._work(going.run.fingerprint), ignore_errors=True)

    def _record(self, going: _Going, outcome: Mapping[str, Any], *, resumed: bool) -> None:
        ended = recording.record_task_run(
            self.tracker,
            going.run_id,
            going.params,
            going.datasets,
            self._work(going.run.fingerprint),
            outcome,
            already_there=resumed or self.plan.settings.monitoring,
        )
        self._note(going.run, going.run_id, ended)

    def _record_datasets(self, run: Run, copies: Copies, bar: Bar) -> None:
        datasets = copies.of(run, self.plan.datasets)
        run_id = self._create(run, recording.run_params(self.plan, run, datasets))
        self._note(run, run_id, recording.record_dataset_run(self.tracker, run_id, datasets))
        bar.advance()

    def _fail_without_copy(self, run: Run, reason: str, bar: Bar) -> None:
        run_id = self._create(run, recording.run_params(self.plan, run, {}))
        self._failed(_Going(run, run_id, {}, {}), RunState.FAILED, reason)
        bar.advance()

    def _failed(self, going: _Going, state: RunState, reason: str) -> None:
        ended = recording.record_failure(self.tracker, going.run_id, state, reason)
        self._note(going.run, going.run_id, ended)

    def _mark_stopped(self) -> None:
        for going in self.going.values():
            work = self._work(going.run.fingerprint)
            outcome = read_outcome(work)
            if outcome is None:
                self._failed(going, RunState.KILLED, "the study was stopped")
            else:  # its program had ended before
                self._record(going, outcome, resumed=True)
            shutil.rmtree(work, ignore_errors=True)

    # Around a run

    def _create(self, run: Run, params: Mapping[str, Any]) -> str:
        run_id = self.tracker.create_run(
            run.name, params, recording.run_tags(self.plan, run, params, self.versions)
        )
        self._call_hook("iqf_run_started", run=_public(run, params))
        return run_id

    def _note(self, run: Run, run_id: str, ended: Ended) -> None:
        self.report.ended[run.index] = ended
        public = {**_public(run, {}), "metrics": dict(ended.metrics), "run_id": run_id}
        self._call_hook("iqf_run_finished", run=public, state=ended.state.value)

    def _call_hook(self, name: str, **arguments: Any) -> None:
        for implementation in getattr(self.manager.hooks, name).get_hookimpls():
            given = {"study": self.plan.settings.name, **arguments}
            wanted = {key: given[key] for key in implementation.argnames}
            try:
                implementation.function(**wanted)
            except Exception as error:
                print(
                    f"plugin {implementation.plugin_name!r}: {name} raised "
                    f"{type(error).__name__}: {error}",
                    file=sys.stderr,
                )

    def _executor(self, runs: int) -> Executor:
        given = self.options.executor or self.plan.settings.executor or Specification("local")
        registry = self.manager.registry
        params = dict(given.params)
        if "workers" in registry.load("executor", given.name).Params.model_fields:
            if self.options.workers is not None:
                params["workers"] = self.options.workers
            params.setdefault("workers", min(runs, usable_cores()))
        context = Context(registry=registry, seed=self.plan.settings.seed)
        where = self.plan.settings.where("executor")
        executor: Executor = registry.create("executor", given.name, params, context, where)
        return executor

    def _resources(self, workers: int) -> Resources:
        asked = self.plan.settings.resources
        cpus = asked.cpus or max(1, usable_cores() // max(1, workers))
        return Resources(cpus=cpus, gpus=asked.gpus, memory_mb=asked.memory_mb)


def _public(run: Run, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fingerprint": run.fingerprint,
        "name": run.name,
        "params": dict(params) or dict(run.params),
        "datasets": {key: value for key, value in params.items() if key.startswith("dataset.")},
    }
